"""Which rule kept each budget from what the policy would give it."""

from __future__ import annotations

import numpy as np

from flywheel_assets.budget.bounds import Names
from flywheel_assets.budget.deciding import Decision
from flywheel_assets.budget.limits import Mask


def binding(decision: Decision) -> list[str | None]:
    """The rule, None where the budget is what the policy wants.

    `paused`, `opt_out`, `cooldown`, `outside` (the budget had to come back into its bounds), the gate's
    `confidence` and `min_change`, the ends `velocity`, `floor`, `ceiling`, `pool`, `total`.
    """
    columns, bounds, amounts = decision.columns, decision.bounds, decision.placed.amounts
    limits = bounds.limits
    known, now = ~np.isnan(columns.current), np.rint(np.nan_to_num(columns.current) * bounds.minor)
    target = np.where(decision.proposal.kill, 0.0, decision.proposal.target) * bounds.minor
    near = np.abs(target - amounts) < 1
    rule = np.where(near, _stopped_by_total(decision), _stopped(decision, target))
    rule = np.where(decision.gated.held & (amounts == limits.rest), decision.gated.rule, rule)
    end = _lasting_end(decision)
    rule = np.where(near & (amounts == now) & (end != ""), end, rule)
    rule = np.where(known & (limits.rest != now), "outside", rule)
    rule = np.where(bounds.held != "", bounds.held, rule)
    rule = np.where(known & (now == 0), "paused", rule)
    return [str(one) or None for one in rule]


def _stopped(decision: Decision, target: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Names:
    """What stopped a budget on its way to the target: an end of its own, its pool's, or nobody who gives or takes."""
    bounds, amounts, known = decision.bounds, decision.placed.amounts, ~np.isnan(decision.columns.current)
    more = target > amounts
    rule = np.where(_at_pools_end(decision, more), "pool", "total")
    rule = np.where(known & more & (amounts == bounds.limits.high), bounds.above, rule)
    return np.asarray(np.where(known & ~more & (amounts == bounds.limits.low), bounds.below, rule))


def _stopped_by_total(decision: Decision) -> Names:
    """For a budget that got what the policy wants within reach: the end that it reached while the total asks for more."""
    bounds, limits = decision.bounds, decision.bounds.limits
    side, ends = (limits.high, bounds.above) if decision.placed.beyond > 0 else (limits.low, bounds.below)
    stuck = (decision.placed.beyond != 0) & (decision.placed.amounts == side) & (limits.low < limits.high)
    return np.asarray(np.where(stuck, ends, ""))


def _lasting_end(decision: Decision) -> Names:
    """`ceiling` or `floor` of ads that are there, which is all that the best sharing may give or take."""
    bounds, amounts = decision.bounds, decision.placed.amounts
    if bounds.floor is None or bounds.ceiling is None:
        return np.full(len(amounts), "")
    end = np.where((amounts == bounds.ceiling) & (bounds.above == "ceiling"), "ceiling", "")
    return np.asarray(np.where((amounts == bounds.floor) & (bounds.below == "floor"), "floor", end))


def _at_pools_end(decision: Decision, more: Mask) -> Mask:
    """Ads of a pool that has all, or gives all, it may, and who want more, or less."""
    stopped = np.zeros(len(more), dtype=bool)
    for pool in decision.bounds.pools:
        part = int(decision.placed.amounts[pool.members].sum())
        stopped |= pool.members & np.where(more, part >= pool.high, part <= pool.low)
    return stopped
