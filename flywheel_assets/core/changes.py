"""The one typed change. Every producer speaks it; nothing else reaches a platform.

Objects are named by a local reference before they exist remotely (``c_1a2b/v01/adset``); the
executor fills in remote ids when the objects it depends on have been created.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

ObjectKind = Literal["campaign", "adset", "video", "image", "creative", "ad"]
Status = Literal["ACTIVE", "PAUSED"]
Ref = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]{3,120}$")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateCampaign(_Spec):
    """A campaign, created paused."""

    kind: Literal["create_campaign"] = "create_campaign"
    name: str
    objective: str
    special_ad_categories: tuple[str, ...]


class CreateAdSet(_Spec):
    """An ad set with its own budget: the sampler's arm."""

    kind: Literal["create_adset"] = "create_adset"
    name: str
    campaign: Ref
    daily_budget: int = Field(gt=0, description="Minor units of the account's currency.")
    optimization_goal: str
    promoted_object: dict[str, str]
    targeting: dict[str, Any]


class UploadVideo(_Spec):
    """A rendered video from blob storage."""

    kind: Literal["upload_video"] = "upload_video"
    name: str
    uri: str


class UploadImage(_Spec):
    """The cover of a video from blob storage."""

    kind: Literal["upload_image"] = "upload_image"
    name: str
    uri: str


class CreateCreative(_Spec):
    """Video, cover and text as one creative."""

    kind: Literal["create_creative"] = "create_creative"
    name: str
    page_id: str
    video: Ref
    image: Ref
    message: str
    title: str
    call_to_action: str = Field(description="The platform's button type, e.g. LEARN_MORE.")
    link: str
    url_tags: str


class CreateAd(_Spec):
    """The ad that joins an ad set and a creative."""

    kind: Literal["create_ad"] = "create_ad"
    name: str
    adset: Ref
    creative: Ref


class SetStatus(_Spec):
    """Pause or activate a campaign, ad set or ad."""

    kind: Literal["set_status"] = "set_status"
    status: Status


class SetBudget(_Spec):
    """A new daily budget of the object that owns one."""

    kind: Literal["set_budget"] = "set_budget"
    daily_budget: int = Field(gt=0, description="Requested, minor units; fuzz and limits apply later.")


class SetTargeting(_Spec):
    """Whom an ad set reaches; replaces what was there."""

    kind: Literal["set_targeting"] = "set_targeting"
    targeting: dict[str, Any] = Field(min_length=1)


class SetName(_Spec):
    """A new name; the executor keeps the tag in it by which the object is found again."""

    kind: Literal["set_name"] = "set_name"
    name: str = Field(min_length=1, max_length=300)


Spec = Annotated[
    CreateCampaign
    | CreateAdSet
    | UploadVideo
    | UploadImage
    | CreateCreative
    | CreateAd
    | SetStatus
    | SetBudget
    | SetTargeting
    | SetName,
    Field(discriminator="kind"),
]

# Kinds that create something: after an unclear answer the object is looked up by its tag first.
CREATES: dict[str, ObjectKind] = {
    "create_campaign": "campaign",
    "create_adset": "adset",
    "upload_video": "video",
    "upload_image": "image",
    "create_creative": "creative",
    "create_ad": "ad",
}

# Priority from which on a change is a safety pause: it may use the action that every campaign keeps in
# reserve, goes out in any mode, and is not superseded by anything less urgent.
SAFETY_PRIORITY = 100

# Account-level writes: they do not touch a campaign and count toward the account's own limit.
ACCOUNT_LEVEL = frozenset({"upload_video", "upload_image", "create_creative"})


class AdChange(BaseModel):
    """One change that somebody wants.

    Attributes:
        object_ref: what is created or changed.
        campaign_ref: the campaign whose hourly actions this counts toward.
        depends_on: objects that must exist, and changes that must have ended well, before this one.
        idempotency_key: the same key is the same change, however often it is asked for.
        reasoning: a sentence for the person who reads the audit trail.
        requested_by: the asset, command or person that asked.
        expires_at: business time after which the change is stale and must not be applied.
        priority: higher goes first among what is due; from `SAFETY_PRIORITY` on a safety pause.
        undo_of: the applied change that this one takes back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str
    campaign_ref: Ref
    object_ref: Ref
    spec: Spec
    depends_on: tuple[Ref, ...] = ()
    idempotency_key: str = Field(min_length=8, max_length=200)
    reasoning: str = Field(min_length=1)
    requested_by: str
    currency: str
    expires_at: datetime | None = None
    priority: int = Field(0, ge=0, le=1000)
    undo_of: UUID | None = None

    @model_validator(mode="after")
    def _urgent_is_a_pause(self) -> Self:
        """Else anything could pass modes and freezes by calling itself urgent."""
        pauses = isinstance(self.spec, SetStatus) and self.spec.status == "PAUSED"
        if self.priority >= SAFETY_PRIORITY and not pauses:
            raise ValueError(f"priority {self.priority} is for safety pauses; {self.spec.kind} is none")
        return self
