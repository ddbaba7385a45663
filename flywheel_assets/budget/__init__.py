"""Hourly budget decisions: what ads did, what may be decided about them, and how the plan is shared out.

`select` is the whole decision as one stateless function, for anyone who has the numbers at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flywheel_assets.budget.request import BudgetRequest
    from flywheel_assets.budget.response import BudgetResponse


def select(request: BudgetRequest | Mapping[str, Any]) -> BudgetResponse:
    """Budgets for the ads of a request that sum to its total and move by at most 20 %.

    Raises:
        RequestRefused: the request cannot be answered honestly; the message says why.
    """
    from flywheel_assets.budget.selection import decide  # numpy is loaded when something is decided

    return decide(request)
