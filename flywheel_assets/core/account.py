"""The ad account as its owner configures it (`samples/account.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flywheel_assets.core.money import Money, minor_digits

Mode = Literal["observe", "approve", "auto"]
# Who decides on budgets: the brief's sampler as it is written, the same mended, or the whole funnel up to the deal.
PolicyName = Literal["blended_literal", "blended", "funnel"]
# Findings of the spend guard that may stop spend.
GuardStop = Literal["overspend", "cpa", "tracking", "blind"]


class Consent(BaseModel):
    """What the owner allows to be done with personal and cross-account data. Off unless said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity_matching: bool = False
    transcripts_to_llm: bool = False
    cross_account_sharing: bool = False


class Stage(BaseModel):
    """What a stage of the sales pipeline is worth: the share of deals in it that are won in the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    win_probability: float = Field(ge=0, le=1)
    outcome: Literal["open", "won", "lost"] = "open"


class HubSpot(BaseModel):
    """Where deals come from. A stage that is not listed is an error that is shown, never worth zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    portal_id: int
    stages: dict[str, Stage] = Field(min_length=2, description="By stage id, e.g. appointmentscheduled.")
    ad_property: str = Field("meta_ad_id", description="Deal property that holds utm_content of the landing page.")
    click_property: str = Field("flywheel_click_id", description="Deal property that holds the redirect's click id.")
    fbclid_property: str = "fbclid"


class Bounds(BaseModel):
    """Lowest and highest daily budget of one object, major units; what is not said is as for every ad set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: str | None = None
    ceiling: str | None = None


class Pool(BaseModel):
    """Objects that share a part of what the plan gives running ads: exactly ``share``, or between two shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    objects: tuple[str, ...] = Field(min_length=1, description="Ads, ad sets, campaigns or creatives, by their names.")
    share: float | None = Field(None, ge=0, le=1)
    at_least: float = Field(0.0, ge=0, le=1)
    at_most: float = Field(1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.share is not None and (self.at_least, self.at_most) != (0.0, 1.0):
            raise ValueError(f"pool {self.name}: give a share, or at_least and at_most, not both")
        if self.at_least > self.at_most:
            raise ValueError(f"pool {self.name}: at_least {self.at_least:g} is above at_most {self.at_most:g}")
        return self

    @property
    def least(self) -> float:
        """Share of the plan that its ads get at least."""
        return self.at_least if self.share is None else self.share

    @property
    def most(self) -> float:
        """Share of the plan that its ads get at most."""
        return self.at_most if self.share is None else self.share


# Music of our own that a brand kit may name instead of a file.
LoopName = Literal["pulse", "warm"]


class BrandKit(BaseModel):
    """What every advert of the account is to look and sound like. Paths in an account file start from its folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    logo: Path | None = Field(None, description="PNG, SVG, WebP or JPEG of any size; best with transparency.")
    look: Path | None = Field(None, description="A 3D .cube table of colours.")
    music: LoopName | Path | None = Field(None, description="A track to play under the speech, or a loop of ours.")
    progress_bar: bool = Field(default=False, description="Shows how far the advert has come; nothing is shared then.")

    def beside(self, folder: Path) -> BrandKit:
        """The kit with its paths started from a folder."""
        files = (("logo", self.logo), ("look", self.look), ("music", self.music))
        return self.model_copy(update={name: folder / path for name, path in files if isinstance(path, Path)})


class Account(BaseModel):
    """One ad account: where ads go, in which money, under which limits, in which mode.

    Amounts are major units as people write them (``"120.00"``); `Account.money` converts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: str = Field(pattern=r"^act_\d+$")
    name: str
    mode: Mode = "observe"
    currency: str
    time_zone: str
    page_id: str = Field(pattern=r"^\d+$")
    pixel_id: str | None = Field(None, pattern=r"^\d+$")
    objective: str = "OUTCOME_LEADS"
    optimization_goal: str = "OFFSITE_CONVERSIONS"
    conversion_event: str = "LEAD"
    special_ad_categories: tuple[str, ...] = ()
    targeting: dict[str, Any] = Field(min_length=1)
    daily_plan: str = Field(description="What all ads of the account may plan to spend per day.")
    ad_set_floor: str = Field(description="Lowest daily budget of one ad set.")
    ad_set_ceiling: str = Field(description="Highest daily budget of one ad set.")
    daily_cap: str | None = Field(
        None,
        description="Budgets in force never sum to more; unset means the plan and a tenth (`Safety.cap_over_plan`).",
    )
    bounds: dict[str, Bounds] = Field(
        default_factory=dict, description="Floor and ceiling of single objects, by local reference."
    )
    new_creative_share: float = Field(0.2, ge=0, le=1, description="Share of the plan kept for new creatives.")
    guard_stops_on: tuple[GuardStop, ...] = Field(
        ("overspend",), description="Findings of the spend guard that stop spend, in every mode; the others are told."
    )
    niche: str | None = None
    hubspot: HubSpot | None = Field(None, description="Without it revenue is not known and decisions use leads.")
    policy: PolicyName | None = Field(
        None, description="Unset: `funnel` where the CRM's stages are known, else `blended`."
    )
    fatigue_k: float | None = Field(None, ge=0, description="Decay of the click rate per impression; unset: fitted.")
    opt_outs: tuple[str, ...] = Field((), description="Ads, ad sets, campaigns or creatives whose budgets stay.")
    pools: tuple[Pool, ...] = ()
    consent: Consent = Consent()
    brand_kit: BrandKit = BrandKit()
    default_brief: dict[str, Any] | None = Field(None, description="Brief of a video that has none beside it.")

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        minor_digits(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    def opted_out(self, names: Iterable[str]) -> str | None:
        """The first of an ad's names (`names_of`) by which its owner took it out of the automatic decisions."""
        return min(set(self.opt_outs) & set(names), default=None)

    @model_validator(mode="after")
    def _pools_apart(self) -> Self:
        named = [(name, pool.name) for pool in self.pools for name in pool.objects]
        for name, pool in named:
            if other := next((theirs for one, theirs in named if one == name and theirs != pool), None):
                raise ValueError(f"{name} is in the pools {pool} and {other}; an object belongs to one")
        if len({pool.name for pool in self.pools}) < len(self.pools):
            raise ValueError("two pools have one name; name each once")
        if (least := sum(pool.least for pool in self.pools)) > 1 + 1e-9:
            raise ValueError(f"pools ask for {least:.0%} of the plan together; 100 % is all there is")
        return self

    def money(self, amount: str) -> Money:
        """An amount of this account's currency, from major units."""
        return Money.parse(amount, self.currency)


def names_of(ad_id: str, ad_ref: str) -> frozenset[str]:
    """Every name by which an account file may mean an ad: its id, itself, its variation, ad set, campaign, creative.

    ``ad_ref`` is the local reference, e.g. c_1a2b/v01/ad.
    """
    variation = ad_ref.removesuffix("/ad")
    creative = ad_ref.split("/", maxsplit=1)[0]
    return frozenset({ad_id, ad_ref, variation, f"{variation}/adset", creative, f"{creative}/campaign"})
