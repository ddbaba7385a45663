"""One decision from one request, stateless: parsed, decided by the same core as the hourly loop, told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flywheel_assets.budget import deciding, wording
from flywheel_assets.budget.bounds import asked_bounds
from flywheel_assets.budget.policies.table import POLICIES, chosen
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import BudgetRequest, parse
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
    percent = _SAFETY.velocity_percent
    bounds = asked_bounds(columns, asked.minor, percent)
    rng = np.random.default_rng(asked.seed)
    decision = deciding.decide(columns, bounds, POLICIES[name], _RULES, rng, percent=percent)
    lines = wording.lines(decision)
    by_position = sorted(zip(columns.order.tolist(), lines, strict=True), key=lambda pair: pair[0])
    return BudgetResponse.model_construct(
        recommendations=tuple(line for _, line in by_position),
        total_budget=bounds.total / asked.minor,
        num_ads=columns.size,
        policy=name,
        unplaced=decision.placed.beyond / asked.minor,
        summary=wording.summary(decision),
    )
