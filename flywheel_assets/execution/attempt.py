"""The transactions around a call: the intent before it, the outcome after it.

`begin` decides under the campaign's lock and writes the audit row in the same transaction, so
that counting and acting cannot drift apart; the business clock is read after the lock was won.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import CreateAdSet, SetBudget
from flywheel_assets.core.errors import ChangeRefused, FlywheelError
from flywheel_assets.execution.limits import ACTION_WINDOW, BudgetDecision, Deferral, action_room, decide_budget
from flywheel_assets.execution.records import Attempt, ClaimedChange, Observed
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_objects

# Kept for safety pauses: a change of this priority or above may use the reserve.
SAFETY_PRIORITY = 100


class LostClaim(FlywheelError):
    """The lease ran out and another worker has the change; whatever we know of it is void."""


def begin(connection: Connection, change: ClaimedChange, observed: Observed, safety: Safety) -> Attempt | Deferral:
    """Write the intent to call, or say when to come back.

    Raises:
        LostClaim: the change is no longer ours.
        ChangeRefused: a person's edit stands against it, or the limits leave nothing to change.
    """
    account, mode, frozen = _lock(connection, change)
    now = business_now(connection)
    hold(connection, change)
    if frozen is not None:
        return Deferral(now, f"account {change.account_id} is frozen: {frozen}")
    if mode == "observe" or (mode == "approve" and change.approved_at is None):
        return Deferral(now, f"account {change.account_id} went to {mode} mode after this was queued")
    if wait := _room(connection, change, now, safety):
        return wait
    budget = _budget(connection, change, observed, account, now=now, safety=safety)
    if isinstance(budget, Deferral):
        return budget
    return _write_intent(connection, change, observed, budget, now)


def _lock(connection: Connection, change: ClaimedChange) -> tuple[Account, str, str | None]:
    lock = "lock_account" if change.scope == "campaign" else "lock_account_writes"
    row = connection.execute(sql(lock), {"account_id": change.account_id}).one()
    if change.scope == "campaign":
        connection.execute(sql("lock_campaign"), {"campaign_ref": change.campaign_ref}).one()
    return Account.model_validate(row.config), row.mode, row.frozen_reason if row.frozen else None


def _room(connection: Connection, change: ClaimedChange, now: datetime, safety: Safety) -> Deferral | None:
    if change.scope == "campaign":
        reserve = 0 if change.priority >= SAFETY_PRIORITY else safety.pause_reserve
        counted, limit = change.campaign_ref, safety.actions_per_campaign_hour - reserve
    else:
        counted, limit = change.account_id, safety.account_writes_per_hour
    parameters = {"scope": change.scope, "counted": counted, "opens": now - ACTION_WINDOW}
    finishes = list(connection.execute(sql("recent_actions"), parameters).scalars())
    return action_room(finishes, limit, now, f"{change.scope} {counted}")


def _budget(
    connection: Connection,
    change: ClaimedChange,
    observed: Observed,
    account: Account,
    *,
    now: datetime,
    safety: Safety,
) -> BudgetDecision | Deferral | None:
    if isinstance(change.spec, CreateAdSet):
        return BudgetDecision(change.spec.daily_budget, ())
    if not isinstance(change.spec, SetBudget):
        return None
    current = _current_budget(connection, change, observed)
    opens = now - timedelta(hours=safety.velocity_window_hours)
    parameters = {"object_ref": change.object_ref, "opens": opens}
    decision = decide_budget(
        requested=change.spec.daily_budget,
        change_id=change.id,
        frozen_target=change.target_budget,
        in_force=list(connection.execute(sql("budgets_in_window"), parameters).scalars()),
        current=current,
        floor=account.money(account.ad_set_floor).minor,
        ceiling=account.money(account.ad_set_ceiling).minor,
        now=now,
        safety=safety,
    )
    if isinstance(decision, BudgetDecision) and decision.target == current:
        raise ChangeRefused(
            change.object_ref, "nothing_left", f"the budget stays {current}: {'; '.join(decision.adjustments)}"
        )
    return decision


def _current_budget(connection: Connection, change: ClaimedChange, observed: Observed) -> int:
    """The budget in force, unless a person changed it since we last knew: then theirs stays."""
    known = connection.execute(
        select(ad_objects.c.daily_budget).where(ad_objects.c.ref == change.object_ref)
    ).scalar_one()
    if observed.daily_budget is None:
        raise ChangeRefused(change.object_ref, "no_budget", "it owns no daily budget at the platform")
    if known is not None and known != observed.daily_budget:
        raise ChangeRefused(
            change.object_ref,
            "edited_elsewhere",
            f"{known} when we last knew, {observed.daily_budget} now; that edit stays",
        )
    return observed.daily_budget


def _write_intent(
    connection: Connection, change: ClaimedChange, observed: Observed, budget: BudgetDecision | None, now: datetime
) -> Attempt:
    target = budget.target if budget else None
    connection.execute(sql("mark_executing"), {"change_id": change.id, "target_budget": target})
    intent = {
        "change_id": change.id,
        "scope": change.scope,
        "remote_id": observed.remote_id,
        "previous_budget": observed.daily_budget,
        "target_budget": target,
        "adjustments": json.dumps(budget.adjustments if budget else []),
        "now": now,
    }
    attempt_id = connection.execute(sql("write_intent"), intent).scalar_one()
    return Attempt(attempt_id, observed.remote_id, observed.daily_budget, target)


def open_attempt(connection: Connection, change: ClaimedChange) -> Attempt | None:
    """The attempt of this change whose outcome nobody knows yet."""
    row: Row[Any] | None = connection.execute(sql("open_attempt"), {"change_id": change.id}).one_or_none()
    return None if row is None else Attempt(row.id, row.remote_id, row.previous_budget, row.target_budget)


def hold(connection: Connection, change: ClaimedChange) -> None:
    """Make sure the change is still ours before an outcome is written.

    Raises:
        LostClaim: it is not; the attempt stays open and its next holder reads it back.
    """
    if (
        connection.execute(sql("hold_claim"), {"change_id": change.id, "fencing_token": change.fencing_token}).first()
        is None
    ):
        raise LostClaim(str(change.id))


def finish(
    connection: Connection,
    attempt: Attempt,
    status: str,
    *,
    remote_id: str | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    """Complete the audit row of one attempt."""
    applied = status in ("applied", "reconciled")
    outcome = {
        "attempt_id": attempt.id,
        "status": status,
        "remote_id": remote_id,
        "actual_budget": attempt.target_budget if applied else None,
        "error": json.dumps(error) if error is not None else None,
    }
    connection.execute(sql("finish_attempt"), outcome)
