"""What a budget decision is answered with; amounts are major units, budgets per day."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.core.account import PolicyName


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Recommendation(_Value):
    """What one ad should get per day."""

    ad_id: str
    current_budget: float | None
    recommended_budget: float
    change_percentage: float = Field(description="0 where there is no current budget to compare with.")
    confidence: float = Field(ge=0, le=1, description="Probability that the move goes to the right side.")
    reason: str
    metrics: dict[str, float | str | None]


class BudgetResponse(_Value):
    """The decision; ads in the order of the request."""

    recommendations: tuple[Recommendation, ...]
    total_budget: float
    num_ads: int
    policy: PolicyName
    unplaced: float = Field(
        description="Part of the total that the 20 % rule lets nobody take; negative when too much."
    )
    summary: str
