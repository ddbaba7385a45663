"""What came back: attributed value by ad, deals with their stages, and how fresh what the CRM told us is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from flywheel_assets.budget.types import Deal, StageEntered
from flywheel_assets.core.account import Account, HubSpot
from flywheel_assets.store.tables import (
    attributions,
    clicks,
    deal_stage_changes,
    deals,
    hubspot_events,
    ml_feedback,
    revenue_problems,
)


@dataclass(frozen=True)
class Revenue:
    """What was attributed to one ad, minor units."""

    pipeline: int
    cash: int
    currencies: frozenset[str]


def revenues(connection: Connection, account_id: str, before: datetime) -> dict[str, Revenue]:
    """Attributed value that occurred before an instant, by ad."""
    feedback = ml_feedback.c
    query = (
        select(
            feedback.ad_id,
            func.sum(feedback.pipeline_increment).label("pipeline"),
            func.sum(feedback.cash_increment).label("cash"),
            func.array_agg(feedback.currency.distinct()).label("currencies"),
        )
        .where(feedback.account_id == account_id, feedback.occurred_at < before)
        .group_by(feedback.ad_id)
    )
    return {
        row.ad_id: Revenue(int(row.pipeline), int(row.cash), frozenset(row.currencies))
        for row in connection.execute(query)
    }


def deals_by_ad(connection: Connection, account: Account, before: datetime) -> dict[str, tuple[Deal, ...]]:
    """Deals with a stage known before an instant, each with the ad that it most probably came from.

    Value is shared among candidates (`revenues`); how far a deal gets and how long that takes is one
    story and belongs to one ad. A deal that came from none of our ads has no place here.
    """
    if account.hubspot is None:
        return {}
    entered = _stages(connection, account.account_id, account.hubspot, before)
    found: dict[str, list[Deal]] = defaultdict(list)
    for row in _best_candidates(connection, account.account_id, before):
        if row.deal_id in entered:
            clicked = row.clicked_at if row.clicked_at is not None and row.clicked_at < before else None
            found[row.ad_id].append(
                Deal(
                    deal_id=row.deal_id,
                    clicked_at=clicked,
                    created_at=row.created_at,
                    stages=entered[row.deal_id],
                    amount=row.amount if row.currency == account.currency else None,
                )
            )
    return {ad_id: tuple(theirs) for ad_id, theirs in found.items()}


def _best_candidates(connection: Connection, account_id: str, before: datetime) -> Iterable[Row[Any]]:
    """Deals whose best candidate is an ad; ``candidate`` 0 is the best, also where that is nobody."""
    one, deal = attributions.c, deals.c
    query = (
        select(one.deal_id, one.ad_id, clicks.c.clicked_at, deal.created_at, deal.amount, deal.currency)
        .join(deals, deal.deal_id == one.deal_id)
        .outerjoin(clicks, clicks.c.click_id == one.click_id)
        .where(one.account_id == account_id, one.candidate == 0, one.ad_id.is_not(None), deal.created_at < before)
        .order_by(one.deal_id)
    )
    return connection.execute(query)


def _stages(
    connection: Connection, account_id: str, hubspot: HubSpot, before: datetime
) -> dict[int, tuple[StageEntered, ...]]:
    """Stages of the account's map by deal; of two in one instant the one nearer to being won is the later."""
    known, change = hubspot.stages, deal_stage_changes.c
    query = (
        select(change.deal_id, change.stage, change.occurred_at)
        .join(deals, deals.c.deal_id == change.deal_id)
        .where(deals.c.account_id == account_id, change.occurred_at < before, change.stage.in_(known))
    )
    found: dict[int, list[StageEntered]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.deal_id].append(StageEntered(stage=row.stage, at=row.occurred_at))
    return {
        deal_id: tuple(sorted(steps, key=lambda step: (step.at, known[step.stage].win_probability, step.stage)))
        for deal_id, steps in found.items()
    }


def crm_waits_since(connection: Connection, account: Account) -> tuple[datetime, str] | None:
    """Since when something the CRM has to say is not taken over, and what; None while nothing waits."""
    if account.hubspot is None:
        return None
    event, problem, deal, one = hubspot_events.c, revenue_problems.c, deals.c, attributions.c
    undecided = ~select(one.deal_id).where(one.deal_id == deal.deal_id).exists()
    asked = {
        "HubSpot cannot be read": select(func.min(problem.seen_at)).where(
            problem.subject == f"account:{account.account_id}", problem.rule == "crm_unavailable"
        ),
        "events of HubSpot wait to be taken over": select(func.min(event.occurred_at)).where(
            event.portal_id == account.hubspot.portal_id, event.handled_at.is_(None)
        ),
        "deals wait to be attributed": select(func.min(deal.fetched_at)).where(
            deal.account_id == account.account_id, undecided
        ),
    }
    found = [(connection.execute(query).scalar_one(), why) for why, query in asked.items()]
    return min(((at, why) for at, why in found if at is not None), default=None)
