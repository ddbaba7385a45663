"""What would be wrong with an allocation, found from the outside: the last look before it is queued."""

from __future__ import annotations

from collections.abc import Sequence

from flywheel_assets.budget.types import AdState, Allocation


def faults(allocation: Allocation, states: Sequence[AdState]) -> list[str]:
    """Every way in which the lines break a rule of their ads, in words; empty when none does.

    Held against the states the decision was made from: each budget that moves lies inside its ad's
    velocity interval, floor and ceiling, no blocked ad moves, every running ad has one line, and the
    total is neither more than the plan nor more than what runs already.
    """
    known = {state.ad_id: state for state in states if state.active and state.current_budget is not None}
    lines = allocation.recommendations
    found = [f"{ad_id}: runs without a line" for ad_id in sorted(known.keys() - {one.ad_id for one in lines})]
    for line in lines:
        state = known.get(line.ad_id)
        if state is None:
            found.append(f"{line.ad_id}: has a line but does not run")
        elif line.recommended_budget != state.current_budget:
            low, high = state.interval if state.blocked is None else (0, -1)
            if not low <= line.recommended_budget <= high:
                found.append(f"{line.ad_id}: {line.recommended_budget} is outside {low} to {high}")
    total, running = sum(one.recommended_budget for one in lines), sum(state.budget for state in known.values())
    if total > max(allocation.wanted, running):
        found.append(f"{total} a day in all, more than the plan's {allocation.wanted} and the running {running}")
    return found
