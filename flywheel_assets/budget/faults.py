"""What would be wrong with an allocation, found from the outside: the last look before it is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flywheel_assets.budget.types import AdState, Allocation, Recommendation
from flywheel_assets.core.account import Account, Pool


def faults(allocation: Allocation, states: Sequence[AdState], account: Account) -> list[str]:
    """Every way in which the lines break a rule, in words; empty when none does.

    Held against the states the decision was made from: each budget that moves lies inside its velocity
    interval, floor and ceiling, nobody blocked or held moves, every running ad is in one line, the lines
    sum to the plan wherever they could, and to no more than it or than what runs already.
    """
    running = {state.ad_id: state for state in states if state.active and state.current_budget is not None}
    lines = allocation.recommendations
    told = [ad_id for line in lines for ad_id in line.ads]
    found = [f"{ad_id}: runs without a line" for ad_id in sorted(running.keys() - set(told))]
    found += [f"{ad_id}: is in more than one line" for ad_id in sorted({one for one in told if told.count(one) > 1})]
    for line in lines:
        found += _of_line(line, running)
    known = [line for line in lines if all(ad_id in running for ad_id in line.ads)]
    found += _of_sum(allocation, known, running, account.pools)
    return found


def _of_line(line: Recommendation, running: Mapping[str, AdState]) -> list[str]:
    states = [running[ad_id] for ad_id in line.ads if ad_id in running]
    if len(states) < len(line.ads):
        return [f"{line.ad_id}: has a line but does not run"]
    if line.recommended_budget == states[0].current_budget:
        return []
    low, high = _interval(states)
    if low <= line.recommended_budget <= high:
        return []
    return [f"{line.ad_id}: {line.recommended_budget} is outside {low} to {high}"]


def _interval(states: Sequence[AdState]) -> tuple[int, int]:
    """What the budget may become; that of a blocked or held ad only what it is."""
    if any(state.blocked or state.held for state in states):
        return states[0].budget, states[0].budget
    return states[0].interval


def _of_sum(
    allocation: Allocation, lines: Sequence[Recommendation], running: Mapping[str, AdState], pools: Sequence[Pool]
) -> list[str]:
    total = sum(line.recommended_budget for line in allocation.recommendations)
    found = []
    if total != allocation.planned:
        found.append(f"{total} a day in all, but {allocation.planned} are said to be planned")
    budgets = {state.object_ref: state.budget for state in running.values()}
    if total > max(allocation.wanted, sum(budgets.values())):
        found.append(
            f"{total} a day in all, more than the plan's {allocation.wanted} and the running {sum(budgets.values())}"
        )
    if allocation.decided and (room := _room(allocation.wanted - total, lines, running, pools, allocation.wanted)):
        found.append(f"{total} of the plan's {allocation.wanted} a day, although {room} more of it could be met")
    return found


def _room(
    missing: int,
    lines: Sequence[Recommendation],
    running: Mapping[str, AdState],
    pools: Sequence[Pool],
    wanted: int,
) -> int:
    """How much nearer to the plan the lines could come, minor units; pools count as far as they allow it."""
    by_pool: dict[int | None, list[tuple[int, int]]] = {}
    for line in lines:
        states = [running[ad_id] for ad_id in line.ads]
        low, high = _interval(states)
        room = (high if missing > 0 else low) - line.recommended_budget
        names = frozenset[str]().union(*(state.names for state in states))
        pool = next((index for index, one in enumerate(pools) if names & set(one.objects)), None)
        by_pool.setdefault(pool, []).append((room if room * missing > 0 else 0, line.recommended_budget))
    total = 0
    for index, ads in by_pool.items():
        room = abs(sum(one for one, _ in ads))
        if index is not None:
            end = (pools[index].most if missing > 0 else pools[index].least) * wanted - sum(has for _, has in ads)
            room = min(room, max(int(end if missing > 0 else -end), 0))
        total += room
    return min(total, abs(missing))
