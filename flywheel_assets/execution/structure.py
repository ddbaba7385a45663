"""The Meta publisher: from finished renders to the changes that build a campaign. It never calls Meta itself.

One campaign a creative request, one ad set a variation (the sampler's arm owns its budget). The
campaign is created paused and its children active; one last change activates it when all of them
exist.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import (
    AdChange,
    CreateAd,
    CreateAdSet,
    CreateCampaign,
    CreateCreative,
    SetStatus,
    Spec,
    UploadImage,
    UploadVideo,
)
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.ids import campaign_of
from flywheel_assets.core.money import Money

# Expanded by the platform at click time; the ad id is the join from a lead back to its ad.
URL_TAGS = "utm_source=meta&utm_medium=paid&utm_campaign={{campaign.id}}&utm_term={{adset.id}}&utm_content={{ad.id}}"
_BUTTON = "LEARN_MORE"


class Variation(BaseModel):
    """One finished render with the words around it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    video_uri: str
    cover_uri: str
    message: str = Field(description="Primary text.")
    title: str = Field(description="Headline under the video.")
    predicted_ctr: float


class PlannedAd(BaseModel):
    """A variation that is launched, with its ad set's first budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    variation: Variation
    daily_budget: int = Field(gt=0, description="Minor units.")


class PublishPlan(BaseModel):
    """What is asked for at the platform for one creative request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creative_id: str
    account_id: str
    currency: str
    brand: str
    landing_url: str
    public_url: str | None = Field(
        None, description="Where the gateway is reached; None links straight to the landing page."
    )
    launched: tuple[PlannedAd, ...]
    held: tuple[Variation, ...] = Field(
        description="Finished, but the plan's share has no room for another floor budget."
    )
    share: int = Field(description="Minor units per day that new creatives may plan to spend.")


def plan_launch(
    creative_id: str,
    variations: Sequence[Variation],
    account: Account,
    *,
    brand: str,
    landing_url: str,
    public_url: str | None = None,
    committed: int = 0,
    least: Money | None = None,
) -> PublishPlan:
    """As many variations as the share for new creatives can give the floor budget, best predicted first.

    The share is what the daily plan has left beside the ``committed`` minor units per day of the
    account's other campaigns, if that is less. The floor is the account's, or the ``least`` daily
    budget that the platform takes, if that is more.

    Raises:
        ChangeRefused: there is no variation, or the share does not reach one floor budget.
    """
    total = account.money(account.daily_plan).minor
    share = min(int(total * account.new_creative_share), max(0, total - committed))
    floor, ceiling = _floor(creative_id, account, least), account.money(account.ad_set_ceiling).minor
    if not variations:
        raise ChangeRefused(creative_id, "nothing_to_launch", "no render passed its gate")
    if share < floor:
        raise ChangeRefused(
            creative_id,
            "plan_too_small",
            f"{share} per day is left for new creatives ({committed} of {total} are in use), one ad set's floor is {floor}",
        )
    best_first = sorted(variations, key=lambda variation: (-variation.predicted_ctr, variation.key))
    count = min(len(best_first), share // floor)
    budgets = equal_split(min(share, count * ceiling), count)
    return PublishPlan(
        creative_id=creative_id,
        account_id=account.account_id,
        currency=account.currency,
        brand=brand,
        landing_url=landing_url,
        public_url=public_url,
        launched=tuple(
            PlannedAd(variation=variation, daily_budget=budget)
            for variation, budget in zip(best_first[:count], budgets, strict=True)
        ),
        held=tuple(best_first[count:]),
        share=share,
    )


def _floor(creative_id: str, account: Account, least: Money | None) -> int:
    own = account.money(account.ad_set_floor).minor
    if least is None:
        return own
    if least.currency != account.currency:
        raise ChangeRefused(
            creative_id,
            "currency_mismatch",
            f"the account file says {account.currency}, the platform {least.currency}; correct the file",
        )
    return max(own, least.minor)


def equal_split(total: int, count: int) -> list[int]:
    """``total`` in ``count`` integer parts that differ by at most one, larger ones first."""
    part, rest = divmod(total, count)
    return [part + (index < rest) for index in range(count)]


def changes_of(plan: PublishPlan, account: Account) -> tuple[AdChange, ...]:
    """Every change that builds the plan, in the order they depend on one another."""
    maker = _Maker(plan, account)
    campaign = CreateCampaign(
        name=f"{plan.brand} {plan.creative_id}",
        objective=account.objective,
        special_ad_categories=account.special_ad_categories,
    )
    changes = [
        maker.change(maker.campaign, campaign, (), f"campaign for {len(plan.launched)} variations, created paused")
    ]
    for ad in plan.launched:
        changes += maker.variation(ad)
    ads = tuple(maker.ref(ad.variation.key, "ad") for ad in plan.launched)
    activate = SetStatus(status="ACTIVE")
    changes.append(
        maker.change(
            maker.campaign, activate, (maker.campaign, *ads), "all parts exist and every render passed its gate"
        )
    )
    return tuple(changes)


class _Maker:
    """The changes of one plan, all named after its creative."""

    def __init__(self, plan: PublishPlan, account: Account) -> None:
        self._plan, self._account = plan, account
        self.campaign = campaign_of(plan.creative_id)

    def ref(self, key: str, kind: str) -> str:
        return f"{self._plan.creative_id}/{key}/{kind}"

    def change(self, ref: str, spec: Spec, depends_on: tuple[str, ...], reasoning: str) -> AdChange:
        return AdChange(
            account_id=self._plan.account_id,
            campaign_ref=self.campaign,
            object_ref=ref,
            spec=spec,
            depends_on=depends_on,
            idempotency_key=f"{ref}:{spec.kind}:launch",
            reasoning=reasoning,
            requested_by="publish_changes",
            currency=self._plan.currency,
        )

    def variation(self, ad: PlannedAd) -> list[AdChange]:
        """Ad set, video, cover, creative and ad of one variation."""
        one, name = ad.variation, f"{self._plan.creative_id} {ad.variation.key}"
        adset, video, image, creative, final = (
            self.ref(one.key, kind) for kind in ("adset", "video", "image", "creative", "ad")
        )
        why = f"{one.key}, predicted CTR {one.predicted_ctr:.2%}"
        return [
            self.change(video, UploadVideo(name=name, uri=one.video_uri), (), f"video of {why}"),
            self.change(image, UploadImage(name=name, uri=one.cover_uri), (), f"cover of {why}"),
            self.change(adset, self._adset(name, ad.daily_budget), (self.campaign,), f"own budget of {why}"),
            self.change(creative, self._creative(name, one, video, image), (video, image), f"creative of {why}"),
            self.change(final, CreateAd(name=name, adset=adset, creative=creative), (adset, creative), f"ad of {why}"),
        ]

    def _adset(self, name: str, daily_budget: int) -> CreateAdSet:
        account = self._account
        promoted = {"page_id": account.page_id}
        if account.pixel_id is not None:
            promoted = {"pixel_id": account.pixel_id, "custom_event_type": account.conversion_event}
        return CreateAdSet(
            name=name,
            campaign=self.campaign,
            daily_budget=daily_budget,
            optimization_goal=account.optimization_goal,
            promoted_object=promoted,
            targeting=account.targeting,
        )

    def _creative(self, name: str, one: Variation, video: str, image: str) -> CreateCreative:
        return CreateCreative(
            name=name,
            page_id=self._account.page_id,
            video=video,
            image=image,
            message=one.message,
            title=one.title,
            call_to_action=_BUTTON,
            link=self._link(one.key),
            url_tags=URL_TAGS,
        )

    def _link(self, key: str) -> str:
        """Through our redirect where there is one: it records the click before the visitor arrives."""
        plan = self._plan
        return plan.landing_url if plan.public_url is None else f"{plan.public_url}/c/{plan.creative_id}-{key}"
