"""The lines of an allocation: what the core decided, in minor units, with what it was seen on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flywheel_assets.budget.arms import Arm
from flywheel_assets.budget.deciding import Decision
from flywheel_assets.budget.response import Recommendation as Line
from flywheel_assets.budget.types import Recommendation
from flywheel_assets.budget.wording import lines
from flywheel_assets.core.money import Money

# What `posterior_picture` draws: these shares of the draws lie below.
QUANTILES = (5, 25, 50, 75, 95)
# Metrics of a line that have a column of their own.
_COLUMNS = ("binding", "expected_gain", "expected_loss")


def decided_lines(arms: Sequence[Arm], decision: Decision) -> list[Recommendation]:
    """The budgets that were decided on, in the order of the decision's columns."""
    amounts = decision.placed.amounts.tolist()
    rows = zip(arms, lines(decision), amounts, _believed(decision), strict=True)
    return [_decided_line(arm, line, amount, decision, beliefs) for arm, line, amount, beliefs in rows]


def _decided_line(
    arm: Arm, line: Line, amount: int, decision: Decision, beliefs: Mapping[str, float]
) -> Recommendation:
    current, minor = arm.first.budget, decision.bounds.minor
    gain, loss = (_minor(line.metrics[name], minor) for name in ("expected_gain", "expected_loss"))
    moved = abs(amount - current)
    acts = moved > 0 and moved * 100 >= decision.rules.min_change_percent * current
    waits = " Too small a move to be sent by itself." if moved and not acts else ""
    binding = line.metrics["binding"]
    return Recommendation(
        ad_id=arm.first.ad_id,
        ads=arm.ads,
        object_ref=arm.first.object_ref,
        current_budget=current,
        recommended_budget=amount,
        change_percent=round((amount - current) * 100 / current, 4) if current else 0.0,
        confidence=line.confidence,
        expected_gain=gain,
        expected_loss=loss,
        reason=f"{line.reason}{waits} {_seen(arm)}",
        binding=None if binding is None else str(binding),
        worth_an_action=acts,
        metrics={**_numbers(line.metrics), **beliefs},
    )


def unknown_line(arm: Arm) -> Recommendation:
    """One budget that stays because nothing may be decided about it."""
    rule, _, why = (arm.blocked or "").partition(": ")
    return Recommendation(
        ad_id=arm.first.ad_id,
        ads=arm.ads,
        object_ref=arm.first.object_ref,
        current_budget=arm.first.budget,
        recommended_budget=arm.first.budget,
        change_percent=0.0,
        confidence=None,
        reason=f"Unchanged: {why}.",
        binding=rule,
        worth_an_action=False,
        metrics={},
    )


def _numbers(metrics: dict[str, float | str | None]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, float | int) and name not in _COLUMNS}


def _minor(value: Any, minor: int) -> int | None:
    return None if value is None else round(float(value) * minor)


def _seen(arm: Arm) -> str:
    """The evidence in a marketer's words."""
    sums = {name: sum(getattr(state, f"{name}s") for state in arm.states) for name in ("impression", "click", "lead")}
    counts = {**sums, "deal": sum(len(state.deals) for state in arm.states)}
    told = ", ".join(f"{number:,} {word}{'' if number == 1 else 's'}" for word, number in counts.items())
    spend = Money(sum(state.spend for state in arm.states), arm.first.currency)
    return f"Seen so far: {told} for {spend}."


def _believed(decision: Decision) -> list[dict[str, float]]:
    """Quantiles of what each ad is believed to be worth.

    `return_…`: revenue a day by a unit of its current budget; where nobody has paid yet `relative_…`: an
    impression's score beside the mean ad's; nothing where a policy believes nothing.
    """
    current, proposal = np.nan_to_num(decision.columns.current), decision.proposal
    if proposal.worth is not None:
        name, draws = "return", proposal.worth(current) / np.maximum(current, 1 / decision.bounds.minor)
    elif proposal.score is not None:
        name, draws = "relative", proposal.score / proposal.score.mean()
    else:
        return [{} for _ in decision.columns.ids]
    keys = [f"{name}_{quantile:02}" for quantile in QUANTILES]
    by_ad = np.round(np.percentile(draws, QUANTILES, axis=0), 4).T.tolist()
    return [dict(zip(keys, values, strict=True)) for values in by_ad]
