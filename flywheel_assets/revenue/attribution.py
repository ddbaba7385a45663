"""Attributions of an account's deals, decided from what was known when each deal was created.

A deal is decided again while it is young, because clicks can be reported late and a form's fields
corrected. Once it is `SETTLED_AFTER` old its attribution stays, so that expired clicks can be
deleted without taking credit away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, false, or_, select

from flywheel_assets.core.account import Account
from flywheel_assets.revenue.matching import CRM_GRAIN, LOOK_BACK, Click, Credit, Lead, attribute
from flywheel_assets.revenue.problems import lock_account
from flywheel_assets.store.tables import ad_objects, attributions, clicks, deals

# Twice the look-back: the longest a click is worth keeping.
SETTLED_AFTER = timedelta(days=28)


@dataclass(frozen=True)
class Attributed:
    """What was decided in this run.

    Attributes:
        deals: deals looked at; settled ones are not.
        changed: those whose attribution is new or another than before.
        methods: deals by the method of their best candidate.
    """

    deals: int
    changed: tuple[int, ...]
    methods: dict[str, int]


def attribute_deals(engine: Engine, account: Account, now: datetime) -> Attributed:
    """Decide where every deal came from that is new or not settled at ``now``; one transaction."""
    with engine.begin() as connection:
        lock_account(connection, account.account_id)
        own_ads = _own_ads(connection, account.account_id)
        decided = {
            lead.deal_id: _decide(connection, account, lead, own_ads)
            for lead in _open_leads(connection, account.account_id, now)
        }
        changed = tuple(
            deal_id for deal_id, credits_ in decided.items() if _replace(connection, account, deal_id, credits_)
        )
    best = Counter(credits_[0].method for credits_ in decided.values())
    return Attributed(len(decided), changed, dict(sorted(best.items())))


def _own_ads(connection: Connection, account_id: str) -> frozenset[str]:
    table = ad_objects.c
    query = select(table.remote_id).where(
        table.account_id == account_id, table.kind == "ad", table.remote_id.is_not(None)
    )
    return frozenset(connection.execute(query).scalars())


def _open_leads(connection: Connection, account_id: str, now: datetime) -> list[Lead]:
    table = deals.c
    columns = [getattr(table, name) for name in Lead.__annotations__]
    decided = select(attributions.c.deal_id).where(attributions.c.deal_id == table.deal_id).exists()
    query = select(*columns).where(
        table.account_id == account_id,
        table.created_at <= now,
        or_(table.created_at >= now - SETTLED_AFTER, ~decided),
    )
    return [Lead(*row) for row in connection.execute(query.order_by(table.deal_id))]


def _decide(connection: Connection, account: Account, lead: Lead, own_ads: Collection[str]) -> tuple[Credit, ...]:
    identity = account.consent.identity_matching
    return attribute(lead, _clicks(connection, account.account_id, lead, identity=identity), own_ads, identity=identity)


def _clicks(connection: Connection, account_id: str, lead: Lead, *, identity: bool) -> list[Click]:
    """The clicks that can matter: those the deal names, and with consent those of the look-back."""
    table = clicks.c
    named: list[ColumnElement[bool]] = [false()]
    if lead.click_id is not None:
        named.append(table.click_id == lead.click_id)
    if lead.fbclid is not None:
        named.append(table.fbclid == lead.fbclid)
    if identity and (lead.fingerprint_hmac or lead.ip_hmac):
        named.append(table.clicked_at >= lead.created_at - LOOK_BACK)
    columns = [getattr(table, name) for name in Click.__annotations__]
    query = select(*columns).where(
        and_(table.account_id == account_id, table.clicked_at < lead.created_at + CRM_GRAIN, or_(*named))
    )
    return [Click(*row) for row in connection.execute(query)]


def _replace(connection: Connection, account: Account, deal_id: int, decided: Sequence[Credit]) -> bool:
    """Make ``decided`` the deal's attribution; False when it was already."""
    rows: list[dict[str, Any]] = [
        {"deal_id": deal_id, "candidate": rank, "account_id": account.account_id, **asdict(credit)}
        for rank, credit in enumerate(decided)
    ]
    mine = attributions.c.deal_id == deal_id
    known = connection.execute(attributions.select().where(mine).order_by(attributions.c.candidate)).mappings()
    if [dict(row) for row in known] == rows:
        return False
    connection.execute(attributions.delete().where(mine))
    connection.execute(attributions.insert(), rows)
    return True
