"""From ad states to what is decided on: an arm is one budget, with all the ads that it is for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from flywheel_assets.budget.types import AdState


@dataclass(frozen=True)
class Arm:
    """One budget. Ads that share their campaign's move together."""

    states: tuple[AdState, ...]

    @property
    def first(self) -> AdState:
        """The ad it is named after; what concerns the budget is the same in all."""
        return self.states[0]

    @property
    def ads(self) -> tuple[str, ...]:
        """By id."""
        return tuple(state.ad_id for state in self.states)

    @property
    def blocked(self) -> str | None:
        """One unknown ad makes the whole unknown."""
        return next((state.blocked for state in self.states if state.blocked is not None), None)

    @property
    def held(self) -> str | None:
        """What holds one of its ads holds the budget."""
        return next((state.held for state in self.states if state.held is not None), None)


def arms_of(states: Sequence[AdState]) -> tuple[Arm, ...]:
    """The budgets of the ads that spend, by ad id. One whose budget is not known cannot be counted and is left out."""
    by_owner: dict[str, list[AdState]] = defaultdict(list)
    for state in sorted(states, key=lambda one: one.ad_id):
        if state.active and state.current_budget is not None:
            by_owner[state.object_ref].append(state)
    return tuple(Arm(tuple(theirs)) for theirs in by_owner.values())
