"""The running comparisons of an account: its ads by creative, judged against one another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.ids import rng
from flywheel_assets.learning.experiments import Arm, Judgement, Prior, judge, outcome_of, prior_of
from flywheel_assets.learning.published import Delivered, PublishedAd, delivered, published_ads
from flywheel_assets.learning.report import Problem
from flywheel_assets.settings import Budget, Learning, Settings


@dataclass(frozen=True)
class Trial:
    """One creative: its ads, and what is known of them. Without a judgement ``missing`` says why."""

    creative_id: str
    ads: dict[str, PublishedAd]
    sums: dict[str, Delivered]
    judgement: Judgement | None
    prior: Prior | None
    missing: str


def load_trials(
    connection: Connection, account: Account, settings: Settings, hour: datetime
) -> tuple[tuple[Trial, ...], tuple[Problem, ...]]:
    """Every creative with a reported ad, judged on what was delivered up to the closed ``hour``."""
    ads, unknown = published_ads(connection, account.account_id)
    sums, mixed = delivered(connection, account, hour)
    by_creative: defaultdict[str, list[PublishedAd]] = defaultdict(list)
    for ad in ads:
        if ad.ad_id in sums:
            by_creative[ad.creative_id].append(ad)
    everything = [_arm(ad, sums[ad.ad_id], hour) for members in by_creative.values() for ad in members]
    trials = [_trial(key, members, sums, everything, settings, hour) for key, members in sorted(by_creative.items())]
    return tuple(trials), (*unknown, *mixed)


def _arm(ad: PublishedAd, sums: Delivered, hour: datetime) -> Arm:
    hours = (hour + HOUR - sums.first_hour) / HOUR
    return Arm(ad.ad_id, ad.key, sums.impressions, sums.clicks, sums.leads, sums.spend, hours)


def _trial(  # noqa: PLR0917 - one creative among the account's; called above only
    creative_id: str,
    members: list[PublishedAd],
    sums: dict[str, Delivered],
    everything: list[Arm],
    settings: Settings,
    hour: datetime,
) -> Trial:
    arms = [_arm(ad, sums[ad.ad_id], hour) for ad in members]
    outcome = outcome_of(arms)
    prior = prior_of(everything, outcome)
    # The same draws every hour: a probability moves because ads did, not because dice did.
    draws = rng(settings.seed, "experiment", creative_id)
    judgement = None if prior is None else judge(arms, prior, outcome, draws)
    missing = "" if prior else f"no {outcome} on two ads of the account yet"
    ids = {ad.ad_id: ad for ad in members}
    return Trial(creative_id, ids, {ad_id: sums[ad_id] for ad_id in ids}, judgement, prior, missing)


def too_early(arm: Arm, account: Account, learning: Learning, budget: Budget) -> str | None:
    """Why nothing may be concluded from an ad yet: too few impressions, or the zone of ignorance. None when it may."""
    spend = account.money(f"{budget.ignorance_spend:.2f}".removesuffix(".00"))
    if arm.impressions < learning.mature_impressions:
        return f"{arm.impressions} impressions, {learning.mature_impressions} are needed"
    if arm.hours < budget.ignorance_hours:
        return f"{arm.hours:.0f} h old, {budget.ignorance_hours:.0f} are needed"
    if arm.spend < spend.minor:
        return f"spent {arm.spend} of {spend.minor} minor units"
    return None
