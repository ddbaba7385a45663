"""What is written when an attempt ends: queue, audit and dead letters change together or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.changes import CREATES, SetStatus
from flywheel_assets.core.errors import AuthError, PermanentError, RemoteError, Throttled, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import breaker, objects
from flywheel_assets.execution.alerts import raise_alert
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.records import Attempt, ClaimedChange, Ending, Resume, Step, describe
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
        **_key(change),
        "attempt_id": attempt.id,
        "status": status,
        "remote_id": remote_id or attempt.remote_id,
        "new_id": remote_id,
        "object_ref": change.object_ref,
        "object_status": status_set,
        "daily_budget": attempt.target_budget,
        "account_id": change.account_id,
    }
    _require_ours(connection.execute(sql("land"), landed).first(), change)
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
    breaker.answered(connection, change.account_id)
    if landed is None:
        attempts.finish(connection, attempt, "conflict")
        reason = f"{change.object_ref}: edited_elsewhere: somebody else changed it during our call; their value stays"
        return end(connection, change, Ending("rejected", reason))
    attempts.finish(connection, attempt, "not_applied")
    return _send_again(connection, change, safety)


def _send_again(connection: Connection, change: ClaimedChange, safety: Safety) -> Step:
    """The unanswered call did nothing. It was counted as a failure when its answer was missed."""
    reason = "the unanswered call had not landed"
    if change.failures > len(safety.retry_seconds):
        return dead(connection, change, None, TransientError(f"{reason}, {change.failures} times in a row"), failed=0)
    seconds = safety.retry_seconds[max(change.failures, 1) - 1]
    wait = Deferral(business_now(connection) + timedelta(seconds=seconds), reason)
    return _released(connection, change, "pending", wait, Step(change, "retried", reason, wait.until))


def unknown(
    connection: Connection, change: ClaimedChange, attempt: Attempt, error: RemoteError, safety: Safety
) -> Step:
    """The call may have landed: it is read back before anything else is sent.

    A create is looked for only when it must have landed if it ever will: found too early to exist,
    it would be made twice, and nobody would know of the second.
    """
    attempts.finish(connection, attempt, "unknown", error=describe(error))
    breaker.failed(connection, change.account_id, str(error), safety)
    settling = timedelta(seconds=safety.settle_seconds if change.spec.kind in CREATES else 0)
    wait = Deferral(business_now(connection) + settling, str(error))
    return _released(connection, change, "unknown", wait, Step(change, "unknown", str(error)), failed=1)


def defer(connection: Connection, change: ClaimedChange, wait: Deferral, safety: Safety) -> Step:
    """A limit or a video that is not ready: not a failure, and not an attempt.

    What waits for the opening of one window would go out in one moment, so each change gets a fresh jitter.
    """
    breaker.unused(connection, change.account_id)
    if wait.spread and not change.is_safety_pause:
        seconds = rng("deferral", change.idempotency_key, change.deferrals).uniform(*safety.jitter_seconds)
        wait = Deferral(wait.until + timedelta(seconds=float(seconds)), wait.reason)
    return _released(connection, change, "pending", wait, Step(change, "deferred", wait.reason, wait.until), deferred=1)


def end(connection: Connection, change: ClaimedChange, ending: Ending) -> Step:
    """No call is needed or wanted: the object is as asked, a person's edit stands, or a later change has taken its place."""
    breaker.unused(connection, change.account_id)
    if ending.adopt_budget is not None:
        adopted = {"ref": change.object_ref, "theirs": ending.adopt_budget, "found_at": None}
        connection.execute(sql("adopt_budget"), adopted)
    if ending.adopt_status is not None:
        objects.record(connection, change.object_ref, status=ending.adopt_status)
    _close(connection, change, ending.status, ending.reason)
    return Step(change, ending.status, ending.reason)


def throttled(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: Throttled, resume: Resume
) -> Step:
    """The platform asks us to wait; that feeds neither retries nor the breaker.

    What it asks of the account, all of the account does; what it asks of the app, all accounts do.
    """
    _settle(connection, attempt, "throttled", error)
    breaker.unused(connection, change.account_id)
    wait = Deferral(business_now(connection) + error.retry_after, str(error))
    if error.scope != "object":
        whose = None if error.scope == "app" else change.account_id
        held = {"account_id": whose, "until": wait.until, "reason": wait.reason, "refused": True}
        connection.execute(sql("hold_back"), held)
    return _released(connection, change, resume, wait, Step(change, "deferred", wait.reason, wait.until), deferred=1)


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
    breaker.failed(connection, change.account_id, str(error), safety)
    sent = resume == "pending"
    if sent and change.failures >= len(safety.retry_seconds):
        return dead(connection, change, attempt, error)
    _settle(connection, attempt, "failed", error)
    seconds = safety.retry_seconds[change.failures if sent else -1]
    wait = Deferral(business_now(connection) + timedelta(seconds=seconds), str(error))
    step = Step(change, "retried", wait.reason, wait.until)
    return _released(connection, change, resume, wait, step, failed=int(sent), deferred=int(not sent))


def stop_account(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, resume: Resume
) -> Step:
    """Token or policy: nothing of this account starts until a person has looked; the change waits."""
    _settle(connection, attempt, "failed", error)
    breaker.unused(connection, change.account_id)
    reason = f"{type(error).__name__}: {error}"
    connection.execute(sql("freeze_account"), {"account_id": change.account_id, "reason": reason})
    rule = "auth" if isinstance(error, AuthError) else "policy"
    raise_alert(connection, change.account_id, rule, reason, stopped=True)
    wait = Deferral(business_now(connection), reason)
    return _released(
        connection, change, resume, wait, Step(change, "deferred", f"account frozen: {reason}"), deferred=1
    )


def dead(
    connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, *, failed: int = 1
) -> Step:
    """To the dead letters, with everything that was to be built on it."""
    _settle(connection, attempt, "failed", error)
    # Some requests are hopeless before they are sent: only the platform's own numbers prove that it answered.
    if isinstance(error, PermanentError):
        (breaker.unused if error.code is None else breaker.answered)(connection, change.account_id)
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


def _released(
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
        **_key(change),
        "status": status,
        "not_before": wait.until,
        "reason": wait.reason,
        "failed": failed,
        "deferred": deferred,
    }
    _require_ours(connection.execute(sql("release"), parameters).first(), change)
    if status == "pending" and change.spec.kind not in CREATES:
        overtaken = connection.execute(sql("supersede"), {"refs": [change.object_ref]}).scalars().all()
        if change.id in overtaken:
            return Step(change, "superseded", "a later change has taken its place")
    return step


def _close(connection: Connection, change: ClaimedChange, status: str, reason: str | None, *, failed: int = 0) -> None:
    parameters = {**_key(change), "status": status, "reason": reason, "failed": failed}
    _require_ours(connection.execute(sql("close"), parameters).first(), change)


def _require_ours(row: object, change: ClaimedChange) -> None:
    """The statement that ends a claim finds its row only while the claim is ours.

    Raises:
        LostClaim: it is not; everything written with it is taken back, and its next holder reads the
            attempt back.
    """
    if row is None:
        raise attempts.LostClaim(str(change.id))


def _cancel_dependents(connection: Connection, change: ClaimedChange, reason: str) -> None:
    """Only the making of an object dooms what depends on it; a refused budget or status does not."""
    if change.spec.kind in CREATES:
        connection.execute(sql("cancel_dependents"), {"object_ref": change.object_ref, "reason": reason})


def _key(change: ClaimedChange) -> dict[str, Any]:
    return {"change_id": change.id, "fencing_token": change.fencing_token}
