"""Emptying the queue: everything that is due now, and on a twin's standing clock everything that will be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, select, text

from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.execution.records import Step
from flywheel_assets.execution.statements import sql
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.store.clock import advance_twin_clock, business_now, twin_clock_stands
from flywheel_assets.store.tables import ad_objects


def drain(executor: SafeExecutor, until: datetime | None = None) -> Iterator[Step]:
    """See every due change through.

    In a sandbox whose clock stands still, waiting means moving the clock, at most to ``until``:
    jitter, hourly windows and video processing then cost no real time. Everywhere else the drain
    ends when nothing is due.
    """
    yield from executor.drain(lambda due: (until is None or due <= until) and _moved_to(executor.engine, due))


def _moved_to(engine: Engine, due: datetime) -> bool:
    with engine.begin() as connection:
        connection.execute(sql("lock_twin_clock"))
        if not twin_clock_stands(connection):
            return False
        real: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
        if not business_now(connection) < due <= real:
            return False
        advance_twin_clock(connection, due)
        return True


def hour_to_decide(engine: Engine) -> datetime | None:
    """Where a drain has to stop moving the clock: an hour in which ads run is decided before time goes on."""
    running = select(ad_objects.c.ref).where(ad_objects.c.kind == "campaign", ad_objects.c.status == "ACTIVE")
    with engine.connect() as connection:
        if connection.execute(running.limit(1)).first() is None:
            return None
        return floor_hour(business_now(connection)) + HOUR
