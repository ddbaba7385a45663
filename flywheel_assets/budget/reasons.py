"""Sentences for the person who pays: why a budget moved, and why it did not."""

from __future__ import annotations

from flywheel_assets.budget.plan import Arm
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.money import Money


def explain(arm: Arm, recommended: int) -> str:
    """Why this ad gets ``recommended``."""
    current = arm.state.budget
    if recommended == current:
        return f"Unchanged: {_why_unchanged(arm)}. {_evidence(arm)}"
    moved = f"{'Raised' if recommended > current else 'Lowered'} {abs(change_percent(current, recommended)):.1f} %"
    return f"{moved}: {_why_moved(arm, recommended)}. {_evidence(arm)}"


def binding(arm: Arm, recommended: int) -> str | None:
    """The rule that kept the budget from the policy's target; None when it got there."""
    low, high = arm.state.interval
    if recommended == arm.state.budget and arm.gated.rule is not None:
        return arm.gated.rule
    wants_more = arm.target.budget > recommended
    if wants_more and recommended == high:
        return "ceiling" if high == arm.state.ceiling else "velocity"
    if not wants_more and recommended == low:
        return "floor" if low == arm.state.floor else "velocity"
    return None if round(arm.target.budget) == recommended else "total"


def change_percent(current: int, recommended: int) -> float:
    """Relative change, percent; 0 where the current budget is 0 and stays so."""
    if current == 0:
        return 0.0 if recommended == 0 else 100.0
    return (recommended - current) * 100 / current


def _why_moved(arm: Arm, recommended: int) -> str:
    rising = recommended > arm.state.budget
    if not arm.state.interval[0] <= arm.state.budget <= arm.state.interval[1]:
        return f"its budget was outside what is allowed, {_span(arm.state)}"
    if arm.gated.direction == ("up" if rising else "down"):
        return arm.gated.reason
    if rising:
        return f"the plan has money to place and nothing speaks against this ad ({arm.gated.reason})"
    return "the plan for running ads is smaller than their budgets"


def _why_unchanged(arm: Arm) -> str:
    if arm.gated.rule is not None:
        return arm.gated.reason
    stops = {
        "velocity": "it moved as far as budgets may move within six hours",
        "ceiling": "it is at the highest budget of an ad set",
        "floor": "it is at the lowest budget of an ad set",
    }
    open_end = "there is no money free for it" if arm.gated.direction == "up" else "no other ad may take what it gives"
    return f"{arm.gated.reason}, but {stops.get(binding(arm, arm.state.budget) or '', open_end)}"


def _span(state: AdState) -> str:
    low, high = state.interval
    return f"{Money(low, state.currency)} to {Money(high, state.currency)}"


def _evidence(arm: Arm) -> str:
    state, metrics = arm.state, arm.target.metrics
    spend = Money(state.spend, state.currency)
    counts = {"impression": state.impressions, "click": state.clicks, "lead": state.leads, "deal": state.deals}
    seen = ", ".join(f"{number:,} {word}{'' if number == 1 else 's'}" for word, number in counts.items())
    return (
        f"Clicks {metrics['click_ratio']:.2f} x and return {metrics['value_ratio']:.2f} x the account's "
        f"(weight of clicks {metrics['click_weight']:.0%}); {seen} for {spend}."
    )
