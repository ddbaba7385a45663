"""The model registry on a real database: one champion at any moment, and only files that were registered are opened."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.learning import artifacts, registry
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.learning.ctr_model import Example, TrainedCtr, fit
from flywheel_assets.learning.features import NAMES, OpeningFeatures
from flywheel_assets.learning.registry import Registered, predictor_for
from flywheel_assets.store.blobs import Stored
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import model_registry

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def stored(store: Store, tmp_path: Path) -> Stored:
    features = OpeningFeatures(**dict.fromkeys(NAMES, 0.5))
    ads = [Example(f"ad{at}", "c_1", features, 0.01, 5000, 100) for at in range(6)]
    path = tmp_path / "model.skops"
    artifacts.save(fit(ads), path)
    return store.blobs.put(path)


def add(store: Store, account: Account, stored: Stored) -> Registered:
    trained_on = {"libraries": {"sklearn": artifacts.libraries().sklearn}, "ads": 6}
    with store.engine.begin() as connection:
        return registry.register(connection, account.account_id, stored, trained_on, {"strength": 300.0})


def promote(store: Store, account: Account, version: int) -> None:
    with store.engine.begin() as connection:
        registry.promote(connection, account.account_id, version, NOW)


def stages(store: Store) -> dict[int, str]:
    with store.engine.connect() as connection:
        rows = connection.execute(select(model_registry.c.version, model_registry.c.stage))
        return {row.version: row.stage for row in rows}


def test_without_a_champion_the_prior_predicts(store: Store, account: Account, stored: Stored) -> None:
    assert isinstance(predictor_for(store.engine, store.blobs, account), ColdStartCtr)
    add(store, account, stored)
    assert isinstance(predictor_for(store.engine, store.blobs, account), ColdStartCtr)


def test_a_champion_predicts_under_its_own_name(store: Store, account: Account, stored: Stored) -> None:
    promote(store, account, add(store, account, stored).version)
    model = predictor_for(store.engine, store.blobs, account)
    assert isinstance(model, TrainedCtr)
    assert (model.name, model.strength) == ("ctr-1", 300.0)


def test_versions_count_up_and_only_the_newest_challenger_stays(store: Store, account: Account, stored: Stored) -> None:
    first, second = add(store, account, stored), add(store, account, stored)
    assert (first.version, second.version) == (1, 2)
    assert stages(store) == {1: "archived", 2: "challenger"}


def test_promotion_archives_the_champion_before(store: Store, account: Account, stored: Stored) -> None:
    promote(store, account, add(store, account, stored).version)
    promote(store, account, add(store, account, stored).version)
    assert stages(store) == {1: "archived", 2: "champion"}
    with store.engine.connect() as connection:
        parents = dict(connection.execute(select(model_registry.c.version, model_registry.c.parent_version)).all())  # type: ignore[arg-type]  # rows are pairs
    assert parents == {1: None, 2: 1}


def test_only_the_challenger_is_promoted_and_a_refusal_leaves_the_champion(
    store: Store, account: Account, stored: Stored
) -> None:
    promote(store, account, add(store, account, stored).version)
    with pytest.raises(NotAvailable, match="ctr-9 is not the challenger"):
        promote(store, account, 9)
    assert stages(store) == {1: "champion"}


def test_the_database_refuses_a_second_champion(store: Store, account: Account, stored: Stored) -> None:
    promote(store, account, add(store, account, stored).version)
    add(store, account, stored)
    with pytest.raises(IntegrityError, match="one_champion"), store.engine.begin() as connection:
        connection.execute(model_registry.update().values(stage="champion"))
    assert stages(store) == {1: "champion", 2: "challenger"}


def test_two_processes_that_promote_at_once_leave_one_champion(store: Store, account: Account, stored: Stored) -> None:
    version = add(store, account, stored).version
    refused: list[Exception] = []

    def work() -> None:
        try:
            promote(store, account, version)
        except (NotAvailable, IntegrityError) as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One of them promotes it; a late one either finds no challenger any more or archives nothing.
    assert stages(store) == {version: "champion"}
    assert len(refused) == 3


def test_a_champion_whose_file_was_changed_or_lost_is_not_opened(
    store: Store, account: Account, stored: Stored
) -> None:
    promote(store, account, add(store, account, stored).version)
    path = store.blobs.local(stored.uri)
    kept = path.read_bytes()
    path.write_bytes(kept[:-1] + b"?")
    with pytest.raises(NotAvailable, match="SHA-256"):
        predictor_for(store.engine, store.blobs, account)
    path.unlink()
    with pytest.raises(NotAvailable, match="not in blob storage"):
        predictor_for(store.engine, store.blobs, account)
    path.write_bytes(kept)
    assert isinstance(predictor_for(store.engine, store.blobs, account), TrainedCtr)


def test_a_model_of_other_features_is_not_opened(store: Store, account: Account, stored: Stored) -> None:
    promote(store, account, add(store, account, stored).version)
    with store.engine.begin() as connection:
        connection.execute(model_registry.update().values(feature_schema="older"))
    with pytest.raises(NotAvailable, match="other features"):
        predictor_for(store.engine, store.blobs, account)


def test_a_retired_champion_leaves_the_prior(store: Store, account: Account, stored: Stored) -> None:
    promote(store, account, add(store, account, stored).version)
    with store.engine.begin() as connection:
        registry.retire_champion(connection, account.account_id)
    assert stages(store) == {1: "archived"}
    assert isinstance(predictor_for(store.engine, store.blobs, account), ColdStartCtr)
