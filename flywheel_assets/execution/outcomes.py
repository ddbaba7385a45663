"""What is written when a change comes to its end, or has to wait: queue and audit change together or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.changes import CreateAdSet, SetName, SetStatus, SetTargeting
from flywheel_assets.core.ids import rng
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import breaker, objects
from flywheel_assets.execution.failures import send_again
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.looking import Landing
from flywheel_assets.execution.queueing import close, key_of, release, require_ours
from flywheel_assets.execution.records import Attempt, ClaimedChange, Ending, Step
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now

# As `calls` creates them: a campaign waits for its activation, its children do not.
_CREATED_AS = {"create_campaign": "PAUSED", "create_adset": "ACTIVE", "create_ad": "ACTIVE"}
# How long an account is left alone when its share of the platform's quota runs out, business seconds:
# quotas are counted over five minutes and more; a slower pace only needs gaps.
_QUOTA_SECONDS, _SLOW_SECONDS = 300.0, 15.0


def applied(connection: Connection, change: ClaimedChange, attempt: Attempt, remote_id: str | None) -> Step:
    """The platform said yes."""
    return _landed(connection, change, attempt, remote_id, "applied")


def _landed(
    connection: Connection, change: ClaimedChange, attempt: Attempt, remote_id: str | None, status: str
) -> Step:
    status_set = change.spec.status if isinstance(change.spec, SetStatus) else _CREATED_AS.get(change.spec.kind)
    landed = {
        **key_of(change),
        "attempt_id": attempt.id,
        "status": status,
        "remote_id": remote_id or attempt.remote_id,
        "new_id": remote_id,
        "object_ref": change.object_ref,
        "object_status": status_set,
        "daily_budget": attempt.target_budget,
        "known": json.dumps(_known_after(change)),
        "account_id": change.account_id,
    }
    require_ours(connection.execute(sql("land"), landed).first(), change)
    if status == "reconciled" and status_set == "ACTIVE":
        connection.execute(sql("repeat_pause"), {"change_id": str(change.id)})
    return Step(change, "applied", status)


def pace(connection: Connection, change: ClaimedChange, usage: float | None, safety: Safety) -> None:
    """Slow the account down before the platform does; ``usage`` is the used share of its quota, percent."""
    if usage is None or usage < safety.usage_slow_percent:
        return
    seconds = _QUOTA_SECONDS if usage >= safety.usage_stop_percent else _SLOW_SECONDS
    reason = f"{usage:.0f} % of the platform's quota is used; the account waits {seconds:.0f} s"
    until = business_now(connection) + timedelta(seconds=seconds)
    held = {"account_id": change.account_id, "until": until, "reason": reason, "refused": False}
    connection.execute(sql("hold_back"), held)


def read_back(connection: Connection, change: ClaimedChange, attempt: Attempt, found: Landing, safety: Safety) -> Step:
    """An unknown outcome is known now: it landed, it did not, or somebody else changed the object."""
    if found.ours:
        return _landed(connection, change, attempt, found.remote_id, "reconciled")
    breaker.answered(connection, change.account_id)
    if connection.execute(sql("overwritten_since"), {"attempt_id": attempt.id}).scalar_one():
        attempts.finish(connection, attempt, "conflict")
        reason = "nobody answered it, and a later change has taken its place: it may have had effect until then"
        return end(connection, change, Ending("superseded", reason))
    # A safety pause is made whatever somebody else did meanwhile.
    if found.ours is None and not change.is_safety_pause:
        attempts.finish(connection, attempt, "conflict")
        return end(connection, change, _taken_over(change, found))
    attempts.finish(connection, attempt, "not_applied")
    return send_again(connection, change, safety)


def _taken_over(change: ClaimedChange, found: Landing) -> Ending:
    """What somebody set during our call stays, and is known from now on."""
    fields = dict(found.shown)
    return Ending(
        "rejected",
        f"{change.object_ref}: edited_elsewhere: somebody else changed it during our call; their value stays",
        adopt_budget=fields.pop("daily_budget", None),
        adopt_status=fields.pop("status", None),
        adopt_fields=fields,
    )


def _known_after(change: ClaimedChange) -> dict[str, Any]:
    """Fields that a person's edit is told by later."""
    match change.spec:
        case SetTargeting(targeting=targeting) | CreateAdSet(targeting=targeting):
            return {"targeting": targeting}
        case SetName(name=name):
            return {"name": name}
        case _:
            return {}


def defer(connection: Connection, change: ClaimedChange, wait: Deferral, safety: Safety) -> Step:
    """A limit or a video that is not ready: not a failure, and not an attempt.

    What waits for the opening of one window would go out in one moment, so each change gets a fresh jitter.
    """
    breaker.unused(connection, change.account_id)
    if wait.spread and not change.is_safety_pause:
        seconds = rng("deferral", change.idempotency_key, change.deferrals).uniform(*safety.jitter_seconds)
        wait = Deferral(wait.until + timedelta(seconds=float(seconds)), wait.reason)
    return release(connection, change, "pending", wait, Step(change, "deferred", wait.reason, wait.until), deferred=1)


def end(connection: Connection, change: ClaimedChange, ending: Ending) -> Step:
    """No call is needed or wanted: the object is as asked, a person's edit stands, or a later change has taken its place."""
    breaker.unused(connection, change.account_id)
    if ending.adopt_budget is not None:
        adopted = {"ref": change.object_ref, "theirs": ending.adopt_budget, "found_at": None}
        connection.execute(sql("adopt_budget"), adopted)
    if ending.adopt_status is not None:
        objects.record(connection, change.object_ref, status=ending.adopt_status)
    if ending.adopt_fields:
        objects.know(connection, change.object_ref, ending.adopt_fields)
    close(connection, change, ending.status, ending.reason)
    return Step(change, ending.status, ending.reason)
