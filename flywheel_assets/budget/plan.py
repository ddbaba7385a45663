"""From gated targets to amounts: the bounds each ad gets, and the moves that are worth an action.

An ad moves on its own evidence only the way the gate allows. When the plan's total cannot be met
that way, ads without evidence follow the total: up all that are not known to be worse, down all.
Right after a launch the running ads' budgets thus grow toward the plan by what the velocity rule
allows, 20 % in six hours, and the ones known to be better grow first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flywheel_assets.budget.gate import Gated
from flywheel_assets.budget.projection import Projection, project
from flywheel_assets.budget.types import AdState, Target

Bounds = tuple[int, int]


@dataclass(frozen=True)
class Arm:
    """One ad that may be decided about."""

    state: AdState
    target: Target
    gated: Gated

    @property
    def rest(self) -> int:
        """Where its budget stays if nothing moves it: the current one, or the nearest that bounds allow."""
        low, high = self.state.interval
        return min(max(self.state.budget, low), high)

    @property
    def wish(self) -> float:
        """The target of an ad that may move, else where it rests."""
        return float(self.rest) if self.gated.rule is not None else self.target.budget

    @property
    def own_bounds(self) -> Bounds:
        """What its own evidence allows."""
        low, high = self.state.interval
        return (
            low if self.gated.direction == "down" else self.rest,
            high if self.gated.direction == "up" else self.rest,
        )

    def bounds_with_total(self, *, rising: bool) -> Bounds:
        """What is allowed when the total has to rise or fall beyond what evidence supports."""
        low, high = self.state.interval
        match self.gated.direction:
            case "up" | "hold":
                return (self.rest, high) if rising else (low, self.rest)
            case "stay":
                return (self.rest, self.rest) if rising else (low, self.rest)
            case "down":
                return low, self.rest


def plan(arms: Sequence[Arm], total: int, min_change_percent: float) -> Projection:
    """Amounts for ``arms`` that sum to ``total``, or to the nearest feasible sum.

    A move too small to be worth an action is not made; what it would have carried goes to the
    other moves, or stays open.
    """
    wishes = [arm.wish for arm in arms]
    bounds = [arm.own_bounds for arm in arms]
    found = project(wishes, bounds, total)
    if found.beyond:
        bounds = [arm.bounds_with_total(rising=found.beyond > 0) for arm in arms]
        found = project(wishes, bounds, total)
    # Each turn pins at least one more ad, so this ends.
    while small := _too_small(arms, bounds, found.amounts, min_change_percent):
        bounds = [(arm.rest, arm.rest) if index in small else bounds[index] for index, arm in enumerate(arms)]
        found = project(wishes, bounds, total)
    return found


def _too_small(arms: Sequence[Arm], bounds: Sequence[Bounds], amounts: Sequence[int], percent: float) -> set[int]:
    return {
        index
        for index, (arm, amount) in enumerate(zip(arms, amounts, strict=True))
        if bounds[index] != (arm.rest, arm.rest)
        and amount != arm.rest
        and abs(amount - arm.rest) * 100 < percent * arm.state.budget
    }
