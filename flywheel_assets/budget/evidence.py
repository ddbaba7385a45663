"""What the database knows about an account's ads: one query a question, no judgement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, Row, cast, func, or_, select, text
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause, ScalarSelect

from flywheel_assets.budget.types import Window
from flywheel_assets.core.hours import HOUR
from flywheel_assets.store.tables import ad_change_history, ad_insights, ad_objects, ml_feedback

_WORLD = text("current_setting('flywheel.world')")
_HOUR_SECONDS, _DAY_HOURS = 3600, 24
# Attempts that changed something, may have, or did for a moment before somebody else did.
_MAY_HAVE_COUNTED = ("executing", "unknown", "applied", "reconciled", "conflict")
_DONE = ("applied", "reconciled")


@dataclass(frozen=True)
class Delivery:
    """What the platform reported about one ad, oldest window first."""

    windows: tuple[Window, ...]
    reported_until: datetime
    currencies: frozenset[str]


@dataclass(frozen=True)
class Revenue:
    """What was attributed to one ad, minor units."""

    deals: int
    pipeline: int
    cash: int
    currencies: frozenset[str]


def ads_of(connection: Connection, account_id: str) -> Sequence[Row[Any]]:
    """Every ad that exists at the platform, with the owner of its budget, its campaign and when each came to life."""
    ad, owner, campaign = (ad_objects.alias(name) for name in ("ad", "owner", "campaign"))
    columns: list[ColumnElement[Any]] = [
        ad.c.remote_id.label("ad_id"),
        ad.c.effective_status,
        owner.c.ref.label("object_ref"),
        owner.c.daily_budget,
        owner.c.currency,
    ]
    for table in (ad, owner, campaign):
        columns += [table.c.status.label(f"{table.name}_status"), table.c.drift.label(f"{table.name}_drift")]
    columns += [
        _first_done(ad, "create_ad").label("created_at"),
        _first_done(campaign, "set_status").label("activated_at"),
    ]
    joined = ad.join(owner, owner.c.ref == func.regexp_replace(ad.c.ref, "/ad$", "/adset")).join(
        campaign, campaign.c.ref == ad.c.campaign_ref
    )
    query = select(*columns).select_from(joined)
    query = query.where(
        ad.c.account_id == account_id, ad.c.kind == "ad", ad.c.remote_id.is_not(None), ad.c.world == _WORLD
    )
    return connection.execute(query.order_by(ad.c.remote_id)).all()


def _first_done(table: FromClause, change_type: str) -> ScalarSelect[Any]:
    history = ad_change_history.c
    done = select(func.min(history.finished_at)).where(
        history.object_ref == table.c.ref, history.change_type == change_type, history.status.in_(_DONE)
    )
    return done.scalar_subquery()


def deliveries(connection: Connection, account_id: str, hour: datetime) -> dict[str, Delivery]:
    """Reported delivery up to and with ``hour``, by ad, in windows of 24 hours counted back from its end."""
    table = ad_insights.c
    age = func.extract("epoch", hour + HOUR - table.hour) / _HOUR_SECONDS
    window = cast(func.floor((age - 1) / _DAY_HOURS), Integer)
    sums = [func.sum(table[name]).label(name) for name in ("impressions", "clicks", "leads", "spend")]
    query = (
        select(
            table.ad_id,
            *sums,
            (func.avg(age) - 0.5).label("age_hours"),
            func.max(table.hour).label("last"),
            func.array_agg(table.currency.distinct()).label("currencies"),
        )
        .where(table.account_id == account_id, table.hour <= hour)
        .group_by(table.ad_id, window)
        .order_by(table.ad_id, window.desc())
    )
    by_ad: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        by_ad[row.ad_id].append(row)
    return {ad_id: _delivery(rows) for ad_id, rows in by_ad.items()}


def _delivery(rows: Sequence[Row[Any]]) -> Delivery:
    return Delivery(
        windows=tuple(
            Window(
                age_hours=float(row.age_hours),
                impressions=int(row.impressions),
                clicks=int(row.clicks),
                leads=int(row.leads),
                spend=int(row.spend),
            )
            for row in rows
        ),
        reported_until=max(row.last for row in rows) + HOUR,
        currencies=frozenset(currency for row in rows for currency in row.currencies),
    )


def revenues(connection: Connection, account_id: str, before: datetime) -> dict[str, Revenue]:
    """Attributed value that occurred before an instant, by ad."""
    feedback = ml_feedback.c
    query = (
        select(
            feedback.ad_id,
            func.count(feedback.deal_id.distinct()).label("deals"),
            func.sum(feedback.pipeline_increment).label("pipeline"),
            func.sum(feedback.cash_increment).label("cash"),
            func.array_agg(feedback.currency.distinct()).label("currencies"),
        )
        .where(feedback.account_id == account_id, feedback.occurred_at < before)
        .group_by(feedback.ad_id)
    )
    return {
        row.ad_id: Revenue(int(row.deals), int(row.pipeline), int(row.cash), frozenset(row.currencies))
        for row in connection.execute(query)
    }


def budgets_in_window(connection: Connection, account_id: str, opens: datetime) -> dict[str, list[int]]:
    """Budgets that were, or may have been, in force since ``opens`` because of an attempt of ours, by owner.

    The executor asks the same of one object just before a call (its ``budgets_in_window.sql``); a
    test holds the two together.
    """
    history = ad_change_history.c
    query = select(history.object_ref, history.previous_budget, history.target_budget).where(
        history.account_id == account_id,
        history.world == _WORLD,
        history.status.in_(_MAY_HAVE_COUNTED),
        or_(history.finished_at.is_(None), history.finished_at > opens),
    )
    found: dict[str, list[int]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.object_ref] += [minor for minor in (row.previous_budget, row.target_budget) if minor is not None]
    return dict(found)
