"""What the stages of a budget decision hand to one another.

Amounts are minor units of the account's currency; budgets are per day.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Value):
    """Reported delivery of one ad in 24 hours, counted back from the decision."""

    age_hours: float = Field(ge=0, description="From the middle of the window to the decision.")
    impressions: int = Field(ge=0)
    clicks: int = Field(ge=0)
    leads: int = Field(ge=0)
    spend: int = Field(ge=0)


class AdState(_Value):
    """All that a decision about one ad may use. None is unknown; then `blocked` says so."""

    ad_id: str
    object_ref: str = Field(description="Owner of the budget: the ad set.")
    currency: str
    active: bool = Field(description="Spends, as far as we know: its budget counts toward the plan.")
    age_hours: float | None = Field(description="Since the ad existed in an active campaign.")
    current_budget: int | None
    allowed: tuple[int, int] | None = Field(description="By the velocity rule; empty when low > high.")
    floor: int = Field(ge=0)
    ceiling: int = Field(ge=0)
    windows: tuple[Window, ...] = Field(description="Oldest first; windows without a report are left out.")
    deals: int = Field(ge=0, description="Deals with attributed value.")
    pipeline: int = Field(description="Attributed value of their stages.")
    cash: int = Field(description="Attributed value of the won ones.")
    insights_at: datetime | None = Field(description="End of the last hour the platform reported about this ad.")
    dna_similarity: float | None = Field(
        None, ge=-1, le=1, description="Cosine to the account's winners; None is not known and changes nothing."
    )
    blocked: str | None = Field(description="`rule: why` nothing may be decided about this ad now.")

    @model_validator(mode="after")
    def _unknown_is_blocked(self) -> Self:
        unknown = [name for name in ("age_hours", "current_budget", "allowed") if getattr(self, name) is None]
        if (unknown or not self.active) and self.blocked is None:
            raise ValueError(f"ad {self.ad_id}: {', '.join(unknown) or 'it is not active'}: it must be blocked")
        return self

    @property
    def impressions(self) -> int:
        """Of all windows."""
        return sum(window.impressions for window in self.windows)

    @property
    def clicks(self) -> int:
        """Inline link clicks of all windows."""
        return sum(window.clicks for window in self.windows)

    @property
    def leads(self) -> int:
        """Of all windows."""
        return sum(window.leads for window in self.windows)

    @property
    def spend(self) -> int:
        """Of all windows."""
        return sum(window.spend for window in self.windows)

    @property
    def age(self) -> float:
        """Hours.

        Raises:
            ValueError: unknown; the ad is blocked.
        """
        return _known(self.age_hours, self.ad_id, "age")

    @property
    def budget(self) -> int:
        """The current daily budget.

        Raises:
            ValueError: unknown; the ad is blocked.
        """
        return _known(self.current_budget, self.ad_id, "current budget")

    @property
    def interval(self) -> tuple[int, int]:
        """Budgets that may be set now: velocity, floor and ceiling together.

        Raises:
            ValueError: unknown; the ad is blocked.
        """
        low, high = _known(self.allowed, self.ad_id, "allowed interval")
        return max(low, self.floor), min(high, self.ceiling)


def _known(value: T | None, ad_id: str, what: str) -> T:
    if value is None:
        raise ValueError(f"ad {ad_id}: {what} is not known; nothing may be decided about it")
    return value


class Target(_Value):
    """What a policy would give an ad if it could move freely between floor and ceiling."""

    ad_id: str
    budget: float = Field(ge=0, description="Mean over the draws.")
    above: float = Field(ge=0, le=1, description="Share of draws in which more than the current budget is best.")
    below: float = Field(ge=0, le=1, description="Share of draws in which less is best.")
    metrics: dict[str, float] = Field(description="What the score was made of.")


class Recommendation(_Value):
    """One line of an allocation; also for an ad that stays as it is."""

    ad_id: str
    object_ref: str
    current_budget: int
    recommended_budget: int
    change_percent: float
    confidence: float | None = Field(description="None where nothing was decided.")
    reason: str
    binding: str | None = Field(description="The rule that stopped the budget from going further.")
    metrics: dict[str, float]


class Allocation(_Value):
    """One decision about the budgets of an account."""

    account_id: str
    hour: datetime
    policy: str
    wanted: int = Field(description="What the plan gives the running ads.")
    planned: int = Field(description="Sum of the recommendations.")
    currency: str
    summary: str
    decided: bool = Field(description="False: nothing could be decided; the summary says why.")
    recommendations: tuple[Recommendation, ...] = Field(description="Active ads, by ad id.")
