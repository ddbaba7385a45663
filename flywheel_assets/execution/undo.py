"""Taking back what was applied: each undo is a change of its own, under the same limits as any other.

What to go back to is what the platform showed just before the call (`ad_change_history.previous`
and `previous_budget`). Whatever was created is paused: it then spends nothing, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from flywheel_assets.core.changes import ACCOUNT_LEVEL, AdChange, SetBudget, SetName, SetStatus, SetTargeting, Spec
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.money import Money
from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.execution.enqueue import Enqueued, enqueue
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now

# Somebody waits for it, so it goes before the hour's own changes.
_PRIORITY = 10
_STATES = ("ACTIVE", "PAUSED")


@dataclass(frozen=True)
class Undone:
    """What was queued to take changes back.

    Attributes:
        queued: the new plan.
        changes: its changes, in the order they will go.
        left: what of a plan stays as it is, one sentence each.
        notes: where a limit will keep an undo from going the whole way at once.
    """

    queued: Enqueued
    changes: tuple[AdChange, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...]


def undo(connection: Connection, what: UUID | str, safety: Safety, requested_by: str) -> Undone:
    """Take back one applied change (its id), or everything applied of a plan (its digest), last one first.

    Of a plan, what cannot be taken back is told and left; one change that cannot is refused.

    Raises:
        ChangeRefused: nothing was applied, it was undone before, or a later change stands on it.
    """
    rows = _applied(connection, what)
    if not rows:
        raise ChangeRefused(str(what), "nothing_applied", "nothing of it was applied, so there is nothing to take back")
    wanted, left = _inverses(rows, requested_by, strict=isinstance(what, UUID))
    if not wanted:
        raise ChangeRefused(str(what), "nothing_to_undo", "; ".join(left))
    changes = tuple(change for _, change in wanted)
    notes = tuple(note for row, change in wanted if (note := _clamped(connection, row, change, safety)))
    return Undone(enqueue(connection, changes, safety), changes, tuple(left), notes)


def _applied(connection: Connection, what: UUID | str) -> Sequence[Row[Any]]:
    one = isinstance(what, UUID)
    parameters = {"change_id": what if one else None, "within": None if one else what}
    return connection.execute(sql("op_applied"), parameters).all()


def _inverses(
    rows: Sequence[Row[Any]], requested_by: str, *, strict: bool
) -> tuple[list[tuple[Row[Any], AdChange]], list[str]]:
    """The changes that take rows back, latest first, and what of them stays."""
    wanted: dict[tuple[str, str], tuple[Row[Any], AdChange]] = {}
    left = []
    for row in rows:
        try:
            change = _inverse(row, requested_by)
        except ChangeRefused as refusal:
            if strict:
                raise
            left.append(f"{row.object_ref}: {row.change_type} stays: {refusal.rule}: {refusal.reason}")
        else:
            # Of several to one object the earliest says what to go back to, at the place of the latest.
            wanted[change.object_ref, change.spec.kind] = (row, change)
    return list(wanted.values()), left


def _inverse(row: Row[Any], requested_by: str) -> AdChange:
    _refuse_undo(row)
    return AdChange(
        account_id=row.account_id,
        campaign_ref=row.campaign_ref,
        object_ref=row.object_ref,
        spec=_before(row),
        idempotency_key=f"undo:{row.id}:{row.failed_undos}",
        reasoning=f"undo of {str(row.id)[:8]} ({row.reasoning})",
        requested_by=requested_by,
        currency=row.currency,
        priority=_PRIORITY,
        undo_of=row.id,
    )


def _refuse_undo(row: Row[Any]) -> None:
    subject = str(row.id)
    if row.status != "applied" or row.finished_at is None:
        raise ChangeRefused(subject, "not_applied", f"it is {row.status}; only what was applied can be taken back")
    if row.undone_by is not None:
        raise ChangeRefused(subject, "undone_before", f"change {row.undone_by} undoes it and is {row.undone_status}")
    if row.change_type in ACCOUNT_LEVEL or row.change_type.startswith("upload_"):
        raise ChangeRefused(
            subject, "spends_nothing", f"{row.object_ref} spends nothing by itself; undo the ad that shows it"
        )
    if row.later_id is not None and row.change_type.startswith("set_"):
        raise ChangeRefused(
            subject,
            "changed_since",
            f"change {row.later_id} of the same kind came after it at {row.later_at:%Y-%m-%d %H:%M}; undo that one first",
        )


def _before(row: Row[Any]) -> Spec:
    """What the object is to be again."""
    previous: dict[str, Any] = row.previous or {}
    match row.change_type:
        case "set_budget" if row.previous_budget is not None:
            return SetBudget(daily_budget=row.previous_budget)
        case "set_status" if previous.get("status") in _STATES:
            return SetStatus(status=previous["status"])
        case "set_targeting" if previous.get("targeting"):
            return SetTargeting(targeting=previous["targeting"])
        case "set_name" if name := _untagged(str(previous.get("name") or ""), row.tag):
            return SetName(name=name)
        case kind if kind.startswith("create_"):
            return SetStatus(status="PAUSED")
        case kind:
            raise ChangeRefused(
                str(row.id), "unknown_before", f"what {row.object_ref} was before its {kind} cannot be set: {previous}"
            )


def _untagged(name: str, tag: str) -> str:
    """A name as we ask for it: the executor puts the tag behind it again."""
    return name.replace(f"[{tag}]", "").strip()


def _clamped(connection: Connection, row: Row[Any], change: AdChange, safety: Safety) -> str | None:
    """How far a budget may go back now, when that is not the whole way."""
    if not isinstance(change.spec, SetBudget):
        return None
    now, wanted = business_now(connection), change.spec.daily_budget
    opens = now - timedelta(hours=safety.velocity_window_hours)
    window = connection.execute(sql("budgets_in_window"), {"object_ref": change.object_ref, "opens": opens})
    in_force = [one.minor for one in window] + ([] if row.daily_budget is None else [row.daily_budget])
    if not in_force:
        return None
    low, high = allowed_interval([BudgetSpan(minor, now, None) for minor in in_force], now, safety)
    nearest = min(max(wanted, low), high)
    if nearest == wanted or low > high:
        return None
    asked, allowed = Money(wanted, change.currency), Money(nearest, change.currency)
    return (
        f"{change.object_ref}: back to {asked} is more than the {safety.velocity_percent} % rule allows now; "
        f"it goes to {allowed}"
    )
