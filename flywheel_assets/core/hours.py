"""Closed UTC hours: the grain of delivery, decisions and learning."""

from __future__ import annotations

from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


def floor_hour(moment: datetime) -> datetime:
    """The hour that ``moment`` lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def closed_hours(since: datetime, now: datetime) -> tuple[datetime, ...]:
    """Starts of the hours from ``since`` on that are over at ``now``."""
    first = floor_hour(since)
    count = max(0, int((floor_hour(now) - first) / HOUR))
    return tuple(first + HOUR * index for index in range(count))
