"""Where the state machine begins: two accounts with running ad sets, limits that bind soon, a trap in another world."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import SAFETY_PRIORITY
from flywheel_assets.settings import Safety
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts, ad_objects, pending_ad_changes, twin_clock
from flywheel_assets.store.tables.base import METADATA

START = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
# Tight, so that every limit binds within a few steps; no lease or breaker ends by the passing of real time.
SAFETY = Safety(
    actions_per_campaign_hour=5,
    account_writes_per_hour=3,
    retry_seconds=(1, 2),
    lease_seconds=3600,
    breaker_failures=3,
    breaker_seconds=3600,
)
_COMMON: dict[str, Any] = {
    "mode": "auto",
    "currency": "USD",
    "time_zone": "America/New_York",
    "page_id": "1000000002",
    "targeting": {"geo_locations": {"countries": ["US"]}},
    "ad_set_floor": "10.00",
    "ad_set_ceiling": "120.00",
}
ONE = Account(account_id="act_1", name="Bright Cup", daily_plan="150.00", **_COMMON)
TWO = Account(account_id="act_2", name="Dark Cup", daily_plan="60.00", **_COMMON)
ACCOUNTS = {account.account_id: account for account in (ONE, TWO)}
CAMPAIGNS = {"c1/campaign": ONE, "c2/campaign": ONE, "c3/campaign": TWO}
AD_SETS = {"c1/a/adset": 5000, "c1/b/adset": 4000, "c2/a/adset": 3000, "c3/a/adset": 5000}
LAUNCHED = "new/v0/adset"
_OTHER_WORLD = "act_9"


@cache
def _of_accounts() -> tuple[Table, ...]:
    """The accounts and every table that hangs on them, in the order in which they can be emptied."""
    found = {accounts}
    for table in METADATA.sorted_tables:
        if any(key.column.table in found for key in table.foreign_keys):
            found.add(table)
    return tuple(table for table in reversed(METADATA.sorted_tables) if table in found)


def remote(ref: str) -> str:
    """The platform's id of an object that was there from the start."""
    return str(int.from_bytes(ref.encode(), "big") % 10**17)


def campaign_of(ref: str) -> str:
    """The campaign an object is part of."""
    return f"{ref.partition('/')[0]}/campaign"


def running_objects() -> list[tuple[str, int | None]]:
    """Every campaign and ad set that runs from the start, with its budget."""
    return [*((ref, None) for ref in CAMPAIGNS), *AD_SETS.items()]


def is_safety(row: Any) -> bool:
    """Whether a row of the queue is a safety pause."""
    return bool(row["priority"] >= SAFETY_PRIORITY)


def set_up(store: Store) -> None:
    """Empty the tables, set the clock to its start, and lay out the scene."""
    with store.engine.begin() as connection:
        for table in _of_accounts():
            connection.execute(table.delete())
        connection.execute(twin_clock.update().values(reads=START, rate=0))
        for account in ACCOUNTS.values():
            save_account(connection, account, "sandbox")
        for ref, budget in running_objects():
            _add_object(connection, ref, CAMPAIGNS[campaign_of(ref)].account_id, "sandbox", budget)
        _lay_trap(connection)


def _add_object(connection: Connection, ref: str, account_id: str, world: str, budget: int | None) -> None:
    row = {"ref": ref, "kind": "campaign" if budget is None else "adset", "campaign_ref": campaign_of(ref)}
    rest = {"world": world, "account_id": account_id, "currency": "USD", "tag": f"fw-{ref}", "status": "ACTIVE"}
    connection.execute(ad_objects.insert().values(**row, **rest, remote_id=remote(ref), daily_budget=budget))


def _lay_trap(connection: Connection) -> None:
    """A due change of the other world: whoever touches it has crossed over."""
    save_account(connection, ONE.model_copy(update={"account_id": _OTHER_WORLD}), "live")
    _add_object(connection, "c9/campaign", _OTHER_WORLD, "live", None)
    row = {
        "world": "live",
        "account_id": _OTHER_WORLD,
        "campaign_ref": "c9/campaign",
        "object_ref": "c9/campaign",
        "change_type": "set_status",
        "spec": {"kind": "set_status", "status": "PAUSED"},
        "currency": "USD",
        "reasoning": "a trap",
        "requested_by": "test",
        "idempotency_key": "trap-in-live",
        "status": "pending",
        "jitter_seconds": 3,
        "not_before": START - timedelta(hours=1),
    }
    connection.execute(pending_ad_changes.insert().values(row))
