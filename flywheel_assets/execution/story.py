"""The whole story of one change: what was asked for and why, what it waits for, every attempt, and how it ended."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select

from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution.queue import counts_by_status
from flywheel_assets.execution.statements import sql
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import dead_letters, pending_ad_changes

_FUZZED = re.compile(r"fuzzed \d+ to (?P<to>\d+)")
_WAITING = ("proposed", "pending", "unknown")


def story(connection: Connection, change_id: UUID) -> dict[str, Any]:
    """A change's row with ``plan`` (its changes by status), ``waits_for`` and ``waits_until``, ``attempts``, ``dead_letter``, ``undone_by``.

    Raises:
        ChangeRefused: there is no such change.
    """
    queue = pending_ad_changes
    row = connection.execute(select(queue).where(queue.c.id == change_id)).mappings().one_or_none()
    if row is None:
        raise ChangeRefused(str(change_id), "unknown_change", "look with `flywheel changes list`")
    letter = connection.execute(select(dead_letters).where(dead_letters.c.change_id == change_id)).mappings().first()
    undone = select(queue.c.id, queue.c.status).where(queue.c.undo_of == change_id).order_by(queue.c.seq)
    return {
        **row,
        "plan": counts_by_status(connection, row["plan_digest"]) if row["plan_digest"] else {},
        **_waits(connection, row),
        "attempts": _attempts(connection, change_id),
        "dead_letter": None if letter is None else dict(letter),
        "undone_by": [dict(one) for one in connection.execute(undone).mappings()],
    }


def _attempts(connection: Connection, change_id: UUID) -> list[dict[str, Any]]:
    """Every attempt, each with the ``fuzzed_budget`` that the first one settled on; it is on record in words only."""
    found, fuzzed = [], None
    for row in connection.execute(sql("op_attempts"), {"change_id": change_id}).mappings():
        moved = [match for words in row["adjustments"] or () if (match := _FUZZED.match(words))]
        fuzzed = int(moved[0]["to"]) if moved else fuzzed or row["requested_budget"]
        found.append({**row, "fuzzed_budget": fuzzed})
    return found


def _waits(connection: Connection, row: RowMapping) -> dict[str, Any]:
    """Why nothing happens, and until when where that is known."""
    if row["status"] not in _WAITING:
        return {"waits_for": [], "waits_until": None}
    fields = ("account_id", "lane", "plan_digest", "depends_on", "object_ref", "change_type", "seq")
    parameters = {name: row[name] for name in fields} | {"approved": row["approved_at"] is not None}
    reasons = list(connection.execute(sql("op_blockers"), parameters).scalars())
    later = row["status"] != "proposed" and row["not_before"] > business_now(connection)
    if row["wait_reason"]:
        reasons.append(row["wait_reason"])
    elif later:
        reasons.append(f"its jitter of {row['jitter_seconds']:.1f} s")
    return {"waits_for": reasons, "waits_until": row["not_before"] if later else None}
