"""The one way in: every producer hands its changes to `enqueue`, and the account's mode decides what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.dialects.postgresql import Insert, insert

from flywheel_assets.core.account import Account, Mode
from flywheel_assets.core.changes import CREATES, SAFETY_PRIORITY, AdChange, CreateAdSet, SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.ids import digest, rng
from flywheel_assets.execution.objects import new_tag
from flywheel_assets.execution.refusing import (
    REOPENED,
    needs,
    refuse_beyond_plan,
    refuse_never_made,
    refuse_strangers,
    refuse_unfit,
    stays_cancelled,
)
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import accounts, ad_change_history, ad_objects, pending_ad_changes

# observe: recorded, never sent. approve: waits for a person. auto: waits for its jitter only.
_STATUS: dict[Mode, str] = {"observe": "observed", "approve": "proposed", "auto": "pending"}


@dataclass(frozen=True)
class Enqueued:
    """What became of the changes of one plan."""

    plan_digest: str
    status: str
    added: int
    known: int


def enqueue(connection: Connection, changes: Sequence[AdChange], safety: Safety) -> Enqueued:
    """Queue the changes of one account as one plan; a change asked for before is not added again.

    Raises:
        ChangeRefused: no change, changes of several accounts, an unknown account, or a change that
            breaks a rule of its account. Nothing is queued then.
    """
    account, world = _account(connection, changes)
    for change in changes:
        refuse_unfit(change, account)
    refuse_beyond_plan(connection, changes, account)
    plan = plan_digest(changes)
    status = _STATUS[account.mode]
    now = business_now(connection)
    for change in changes:
        _plan_object(connection, change, world)
    refuse_strangers(connection, changes)
    added = []
    for change in changes:
        row = _row(change, world, plan) | _queued(change, status, now, safety)
        if not stays_cancelled(connection, change) and connection.execute(_insert_or_reopen(row)).rowcount:
            added.append(change)
    if status != "observed":
        refuse_never_made(connection, added)
    if added:
        connection.execute(sql("supersede"), {"refs": sorted({change.object_ref for change in changes})})
    urgent = all(change.priority >= SAFETY_PRIORITY for change in changes)
    return Enqueued(plan, "pending" if urgent else status, len(added), len(changes) - len(added))


def _insert_or_reopen(row: dict[str, object]) -> Insert:
    """A key that was only observed, went stale or was cancelled, and never sent, may be asked for again."""
    statement = insert(pending_ad_changes).values(row)
    queue = pending_ad_changes.c
    # Named literally: as a column of the table it would be asked of all its rows, not of the one in conflict.
    sent = select(ad_change_history.c.id).where(
        ad_change_history.c.change_id == literal_column("pending_ad_changes.id")
    )
    # What a stop of spend came after stays behind it, until a person sends it again.
    stop = pending_ad_changes.alias("stop")
    stopped = select(stop.c.id).where(
        stop.c.object_ref == literal_column("pending_ad_changes.object_ref"),
        stop.c.change_type == literal_column("pending_ad_changes.change_type"),
        stop.c.seq > literal_column("pending_ad_changes.seq"),
        stop.c.lane == 2,  # noqa: PLR2004 - safety pauses
    )
    return statement.on_conflict_do_update(
        index_elements=["idempotency_key"],
        set_={
            **row,
            # asked for now, and therefore later than whatever was asked for meanwhile
            "seq": func.nextval(func.pg_get_serial_sequence("pending_ad_changes", "seq")),
            "created_at": func.flywheel_now(),
            "waits": statement.excluded.waits,
            "wait_reason": None,
            "approved_at": None,
            "failures": 0,
            "deferrals": 0,
        },
        where=queue.status.in_(REOPENED)
        & (statement.excluded.status != "observed")
        & ~sent.exists()
        & ~stopped.exists(),
    )


def _queued(change: AdChange, status: str, now: datetime, safety: Safety) -> dict[str, object]:
    """When a change may go out. What stops spend waits neither for a person nor for its jitter."""
    urgent = change.priority >= SAFETY_PRIORITY
    seconds = 0.0 if urgent else float(rng("jitter", change.idempotency_key).uniform(*safety.jitter_seconds))
    return {
        "status": "pending" if urgent else status,
        "jitter_seconds": seconds,
        "not_before": now + timedelta(seconds=seconds),
        "finished_at": now if status == "observed" and not urgent else None,
    }


def plan_digest(changes: Sequence[AdChange]) -> str:
    """What a person approves: every change with its amounts, so that none can differ from what was shown."""
    return digest([change.model_dump(mode="json") for change in changes])


def _account(connection: Connection, changes: Sequence[AdChange]) -> tuple[Account, str]:
    ids = {change.account_id for change in changes}
    if len(ids) != 1:
        raise ChangeRefused("plan", "one_account", f"a plan speaks of exactly one account, this one of {sorted(ids)}")
    (account_id,) = ids
    # Locked until the plan is queued: two launches at once must not both find the same room in the daily plan.
    known = select(accounts.c.config, accounts.c.world, func.current_setting("flywheel.world").label("ours")).where(
        accounts.c.account_id == account_id
    )
    row = connection.execute(known.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise ChangeRefused(account_id, "unknown_account", "add its account file first")
    if row.world != row.ours:
        raise ChangeRefused(
            account_id, "other_world", f"the account is of the {row.world} world, this process of {row.ours}"
        )
    return Account.model_validate(row.config), row.world


def _plan_object(connection: Connection, change: AdChange, world: str) -> None:
    if kind := CREATES.get(change.spec.kind):
        planned = insert(ad_objects).values(
            ref=change.object_ref,
            world=world,
            account_id=change.account_id,
            kind=kind,
            campaign_ref=change.campaign_ref,
            tag=new_tag(world, change.object_ref),
            currency=change.currency,
        )
        connection.execute(planned.on_conflict_do_nothing(index_elements=["ref"]))


def _row(change: AdChange, world: str, plan: str) -> dict[str, object]:
    budget = change.spec.daily_budget if isinstance(change.spec, CreateAdSet | SetBudget) else None
    return {
        "world": world,
        "plan_digest": plan,
        "change_type": change.spec.kind,
        "spec": change.spec.model_dump(mode="json"),
        "new_budget": budget,
        "depends_on": needs(change),
        **change.model_dump(
            include={
                "account_id",
                "campaign_ref",
                "object_ref",
                "currency",
                "reasoning",
                "requested_by",
                "idempotency_key",
                "expires_at",
                "priority",
                "undo_of",
            }
        ),
    }


def approve(connection: Connection, plan_digest: str) -> int:
    """Let every change of a plan that waits for a person go, as it was shown; how many there were.

    Those are the proposed ones, and what was queued in `auto` before the account went to `approve`.

    Raises:
        ChangeRefused: no change with that digest waits.
    """
    queue = pending_ad_changes.c
    approved = (
        pending_ad_changes.update()
        .where(
            queue.plan_digest == plan_digest,
            queue.status.in_(("proposed", "pending")),
            queue.approved_at.is_(None),
        )
        .values(
            status="pending",
            wait_reason=None,
            approved_at=func.flywheel_now(),
            # a plan that waited for its person all night would else go out in one moment
            not_before=func.flywheel_now() + func.make_interval(0, 0, 0, 0, 0, 0, queue.jitter_seconds),
        )
        .returning(queue.object_ref)
    )
    refs = connection.execute(approved).scalars().all()
    if not refs:
        raise ChangeRefused(
            plan_digest,
            "unknown_plan",
            "no change that waits for approval has this digest; list them with `flywheel changes plans`",
        )
    connection.execute(sql("supersede"), {"refs": sorted(set(refs))})
    return len(refs)
