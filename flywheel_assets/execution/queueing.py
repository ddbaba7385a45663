"""How a claimed change leaves its worker's hands: given back to the queue, or ended. Only while the claim holds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.changes import CREATES
from flywheel_assets.execution.attempt import LostClaim
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.records import ClaimedChange, Resume, Step
from flywheel_assets.execution.statements import sql


def release(
    connection: Connection,
    change: ClaimedChange,
    status: Resume,
    wait: Deferral,
    step: Step,
    *,
    failed: int = 0,
    deferred: int = 0,
) -> Step:
    """Back to the queue, unless a later change has taken its place meanwhile."""
    parameters = {
        **key_of(change),
        "status": status,
        "not_before": wait.until,
        "reason": wait.reason,
        "failed": failed,
        "deferred": deferred,
    }
    require_ours(connection.execute(sql("release"), parameters).first(), change)
    if status == "pending" and change.spec.kind not in CREATES:
        overtaken = connection.execute(sql("supersede"), {"refs": [change.object_ref]}).scalars().all()
        if change.id in overtaken:
            return Step(change, "superseded", "a later change has taken its place")
    return step


def close(connection: Connection, change: ClaimedChange, status: str, reason: str | None, *, failed: int = 0) -> None:
    """The end of a change, whichever it is."""
    parameters = {**key_of(change), "status": status, "reason": reason, "failed": failed}
    require_ours(connection.execute(sql("close"), parameters).first(), change)


def require_ours(row: object, change: ClaimedChange) -> None:
    """The statement that ends a claim finds its row only while the claim is ours.

    Raises:
        LostClaim: it is not; everything written with it is taken back, and its next holder reads the
            attempt back.
    """
    if row is None:
        raise LostClaim(str(change.id))


def key_of(change: ClaimedChange) -> dict[str, Any]:
    """What a claim is known by."""
    return {"change_id": change.id, "fencing_token": change.fencing_token}
