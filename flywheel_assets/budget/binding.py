"""Which rule kept each budget from what the policy would give it."""

from __future__ import annotations

import numpy as np

from flywheel_assets.budget.deciding import Decision
from flywheel_assets.budget.limits import Mask


def binding(decision: Decision) -> list[str | None]:
    """The rule, None where the budget is what the policy wants.

    `paused`, `opt_out`, `cooldown`, `outside` (the budget had to come back into its bounds), the gate's
    `confidence` and `min_change`, the ends `velocity`, `floor`, `ceiling`, `pool`, `total`.
    """
    columns, bounds, amounts = decision.columns, decision.bounds, decision.placed.amounts
    limits = bounds.limits
    target = np.where(decision.proposal.kill, 0.0, decision.proposal.target) * bounds.minor
    more, less = target > amounts, target < amounts
    known, current = ~np.isnan(columns.current), np.nan_to_num(columns.current)
    near = np.abs(target - amounts) < 1
    rule = np.where(near, "", np.where(_at_pools_end(decision, more), "pool", "total"))
    rule = np.where(known & more & (amounts == limits.high) & ~near, bounds.above, rule)
    rule = np.where(known & less & (amounts == limits.low) & ~near, bounds.below, rule)
    rule = np.where(near & (amounts == np.rint(current * bounds.minor)) & _lasting(decision), bounds.above, rule)
    beyond = (amounts == limits.high) if decision.placed.beyond > 0 else (amounts == limits.low)
    edge = np.where(decision.placed.beyond > 0, bounds.above, bounds.below)
    rule = np.where(near & beyond & (decision.placed.beyond != 0) & (limits.low < limits.high), edge, rule)
    stays = amounts == limits.rest
    rule = np.where(decision.gated.held & stays & (rule != "ceiling"), decision.gated.rule, rule)
    rule = np.where(known & (limits.rest != np.rint(current * bounds.minor)), "outside", rule)
    rule = np.where(bounds.held != "", bounds.held, rule)
    rule = np.where(known & (current == 0), "paused", rule)
    return [str(one) or None for one in rule]


def _lasting(decision: Decision) -> Mask:
    """Ads at their ceilings, which is all that the best sharing may give them."""
    ceiling = decision.bounds.ceiling
    if ceiling is None:
        return np.zeros(decision.columns.size, dtype=bool)
    return np.asarray((decision.placed.amounts == ceiling) & (decision.bounds.above == "ceiling"))


def _at_pools_end(decision: Decision, more: Mask) -> Mask:
    """Ads of a pool that has all, or gives all, it may, and who want more, or less."""
    stopped = np.zeros(len(more), dtype=bool)
    for pool in decision.bounds.pools:
        part = int(decision.placed.amounts[pool.members].sum())
        stopped |= pool.members & np.where(more, part >= pool.high, part <= pool.low)
    return stopped
