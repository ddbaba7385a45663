"""Our view of what is at the platform, refreshed by asking. Differences are shown, never overwritten.

A person's budget that has stood for the length of the velocity window becomes the one we know: from
then on decisions about it start from theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from flywheel_assets.core.errors import RemoteError
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_objects
from flywheel_assets.store.tables.execution import NOT_SHOWN

# Code and subcode of "does not exist, cannot be loaded due to missing permissions": Meta does not tell which.
_NO_SUCH_OBJECT = (100, 33)

# Objects that have a state of their own; a creative, video or image does not change.
_FIELDS = {
    "campaign": ["status", "effective_status", "daily_budget"],
    "adset": ["status", "effective_status", "daily_budget"],
    "ad": ["status", "effective_status"],
}


@dataclass(frozen=True)
class Seen:
    """One object as the platform shows it now."""

    ref: str
    kind: str
    remote_id: str
    effective_status: str | None
    daily_budget: int | None
    drift: dict[str, Any] | None
    error: str | None = None


def refresh(
    engine: Engine, platform_for: Callable[[str], AdPlatform], world: str, safety: Safety | None = None
) -> tuple[Seen, ...]:
    """Ask the platform about every campaign, ad set and ad of ours. One that cannot be read does not stop the others."""
    table, window = ad_objects.c, timedelta(hours=(safety or Safety()).velocity_window_hours)
    known = select(ad_objects).where(table.world == world, table.remote_id.is_not(None), table.kind.in_(_FIELDS))
    with engine.connect() as connection:
        rows = connection.execute(known.order_by(table.ref)).all()
        now = business_now(connection)
    seen = tuple(_look(row, platform_for(row.account_id), now) for row in rows)
    for one in seen:
        # One by one: whoever changes an object meanwhile must not wait for all of them.
        with engine.begin() as connection:
            if one.error is None or one.effective_status == NOT_SHOWN:
                found = {
                    "effective_status": one.effective_status,
                    "drift": one.drift,
                    "observed_at": func.flywheel_now(),
                }
                connection.execute(ad_objects.update().where(table.ref == one.ref).values(found))
                _adopt(connection, one, now - window)
    return seen


def _adopt(connection: Connection, one: Seen, before: datetime) -> None:
    """A budget that a person set ``before`` is the one we know from now on."""
    edit = (one.drift or {}).get("daily_budget")
    if edit is not None and datetime.fromisoformat(edit["since"]) <= before:
        adopted = {"ref": one.ref, "theirs": edit["theirs"], "found_at": edit["since"]}
        connection.execute(sql("adopt_budget"), adopted)


def _look(row: Row[Any], platform: AdPlatform, now: datetime) -> Seen:
    try:
        shown = platform.read(row.remote_id, _FIELDS[row.kind])
    except RemoteError as error:
        # Whoever asks to no avail keeps what was known; whoever is told that there is no such object does not.
        status = NOT_SHOWN if (error.code, error.subcode) == _NO_SUCH_OBJECT else row.effective_status
        return Seen(row.ref, row.kind, row.remote_id, status, row.daily_budget, row.drift, str(error))
    budget = None if shown.get("daily_budget") is None else int(shown["daily_budget"])
    return Seen(
        row.ref, row.kind, row.remote_id, shown.get("effective_status"), budget, _drift(row, shown, budget, now)
    )


def _drift(row: Row[Any], shown: dict[str, Any], budget: int | None, now: datetime) -> dict[str, Any] | None:
    """What the platform shows and we did not write, a budget with the time since when; None when both agree."""
    differences: dict[str, Any] = {}
    if row.daily_budget is not None and budget is not None and budget != row.daily_budget:
        seen = (row.drift or {}).get("daily_budget", {})
        since = seen["since"] if seen.get("theirs") == budget and "since" in seen else now.isoformat()
        differences["daily_budget"] = {"ours": row.daily_budget, "theirs": budget, "since": since}
    if row.status is not None and shown.get("status") != row.status:
        differences["status"] = {"ours": row.status, "theirs": shown.get("status")}
    return differences or None
