"""Our view of what is at the platform, refreshed by asking. Differences are shown, never overwritten.

A person's budget that has stood for the length of the velocity window becomes the one we know: from
then on decisions about it start from theirs. Where a person moved the budget to the campaign, or back
to the ad sets, each object owns what the platform says it owns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from flywheel_assets.core.errors import RemoteError
from flywheel_assets.execution.edits import DELETED, VANISHED, Edit, edit, named, nameless, span, told
from flywheel_assets.execution.looking import minor
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_objects
from flywheel_assets.store.tables.execution import NOT_SHOWN

_log = logging.getLogger(__name__)

# Code and subcode of "does not exist, cannot be loaded due to missing permissions": Meta does not tell which.
_NO_SUCH_OBJECT = (100, 33)

# Objects that have a state of their own; a creative, video or image does not change.
_OWNER = ["status", "effective_status", "daily_budget", "lifetime_budget"]
_FIELDS = {"campaign": _OWNER, "adset": [*_OWNER, "learning_stage_info"], "ad": ["status", "effective_status"]}


@dataclass(frozen=True)
class Seen:
    """One object as the platform shows it now.

    ``drift`` is as in `edits`; ``learning_phase`` is an ad set's, LEARNING, SUCCESS or FAIL at Meta.
    """

    ref: str
    kind: str
    account_id: str
    remote_id: str
    effective_status: str | None
    daily_budget: int | None
    drift: dict[str, Any] | None
    error: str | None = None
    learning_phase: str | None = None

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs from what we know, a sentence each."""
        drift = self.drift or {}
        edits = tuple(told(self.ref, field, one) for field, one in drift.items())
        return edits if self.error is None or VANISHED in drift else (*edits, f"{self.ref}: {self.error}")


def refresh(
    engine: Engine, platform_for: Callable[[str], AdPlatform], world: str, safety: Safety | None = None
) -> tuple[Seen, ...]:
    """Ask the platform about every campaign, ad set and ad of ours. One that cannot be read does not stop the others."""
    table, rules = ad_objects.c, safety or Safety()
    known = select(ad_objects).where(table.world == world, table.remote_id.is_not(None), table.kind.in_(_FIELDS))
    with engine.connect() as connection:
        rows = connection.execute(known.order_by(table.ref)).all()
        now = business_now(connection)
    looked = tuple(_look(row, platform_for(row.account_id), now) for row in rows)
    seen = _with_authors(looked, platform_for, now, timedelta(hours=rules.log_lag_hours))
    for one in seen:
        # One by one: whoever changes an object meanwhile must not wait for all of them.
        with engine.begin() as connection:
            if one.error is None or one.effective_status == NOT_SHOWN:
                found = {
                    "effective_status": one.effective_status,
                    "drift": one.drift,
                    "learning_phase": one.learning_phase,
                    "observed_at": func.flywheel_now(),
                }
                connection.execute(ad_objects.update().where(table.ref == one.ref).values(found))
                _adopt(connection, one, now - timedelta(hours=rules.velocity_window_hours))
    return seen


def _adopt(connection: Connection, one: Seen, before: datetime) -> None:
    """A budget that a person set ``before`` is the one we know from now on; one for a lifetime is never known."""
    edited = (one.drift or {}).get("daily_budget")
    if edited and edited["theirs"] is not None and datetime.fromisoformat(edited["since"]) <= before:
        adopted = {"ref": one.ref, "theirs": edited["theirs"], "found_at": edited["since"]}
        connection.execute(sql("adopt_budget"), adopted)


# --- one object ------------------------------------------------------------------------------------


def _look(row: Row[Any], platform: AdPlatform, now: datetime) -> Seen:
    before = Seen(
        row.ref, row.kind, row.account_id, row.remote_id, row.effective_status, row.daily_budget, row.drift or None
    )  # without a learning phase: of what is not shown it is unknown
    try:
        shown = platform.read(row.remote_id, _FIELDS[row.kind])
        drift = _drift(row, shown, platform, now)
    except RemoteError as error:
        if (error.code, error.subcode) != _NO_SUCH_OBJECT:
            return replace(before, error=str(error))  # whoever asks to no avail keeps what was known
        return before if row.effective_status == DELETED else _vanished(before, row, str(error), now)
    budget = minor(shown.get("daily_budget"), row.ref)
    seen = replace(before, effective_status=shown.get("effective_status"), daily_budget=budget, drift=drift)
    return replace(seen, learning_phase=_learning_phase(shown))


def _learning_phase(shown: dict[str, Any]) -> str | None:
    """None where the platform shows none: of ads, campaigns, and ad sets that do not run."""
    told = shown.get("learning_stage_info")
    status = told.get("status") if isinstance(told, dict) else None
    return status if isinstance(status, str) else None


def _vanished(before: Seen, row: Row[Any], error: str, now: datetime) -> Seen:
    """Whoever is told that there is no such object does not keep what was known: it is deleted, or hidden from us."""
    gone = edit(row.drift, VANISHED, row.status, NOT_SHOWN, after=_last_look(row), now=now)
    return replace(before, effective_status=NOT_SHOWN, drift={**(row.drift or {}), VANISHED: gone}, error=error)


def _drift(row: Row[Any], shown: dict[str, Any], platform: AdPlatform, now: datetime) -> dict[str, Any] | None:
    """What the platform shows and we did not write; None when both agree."""
    times = {"after": _last_look(row), "now": now}
    edits: dict[str, Any] = {}
    if row.kind != "ad" and (budget := _shown_budget(row, shown, platform)) != (row.daily_budget or 0):
        edits["daily_budget"] = edit(row.drift, "daily_budget", row.daily_budget, budget, **times)
    if row.status is not None and shown.get("status") != row.status:
        edits["status"] = edit(row.drift, "status", row.status, shown.get("status"), **times)
    return edits or None


def _shown_budget(row: Row[Any], shown: dict[str, Any], platform: AdPlatform) -> int | None:
    """The daily budget that the object owns, 0 where it owns none, None where its budget is for a lifetime.

    An ad set whose budget is gone is asked for its owner: nothing shown is no proof that the campaign pays.
    """
    if budget := minor(shown.get("daily_budget"), row.ref):
        return budget
    if minor(shown.get("lifetime_budget"), row.ref):
        return None
    if row.kind == "adset" and row.daily_budget:
        platform.budget_owner(row.remote_id)
    return 0


def _last_look(row: Row[Any]) -> datetime:
    moment: datetime = row.observed_at or row.planned_at
    return moment


# --- who it was ------------------------------------------------------------------------------------


def _with_authors(
    looked: Sequence[Seen], platform_for: Callable[[str], AdPlatform], now: datetime, lag: timedelta
) -> tuple[Seen, ...]:
    """Edits with the person who made them; the account's log is asked only where one is not known yet."""
    found = {one.ref: one for one in looked}
    for account_id in sorted({one.account_id for one in looked}):
        asked = [
            (one, field, edited)
            for one in looked
            for field, edited in (one.drift or {}).items()
            if one.account_id == account_id and nameless(edited, now, lag)
        ]
        if not asked:
            continue
        try:
            log = platform_for(account_id).activities(*span([edited for _, _, edited in asked]))
        except RemoteError as error:  # the edits themselves are known; they are asked about again next time
            _log.warning("the log of %s cannot be read, so edits stay without a name: %s", account_id, error)
            continue
        for one, field, edited in asked:
            found[one.ref] = _with_author(found[one.ref], field, named(field, edited, one.remote_id, log))
    return tuple(found.values())


def _with_author(one: Seen, field: str, edited: Edit) -> Seen:
    drift = {**(one.drift or {}), field: edited}
    if field != VANISHED or "by" not in edited:
        return replace(one, drift=drift)
    # What somebody deleted is gone for good: it is no longer unknown whether it spends.
    del drift[VANISHED]
    drift["status"] = {**edited, "theirs": DELETED}
    return replace(one, effective_status=DELETED, drift=drift, error=None)
