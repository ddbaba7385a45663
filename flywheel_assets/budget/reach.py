"""How often the same people see an ad: read once a day, for the week that ended at the account's midnight.

Counts of people exist for whole spans only, so they cannot come with the hours. They are asked for
with an account day's last hour: by the hourly look, and again by the nightly one, which reads that
hour too. A day that nobody could read is made up for by the next; until then the frequency of before
counts, and after `Budget.frequency_stale_hours` it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from flywheel_assets.clients.meta_reach import AdReach
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.settings import Budget
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_reach

_DAYS = timedelta(days=7)


class ReachSource(Protocol):
    """Where people are counted; `clients.meta.MetaClient` is one."""

    def reach(self, since: date, until: date) -> Sequence[AdReach]:
        """One row an ad for the account's days ``since`` to ``until``, both included."""
        ...


def read_reach(engine: Engine, account: Account, source: ReachSource, hours: Sequence[datetime]) -> int:
    """Read and store the week before the newest account day that begins with or in ``hours``; how many ads, 0 if none begins.

    Raises:
        RemoteError: the platform did not answer; nothing was stored.
    """
    with engine.connect() as connection:
        now = business_now(connection)
    zone = ZoneInfo(account.time_zone)
    if (day := _last_day(hours, zone, now)) is None:
        return 0
    found = source.reach(day - _DAYS, day - timedelta(days=1))
    until = _midnight(day, zone)
    rows = [{"account_id": account.account_id, "until": until, **vars(one)} for one in found]
    table = ad_reach.c
    with engine.begin() as connection:
        connection.execute(ad_reach.delete().where(table.account_id == account.account_id, table.until == until))
        if rows:
            connection.execute(ad_reach.insert(), rows)
    return len(rows)


def frequencies(connection: Connection, account_id: str, now: datetime, rules: Budget) -> dict[str, float]:
    """Impressions per person reached in the newest week known at ``now``, by ad; an old one is not known."""
    table = ad_reach.c
    oldest = now - timedelta(hours=rules.frequency_stale_hours)
    query = (
        select(table.ad_id, table.frequency)
        .where(table.account_id == account_id, table.until <= now, table.until > oldest)
        .order_by(table.until)
    )
    return {row.ad_id: row.frequency for row in connection.execute(query)}


def _last_day(hours: Sequence[datetime], zone: ZoneInfo, now: datetime) -> date | None:
    """The newest account day that begins in one of the hours, or at its end, and has begun by ``now``."""
    for hour in sorted(hours, reverse=True):
        day = (hour + HOUR).astimezone(zone).date()
        if hour < _midnight(day, zone) <= min(hour + HOUR, now):
            return day
    return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When an account day begins, UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
