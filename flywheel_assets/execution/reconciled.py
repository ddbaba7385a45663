"""Our view of what is at the platform, refreshed by asking. Differences are shown, never overwritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, func, select

from flywheel_assets.core.errors import RemoteError
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.store.tables import ad_objects
from flywheel_assets.store.tables.execution import NOT_SHOWN

# Code and subcode of "does not exist, cannot be loaded due to missing permissions": Meta does not tell which.
_NO_SUCH_OBJECT = (100, 33)

# Objects that have a state of their own; a creative, video or image does not change.
_FIELDS = {
    "campaign": ["status", "effective_status"],
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


def refresh(engine: Engine, platform_for: Callable[[str], AdPlatform], world: str) -> tuple[Seen, ...]:
    """Ask the platform about every campaign, ad set and ad of ours. One that cannot be read does not stop the others."""
    table = ad_objects.c
    known = select(ad_objects).where(table.world == world, table.remote_id.is_not(None), table.kind.in_(_FIELDS))
    with engine.connect() as connection:
        rows = connection.execute(known.order_by(table.ref)).all()
    seen = tuple(_look(row, platform_for(row.account_id)) for row in rows)
    with engine.begin() as connection:
        for one in seen:
            if one.error is None or one.effective_status == NOT_SHOWN:
                found = {
                    "effective_status": one.effective_status,
                    "drift": one.drift,
                    "observed_at": func.flywheel_now(),
                }
                connection.execute(ad_objects.update().where(table.ref == one.ref).values(found))
    return seen


def _look(row: Row[Any], platform: AdPlatform) -> Seen:
    try:
        shown = platform.read(row.remote_id, _FIELDS[row.kind])
    except RemoteError as error:
        # Whoever asks to no avail keeps what was known; whoever is told that there is no such object does not.
        status = NOT_SHOWN if (error.code, error.subcode) == _NO_SUCH_OBJECT else row.effective_status
        return Seen(row.ref, row.kind, row.remote_id, status, row.daily_budget, row.drift, str(error))
    budget = None if shown.get("daily_budget") is None else int(shown["daily_budget"])
    return Seen(row.ref, row.kind, row.remote_id, shown.get("effective_status"), budget, _drift(row, shown, budget))


def _drift(row: Row[Any], shown: dict[str, Any], budget: int | None) -> dict[str, Any] | None:
    """What the platform shows and we did not write; None when both agree."""
    differences: dict[str, Any] = {}
    if row.daily_budget is not None and budget is not None and budget != row.daily_budget:
        differences["daily_budget"] = {"ours": row.daily_budget, "theirs": budget}
    if row.status is not None and shown.get("status") != row.status:
        differences["status"] = {"ours": row.status, "theirs": shown.get("status")}
    return differences or None
