"""The whole backtest: read, replay, estimate, and say what the history cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from flywheel_assets.budget.backtest.deals import read_deals
from flywheel_assets.budget.backtest.estimate import Estimate, estimates
from flywheel_assets.budget.backtest.history import Delivery, History, HistoryRefused, Vector
from flywheel_assets.budget.backtest.insights import read_insights
from flywheel_assets.budget.backtest.replay import ACTUAL, POLICIES, replay

Watch = Callable[[int, int, str], None]

# Below, one large customer decides who wins.
_FEWEST_WON = 20
_FEWEST_EFFECTIVE = 10.0
# Median over ads of the standard deviation of log daily spend: less than a tenth shows no response to money.
_LEAST_VARIATION = 0.10
_MOST_OUTSIDE = 0.25
_FEWEST_DAYS = 14
_FEWEST_ADS = 2
_DAY = 24.0
_ALMOST_NOTHING = 0.05  # of an ad's usual day: a day that it began or ended in


@dataclass(frozen=True)
class Verdict:
    """One policy: an estimate, or why there is none."""

    policy: str
    estimate: Estimate | None
    cannot_tell: str | None


@dataclass(frozen=True)
class Backtest:
    """The answer; ``budgets`` by policy are daily, shape (periods, ads)."""

    history: History
    verdicts: tuple[Verdict, ...]
    budgets: dict[str, Vector]
    won: int


def read_history(
    insights: Path, deals: Path, *, zone: ZoneInfo, stages: Sequence[str], currency: str | None = None
) -> History:
    """The history in two exports.

    Raises:
        HistoryRefused: one of them cannot be read as what it should be.
    """
    delivery, unknown = read_insights(insights, zone, currency)
    found = read_deals(deals, zone, stages, delivery)
    noticed = list(found.noticed)
    if ignored := [*unknown, *found.unknown]:
        noticed.append(f"columns that are not used: {', '.join(ignored)}")
    if gaps := int(delivery.gaps.sum()):
        noticed.append(
            f"{gaps} of {len(delivery.start)} {'hours' if delivery.hours == 1 else 'days'} have no report of any ad"
        )
    known = [delivery.start[-1] + delivery.hours, *found.deals.created]
    known += [when for when in (*found.deals.entered.ravel(), *found.deals.lost) if np.isfinite(when)]
    assumed = [
        "an ad's daily budget is what it spent, and an ad without a row of a period did not run in it",
        "leads of a period are taken as known when it closes",
        *found.assumed,
    ]
    return History(delivery, found.deals, tuple(stages), float(max(known)), tuple(assumed), tuple(noticed))


def backtest(
    history: History, policies: Sequence[str] = POLICIES, seed: int = 0, watch: Watch | None = None
) -> Backtest:
    """Replay and estimate; what was really done is always among the policies.

    ``watch`` is told before each policy how many are done, of how many, and which is next.

    Raises:
        HistoryRefused: there is nothing to replay.
    """
    names = list(dict.fromkeys([ACTUAL, *policies]))
    won = int((history.deals.stage_at(history.end) == len(history.stages) - 1).sum()) if len(history.deals.ad) else 0
    if why := _nothing_can_be_told(history.delivery, won):
        return Backtest(history, tuple(Verdict(name, None, why) for name in names), {}, won)
    budgets = {}
    for done, name in enumerate(names):
        if watch is not None:
            watch(done, len(names), name)
        budgets[name] = replay(history, name, seed)
    moved = variation(history.delivery)
    found = estimates(history, budgets, seed)
    return Backtest(history, tuple(_verdict(one, moved) for one in found), budgets, won)


def _nothing_can_be_told(delivery: Delivery, won: int) -> str | None:
    days = (float(delivery.start[-1]) + delivery.hours) / _DAY
    if days < _FEWEST_DAYS:
        return f"{days:.0f} days are too few: at least {_FEWEST_DAYS} are needed for deals to come back"
    if len(delivery.ads) < _FEWEST_ADS:
        return "there is only one ad: nothing to share out"
    if not delivery.spend.any():
        raise HistoryRefused(["nothing was ever spent; export a time in which ads ran"])
    if won < _FEWEST_WON:
        return f"{won} won deals are too few: at least {_FEWEST_WON} are needed, below one customer decides who wins"
    return None


def _verdict(one: Estimate, moved: float) -> Verdict:
    if one.policy == ACTUAL:
        return Verdict(one.policy, one, None)
    if moved < _LEAST_VARIATION:
        why = f"budgets hardly varied (by {moved:.0%} within an ad): what more money brings was never tried"
        return Verdict(one.policy, None, why)
    if one.outside > _MOST_OUTSIDE:
        why = f"{one.outside:.0%} of its budget lies where the ads never were: the history does not reach there"
        return Verdict(one.policy, None, why)
    if one.deals < _FEWEST_EFFECTIVE:
        why = f"it would rest on {one.deals:.0f} deals: too few where it puts the money"
        return Verdict(one.policy, None, why)
    return Verdict(one.policy, one, None)


def variation(delivery: Delivery) -> float:
    """How much daily spend varied within an ad, as a share of it: the median over ads, days of starts and ends left out."""
    day = np.floor_divide(delivery.start, _DAY).astype(int)
    spend = np.zeros((int(day[-1]) + 1, len(delivery.ads)))
    np.add.at(spend, day, delivery.spend)
    found = []
    for column in spend.T:
        ran = column[column > _ALMOST_NOTHING * np.median(column[column > 0])] if column.any() else column[:0]
        if len(ran) > 2:  # noqa: PLR2004 - two days say nothing about spread
            found.append(float(np.log(ran).std()))
    return float(np.median(found)) if found else 0.0
