"""One decision from one request, pure: what the policy wants, what the gate allows, what sums exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flywheel_assets.budget import wording
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.gating import Decision, Gated, gate
from flywheel_assets.budget.placing import Limits, Placed, limits, place
from flywheel_assets.budget.policies.proposal import Proposal
from flywheel_assets.budget.policies.table import POLICIES, chosen
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import BudgetRequest, PolicyName, parse
from flywheel_assets.budget.response import BudgetResponse
from flywheel_assets.settings import Budget, Safety

_RULES, _SAFETY = Budget(), Safety()


def decide(request: BudgetRequest | Mapping[str, Any]) -> BudgetResponse:
    """Share the total out among the ads.

    Raises:
        RequestRefused: the request cannot be answered honestly.
    """
    asked = parse(request)
    name, columns = chosen(asked), columns_of(asked)
    decision = decision_of(columns, name, asked.seed, asked.minor)
    lines = wording.lines(decision)
    by_position = sorted(zip(columns.order.tolist(), lines, strict=True), key=lambda pair: pair[0])
    return BudgetResponse.model_construct(
        recommendations=tuple(line for _, line in by_position),
        total_budget=round(columns.total * asked.minor) / asked.minor,
        num_ads=columns.size,
        policy=name,
        unplaced=decision.placed.beyond / asked.minor,
        summary=wording.summary(decision),
    )


def decision_of(columns: Columns, name: PolicyName, seed: int, minor: int) -> Decision:
    """The decision without its words; ``minor`` units make a major one."""
    proposal = POLICIES[name](columns, np.random.default_rng(seed))
    gated = gate(columns, proposal, _RULES)
    total = round(columns.total * minor)
    lowest, highest = columns.past_budgets
    past = lowest * minor, highest * minor
    allowed = limits(columns.current * minor, past, _SAFETY.velocity_percent, total)
    placed = _placed(columns, proposal, gated, allowed, minor)
    return Decision(columns, proposal, gated, placed, allowed, minor)


def _placed(columns: Columns, proposal: Proposal, gated: Gated, allowed: Limits, minor: int) -> Placed:
    """Held ads are pinned first; then so are those whose move came out too small to be worth an action."""
    total = round(columns.total * minor)
    wishes = np.where(proposal.kill, 0.0, np.where(gated.held, columns.current, proposal.target)) * minor
    wishes = np.nan_to_num(wishes)
    placed = place(wishes, allowed, gated.held, total)
    if placed.followed or placed.beyond:
        return placed
    moved = np.abs(placed.amounts - allowed.rest)
    small = (moved > 0) & (moved * 100 < _RULES.min_change_percent * allowed.rest) & ~np.isnan(columns.current)
    again = place(np.where(small, allowed.rest, wishes), allowed, gated.held | small, total)
    return placed if again.followed else again
