"""What we need of a CRM, and a deal as it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.clients.hubspot import Deal, StageEntry
from flywheel_assets.core.account import Account, HubSpot
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import Money
from flywheel_assets.revenue.problems import Problem, replace
from flywheel_assets.store.tables import deals

# Deal properties that hold the keyed hashes of the visitor, where the landing page's form carries
# what the gateway gave it. Anything that is not a hash is not taken: no raw address is ever stored.
FINGERPRINT_PROPERTY = "flywheel_fingerprint_hmac"
IP_PROPERTY = "flywheel_ip_hmac"
_HASH = re.compile(r"[0-9a-f]{64}")

_STANDARD = ("dealstage", "amount", "deal_currency_code")
_DEAL_RULES = ("bad_amount", "no_stage", "deal_of_other_account", "deal_not_found")
_LARGEST = 2**62  # of an amount in minor units; far beyond any deal, within the column


class Crm(Protocol):
    """What revenue asks of a CRM; `HubSpotClient` is one. Failures are `core.errors.RemoteError`."""

    def deals(self, ids: Sequence[int], properties: Sequence[str]) -> list[Deal]:
        """The deals of those ids; one that is gone is absent."""
        ...

    def modified_since(self, moment: datetime, properties: Sequence[str]) -> Iterator[Deal]:
        """Deals modified at ``moment`` or later."""
        ...

    def stage_histories(self, ids: Sequence[int]) -> dict[int, tuple[StageEntry, ...]]:
        """Every stage each deal was in, with the time it came into it."""
        ...


def wanted_properties(hubspot: HubSpot) -> tuple[str, ...]:
    """The deal properties that are read; nothing about people among them."""
    joins = (hubspot.ad_property, hubspot.click_property, hubspot.fbclid_property)
    return (*_STANDARD, *joins, FINGERPRINT_PROPERTY, IP_PROPERTY)


def keep_deals(
    connection: Connection, account: Account, hubspot: HubSpot, found: Sequence[Deal], now: datetime
) -> frozenset[int]:
    """Insert or update deals as fetched at ``now``; the ids that are kept.

    A deal that cannot be used, or belongs to another account, is a problem row instead.
    """
    others = _of_other_accounts(connection, account, [deal.id for deal in found])
    kept, problems = set(), list[Problem]()
    for deal in found:
        if deal.id in others:
            reason = f"it belongs to {others[deal.id]}; one portal can serve one account only"
            problems.append(Problem(f"deal:{deal.id}", "deal_of_other_account", reason))
        elif not _text(deal.properties.get("dealstage")):
            problems.append(Problem(f"deal:{deal.id}", "no_stage", "HubSpot shows no stage; put it into a pipeline"))
        else:
            row, problem = _row(deal, account, hubspot)
            problems += [problem] if problem else []
            _upsert(connection, row | {"fetched_at": now})
            kept.add(deal.id)
    subjects = [f"deal:{deal.id}" for deal in found]
    replace(connection, subjects, _DEAL_RULES, problems, account.account_id)
    return frozenset(kept)


def _of_other_accounts(connection: Connection, account: Account, ids: Sequence[int]) -> dict[int, str]:
    table = deals.c
    query = select(table.deal_id, table.account_id).where(
        table.deal_id.in_(ids), table.account_id != account.account_id
    )
    return {row.deal_id: row.account_id for row in connection.execute(query)}


def _row(deal: Deal, account: Account, hubspot: HubSpot) -> tuple[dict[str, Any], Problem | None]:
    given = {name: _text(value) for name, value in deal.properties.items()}
    # A portal with one currency gives its deals no code; that one is the account's.
    currency = given.get("deal_currency_code") or account.currency
    amount, problem = _amount(deal.id, given.get("amount"), currency)
    matching = account.consent.identity_matching
    return {
        "deal_id": deal.id,
        "account_id": account.account_id,
        "portal_id": hubspot.portal_id,
        "amount": amount,
        "currency": currency,
        "stage": given["dealstage"],
        "created_at": deal.created_at,
        "ad_id": given.get(hubspot.ad_property),
        "click_id": given.get(hubspot.click_property),
        "fbclid": given.get(hubspot.fbclid_property),
        "fingerprint_hmac": _hash(given.get(FINGERPRINT_PROPERTY)) if matching else None,
        "ip_hmac": _hash(given.get(IP_PROPERTY)) if matching else None,
    }, problem


def _text(value: str | None) -> str | None:
    """Text as the database can hold it: without NUL and halves of surrogate pairs; None when nothing is left."""
    return (value or "").replace("\x00", "").encode("utf-8", "replace").decode().strip() or None


def _amount(deal_id: int, text: str | None, currency: str) -> tuple[int | None, Problem | None]:
    """The amount in minor units; None when it is missing or cannot be used."""
    if text is None:
        return None, None
    try:
        minor = Money.parse(text, currency).minor
    except ConfigurationError as error:
        return None, Problem(f"deal:{deal_id}", "bad_amount", f"{error}; correct it in HubSpot")
    if not 0 <= minor <= _LARGEST:
        reason = f"{text} {currency} is negative or beyond any deal; correct it in HubSpot"
        return None, Problem(f"deal:{deal_id}", "bad_amount", reason)
    return minor, None


def _hash(value: str | None) -> str | None:
    return value if value and _HASH.fullmatch(value) else None


def _upsert(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(deals).values(row).on_conflict_do_update(index_elements=["deal_id"], set_=row))
