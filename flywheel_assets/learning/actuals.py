"""What was predicted beside what happened (E1).

A prediction is linked once, the first time its ad is reported, and kept: a creative that is ranked
again later, by a model that has seen this very ad, must not be able to improve its own record.
Only the counts move, as the platform restates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.creative.repository import load_predictions
from flywheel_assets.creative.types import ScenePrediction
from flywheel_assets.learning.published import Delivered, PublishedAd, delivered, published_ads
from flywheel_assets.learning.report import Problem, StepReport, in_words
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import actuals

STEP = "E1 actuals"


@dataclass(frozen=True)
class Actual:
    """One ad: its prediction and its outcome. Money in minor units of the account's currency."""

    ad_id: str
    creative_id: str
    variation: str
    model: str
    predicted_ctr: float
    impressions: int
    clicks: int
    leads: int
    spend: int
    pipeline: int
    cash: int
    matured_at: datetime | None
    as_of: datetime


@dataclass(frozen=True)
class ActualsSynced:
    """How many ads were linked: ``added`` for the first time, ``updated`` because their counts moved."""

    added: int
    updated: int
    unchanged: int
    not_reported: int
    matured: int
    problems: tuple[Problem, ...]

    def report(self) -> StepReport:
        """The step in words."""
        linked = self.added + self.updated + self.unchanged
        seen = f"{linked} ads linked, {self.matured} matured, {self.not_reported} not reported yet"
        changed = {"added": self.added, "updated": self.updated, "matured": self.matured}
        status = "done" if self.added or self.updated else "nothing"
        return StepReport(step=STEP, status=status, changed=dict(changed), reason=seen + in_words(self.problems))


def sync_actuals(engine: Engine, account: Account, settings: Settings, hour: datetime) -> ActualsSynced:
    """Link every published ad's prediction to its sums up to the closed ``hour``; one transaction."""
    with engine.begin() as connection:
        ads, unknown = published_ads(connection, account.account_id)
        sums, mixed = delivered(connection, account, hour)
        mixed_ids = {problem.subject for problem in mixed}
        before = {one.ad_id: one for one in load_actuals(connection, account.account_id)}
        links = _Links(connection, before)
        rows, missing = [], []
        for ad in ads:
            if ad.ad_id not in sums or ad.ad_id in mixed_ids:
                continue
            if (link := links.of(ad)) is None:
                missing.append(_no_prediction(ad))
                continue
            rows.append(_row(ad, link, sums[ad.ad_id], settings.learning.mature_impressions))
        added, updated = _save(connection, account, rows, before)
    silent = sum(ad.ad_id not in sums and ad.ad_id not in mixed_ids for ad in ads)
    matured = sum(row["matured_at"] is not None for row in rows)
    problems = (*unknown, *mixed, *missing)
    return ActualsSynced(added, updated, len(rows) - added - updated, silent, matured, problems)


@dataclass(frozen=True)
class _Link:
    """The prediction an ad is held against, and since when its outcome counts."""

    model: str
    predicted_ctr: float
    matured_at: datetime | None


class _Links:
    """Links that exist already, else the prediction of the opening scene; read once a creative."""

    def __init__(self, connection: Connection, before: dict[str, Actual]) -> None:
        self._connection, self._before = connection, before
        self._known: dict[str, dict[int, ScenePrediction]] = {}

    def of(self, ad: PublishedAd) -> _Link | None:
        if was := self._before.get(ad.ad_id):
            return _Link(was.model, was.predicted_ctr, was.matured_at)
        if ad.creative_id not in self._known:
            found = load_predictions(self._connection, ad.creative_id)
            self._known[ad.creative_id] = {one.index: one for one in found}
        first = self._known[ad.creative_id].get(ad.blueprint.scene_order[0])
        return None if first is None else _Link(first.model, first.ctr, None)


def _no_prediction(ad: PublishedAd) -> Problem:
    scene = ad.blueprint.scene_order[0]
    reason = f"{ad.creative_id} has no prediction for scene {scene}, which opens {ad.key}"
    return Problem(subject=ad.ad_id, rule="no_prediction", reason=reason)


def _row(ad: PublishedAd, link: _Link, sums: Delivered, mature: int) -> dict[str, Any]:
    return {
        "ad_id": ad.ad_id,
        "creative_id": ad.creative_id,
        "variation": ad.key,
        "model": link.model,
        "predicted_ctr": link.predicted_ctr,
        "impressions": sums.impressions,
        "clicks": sums.clicks,
        "leads": sums.leads,
        "spend": sums.spend,
        "pipeline": sums.pipeline,
        "cash": sums.cash,
        "matured_at": (link.matured_at or sums.last_hour + HOUR) if sums.impressions >= mature else None,
        "as_of": sums.last_hour,
    }


def _save(
    connection: Connection, account: Account, rows: list[dict[str, Any]], before: dict[str, Actual]
) -> tuple[int, int]:
    added = updated = 0
    for row in rows:
        was = before.get(row["ad_id"])
        if was == Actual(**row):
            continue
        added, updated = added + (was is None), updated + (was is not None)
        statement = insert(actuals).values(account_id=account.account_id, currency=account.currency, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=["account_id", "ad_id"], set_=row))
    return added, updated


def load_actuals(connection: Connection, account_id: str) -> tuple[Actual, ...]:
    """Every linked ad of the account, by ad id."""
    columns = [actuals.c[name] for name in Actual.__dataclass_fields__]
    query = select(*columns).where(actuals.c.account_id == account_id).order_by(actuals.c.ad_id)
    return tuple(Actual(**row) for row in connection.execute(query).mappings())
