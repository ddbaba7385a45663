"""The arms of an account as the arrays that policies read: the same as a request's, from what our own tables know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from flywheel_assets.budget.arms import Arm
from flywheel_assets.budget.columns import Columns, Deals, Hours, Vector
from flywheel_assets.budget.types import AdState, Deal
from flywheel_assets.core.account import Account, HubSpot
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.money import minor_digits

_EPOCH = datetime.fromtimestamp(0, UTC)


def stages_of(hubspot: HubSpot | None) -> tuple[str, ...]:
    """Open stages by their chance to win, then `won` for all that are won; empty where none leads to a sale."""
    if hubspot is None or not any(stage.outcome == "won" for stage in hubspot.stages.values()):
        return ()
    open_ = [(stage.win_probability, name) for name, stage in hubspot.stages.items() if stage.outcome == "open"]
    return (*(name for _, name in sorted(open_)), "won") if open_ else ()


def columns_of_arms(arms: Sequence[Arm], account: Account, now: datetime, total: int, k: float | None) -> Columns:
    """The arrays of at least one arm; amounts in major units.

    Args:
        arms: known ones, by ad id.
        account: whose currency, CRM stages and decay they have.
        now: the end of the hour that is decided after.
        total: minor units that the policy shares out in thought.
        k: decay per impression where the account names none; None to fit it.
    """
    minor, stages = 10 ** minor_digits(account.currency), stages_of(account.hubspot)
    ages = np.array([max(state.age for state in arm.states) for arm in arms])
    hubspot = account.hubspot
    return Columns(
        ids=tuple(arm.first.ad_id for arm in arms),
        order=np.arange(len(arms), dtype=np.intp),
        impressions=_summed(arms, lambda state: state.impressions),
        clicks=_summed(arms, lambda state: state.clicks),
        spend=_summed(arms, lambda state: state.spend) / minor,
        age=ages,
        current=np.array([arm.first.budget for arm in arms]) / minor,
        leads=_summed(arms, lambda state: state.leads),
        pipeline=np.maximum(_summed(arms, lambda state: state.pipeline), 0.0) / minor,
        cash=np.maximum(_summed(arms, lambda state: state.cash), 0.0) / minor,
        dna=_dna(arms),
        measured=np.array([any(state.hours.hour for state in arm.states) for arm in arms]),
        hours=_hours(arms, now, minor),
        deals=_deals(arms, now, minor, hubspot, stages) if hubspot and stages else _no_deals(),
        total=total / minor,
        fatigue_k=k if account.fatigue_k is None else account.fatigue_k,
        chances=np.array([_chance(hubspot, name) for name in stages]) if hubspot and stages else None,
        transitions=max(len(stages) - 1, 0),
        frequency=_frequency(arms),
    )


def _chance(hubspot: HubSpot, stage: str) -> float:
    return 1.0 if stage == "won" else hubspot.stages[stage].win_probability


def _summed(arms: Sequence[Arm], read: Callable[[AdState], int]) -> Vector:
    return np.array([float(sum(read(state) for state in arm.states)) for arm in arms])


def _frequency(arms: Sequence[Arm]) -> Vector | None:
    """Of the arm's ad that is shown to the same people most often: a successor takes the place of one ad."""
    known = [[state.frequency for state in arm.states if state.frequency is not None] for arm in arms]
    return np.array([max(ads, default=np.nan) for ads in known]) if any(known) else None


def _dna(arms: Sequence[Arm]) -> Vector | None:
    """The mean vector of an arm's ads; NaN for an arm of which none is known."""
    known = [[state.dna for state in arm.states if state.dna is not None] for arm in arms]
    length = next((len(vectors[0]) for vectors in known if vectors), 0)
    if length == 0:
        return None
    missing = np.full(length, np.nan)
    return np.stack([np.mean(vectors, axis=0) if vectors else missing for vectors in known])


def _hours(arms: Sequence[Arm], now: datetime, minor: int) -> Hours:
    """Reported hours by arm; those of ads that share a budget are added up hour by hour."""
    end = (now - _EPOCH) / HOUR
    tables = [_table(arm) for arm in arms]
    ad = np.repeat(np.arange(len(arms)), [table.shape[1] for table in tables])
    hour, impressions, clicks, leads, spend, budget = np.concatenate(tables, axis=1)
    age = np.maximum(end - hour - 0.5, 0.0)
    return Hours(ad, hour, age, impressions, clicks, spend / minor, leads, budget / minor)


def _table(arm: Arm) -> Vector:
    """Rows hour, impressions, clicks, leads, spend, budget."""
    parts = [
        np.array(
            [
                *(getattr(state.hours, name) for name in ("hour", "impressions", "clicks", "leads", "spend")),
                [np.nan if budget is None else budget for budget in state.hours.budget],
            ],
            dtype=float,
        ).reshape(6, -1)
        for state in arm.states
    ]
    if len(parts) == 1:
        return parts[0]
    every = np.concatenate(parts, axis=1)
    hours, first, row = np.unique(every[0], return_index=True, return_inverse=True)
    sums = [np.bincount(row, weights=column, minlength=len(hours)) for column in every[1:5]]
    return np.stack([hours, *sums, every[5, first]])


# --- deals ------------------------------------------------------------------------------------------


def _no_deals() -> Deals:
    nothing, nobody = np.zeros(0), np.zeros(0, dtype=np.intp)
    return Deals(nobody, nothing, nobody, nothing, np.zeros(0, dtype=bool), nothing)


def _deals(arms: Sequence[Arm], now: datetime, minor: int, hubspot: HubSpot, stages: tuple[str, ...]) -> Deals:
    rows = [
        (index, *row)
        for index, arm in enumerate(arms)
        for state in arm.states
        for deal in state.deals
        if (row := _deal(deal, now, minor, hubspot, stages)) is not None
    ]
    ad, click, stage, entered, lost, amount = np.array(rows, dtype=float).reshape(-1, 6).T
    return Deals(ad.astype(np.intp), click, stage.astype(np.intp), entered, lost.astype(bool), amount)


def _deal(
    deal: Deal, now: datetime, minor: int, hubspot: HubSpot, stages: tuple[str, ...]
) -> tuple[float, int, float, bool, float]:
    """Ages of click and stage, the stage's number, lost, amount. A lost deal counts at the stage it was lost in."""
    reached = [step for step in deal.stages if hubspot.stages[step.stage].outcome != "lost"]
    lost = hubspot.stages[deal.stages[-1].stage].outcome == "lost"
    last = reached[-1] if reached else deal.stages[-1]
    number = 0 if not reached else len(stages) - 1 if _won(hubspot, last.stage) else stages.index(last.stage)
    # A won deal that is taken back was never won: it is lost one stage before.
    number = min(number, len(stages) - 2) if lost else number
    # Where the click is not known it was at the latest when the deal was made, or came into its first stage.
    click = deal.clicked_at or min(deal.created_at, deal.stages[0].at)
    entered = max(last.at, click)
    amount = np.nan if deal.amount is None else deal.amount / minor
    return max((now - click) / HOUR, 0.0), number, max((now - entered) / HOUR, 0.0), lost, amount


def _won(hubspot: HubSpot, stage: str) -> bool:
    return hubspot.stages[stage].outcome == "won"
