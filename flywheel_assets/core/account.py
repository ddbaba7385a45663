"""The ad account as its owner configures it (`samples/account.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import Money, minor_digits

Mode = Literal["observe", "approve", "auto"]
# Who decides on budgets: the brief's sampler as it is written, the same mended, or the whole funnel up to the deal.
PolicyName = Literal["blended_literal", "blended", "funnel"]
# Findings of the spend guard that may stop spend.
GuardStop = Literal["overspend", "cpa", "tracking", "blind"]


class Consent(BaseModel):
    """What the owner allows to be done with personal and cross-account data. Off unless said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity_matching: bool = Field(default=False, description="Recognise the person behind a lead as one who clicked.")
    transcripts_to_llm: bool = Field(
        default=False, description="Send what is said in a video to a language model provider."
    )
    cross_account_sharing: bool = Field(default=False, description="Share anonymous patterns with other accounts.")


class Stage(BaseModel):
    """What a stage of the sales pipeline is worth: the share of deals in it that are won in the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    win_probability: float = Field(ge=0, le=1)
    outcome: Literal["open", "won", "lost"] = "open"


class HubSpot(BaseModel):
    """Where deals come from. A stage that is not listed is an error that is shown, never worth zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    portal_id: int = Field(description="HubSpot's number of your account.", examples=[62515])
    stages: dict[str, Stage] = Field(
        min_length=2,
        description="By stage id; take the shares from your own history. A stage that is not listed is reported, never counted as zero.",
        examples=[
            {
                "appointmentscheduled": {"win_probability": 0.036},
                "qualifiedtobuy": {"win_probability": 0.12},
                "presentationscheduled": {"win_probability": 0.4},
                "decisionmakerboughtin": {"win_probability": 0.8},
                "contractsent": {"win_probability": 0.9},
                "closedwon": {"win_probability": 1.0, "outcome": "won"},
                "closedlost": {"win_probability": 0.0, "outcome": "lost"},
            }
        ],
    )
    ad_property: str = Field("meta_ad_id", description="Deal property that holds utm_content of the landing page.")
    click_property: str = Field("flywheel_click_id", description="Deal property that holds the redirect's click id.")
    fbclid_property: str = Field("fbclid", description="Deal property that holds Meta's own click id.")


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

    logo: Path | None = Field(
        None, description="PNG, SVG, WebP or JPEG of any size; best with transparency.", examples=["brand/logo.svg"]
    )
    look: Path | None = Field(None, description="A 3D .cube table of colours.", examples=["brand/look.cube"])
    music: LoopName | Path | None = Field(
        None, description="A track to play under the speech, or a loop of ours: pulse, warm.", examples=["pulse"]
    )
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

    account_id: str = Field(
        pattern=r"^act_\d+$",
        description="Ads Manager shows it; keep the act_ in front.",
        examples=["act_1000000001"],
    )
    name: str = Field(description="What you call it.", examples=["My business"])
    mode: Mode = Field(
        "observe",
        description="How far the platform may go on its own: observe decides and records, approve waits for a person, auto applies within the limits. Start in observe.",
    )
    currency: str = Field(description="The account's own, as Ads Manager shows it.", examples=["USD"])
    time_zone: str = Field(
        description="The account's own; it decides when Meta's day begins.", examples=["America/New_York"]
    )
    page_id: str = Field(pattern=r"^\d+$", description="The page the ads speak for.", examples=["1000000002"])
    pixel_id: str | None = Field(
        None, pattern=r"^\d+$", description="The pixel that counts conversions.", examples=["1000000003"]
    )
    objective: str = Field("OUTCOME_LEADS", description="Meta's name of the campaign objective.")
    optimization_goal: str = Field("OFFSITE_CONVERSIONS", description="Meta's name of what its delivery works for.")
    conversion_event: str = Field("LEAD", description="The pixel event that counts as a conversion.")
    special_ad_categories: tuple[str, ...] = Field(
        (),
        description="Meta requires them for housing, credit, employment and politics.",
        examples=[["HOUSING"]],
    )
    targeting: dict[str, Any] = Field(
        min_length=1,
        description="Who sees the ads, in Meta's own targeting words.",
        examples=[{"geo_locations": {"countries": ["US"]}, "age_min": 25, "age_max": 60}],
    )
    daily_plan: str = Field(description="What all ads of the account may plan to spend per day.", examples=["150.00"])
    ad_set_floor: str = Field(description="Lowest daily budget of one ad set.", examples=["10.00"])
    ad_set_ceiling: str = Field(description="Highest daily budget of one ad set.", examples=["60.00"])
    daily_cap: str | None = Field(
        None,
        description="Budgets in force never sum to more; unset means the plan and a tenth (`Safety.cap_over_plan`).",
        examples=["165.00"],
    )
    bounds: dict[str, Bounds] = Field(
        default_factory=dict,
        description="Floor and ceiling of single objects, by the name `flywheel changes list` shows.",
        examples=[{"c_0123456789ab/v01/adset": {"floor": "15.00", "ceiling": "50.00"}}],
    )
    new_creative_share: float = Field(0.2, ge=0, le=1, description="Share of the plan kept for new creatives.")
    guard_stops_on: tuple[GuardStop, ...] = Field(
        ("overspend",), description="Findings of the spend guard that stop spend, in every mode; the others are told."
    )
    niche: str | None = Field(
        None,
        description="Groups accounts that may learn from one another, if they consent.",
        examples=["office services"],
    )
    hubspot: HubSpot | None = Field(None, description="Without it revenue is not known and decisions use leads.")
    policy: PolicyName | None = Field(
        None,
        description="Who shares the plan out. Unset: `funnel` where the CRM's stages are known, else `blended`.",
        examples=["blended"],
    )
    fatigue_k: float | None = Field(
        None, ge=0, description="Decay of the click rate per impression; unset: fitted.", examples=[0.000001]
    )
    opt_outs: tuple[str, ...] = Field(
        (),
        description="Ads, ad sets, campaigns or creatives whose budgets stay.",
        examples=[["c_0123456789ab/v02/adset"]],
    )
    pools: tuple[Pool, ...] = Field(
        (),
        description="Ads that share a part of what the plan gives running ads: a share, or at_least and at_most.",
        examples=[
            [
                {"name": "evergreen", "objects": ["c_0123456789ab"], "share": 0.3},
                {"name": "trials", "objects": ["c_ba9876543210"], "at_least": 0.1, "at_most": 0.4},
            ]
        ],
    )
    consent: Consent = Field(Consent(), description="What you allow to be done with personal and shared data.")
    brand_kit: BrandKit = Field(
        BrandKit(), description="What every advert is to look and sound like; paths start from this file's folder."
    )
    default_brief: dict[str, Any] | None = Field(None, description="Brief of a video that has none beside it.")

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        try:
            minor_digits(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError, ValueError):  # a folder of zones, or a path out of them
            raise ValueError(f"{value!r} is not an IANA name such as Europe/Berlin") from None
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
