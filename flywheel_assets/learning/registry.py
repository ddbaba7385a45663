"""Versions of the CTR model: at most one champion and one challenger an account, changed in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.protocols import CtrPredictor
from flywheel_assets.learning import artifacts
from flywheel_assets.learning.cold_start import MODEL as COLD_START
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.learning.ctr_model import TrainedCtr
from flywheel_assets.learning.features import SCHEMA
from flywheel_assets.store.blobs import Blobs, Stored
from flywheel_assets.store.tables import model_registry

MODEL = "ctr"


@dataclass(frozen=True)
class Registered:
    """One version of an account's model."""

    account_id: str
    version: int
    stage: str
    artifact_uri: str
    artifact_sha256: str
    feature_schema: str
    trained_on: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def name(self) -> str:
        """As every prediction of this version names it."""
        return f"{MODEL}-{self.version}"


def champion(connection: Connection, account_id: str) -> Registered | None:
    """The version in use, if any."""
    return _staged(connection, account_id, "champion")


def newest(connection: Connection, account_id: str) -> Registered | None:
    """The version that was trained last, whatever became of it."""
    return _first(connection, _of(account_id).order_by(model_registry.c.version.desc()).limit(1))


def register(
    connection: Connection, account_id: str, stored: Stored, trained_on: dict[str, Any], metrics: dict[str, Any]
) -> Registered:
    """Add a challenger; the one before it is archived."""
    table = model_registry.c
    parent = champion(connection, account_id)
    highest = select(func.coalesce(func.max(table.version), 0)).where(
        table.account_id == account_id, table.model_name == MODEL
    )
    version = int(connection.execute(highest).scalar_one()) + 1
    _move(connection, account_id, {"stage": "archived"}, table.stage == "challenger")
    values = {
        "version": version,
        "stage": "challenger",
        "artifact_uri": stored.uri,
        "artifact_sha256": stored.sha256,
        "feature_schema": SCHEMA,
        "trained_on": trained_on,
        "metrics": metrics,
    }
    connection.execute(
        model_registry.insert().values(
            account_id=account_id,
            model_name=MODEL,
            parent_version=parent.version if parent else None,
            **values,
        )
    )
    return Registered(account_id=account_id, **values)  # type: ignore[arg-type]  # the row's columns by name


def promote(connection: Connection, account_id: str, version: int, at: datetime) -> None:
    """Make ``version`` the champion and archive the one before it.

    The caller's transaction makes it all or nothing, and a unique index refuses a second champion.

    Raises:
        NotAvailable: the version is not the account's challenger.
    """
    table = model_registry.c
    _move(connection, account_id, {"stage": "archived"}, table.stage == "champion")
    wanted = (table.version == version) & (table.stage == "challenger")
    if _move(connection, account_id, {"stage": "champion", "promoted_at": at}, wanted) != 1:
        raise NotAvailable(f"{account_id}: {MODEL}-{version} is not the challenger; only a challenger is promoted")


def retire_champion(connection: Connection, account_id: str) -> None:
    """Archive the champion; the cold-start prior predicts until another is promoted."""
    _move(connection, account_id, {"stage": "archived"}, model_registry.c.stage == "champion")


def open_model(blobs: Blobs, model: Registered) -> TrainedCtr:
    """The version as a predictor.

    Raises:
        NotAvailable: its file is gone, is not the one that was registered, or does not fit this installation.
    """
    if model.feature_schema != SCHEMA:
        raise NotAvailable(f"{model.account_id}: {model.name} was trained on other features; train again")
    try:
        path = blobs.local(model.artifact_uri)
    except FileNotFoundError as error:
        raise NotAvailable(f"{model.account_id}: {model.name}: {error}") from None
    pipeline = artifacts.load(path, model.artifact_sha256, model.trained_on["libraries"]["sklearn"])
    return TrainedCtr(pipeline, float(model.metrics["strength"]), model.name)


def predictor_for(engine: Engine, blobs: Blobs, account: Account) -> CtrPredictor:
    """The champion, or the cold-start prior while there is none.

    Raises:
        NotAvailable: there is a champion and its file cannot be used; the next learning cycle retires it.
    """
    with engine.connect() as connection:
        model = champion(connection, account.account_id)
    return ColdStartCtr() if model is None else open_model(blobs, model)


def serving_name(engine: Engine, account: Account) -> str:
    """Name of the model that predicts for the account now."""
    with engine.connect() as connection:
        model = champion(connection, account.account_id)
    return COLD_START if model is None else model.name


def _of(account_id: str) -> Any:
    table = model_registry.c
    columns = [table[name] for name in Registered.__dataclass_fields__]
    return select(*columns).where(table.account_id == account_id, table.model_name == MODEL)


def _staged(connection: Connection, account_id: str, stage: str) -> Registered | None:
    return _first(connection, _of(account_id).where(model_registry.c.stage == stage))


def _first(connection: Connection, query: Any) -> Registered | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else Registered(**row)


def _move(connection: Connection, account_id: str, values: dict[str, Any], which: Any) -> int:
    table = model_registry.c
    changed = model_registry.update().where(table.account_id == account_id, table.model_name == MODEL, which)
    return int(connection.execute(changed.values(**values)).rowcount)
