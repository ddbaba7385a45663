"""Reading what the platform reports, and knowing what it has not reported.

The platform is asked for whole account days and answers for all their hours, so every read
restates its days and fills hours that earlier reads missed. It counts a lead in the hour of its
click, however late it comes, so the day of 24 hours before is always read too: most leads are in by
then, and the nightly read of weeks finds the rest. Only hours that are over are taken.

An hour that was not read has no row in `insight_reads`: `missing_hours` lists it, and the states of
all ads show their last reported hour. An hour that was read but has no row for an ad was not
reported for that ad; nobody turns it into zeros. An ad without a report for longer than
`Budget.stale_hours` is blocked, whichever of the two it was: two missing hours are visible and
decisions go on, four stop them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.budget.reach import ReachSource, read_reach
from flywheel_assets.clients.meta_insights import AdHour
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import RemoteError
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_insights, insight_reads

_BATCH = 1000
_LEADS_COME = timedelta(hours=24)


class InsightsSource(ReachSource, Protocol):
    """Where delivery is read; `clients.meta.MetaClient` is one."""

    def insights(self, since: date, until: date, *, time_zone: str, currency: str) -> Sequence[AdHour]:
        """Hourly rows of the account's days ``since`` to ``until``, both included."""
        ...


@dataclass(frozen=True)
class InsightsRead:
    """What one reading brought.

    Attributes:
        read: hours the platform answered for, also beyond those asked for.
        missing: hours that were asked for and not answered: not over yet, or the platform failed.
        silent: hours that were asked for and answered without a row of any ad.
        rows: ad-hours stored or restated.
        problem: the platform's error; nothing was stored then, or, where it counts no people, no reach.
        reached: ads whose reach was read; 0 but for an account day's last hour.
    """

    account_id: str
    read: tuple[datetime, ...]
    missing: tuple[datetime, ...]
    silent: tuple[datetime, ...]
    rows: int
    ads: int
    impressions: int
    spend: int
    currency: str
    problem: str | None = None
    reached: int = 0


def read_insights(engine: Engine, account: Account, source: InsightsSource, hours: Sequence[datetime]) -> InsightsRead:
    """Read the account days of ``hours`` and of the day before them, and store the closed hours, in one transaction.

    Where a day of the account ends with one of them, its week's reach is read after that (`reach`).

    A platform that fails is an answer too, so that the account's other work and other accounts go
    on: the problem is in the result and the hours stay missing.
    """
    asked = tuple(sorted({floor_hour(hour) for hour in hours}))
    zone = ZoneInfo(account.time_zone)
    if not asked:
        return _result(account, (), (), ())
    first, last = _local_day(asked[0] - _LEADS_COME, zone), _local_day(asked[-1], zone)
    try:
        reported = source.insights(first, last, time_zone=account.time_zone, currency=account.currency)
    except RemoteError as error:
        return _result(account, asked, (), (), f"{type(error).__name__}: {error}")
    with engine.begin() as connection:
        closed = _closed(first, last, zone, business_now(connection))
        rows = [row for row in reported if row.hour in closed]
        _store(connection, account, rows, sorted(closed))
    result = _result(account, asked, tuple(sorted(closed)), rows)
    try:
        return replace(result, reached=read_reach(engine, account, source, asked))
    except RemoteError as error:
        return replace(result, problem=f"the reach of ads: {type(error).__name__}: {error}")


def missing_hours(connection: Connection, account_id: str, since: datetime, until: datetime) -> tuple[datetime, ...]:
    """Hours from ``since`` to ``until``, both included, that were never read."""
    reads = insight_reads.c
    query = select(reads.hour).where(reads.account_id == account_id, reads.hour.between(since, until))
    known = set(connection.execute(query).scalars())
    count = int((until - since) / HOUR) + 1
    return tuple(hour for hour in (since + HOUR * index for index in range(count)) if hour not in known)


def _local_day(hour: datetime, zone: ZoneInfo) -> date:
    """The account day whose rows hold this UTC hour: that of the local hour which begins in it."""
    return (hour + _offset_within_hour(hour, zone)).astimezone(zone).date()


def _offset_within_hour(moment: datetime, zone: ZoneInfo) -> timedelta:
    """Minutes after the full UTC hour at which the zone's hours begin."""
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return -offset % HOUR


def _closed(first: date, last: date, zone: ZoneInfo, now: datetime) -> set[datetime]:
    """UTC hours under which the days' rows are filed, as far as their local hours are over at ``now``."""
    begin = datetime.combine(first, time(), tzinfo=zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone).astimezone(UTC)
    starts = (begin + HOUR * index for index in range(int((end - begin) / HOUR)))
    return {floor_hour(start) for start in starts if start + HOUR <= now}


def _store(connection: Connection, account: Account, rows: Sequence[AdHour], closed: Sequence[datetime]) -> None:
    values = [{"account_id": account.account_id, "currency": account.currency, **vars(row)} for row in rows]
    restated = ("impressions", "clicks", "leads", "spend", "conversion_value", "currency")
    for start in range(0, len(values), _BATCH):
        statement = insert(ad_insights).values(values[start : start + _BATCH])
        fresh = {name: statement.excluded[name] for name in restated} | {"read_at": func.flywheel_now()}
        connection.execute(statement.on_conflict_do_update(index_elements=["account_id", "ad_id", "hour"], set_=fresh))
    if closed:
        statement = insert(insight_reads).values([{"account_id": account.account_id, "hour": hour} for hour in closed])
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "hour"], set_={"read_at": func.flywheel_now()}
            )
        )


def _result(
    account: Account,
    asked: Sequence[datetime],
    read: tuple[datetime, ...],
    rows: Sequence[AdHour],
    problem: str | None = None,
) -> InsightsRead:
    answered, reported = set(read), {row.hour for row in rows}
    return InsightsRead(
        account_id=account.account_id,
        read=read,
        missing=tuple(hour for hour in asked if hour not in answered),
        silent=tuple(hour for hour in asked if hour in answered and hour not in reported),
        rows=len(rows),
        ads=len({row.ad_id for row in rows}),
        impressions=sum(row.impressions for row in rows),
        spend=sum(row.spend for row in rows),
        currency=account.currency,
        problem=problem,
    )
