"""What was predicted beside what happened (E1).

A prediction is linked once, the first time its ad is reported, and kept: a creative that is ranked
again later, by a model that has seen this very ad, must not be able to improve its own record.
Only the counts move, as the platform restates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select
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
        predicted = _Predictions(connection)
        rows, missing = [], []
        for ad in ads:
            if ad.ad_id not in sums or ad.ad_id in mixed_ids:
                continue
            link = before.get(ad.ad_id) or predicted.of(ad)
            if link is None:
                missing.append(_no_prediction(ad))
                continue
            rows.append(_row(ad, link, sums[ad.ad_id], settings.learning.mature_impressions))
        added, updated = _save(connection, account.account_id, rows, before)
    silent = sum(ad.ad_id not in sums and ad.ad_id not in mixed_ids for ad in ads)
    matured = sum(row["matured_at"] is not None for row in rows)
    problems = (*unknown, *mixed, *missing)
    return ActualsSynced(added, updated, len(rows) - added - updated, silent, matured, problems)


class _Predictions:
    """Predictions of opening scenes, read once a creative."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[int, ScenePrediction]] = {}

    def of(self, ad: PublishedAd) -> ScenePrediction | None:
        if ad.creative_id not in self._known:
            found = load_predictions(self._connection, ad.creative_id)
            self._known[ad.creative_id] = {one.index: one for one in found}
        return self._known[ad.creative_id].get(ad.blueprint.scene_order[0])


def _no_prediction(ad: PublishedAd) -> Problem:
    scene = ad.blueprint.scene_order[0]
    reason = f"{ad.creative_id} has no prediction for scene {scene}, which opens {ad.key}"
    return Problem(subject=ad.ad_id, rule="no_prediction", reason=reason)


def _row(ad: PublishedAd, link: Actual | ScenePrediction, sums: Delivered, mature: int) -> dict[str, Any]:
    known = isinstance(link, Actual)
    since = link.matured_at if known and link.matured_at is not None else sums.last_hour + HOUR
    return {
        "ad_id": ad.ad_id,
        "creative_id": ad.creative_id,
        "variation": ad.key,
        "model": link.model,
        "predicted_ctr": link.predicted_ctr if known else link.ctr,
        "impressions": sums.impressions,
        "clicks": sums.clicks,
        "leads": sums.leads,
        "spend": sums.spend,
        "pipeline": sums.pipeline,
        "cash": sums.cash,
        "matured_at": since if sums.impressions >= mature else None,
        "as_of": sums.last_hour,
    }


def _save(
    connection: Connection, account_id: str, rows: list[dict[str, Any]], before: dict[str, Actual]
) -> tuple[int, int]:
    added = updated = 0
    for row in rows:
        was = before.get(row["ad_id"])
        if was == Actual(**row):
            continue
        added, updated = added + (was is None), updated + (was is not None)
        statement = insert(actuals).values(account_id=account_id, currency=_currency_of(account_id), **row)
        connection.execute(statement.on_conflict_do_update(index_elements=["account_id", "ad_id"], set_=row))
    return added, updated


def _currency_of(account_id: str) -> Any:
    """The account's own; `delivered` has refused every other."""
    from flywheel_assets.store.tables import accounts

    return select(accounts.c.currency).where(accounts.c.account_id == account_id).scalar_subquery()


def load_actuals(connection: Connection, account_id: str) -> tuple[Actual, ...]:
    """Every linked ad of the account, by ad id."""
    columns = [actuals.c[name] for name in Actual.__dataclass_fields__]
    query = select(*columns).where(actuals.c.account_id == account_id).order_by(actuals.c.ad_id)
    return tuple(Actual(**row) for row in connection.execute(query).mappings())


def matured_count(connection: Connection, account_id: str) -> int:
    """Ads with enough impressions to be held against a prediction."""
    query = select(func.count()).where(actuals.c.account_id == account_id, actuals.c.matured_at.is_not(None))
    return int(connection.execute(query).scalar_one())
