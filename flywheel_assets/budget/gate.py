"""The decision gate (C11): which moves the evidence allows. Velocity is kept by the bounds, not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flywheel_assets.budget.types import AdState, Target
from flywheel_assets.settings import Budget

# hold: follows the total if it must; stay: not even that upwards, because it would be cut if it were older.
Direction = Literal["up", "down", "hold", "stay"]
Rule = Literal["confidence", "ignorance", "min_change"]


@dataclass(frozen=True)
class Gated:
    """What the gate lets one ad do.

    Attributes:
        direction: the only way its budget may go on its own evidence.
        confidence: share of draws in which the best budget lies on the target's side of the current one.
        rule: what holds it; None when it may move.
        reason: half a sentence for a person.
    """

    direction: Direction
    confidence: float
    rule: Rule | None
    reason: str


def gate(state: AdState, target: Target, rules: Budget, ignorance_spend: int) -> Gated:
    """Judge one move.

    Args:
        state: of an ad that is not blocked.
        target: of the policy.
        rules: limits.
        ignorance_spend: `rules.ignorance_spend` in minor units.
    """
    up = target.budget >= state.budget
    confidence = target.above if up else target.below
    wish = "more" if up else "less"
    if abs(target.budget - state.budget) * 100 < rules.min_change_percent * state.budget:
        reason = f"it already has its share, to within {rules.min_change_percent:g} %"
        return Gated("hold", confidence, "min_change", reason)
    if confidence < rules.confidence:
        reason = f"only {confidence:.0%} sure that it deserves {wish}; {rules.confidence:.0%} are needed"
        return Gated("hold", confidence, "confidence", reason)
    if not up and (lacking := _ignorance(state, rules, ignorance_spend)):
        return Gated("stay", confidence, "ignorance", f"too early to cut it: {lacking}")
    return Gated("up" if up else "down", confidence, None, f"{confidence:.0%} sure that it deserves {wish}")


def _ignorance(state: AdState, rules: Budget, ignorance_spend: int) -> str | None:
    """Why too little is known to cut; both the hours and the spend must have been reached."""
    if state.age < rules.ignorance_hours:
        return f"it is {state.age:.0f} h old and gets {rules.ignorance_hours:.0f} h"
    if state.spend < ignorance_spend:
        return f"it spent less than {rules.ignorance_spend:g} {state.currency}"
    return None
