"""What the database knows about an account's ads: one query a question, no judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, case, cast, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause, ScalarSelect

from flywheel_assets.budget.types import Hours
from flywheel_assets.core.hours import HOUR
from flywheel_assets.store.tables import ad_change_history, ad_insights, ad_objects, creative_dna

_WORLD = text("current_setting('flywheel.world')")
_HOUR_SECONDS = 3600
_DONE = ("applied", "reconciled")
_COUNTS = ("impressions", "clicks", "leads", "spend")


@dataclass(frozen=True)
class Delivery:
    """What the platform reported about one ad: sums of its life, and its latest hours without their budgets.

    ``value`` is of its conversions, minor units; None where none was ever reported.
    """

    totals: Mapping[str, int]
    value: int | None
    hours: Hours
    reported_until: datetime
    currencies: frozenset[str]


def ads_of(connection: Connection, account_id: str) -> Sequence[Row[Any]]:
    """Every ad that exists at the platform, with the owner of its budget, its campaign and when each came to life.

    The campaign owns the budget where it has one, else the ad set. ``shares`` is how many ad sets live on it.
    """
    ad, adset, campaign = (ad_objects.alias(name) for name in ("ad", "adset", "campaign"))
    shared = campaign.c.daily_budget.is_not(None)
    owned = {
        name: case((shared, campaign.c[name]), else_=adset.c[name]) for name in ("ref", "daily_budget", "currency")
    }
    columns: list[ColumnElement[Any]] = [
        ad.c.remote_id.label("ad_id"),
        ad.c.ref.label("ad_ref"),
        ad.c.effective_status,
        adset.c.learning_phase,
        owned["ref"].label("object_ref"),
        owned["daily_budget"].label("daily_budget"),
        owned["currency"].label("currency"),
        case((shared, campaign.c.drift), else_=adset.c.drift).label("owner_drift"),
        case((shared, campaign.c.observed_at), else_=adset.c.observed_at).label("observed_at"),
        case((shared, _ad_sets(campaign)), else_=1).label("shares"),
    ]
    for table in (ad, adset, campaign):
        columns += [table.c.status.label(f"{table.name}_status"), table.c.drift.label(f"{table.name}_drift")]
    columns += [
        _first_done(ad, "create_ad").label("created_at"),
        _first_done(campaign, "set_status").label("activated_at"),
    ]
    joined = ad.join(adset, adset.c.ref == func.regexp_replace(ad.c.ref, "/ad$", "/adset")).join(
        campaign, campaign.c.ref == ad.c.campaign_ref
    )
    query = select(*columns).select_from(joined)
    query = query.where(
        ad.c.account_id == account_id, ad.c.kind == "ad", ad.c.remote_id.is_not(None), ad.c.world == _WORLD
    )
    return connection.execute(query.order_by(ad.c.remote_id)).all()


def _ad_sets(campaign: FromClause) -> ScalarSelect[Any]:
    table = ad_objects.c
    mine = table.campaign_ref == campaign.c.ref, table.kind == "adset", table.remote_id.is_not(None)
    return select(func.count()).select_from(ad_objects).where(*mine).scalar_subquery()


def _first_done(table: FromClause, change_type: str) -> ScalarSelect[Any]:
    history = ad_change_history.c
    done = select(func.min(history.finished_at)).where(
        history.object_ref == table.c.ref, history.change_type == change_type, history.status.in_(_DONE)
    )
    return done.scalar_subquery()


def deliveries(connection: Connection, account_id: str, hour: datetime, days: int) -> dict[str, Delivery]:
    """Reported delivery up to and with ``hour``, by ad; hours of the last ``days`` days one by one."""
    table = ad_insights.c
    number = cast(func.extract("epoch", table.hour) / _HOUR_SECONDS, BigInteger)
    recent = table.hour > hour - timedelta(days=days)
    in_order = {"hour": number, **{name: table[name] for name in _COUNTS}}
    query = (
        select(
            table.ad_id,
            *(func.sum(table[name]).label(name) for name in _COUNTS),
            *(
                func.array_agg(aggregate_order_by(column, table.hour)).filter(recent).label(f"hours_{name}")
                for name, column in in_order.items()
            ),
            func.sum(table.conversion_value).label("value"),
            func.max(table.hour).label("last"),
            func.array_agg(table.currency.distinct()).label("currencies"),
        )
        .where(table.account_id == account_id, table.hour <= hour)
        .group_by(table.ad_id)
    )
    return {row.ad_id: _delivery(row) for row in connection.execute(query)}


def _delivery(row: Row[Any]) -> Delivery:
    columns = {name: tuple(getattr(row, f"hours_{name}") or ()) for name in ("hour", *_COUNTS)}
    return Delivery(
        totals={name: int(getattr(row, name)) for name in _COUNTS},
        value=None if row.value is None else int(row.value),
        hours=Hours(**columns, budget=(None,) * len(columns["hour"])),
        reported_until=row.last + HOUR,
        currencies=frozenset(row.currencies),
    )


def dna_of(connection: Connection, account_id: str) -> dict[str, tuple[float, ...]]:
    """Vectors by ad, of the embedder that wrote the newest one: those of different ones cannot be compared."""
    table = creative_dna.c
    query = select(table.ad_id, table.embedder, table.vector).where(table.account_id == account_id)
    rows = connection.execute(query.order_by(table.made_at, table.ad_id)).all()
    return {row.ad_id: tuple(map(float, row.vector)) for row in rows if row.embedder == rows[-1].embedder}
