"""The transactions around a call: the intent before it, the outcome after it.

`begin` decides under the campaign's lock and writes the audit row in the same transaction, so
that counting and acting cannot drift apart; the business clock is read after the lock was won.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row

from flywheel_assets.core.changes import CreateAdSet, SetBudget, SetStatus
from flywheel_assets.core.errors import FlywheelError
from flywheel_assets.execution import deciding
from flywheel_assets.execution.limits import ACTION_WINDOW, BudgetDecision, Deferral
from flywheel_assets.execution.records import Attempt, ClaimedChange, Ending, Observed
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety


class LostClaim(FlywheelError):
    """The lease ran out and another worker has the change; whatever we know of it is void."""


def begin(
    connection: Connection, change: ClaimedChange, observed: Observed, safety: Safety
) -> Attempt | Deferral | Ending:
    """Write the intent to call, or say when to come back, or why there is no call to make.

    Raises:
        LostClaim: the change is no longer ours.
    """
    row = _lock(connection, change)
    if not row.held:
        raise LostClaim(str(change.id))
    if standing := _stopped(row, change) or _overtaken(row):
        return standing
    case = _case(connection, change, observed, row, safety)
    if standing := deciding.settled(case) or deciding.no_room(case):
        return standing
    budget = deciding.budget(case)
    if isinstance(budget, Deferral | Ending):
        return budget
    return _write_intent(case, budget)


def _case(
    connection: Connection, change: ClaimedChange, observed: Observed, row: Row[Any], safety: Safety
) -> deciding.Case:
    known = deciding.Known(
        row.object_kind, row.object_status, row.object_budget, row.object_tag, row.object_fields, row.unanswered
    )
    return deciding.Case(connection, change, observed, row.config, row.moment, row.finishes, known, safety)


def _lock(connection: Connection, change: ClaimedChange) -> Row[Any]:
    alone = change.scope == "account" or _may_raise_spend(change)
    parameters = {**_key(change), "alone": alone, "window": ACTION_WINDOW}
    return connection.execute(sql("begin_call"), parameters).one()


def _may_raise_spend(change: ClaimedChange) -> bool:
    match change.spec:
        case SetBudget() | CreateAdSet() | SetStatus(status="ACTIVE"):
            return True
        case _:
            return False


def _stopped(row: Row[Any], change: ClaimedChange) -> Deferral | None:
    """Whether a person, a guard or the account's mode has stopped it since it was queued."""
    if row.frozen and not (row.pausing and change.is_safety_pause):
        return Deferral(row.moment, f"account {change.account_id} is frozen: {row.frozen_reason}")
    if change.is_safety_pause or row.mode == "auto" or (row.mode == "approve" and change.approved_at is not None):
        return None
    return Deferral(row.moment, f"account {change.account_id} went to {row.mode} mode after this was queued")


def _overtaken(row: Row[Any]) -> Ending | None:
    """By a later change, or by time."""
    if row.newer is not None:
        return Ending("superseded", f"superseded by {row.newer}")
    if row.expired:
        return Ending("expired", "it went stale while it was claimed; ask for a fresh recommendation")
    return None


def _write_intent(case: deciding.Case, budget: BudgetDecision | None) -> Attempt:
    connection, change, observed = case.connection, case.change, case.observed
    target = budget.target if budget else None
    fields = _shown(case)
    intent = {
        "lease_seconds": case.safety.lease_seconds,
        "change_id": change.id,
        "scope": change.scope,
        "remote_id": observed.remote_id,
        "previous_budget": observed.daily_budget,
        "target_budget": target,
        "adjustments": json.dumps(budget.adjustments if budget else []),
        "previous": json.dumps(fields) if fields else None,
        "now": case.now,
    }
    attempt_id = connection.execute(sql("write_intent"), intent).scalar_one()
    return Attempt(attempt_id, observed.remote_id, observed.daily_budget, target, fields)


def _shown(case: deciding.Case) -> dict[str, Any]:
    """What stood before; of a pause that was sent without a question what our own record says, so that it can be undone."""
    if case.observed.fields or not case.change.is_safety_pause or case.known.status is None:
        return dict(case.observed.fields)
    return {"status": case.known.status}


def still_alive(connection: Connection, change: ClaimedChange, safety: Safety) -> None:
    """A long call under way keeps its lease.

    Raises:
        LostClaim: too late; whoever has the change now must not be disturbed.
    """
    parameters = {**_key(change), "lease_seconds": safety.lease_seconds}
    if connection.execute(sql("extend_lease"), parameters).first() is None:
        raise LostClaim(str(change.id))


def finish(
    connection: Connection,
    attempt: Attempt,
    status: str,
    *,
    remote_id: str | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    """Complete the audit row of one attempt.

    Raises:
        LostClaim: there is none, so nothing may be said of it.
    """
    applied = status in ("applied", "reconciled")
    outcome = {
        "attempt_id": attempt.id,
        "status": status,
        "remote_id": remote_id,
        "actual_budget": attempt.target_budget if applied else None,
        "error": json.dumps(error) if error is not None else None,
    }
    if connection.execute(sql("finish_attempt"), outcome).first() is None:
        raise LostClaim(f"attempt {attempt.id}")


def _key(change: ClaimedChange) -> dict[str, Any]:
    return {"change_id": change.id, "fencing_token": change.fencing_token}
