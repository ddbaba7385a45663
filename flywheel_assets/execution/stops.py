"""The two stops of an account, and the way back: `freeze`, `stop_spend`, `resume`.

A freeze lets no call start; ads that run go on spending. Stopping spend pauses every campaign of
ours first: those pauses pass the freeze and every mode, ahead of whatever else is queued.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from flywheel_assets.core.changes import SAFETY_PRIORITY, AdChange, SetStatus
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.execution.alerts import close_alerts
from flywheel_assets.execution.enqueue import Enqueued, enqueue, plan_digest
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import account_holds, accounts, breakers

_ENDED_WELL = ("applied", "cancelled")  # cancelled: it was paused already


def freeze(connection: Connection, account_id: str, reason: str) -> None:
    """Let no call of the account start. Calls under way end; a stop of spend that runs goes on.

    Raises:
        ConfigurationError: the account is not known.
    """
    _lock(connection, account_id)
    connection.execute(_account(account_id).values(frozen=True, frozen_reason=reason))


def resume(connection: Connection, account_id: str) -> int:
    """Lift a freeze; how many alerts that closes.

    The account's breaker starts anew: whoever resumes says that the cause is gone. Campaigns that
    were paused stay paused; taking the stop back is a change of its own (`operators.undo`).

    Raises:
        ConfigurationError: the account is not known.
    """
    _lock(connection, account_id)
    connection.execute(_account(account_id).values(frozen=False, frozen_reason=None, pausing=False))
    connection.execute(account_holds.delete().where(account_holds.c.account_id == account_id))
    connection.execute(breakers.delete().where(breakers.c.account_id == account_id))
    return close_alerts(connection, account_id)


def stop_spend(connection: Connection, account_id: str, reason: str, requested_by: str, safety: Safety) -> Enqueued:
    """Pause every campaign of the account that we made, then freeze it, in one transaction.

    Campaigns of the account that Flywheel did not create are not ours to pause and go on. A campaign
    that is still being made gets its pause too, which takes the place of its activation. Asked for
    again while it runs, or soon after, it adds nothing.

    Raises:
        ConfigurationError: the account is not known.
    """
    _lock(connection, account_id)
    pauses = [_pause(row, account_id, reason, requested_by) for row in _campaigns(connection, account_id)]
    # With nothing to pause there is no plan, but the account is stopped all the same.
    queued = enqueue(connection, pauses, safety) if pauses else Enqueued(plan_digest(()), "pending", 0, 0)
    connection.execute(sql("op_stop_account"), {"account_id": account_id, "reason": f"spend stopped: {reason}"})
    return queued


def open_pauses(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Campaigns at the platform whose safety pause has not gone out yet."""
    return tuple(connection.execute(sql("op_open_pauses"), {"account_id": account_id}).scalars())


def not_paused(connection: Connection, refs: Sequence[str]) -> dict[str, str]:
    """Those of the campaigns whose last safety pause did not end well, or did not end yet, with what is known of why."""
    rows = connection.execute(sql("op_newest_pauses"), {"refs": list(refs)})
    return {row.object_ref: row.wait_reason or row.status for row in rows if row.status not in _ENDED_WELL}


def is_pausing(connection: Connection, account_id: str) -> bool:
    """Whether safety pauses of a stopped account may still go; a bad token, for one, ends that."""
    known = select(accounts.c.pausing).where(accounts.c.account_id == account_id)
    return bool(connection.execute(known).scalar_one())


def stops_in_force(connection: Connection, account_id: str) -> tuple[str, ...]:
    """Plans of stops, oldest first, that paused campaigns which nobody has started again."""
    return tuple(connection.execute(sql("op_stops_in_force"), {"account_id": account_id}).scalars())


def _lock(connection: Connection, account_id: str) -> None:
    """Calls that are being begun end first; none begins until we are done."""
    known = select(accounts.c.account_id).where(accounts.c.account_id == account_id).with_for_update(key_share=True)
    if connection.execute(known).first() is None:
        others = connection.execute(select(accounts.c.account_id).order_by(accounts.c.account_id)).scalars().all()
        names = ", ".join(others) or "none"
        raise ConfigurationError(
            f"account {account_id} is not known; known are: {names}", next_step="name one of those that are"
        )


def _account(account_id: str) -> Any:
    return accounts.update().where(accounts.c.account_id == account_id)


def _campaigns(connection: Connection, account_id: str) -> list[Row[Any]]:
    return list(connection.execute(sql("op_campaigns_to_stop"), {"account_id": account_id}))


def _pause(row: Row[Any], account_id: str, reason: str, requested_by: str) -> AdChange:
    return AdChange(
        account_id=account_id,
        campaign_ref=row.ref,
        object_ref=row.ref,
        spec=SetStatus(status="PAUSED"),
        # Numbered by the stops that ended: asked for again while it is open it is the same change.
        idempotency_key=f"stop:{row.ref}:{row.stops}",
        reasoning=f"stop spend: {reason}",
        requested_by=requested_by,
        currency=row.currency,
        priority=SAFETY_PRIORITY,
    )
