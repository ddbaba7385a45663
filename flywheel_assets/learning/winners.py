"""Which ads a new draft may learn from.

An ad is a winner when it

1. leads an experiment that was decided or promoted, or
2. is out of the zone of ignorance and above the account's mean rate of leads (clicks while leads are few)
   with the probability a winner needs, under the account's own prior,

and, in both cases, its pipeline per spend is not below the account's. Revenue is days late, so that
last condition speaks only from three expected deals on: below, none at all is no surprise. A mistake here
moves no money; it makes one hook family a little more likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.learning.experiments import Judgement, Prior, Standing
from flywheel_assets.learning.promotion import load_experiments
from flywheel_assets.learning.published import Delivered
from flywheel_assets.learning.report import Problem
from flywheel_assets.learning.trials import load_trials, too_early
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import creative_dna, winners

_EXPECTED_DEALS = 3.0  # with three expected, none happens in one of twenty cases


@dataclass(frozen=True)
class Win:
    """A row of `winners`; ``won_at`` is when it first was one."""

    ad_id: str
    probability_best: float
    metrics: dict[str, Any]
    reason: str
    won_at: datetime


@dataclass(frozen=True)
class WinnersChanged:
    """The winners as they stand, and the ads that became one or ceased to be one now."""

    winners: tuple[Win, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Revenue:
    """What the account's ads earned together for what they spent."""

    pipeline: int
    deals: int
    spend: int


def refresh_winners(connection: Connection, account: Account, settings: Settings, hour: datetime) -> WinnersChanged:
    """Make the stored winners those of the closed ``hour``; only ads with DNA can be one."""
    trials, problems = load_trials(connection, account, settings, hour)
    known = select(creative_dna.c.ad_id).where(creative_dna.c.account_id == account.account_id)
    indexed = set(connection.execute(known).scalars())
    leads = {
        one.leader_ad_id
        for one in load_experiments(connection, account.account_id).values()
        if one.status in ("decided", "promoted")
    }
    total = _together([sums for trial in trials for sums in trial.sums.values()])
    before = load_winners(connection, account.account_id)
    now: dict[str, Win] = {}
    for trial in trials:
        if trial.judgement is None or trial.prior is None:
            continue
        for one in trial.judgement.standings:
            sums, ad_id = trial.sums[one.arm.ad_id], one.arm.ad_id
            reason = _won(one, trial.judgement, account, settings, leader=ad_id in leads)
            if reason is None or ad_id not in indexed or poor_return(sums, total):
                continue
            since = before[ad_id].won_at if ad_id in before else hour + HOUR
            now[ad_id] = Win(ad_id, one.best, _metrics(one, trial.judgement, trial.prior, sums), reason, since)
    _save(connection, account.account_id, before, now)
    added, removed = sorted(now.keys() - before.keys()), sorted(before.keys() - now.keys())
    return WinnersChanged(tuple(now.values()), tuple(added), tuple(removed), problems)


def _won(one: Standing, found: Judgement, account: Account, settings: Settings, *, leader: bool) -> str | None:
    if leader:
        return f"won its experiment by {found.outcome}"
    sure = one.above_mean >= settings.learning.winner_probability
    if not sure or too_early(one.arm, account, settings.learning, settings.budget):
        return None
    return f"above the account's mean by {found.outcome} with probability {one.above_mean:.2f}"


def _together(all_sums: Sequence[Delivered]) -> Revenue:
    return Revenue(
        sum(one.pipeline for one in all_sums), sum(one.deals for one in all_sums), sum(one.spend for one in all_sums)
    )


def poor_return(sums: Delivered, total: Revenue) -> bool:
    """Less pipeline per spend than the account, where deals enough were to be expected."""
    if not total.spend or total.deals * sums.spend < _EXPECTED_DEALS * total.spend:
        return False
    return sums.pipeline * total.spend < total.pipeline * sums.spend


def _metrics(one: Standing, found: Judgement, prior: Prior, sums: Delivered) -> dict[str, Any]:
    arm = one.arm
    rate = arm.count(found.outcome) / arm.impressions if arm.impressions else None
    return {
        "judged_by": found.outcome,
        "rate": rate,
        "account_rate": prior.rate,
        "above_mean": one.above_mean,
        "impressions": arm.impressions,
        "clicks": arm.clicks,
        "leads": arm.leads,
        "spend": arm.spend,
        "pipeline": sums.pipeline,
        "cash": sums.cash,
        "deals": sums.deals,
    }


def load_winners(connection: Connection, account_id: str) -> dict[str, Win]:
    """The stored winners by ad."""
    columns = [winners.c[name] for name in Win.__dataclass_fields__]
    query = select(*columns).where(winners.c.account_id == account_id).order_by(winners.c.ad_id)
    return {row["ad_id"]: Win(**row) for row in connection.execute(query).mappings()}


def _save(connection: Connection, account_id: str, before: dict[str, Win], now: dict[str, Win]) -> None:
    gone = before.keys() - now.keys()
    connection.execute(winners.delete().where(winners.c.account_id == account_id, winners.c.ad_id.in_(gone)))
    for ad_id, win in now.items():
        values = {**vars(win), "account_id": account_id}
        statement = insert(winners).values(values)
        del values["ad_id"]
        if win != before.get(ad_id):
            connection.execute(statement.on_conflict_do_update(index_elements=["ad_id"], set_=values))
