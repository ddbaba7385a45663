"""What the stages of an hourly decision hand to one another.

Amounts are minor units of the account's currency; budgets are per day.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flywheel_assets.core.account import names_of

T = TypeVar("T")
SourceName = Literal["insights", "crm", "budget"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hours(_Value):
    """Reported hours of one ad, oldest first; columns of one length. An hour without a report is not among them."""

    hour: tuple[int, ...] = Field((), description="Hours since 1970-01-01 00:00 UTC, of their beginning.")
    impressions: tuple[int, ...] = ()
    clicks: tuple[int, ...] = Field((), description="Inline link clicks.")
    leads: tuple[int, ...] = ()
    spend: tuple[int, ...] = ()
    budget: tuple[int | None, ...] = Field((), description="In force in the middle of the hour; None is unknown.")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        lengths = {name: len(column) for name, column in self}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns have different lengths: {lengths}")
        return self


class StageEntered(_Value):
    """A deal came into a stage."""

    stage: str
    at: datetime


class Deal(_Value):
    """A deal that most probably came from this ad, as it was known then."""

    deal_id: int
    clicked_at: datetime | None = Field(description="None: the ad is known from the form, the click itself is not.")
    created_at: datetime
    stages: tuple[StageEntered, ...] = Field(description="Those of the account's map that it entered, oldest first.")
    amount: int | None = Field(description="None: nobody entered it, or in another currency.")


class Source(_Value):
    """How fresh one source of a state is."""

    name: SourceName
    as_of: datetime | None = Field(description="Up to when it is known; None: never heard of.")
    stale: str | None = Field(description="Why it is too old to decide on; None: it is fresh enough.")


class AdState(_Value):
    """All that a decision about one ad may use. None is unknown; where that matters, `blocked` says so."""

    ad_id: str
    ad_ref: str = Field(description="Local reference, e.g. c_1a2b/v01/ad.")
    object_ref: str = Field(description="Owner of the budget: the ad set, or the campaign where that has one.")
    currency: str
    active: bool = Field(description="Spends, as far as we know: its budget counts toward the plan.")
    age_hours: float | None = Field(description="Since the ad existed in an active campaign.")
    current_budget: int | None
    changed_at: datetime | None = Field(None, description="When the budget was last changed, by us or a person.")
    allowed: tuple[int, int] | None = Field(description="By the velocity rule; empty when low > high.")
    floor: int = Field(ge=0)
    ceiling: int = Field(ge=0)
    impressions: int = Field(0, ge=0, description="Of the ad's whole life, as clicks, leads and spend are.")
    clicks: int = Field(0, ge=0)
    leads: int = Field(0, ge=0)
    spend: int = Field(0, ge=0)
    hours: Hours = Hours()
    deals: tuple[Deal, ...] = ()
    pipeline: int = Field(0, description="Attributed value of the stages of its deals.")
    cash: int = Field(0, description="Attributed value of the won ones.")
    platform_value: int | None = Field(
        None, description="Value of purchases and leads by the platform; None: it reports none."
    )
    learning_phase: str | None = Field(
        None, description="Of its ad set, as the platform words it; None: it shows none."
    )
    frequency: float | None = Field(None, description="Impressions per person reached in the last week.")
    dna: tuple[float, ...] | None = Field(None, description="The creative's vector; None makes it an ordinary ad.")
    sources: tuple[Source, ...] = ()
    held: str | None = Field(None, description="`rule: why` its budget stays although the ad is known.")
    blocked: str | None = Field(description="`rule: why` nothing may be decided about this ad now.")

    @model_validator(mode="after")
    def _unknown_is_blocked(self) -> Self:
        unknown = [name for name in ("age_hours", "current_budget", "allowed") if getattr(self, name) is None]
        if (unknown or not self.active) and self.blocked is None:
            raise ValueError(f"ad {self.ad_id}: {', '.join(unknown) or 'it is not active'}: it must be blocked")
        return self

    @property
    def names(self) -> frozenset[str]:
        """Every name by which the account file may mean this ad, or the owner of its budget."""
        return names_of(self.ad_id, self.ad_ref) | {self.object_ref}

    def as_of(self, name: SourceName) -> datetime | None:
        """How fresh one source is; None when it is not known or has nothing."""
        return next((source.as_of for source in self.sources if source.name == name), None)

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


class Recommendation(_Value):
    """One line of an allocation; also for an ad that stays as it is."""

    ad_id: str = Field(description="The ad; of ads that share their campaign's budget, the first.")
    ads: tuple[str, ...] = Field(description="All ads that the budget is for.")
    object_ref: str
    current_budget: int
    recommended_budget: int
    change_percent: float
    confidence: float | None = Field(description="None where nothing was decided.")
    expected_gain: int | None = Field(None, description="Revenue a day that the move may bring; None: not known.")
    expected_loss: int | None = Field(None, description="Revenue a day that it may cost.")
    reason: str
    binding: str | None = Field(description="The rule that stopped the budget from going further.")
    worth_an_action: bool = Field(description="It moves, and far enough to be sent to the platform.")
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
    recommendations: tuple[Recommendation, ...] = Field(description="Budgets of active ads, by ad id.")
