"""What a person does with the queue: find, reject, send again. Taking back what was applied is in `undo`.

None of it changes a platform; it changes rows that the executor acts on within its limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Text, cast, select

from flywheel_assets.core.changes import CREATES, SAFETY_PRIORITY
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.ids import rng
from flywheel_assets.execution.queue import counts_by_status
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import accounts, dead_letters, pending_ad_changes

OPEN = ("proposed", "pending", "claimed", "executing", "unknown")
_RETRIED = ("dead", "rejected", "cancelled")
_NO_RETRY = {
    "applied": "it was applied; take it back with `flywheel changes undo`",
    "observed": "the account was in observe mode and nothing of it is sent; switch the mode and ask for it anew",
    "expired": "it is stale; ask for a fresh recommendation",
    "superseded": "a later change took its place",
}
_SHORTEST = 4  # characters of an id or digest that a person has to give


@dataclass(frozen=True)
class Rejected:
    """What became of a plan: its own changes that are rejected, others that were to be built on them, those left."""

    rejected: int
    cancelled: int
    left: dict[str, int]


@dataclass(frozen=True)
class Retried:
    """A change that is open again, and how many came back with it."""

    change_id: UUID
    status: str
    not_before: datetime
    restored: int


def find_change(connection: Connection, prefix: str) -> UUID:
    """The one change whose id begins so.

    Raises:
        ChangeRefused: none or several do.
    """
    queue = pending_ad_changes.c
    found: UUID = _the_one(connection, queue.id, prefix, "change")
    return found


def find_plan(connection: Connection, prefix: str) -> str:
    """The one plan whose digest begins so.

    Raises:
        ChangeRefused: none or several do.
    """
    found: str = _the_one(connection, pending_ad_changes.c.plan_digest, prefix, "plan")
    return found


def _the_one(connection: Connection, column: Any, prefix: str, what: str) -> Any:
    if len(prefix) < _SHORTEST:
        raise ChangeRefused(prefix, f"unknown_{what}", f"give at least {_SHORTEST} characters of the {what}")
    begins = cast(column, Text).startswith(prefix.lower(), autoescape=True)
    found = connection.execute(select(column).where(begins).distinct().order_by(column).limit(5)).scalars().all()
    if not found:
        where = "`flywheel changes list`" + ("" if what == "change" else " or `flywheel changes plans`")
        raise ChangeRefused(prefix, f"unknown_{what}", f"no {what} begins so; look with {where}")
    if len(found) > 1:
        raise ChangeRefused(prefix, f"ambiguous_{what}", f"several begin so: {', '.join(map(str, found))}; give more")
    return found[0]


# --- reject ------------------------------------------------------------------------------------------


def reject(connection: Connection, plan_digest: str, reason: str) -> Rejected:
    """Refuse whatever of a plan was not sent yet, and with it what was to be built on that.

    What is under way or applied stays; it can be undone.

    Raises:
        ChangeRefused: nothing of the plan is unsent.
    """
    rows = connection.execute(sql("op_lock_plan"), {"plan_digest": plan_digest}).all()
    if not rows:
        raise ChangeRefused(
            plan_digest, "nothing_to_reject", "none of its changes is unsent; see `flywheel changes plans`"
        )
    queue = pending_ad_changes.c
    ended = {"status": "rejected", "finished_at": business_now(connection), "wait_reason": f"rejected: {reason}"}
    connection.execute(pending_ad_changes.update().where(queue.id.in_([row.id for row in rows])).values(ended))
    cancelled = 0
    for row in rows:
        if row.change_type in CREATES:
            doomed = {
                "object_ref": row.object_ref,
                "reason": f"needs {row.object_ref}, which a person rejected: {reason}",
            }
            cancelled += len(connection.execute(sql("cancel_dependents"), doomed).all())
    return Rejected(len(rows), cancelled, _left(connection, plan_digest))


def _left(connection: Connection, plan_digest: str) -> dict[str, int]:
    counts = counts_by_status(connection, plan_digest)
    return {status: number for status, number in counts.items() if status in {*OPEN, "applied"}}


# --- retry -------------------------------------------------------------------------------------------


def retry(connection: Connection, change_id: UUID, safety: Safety) -> Retried:
    """Send a change again that died, was rejected or was cancelled, with what was cancelled because of it.

    In `approve` mode it waits for approval unless its plan had it.

    Raises:
        ChangeRefused: it cannot be sent again, or something stands against it; the reason says which.
    """
    queue = pending_ad_changes
    row = connection.execute(select(queue).where(queue.c.id == change_id).with_for_update()).mappings().one_or_none()
    if row is None:
        raise ChangeRefused(str(change_id), "unknown_change", "look with `flywheel changes list`")
    if asked := _ask_again(connection, row, safety):
        return asked
    _refuse_retry(connection, row)
    status = _status_again(connection, row)
    not_before = _reopen(connection, row, status, safety)
    if row["priority"] >= SAFETY_PRIORITY:
        # A pause of a stop that was given up: the stop goes on with it.
        stopped = (accounts.c.account_id == row["account_id"]) & accounts.c.frozen
        connection.execute(accounts.update().where(stopped).values(pausing=True))
    return Retried(change_id, status, not_before, _restore_dependents(connection, row, safety))


def _ask_again(connection: Connection, row: RowMapping, safety: Safety) -> Retried | None:
    """What a stop of spend took the place of, such as an activation, as a new change; None for anything else."""
    if row["status"] != "superseded":
        return None
    status = _status_again(connection, row)
    seconds = float(rng("jitter", row["idempotency_key"], "after a stop").uniform(*safety.jitter_seconds))
    parameters = {"change_id": row["id"], "status": status, "seconds": seconds}
    again = connection.execute(sql("op_ask_again"), parameters).one_or_none()
    return None if again is None else Retried(again.id, status, again.not_before, 0)


def _restore_dependents(connection: Connection, row: RowMapping, safety: Safety) -> int:
    restored, made = 0, [row]
    while refs := [one["object_ref"] for one in made if one["change_type"] in CREATES]:
        made = list(connection.execute(sql("op_restorable"), {"refs": refs}).mappings())
        for one in made:
            _reopen(connection, one, _status_again(connection, one), safety)
        restored += len(made)
    return restored


def _refuse_retry(connection: Connection, row: RowMapping) -> None:
    subject, status = str(row["id"]), row["status"]
    if status not in _RETRIED:
        why = _NO_RETRY.get(status, "it is open and goes out by itself; see `flywheel changes show`")
        raise ChangeRefused(subject, status if status in _NO_RETRY else "open", why)
    if row["expires_at"] is not None and row["expires_at"] <= business_now(connection):
        raise ChangeRefused(subject, "expired", f"stale since {row['expires_at']}; ask for a fresh recommendation")
    newer = connection.execute(sql("op_newer"), {"change_id": row["id"]}).one_or_none()
    if newer is not None:
        raise ChangeRefused(
            subject, "superseded", f"change {newer.id} of the same object came later and is {newer.status}"
        )
    missing = connection.execute(sql("op_missing"), {"change_id": row["id"]}).one_or_none()
    if missing is not None:
        made = f"retry change {missing.id}, which is {missing.status}" if missing.id else "nothing ever asked for it"
        raise ChangeRefused(subject, "needs_other", f"{missing.ref} does not exist; {made}")


def _status_again(connection: Connection, row: RowMapping) -> str:
    mode = connection.execute(select(accounts.c.mode).where(accounts.c.account_id == row["account_id"])).scalar_one()
    if row["priority"] >= SAFETY_PRIORITY or mode == "auto" or (mode == "approve" and row["approved_at"] is not None):
        return "pending"
    if mode == "observe":
        raise ChangeRefused(
            str(row["id"]), "observe_mode", f"account {row['account_id']} is in observe mode; nothing of it is sent"
        )
    return "proposed"


def _reopen(connection: Connection, row: RowMapping, status: str, safety: Safety) -> datetime:
    """Open again as though it were new: no failures, a jitter of its own, its amount decided anew."""
    draws = rng("jitter", row["idempotency_key"], f"again {row['fencing_token']}")
    seconds = 0.0 if row["priority"] >= SAFETY_PRIORITY else float(draws.uniform(*safety.jitter_seconds))
    not_before = business_now(connection) + timedelta(seconds=seconds)
    again = {
        "status": status,
        "jitter_seconds": seconds,
        "not_before": not_before,
        "failures": 0,
        "target_budget": None,
        "wait_reason": None,
        "finished_at": None,
        "worker": None,
        "lease_until": None,
    }
    connection.execute(dead_letters.delete().where(dead_letters.c.change_id == row["id"]))
    connection.execute(pending_ad_changes.update().where(pending_ad_changes.c.id == row["id"]).values(again))
    return not_before


# --- plans -------------------------------------------------------------------------------------------


def plans(connection: Connection, most: int = 50) -> Sequence[RowMapping]:
    """Every plan with its changes by status, what its open ones add to the daily spend, and its age; open ones first."""
    return connection.execute(sql("op_plans"), {"most": most}).mappings().all()
