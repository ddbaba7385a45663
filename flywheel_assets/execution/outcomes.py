"""What is written when an attempt ends: queue, audit and dead letters change together or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.changes import CREATES, SetBudget, SetStatus
from flywheel_assets.core.errors import ChangeRefused, RemoteError, Throttled, TransientError
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import objects
from flywheel_assets.execution.attempt import hold
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.records import Attempt, ClaimedChange, Resume, Step, describe
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now

# As `calls` creates them: a campaign waits for its activation, its children do not.
_CREATED_AS = {"create_campaign": "PAUSED", "create_adset": "ACTIVE", "create_ad": "ACTIVE"}


def applied(connection: Connection, change: ClaimedChange, attempt: Attempt, remote_id: str | None) -> Step:
    """The platform said yes."""
    return _landed(connection, change, attempt, remote_id, "applied")


def _landed(
    connection: Connection, change: ClaimedChange, attempt: Attempt, remote_id: str | None, status: str
) -> Step:
    hold(connection, change)
    attempts.finish(connection, attempt, status, remote_id=remote_id or attempt.remote_id)
    status_set = change.spec.status if isinstance(change.spec, SetStatus) else _CREATED_AS.get(change.spec.kind)
    objects.record(
        connection, change.object_ref, remote_id=remote_id, status=status_set, daily_budget=attempt.target_budget
    )
    _close(connection, change, "applied", None)
    return Step(change, "applied", status)


def read_back(
    connection: Connection,
    change: ClaimedChange,
    attempt: Attempt,
    *,
    landed: bool | None,
    remote_id: str | None,
    safety: Safety,
) -> Step:
    """An unknown outcome is known now: it landed, it did not, or somebody else changed the object (None)."""
    if landed:
        return _landed(connection, change, attempt, remote_id, "reconciled")
    hold(connection, change)
    if landed is None:
        reason = "somebody else changed it during our call; their value stays"
        attempts.finish(connection, attempt, "conflict")
        return reject(connection, change, ChangeRefused(change.object_ref, "edited_elsewhere", reason))
    attempts.finish(connection, attempt, "not_applied")
    return _send_again(connection, change, safety)


def _send_again(connection: Connection, change: ClaimedChange, safety: Safety) -> Step:
    """The unanswered call did nothing. It was counted as a failure when its answer was missed."""
    reason = "the unanswered call had not landed"
    if change.failures > len(safety.retry_seconds):
        return dead(connection, change, None, TransientError(f"{reason}, {change.failures} times in a row"), failed=0)
    seconds = safety.retry_seconds[max(change.failures, 1) - 1]
    wait = Deferral(business_now(connection) + timedelta(seconds=seconds), reason)
    _release(connection, change, "pending", wait)
    return Step(change, "retried", reason, wait.until)


def unknown(
    connection: Connection, change: ClaimedChange, attempt: Attempt, error: RemoteError, safety: Safety
) -> Step:
    """The call may have landed: it is read back before anything else is sent.

    A create is looked for only when it must have landed if it ever will: found too early to exist,
    it would be made twice, and nobody would know of the second.
    """
    hold(connection, change)
    attempts.finish(connection, attempt, "unknown", error=describe(error))
    settling = timedelta(seconds=safety.settle_seconds if change.spec.kind in CREATES else 0)
    _release(connection, change, "unknown", Deferral(business_now(connection) + settling, str(error)), failed=1)
    return Step(change, "unknown", str(error))


def defer(connection: Connection, change: ClaimedChange, wait: Deferral) -> Step:
    """A limit or a video that is not ready: not a failure, and not an attempt."""
    _release(connection, change, "pending", wait, deferred=1)
    return Step(change, "deferred", wait.reason, wait.until)


def throttled(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: Throttled, resume: Resume
) -> Step:
    """The platform asks us to wait; that feeds no retry counter. What it asks of the account, all of the account does."""
    _settle(connection, attempt, "throttled", error)
    wait = Deferral(business_now(connection) + error.retry_after, str(error))
    if error.scope != "object":
        everyone = {"account_id": change.account_id, "until": wait.until, "reason": wait.reason}
        connection.execute(sql("hold_account_back"), everyone)
    _release(connection, change, resume, wait, deferred=1)
    return Step(change, "deferred", wait.reason, wait.until)


def retry(
    connection: Connection,
    change: ClaimedChange,
    attempt: Attempt | None,
    error: RemoteError,
    resume: Resume,
    *,
    safety: Safety,
) -> Step:
    """Queue the change again after 1, 2, 4, 8, 16 s; then it is dead.

    While an attempt's outcome is open, only reading it back failed, and that is tried for ever at
    the longest wait: the change may have landed, so it must not be declared dead, and nothing was
    sent that could count as a failure.
    """
    sent = resume == "pending"
    if sent and change.failures >= len(safety.retry_seconds):
        return dead(connection, change, attempt, error)
    _settle(connection, attempt, "failed", error)
    seconds = safety.retry_seconds[change.failures if sent else -1]
    wait = Deferral(business_now(connection) + timedelta(seconds=seconds), str(error))
    _release(connection, change, resume, wait, failed=int(sent), deferred=int(not sent))
    return Step(change, "retried", wait.reason, wait.until)


def stop_account(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, resume: Resume
) -> Step:
    """Token or policy: nothing of this account starts until a person has looked; the change waits."""
    _settle(connection, attempt, "failed", error)
    reason = f"{type(error).__name__}: {error}"
    connection.execute(sql("freeze_account"), {"account_id": change.account_id, "reason": reason})
    _release(
        connection,
        change,
        resume,
        Deferral(business_now(connection), reason),
        deferred=1,
    )
    return Step(change, "deferred", f"account frozen: {reason}")


def reject(connection: Connection, change: ClaimedChange, refusal: ChangeRefused) -> Step:
    """A rule that waiting cannot mend."""
    _close(connection, change, "rejected", str(refusal))
    _cancel_dependents(connection, change, f"needs {change.object_ref}, which was rejected: {refusal.rule}")
    return Step(change, "rejected", str(refusal))


def dead(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, *, failed: int = 1
) -> Step:
    """To the dead letters, with everything that was to be built on it."""
    _settle(connection, attempt, "failed", error)
    _close(connection, change, "dead", str(error), failed=failed)
    letter = {
        "change_id": change.id,
        "rule": type(error).__name__,
        "reason": str(error),
        "error": json.dumps(describe(error)),
    }
    connection.execute(sql("bury"), letter)
    _cancel_dependents(connection, change, f"needs {change.object_ref}, which could not be made: {error}")
    return Step(change, "dead", str(error))


def _settle(connection: Connection, attempt: Attempt | None, status: str, error: RemoteError) -> None:
    if attempt is not None:
        attempts.finish(connection, attempt, status, error=describe(error))


def _release(
    connection: Connection, change: ClaimedChange, status: str, wait: Deferral, *, failed: int = 0, deferred: int = 0
) -> None:
    hold(connection, change)
    parameters = {
        **_key(change),
        "status": status,
        "not_before": wait.until,
        "reason": wait.reason,
        "failed": failed,
        "deferred": deferred,
    }
    connection.execute(sql("release"), parameters)


def _close(connection: Connection, change: ClaimedChange, status: str, reason: str | None, *, failed: int = 0) -> None:
    hold(connection, change)
    connection.execute(sql("close"), {**_key(change), "status": status, "reason": reason, "failed": failed})


def _cancel_dependents(connection: Connection, change: ClaimedChange, reason: str) -> None:
    """Only the making of an object dooms what depends on it; a refused budget or status does not."""
    if not isinstance(change.spec, SetBudget | SetStatus):
        connection.execute(sql("cancel_dependents"), {"object_ref": change.object_ref, "reason": reason})


def _key(change: ClaimedChange) -> dict[str, Any]:
    return {"change_id": change.id, "fencing_token": change.fencing_token}
