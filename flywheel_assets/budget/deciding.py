"""The one budget decision, pure: what the policy wants, what the gate allows, what keeps every bound and sums exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flywheel_assets.budget.bounds import Bounds
from flywheel_assets.budget.columns import Columns, Vector
from flywheel_assets.budget.few_moves import few_moves
from flywheel_assets.budget.gating import Gated, gate
from flywheel_assets.budget.limits import Mask
from flywheel_assets.budget.placing import Placed, boxes, place
from flywheel_assets.budget.policies.proposal import Policy, Proposal
from flywheel_assets.settings import Budget


@dataclass(frozen=True)
class Decision:
    """Everything a decision was made of; amounts in ``placed`` and ``bounds`` are minor units, others major."""

    columns: Columns
    bounds: Bounds
    rules: Budget
    percent: float
    proposal: Proposal
    gated: Gated
    placed: Placed

    @property
    def budgets(self) -> Vector:
        """Recommended, in major units."""
        return self.placed.amounts / self.bounds.minor


def decide(
    columns: Columns, bounds: Bounds, policy: Policy, rules: Budget, rng: np.random.Generator, *, percent: float
) -> Decision:
    """Share ``bounds.total`` out among the ads of ``columns``, of which there is at least one.

    Args:
        columns: the evidence; its total is what the policy shares out in thought.
        bounds: what budgets may become.
        policy: what each ad should get if it could move freely.
        rules: of the gate.
        rng: seeded.
        percent: of the velocity rule, for the sentences.
    """
    columns = replace(columns, reach=bounds.reach)
    proposal = policy(columns, rng)
    gated = gate(columns, proposal, rules)
    return Decision(columns, bounds, rules, percent, proposal, gated, _placed(columns, bounds, proposal, gated, rules))


def _placed(columns: Columns, bounds: Bounds, proposal: Proposal, gated: Gated, rules: Budget) -> Placed:
    """Held ads are pinned first, in or out of the gate's own reasons; the others by what they deserve."""
    limits = bounds.limits.pinned(bounds.held != "")
    wishes = np.where(proposal.kill, 0.0, np.where(gated.held, columns.current, proposal.target)) * bounds.minor
    wishes = np.nan_to_num(wishes)

    def attempt(still: Mask) -> Placed:
        return place(wishes, boxes(limits.pinned(still), gated.ways, bounds.total), bounds.total, bounds.pools)

    running = ~np.isnan(columns.current)
    least = np.where(running, limits.rest * rules.min_change_percent / 100, 0.0)
    return few_moves(attempt, limits.rest, wishes, least)
