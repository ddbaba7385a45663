"""The ads that run, with what they are made of and what they delivered: the rows every learning loop starts from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.creative.repository import load_verdicts
from flywheel_assets.creative.types import Blueprint
from flywheel_assets.learning.report import Problem
from flywheel_assets.store.tables import ad_insights, ad_objects, ml_feedback

_REF_PARTS = 3  # <creative_id>/<key>/ad


@dataclass(frozen=True)
class PublishedAd:
    """An ad that exists at the platform and the plan it was made from."""

    ad_id: str
    creative_id: str
    key: str
    blueprint: Blueprint

    @property
    def budget_ref(self) -> str:
        """Local reference of the ad set that owns its budget."""
        return f"{self.creative_id}/{self.key}/adset"

    @property
    def campaign_ref(self) -> str:
        """Local reference of its campaign."""
        return f"{self.creative_id}/campaign"


@dataclass(frozen=True)
class Delivered:
    """Sums of an ad over its closed hours; money in minor units."""

    impressions: int
    clicks: int
    leads: int
    spend: int
    first_hour: datetime
    last_hour: datetime
    pipeline: int
    cash: int
    deals: int


def published_ads(connection: Connection, account_id: str) -> tuple[tuple[PublishedAd, ...], tuple[Problem, ...]]:
    """Ads with a remote id, by reference, and those whose plan is not known."""
    objects = ad_objects.c
    query = select(objects.ref, objects.remote_id).where(
        objects.account_id == account_id, objects.kind == "ad", objects.remote_id.is_not(None)
    )
    plans: dict[str, dict[str, Blueprint]] = {}
    ads, problems = [], []
    for row in connection.execute(query.order_by(objects.ref)):
        parts = row.ref.split("/")
        if len(parts) != _REF_PARTS:
            problems.append(Problem(subject=row.remote_id, rule="foreign_ref", reason=f"{row.ref} is not ours"))
            continue
        creative_id, key, _ = parts
        if creative_id not in plans:
            plans[creative_id] = _final_blueprints(connection, creative_id)
        if (plan := plans[creative_id].get(key)) is None:
            reason = f"no judged blueprint {key} of {creative_id} is stored"
            problems.append(Problem(subject=row.remote_id, rule="no_blueprint", reason=reason))
            continue
        ads.append(PublishedAd(row.remote_id, creative_id, key, plan))
    return tuple(ads), tuple(problems)


def _final_blueprints(connection: Connection, creative_id: str) -> dict[str, Blueprint]:
    """Each draft as it was after its last turn; verdicts come by key and turn."""
    return {one.blueprint.key: one.blueprint for one in load_verdicts(connection, creative_id)}


def delivered(
    connection: Connection, account: Account, hour: datetime
) -> tuple[dict[str, Delivered], tuple[Problem, ...]]:
    """What each ad delivered up to and including the closed ``hour``. An ad nothing was reported for is not in it."""
    insights = ad_insights.c
    query = (
        select(
            insights.ad_id,
            func.sum(insights.impressions).label("impressions"),
            func.sum(insights.clicks).label("clicks"),
            func.sum(insights.leads).label("leads"),
            func.sum(insights.spend).label("spend"),
            func.min(insights.hour).label("first_hour"),
            func.max(insights.hour).label("last_hour"),
            func.array_agg(insights.currency.distinct()).label("currencies"),
        )
        .where(insights.account_id == account.account_id, insights.hour <= hour)
        .group_by(insights.ad_id)
    )
    revenue, problems = _revenue(connection, account, hour)
    sums = {}
    for row in connection.execute(query):
        if row.currencies != [account.currency]:
            problems.append(_currency(row.ad_id, row.currencies, account.currency))
            continue
        counts = (int(row.impressions), int(row.clicks), int(row.leads), int(row.spend))
        sums[row.ad_id] = Delivered(*counts, row.first_hour, row.last_hour, *revenue[row.ad_id])
    return sums, tuple(problems)


def _revenue(
    connection: Connection, account: Account, hour: datetime
) -> tuple[defaultdict[str, tuple[int, int, int]], list[Problem]]:
    """Attributed pipeline, cash and number of deals per ad; an ad without deals has earned nothing yet."""
    feedback = ml_feedback.c
    query = (
        select(
            feedback.ad_id,
            feedback.currency,
            func.sum(feedback.pipeline_increment).label("pipeline"),
            func.sum(feedback.cash_increment).label("cash"),
            func.count(feedback.deal_id.distinct()).label("deals"),
        )
        .where(feedback.account_id == account.account_id, feedback.occurred_at < hour + HOUR)
        .group_by(feedback.ad_id, feedback.currency)
    )
    earned: defaultdict[str, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    problems = []
    for row in connection.execute(query):
        if row.currency != account.currency:
            problems.append(_currency(row.ad_id, [row.currency], account.currency))
            continue
        earned[row.ad_id] = (int(row.pipeline), int(row.cash), int(row.deals))
    return earned, problems


def _currency(ad_id: str, found: list[str], wanted: str) -> Problem:
    reason = f"amounts in {', '.join(found)}, but the account pays {wanted}; they are not added up"
    return Problem(subject=ad_id, rule="currency_mismatch", reason=reason)
