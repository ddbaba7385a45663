"""Business time. Real time in `live`; in `sandbox` the twin's clock, which starts in the past and never overtakes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.store.tables import twin_clock


def business_now(connection: Connection) -> datetime:
    """What time it is for limits, windows, jitter and attribution."""
    return _instant(connection.execute(select(func.flywheel_now())).scalar_one())


def start_twin_clock(connection: Connection, at: datetime) -> None:
    """Set the twin's clock standing at ``at``, unless it was set before."""
    connection.execute(insert(twin_clock).values(id=1, reads=at, rate=0).on_conflict_do_nothing())


def set_twin_clock_flowing(connection: Connection, *, flowing: bool) -> None:
    """Let the twin's clock run beside real time, or stand still until it is advanced."""
    connection.execute(
        twin_clock.update().values(
            reads=func.flywheel_now(), anchored_at=func.clock_timestamp(), rate=1 if flowing else 0
        )
    )


def twin_clock_stands(connection: Connection) -> bool:
    """True in a sandbox whose clock moves only when it is advanced."""
    return connection.execute(select(twin_clock.c.rate)).scalar_one_or_none() == 0


def advance_twin_clock(connection: Connection, to: datetime) -> None:
    """Move the twin's clock forward to ``to``.

    Raises:
        ValueError: ``to`` is behind the clock or ahead of real time.
    """
    now, real = connection.execute(select(func.flywheel_now(), text("clock_timestamp()"))).one()
    if not now <= to <= real:
        raise ValueError(f"the twin's clock reads {now} and real time is {real}; it cannot be moved to {to}")
    connection.execute(twin_clock.update().values(reads=to, anchored_at=func.clock_timestamp()))


def _instant(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"the database answered {value!r} where an instant was asked for")
    return value
