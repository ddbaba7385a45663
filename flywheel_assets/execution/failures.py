"""What is written when a call fails: queue, audit, breaker and dead letters change together or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.changes import CREATES
from flywheel_assets.core.errors import AuthError, PermanentError, RemoteError, Throttled, TransientError
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import breaker
from flywheel_assets.execution.alerts import raise_alert
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.queueing import close, release
from flywheel_assets.execution.records import Attempt, ClaimedChange, Resume, Step, describe
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now

_LONGEST_HOLD = timedelta(hours=1)


def unknown(
    connection: Connection, change: ClaimedChange, attempt: Attempt, error: RemoteError, safety: Safety
) -> Step:
    """The call may have landed: it is read back before anything else is sent.

    It is looked for only when it must have landed if it ever will: found too early to exist, an object
    would be made twice and nobody would know of the second, and an old value would come after a newer
    one. A safety pause is not waited for: to send it twice is harmless, to wait is not.
    """
    attempts.finish(connection, attempt, "unknown", error=describe(error))
    breaker.failed(connection, change.account_id, str(error), safety)
    settling = timedelta(seconds=0 if change.is_safety_pause else safety.settle_seconds)
    wait = Deferral(business_now(connection) + settling, str(error))
    return release(connection, change, "unknown", wait, Step(change, "unknown", str(error)), failed=1)


def throttled(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: Throttled, resume: Resume
) -> Step:
    """The platform asks us to wait; that feeds neither retries nor the breaker.

    What it asks of the account, all of the account does; what it asks of the app, all accounts do.
    """
    _settle(connection, attempt, "throttled", error)
    breaker.unused(connection, change.account_id)
    # However long the platform says: asking again after an hour costs nothing, and what stops spend may wait here.
    wait = Deferral(business_now(connection) + min(error.retry_after, _LONGEST_HOLD), str(error))
    if error.scope != "object":
        whose = None if error.scope == "app" else change.account_id
        held = {"account_id": whose, "until": wait.until, "reason": wait.reason, "refused": True}
        connection.execute(sql("hold_back"), held)
    return release(connection, change, resume, wait, Step(change, "deferred", wait.reason, wait.until), deferred=1)


def retry(
    connection: Connection,
    change: ClaimedChange,
    attempt: Attempt | None,
    error: RemoteError,
    resume: Resume,
    *,
    safety: Safety,
) -> Step:
    """Queue the change again after 1, 2, 4, 8, 16 s; then it is dead. What is only flaky is dead sooner.

    While an attempt's outcome is open, only reading it back failed, and that is tried for ever at
    the longest wait: the change may have landed, so it must not be declared dead, and nothing was
    sent that could count as a failure.
    """
    breaker.failed(connection, change.account_id, str(error), safety)
    sent = resume == "pending"
    if sent and change.failures >= _retries(error, safety) and not change.is_safety_pause:
        return dead(connection, change, attempt, error)
    _settle(connection, attempt, "failed", error)
    waiting = _pause_before(change.failures, safety) if sent else timedelta(seconds=safety.retry_seconds[-1])
    wait = Deferral(business_now(connection) + waiting, str(error))
    step = Step(change, "retried", wait.reason, wait.until)
    return release(connection, change, resume, wait, step, failed=int(sent), deferred=int(not sent))


def send_again(connection: Connection, change: ClaimedChange, safety: Safety) -> Step:
    """The unanswered call did nothing. It was counted as a failure when its answer was missed."""
    reason = "the unanswered call had not landed"
    if change.failures > len(safety.retry_seconds) and not change.is_safety_pause:
        return dead(connection, change, None, TransientError(f"{reason}, {change.failures} times in a row"), failed=0)
    wait = Deferral(business_now(connection) + _pause_before(change.failures - 1, safety), reason)
    return release(connection, change, "pending", wait, Step(change, "retried", reason, wait.until))


def stop_account(
    connection: Connection,
    change: ClaimedChange,
    attempt: Attempt | None,
    error: RemoteError,
    resume: Resume,
    *,
    safety: Safety,
) -> Step:
    """Token or policy: nothing of this account starts until a person has looked; the change waits.

    The account is locked first, as everywhere. Pauses of a stop that is under way go on trying.
    """
    reason = f"{type(error).__name__}: {error}"
    connection.execute(sql("freeze_account"), {"account_id": change.account_id, "reason": reason})
    rule = "auth" if isinstance(error, AuthError) else "policy"
    raise_alert(connection, change.account_id, rule, reason, stopped=True)
    _settle(connection, attempt, "failed", error)
    breaker.unused(connection, change.account_id)
    wait = Deferral(business_now(connection) + timedelta(seconds=safety.retry_seconds[-1]), reason)
    return release(connection, change, resume, wait, Step(change, "deferred", f"account frozen: {reason}"), deferred=1)


def dead(
    connection: Connection,
    change: ClaimedChange,
    attempt: Attempt | None,
    error: RemoteError,
    *,
    failed: int = 1,
    ended_as: str = "failed",
) -> Step:
    """To the dead letters, with everything that was to be built on it.

    Args:
        connection: the transaction.
        change: ends here.
        attempt: the call it ends with, if there was one.
        error: why.
        failed: failed calls to count.
        ended_as: of the attempt: ``conflict`` where it may have landed and cannot be looked at any more.
    """
    if change.is_safety_pause:
        reason = f"{change.object_ref} could not be paused: {error}; pause it in the Ads Manager now"
        raise_alert(connection, change.account_id, "not_paused", reason, stopped=True)
    elif change.spec.kind in CREATES:
        reason = f"{change.object_ref} could not be made: {error}; what was to be built on it is cancelled"
        raise_alert(connection, change.account_id, "launch_incomplete", reason, stopped=False)
    _settle(connection, attempt, ended_as, error)
    # Some requests are hopeless before they are sent: only the platform's own numbers prove that it answered.
    if isinstance(error, PermanentError):
        (breaker.unused if error.code is None else breaker.answered)(connection, change.account_id)
    close(connection, change, "dead", str(error), failed=failed)
    letter = {
        "change_id": change.id,
        "rule": type(error).__name__,
        "reason": str(error),
        "error": json.dumps(describe(error)),
    }
    connection.execute(sql("bury"), letter)
    _cancel_dependents(connection, change, f"needs {change.object_ref}, which could not be made: {error}")
    return Step(change, "dead", str(error))


def unreadable(connection: Connection, row: Mapping[str, Any], error: Exception) -> None:
    """A row that this version cannot read must not come up again and again; it waits in the dead letters."""
    key = {"change_id": row["id"], "fencing_token": row["fencing_token"]}
    reason = f"this version cannot read it: {error}"
    connection.execute(sql("close"), {**key, "status": "dead", "reason": reason, "failed": 0})
    letter = {"change_id": row["id"], "rule": "Unreadable", "reason": reason, "error": json.dumps(describe(error))}
    connection.execute(sql("bury"), letter)
    raise_alert(connection, row["account_id"], "unreadable", f"change {row['id']}: {reason}", stopped=False)
    breaker.unused(connection, row["account_id"])
    if row["change_type"] in CREATES:
        why = f"needs {row['object_ref']}, and {reason}"
        connection.execute(sql("cancel_dependents"), {"object_ref": row["object_ref"], "reason": why})
        raise_alert(connection, row["account_id"], "launch_incomplete", f"{row['object_ref']}: {reason}", stopped=False)


def unexpected(connection: Connection, change: ClaimedChange, error: Exception) -> Step:
    """An error nobody foresaw. Under way, the change is left to its lease and read back; before that it ends here."""
    open_attempt = connection.execute(sql("has_open_attempt"), {"change_id": change.id}).scalar_one()
    reason = f"{type(error).__name__}: {error}"
    if open_attempt:
        return Step(change, "lost", f"left to its lease: {reason}")
    return dead(connection, change, None, PermanentError(f"{change.object_ref}: {reason}"))


def _settle(connection: Connection, attempt: Attempt | None, status: str, error: RemoteError) -> None:
    if attempt is not None:
        attempts.finish(connection, attempt, status, error=describe(error))


def _cancel_dependents(connection: Connection, change: ClaimedChange, reason: str) -> None:
    """Only the making of an object dooms what depends on it; a refused budget or status does not."""
    if change.spec.kind in CREATES:
        connection.execute(sql("cancel_dependents"), {"object_ref": change.object_ref, "reason": reason})


def _retries(error: RemoteError, safety: Safety) -> int:
    """How often a call is repeated that fails so."""
    most = len(safety.retry_seconds)
    return min(most, safety.flaky_tries - 1) if isinstance(error, TransientError) and error.flaky else most


def _pause_before(failures: int, safety: Safety) -> timedelta:
    """The wait after so many failures, the longest one for any more."""
    seconds = safety.retry_seconds
    return timedelta(seconds=seconds[min(max(failures, 0), len(seconds) - 1)])
