"""One decision from one request, stateless: parsed, decided by the same core as the hourly loop, told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flywheel_assets.budget import deciding, wording
from flywheel_assets.budget.bounds import asked_bounds
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.table import POLICIES, chosen
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import BudgetRequest, parse
from flywheel_assets.budget.response import BudgetResponse
from flywheel_assets.core.account import PolicyName
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
        total_budget=decision.bounds.total / asked.minor,
        num_ads=columns.size,
        policy=name,
        unplaced=decision.placed.beyond / asked.minor,
        summary=wording.summary(decision),
    )


def decision_of(columns: Columns, name: PolicyName, seed: int, minor: int) -> deciding.Decision:
    """The decision without its words; ``minor`` units make a major one."""
    percent = _SAFETY.velocity_percent
    bounds = asked_bounds(columns, minor, percent)
    return deciding.decide(columns, bounds, POLICIES[name], _RULES, np.random.default_rng(seed), percent=percent)
