"""The policies by name, and which of them decides where the request names none."""

from __future__ import annotations

from flywheel_assets.budget.policies import calibrated, funnel, literal
from flywheel_assets.budget.policies.proposal import Policy
from flywheel_assets.budget.request import BudgetRequest
from flywheel_assets.core.account import PolicyName

POLICIES: dict[PolicyName, Policy] = {
    "blended_literal": literal.propose,
    "blended": calibrated.propose,
    "funnel": funnel.propose,
}


def chosen(request: BudgetRequest) -> PolicyName:
    """`funnel` where the CRM's stages are known, else `blended`."""
    return request.policy or ("funnel" if request.stages else "blended")
