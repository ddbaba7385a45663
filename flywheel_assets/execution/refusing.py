"""What `enqueue` refuses: a plan that breaks a rule of its account is not queued at all."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import CREATES, SAFETY_PRIORITY, AdChange, CreateAdSet, SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution.calls import references
from flywheel_assets.execution.statements import sql
from flywheel_assets.store.tables import ad_change_history, ad_objects, pending_ad_changes

# A change that ended so without ever being sent may be asked for again under its key.
REOPENED = ("observed", "expired", "cancelled")


def refuse_unfit(change: AdChange, account: Account) -> None:
    """An amount in another currency, or a new budget outside its bounds."""
    # What stops spend must not be stopped by a corrected account file: only amounts have a currency.
    if isinstance(change.spec, CreateAdSet | SetBudget) and change.currency != account.currency:
        raise ChangeRefused(
            change.object_ref, "currency_mismatch", f"{change.currency}, but the account pays {account.currency}"
        )
    if isinstance(change.spec, CreateAdSet):
        low, high = account.money(account.ad_set_floor).minor, account.money(account.ad_set_ceiling).minor
        if not low <= change.spec.daily_budget <= high:
            raise ChangeRefused(
                change.object_ref,
                "budget_bounds",
                f"daily budget {change.spec.daily_budget} is outside {low} to {high}",
            )


def refuse_beyond_plan(connection: Connection, changes: Sequence[AdChange], account: Account) -> None:
    """New ad sets must fit into what the daily plan has left beside everything that runs or is asked for."""
    queue = pending_ad_changes.c
    keys = [change.idempotency_key for change in changes]
    # What may be asked for again is as new: nothing of it was ever sent.
    in_use = (
        queue.status.not_in(REOPENED)
        | select(ad_change_history.c.id).where(ad_change_history.c.change_id == queue.id).exists()
    )
    query = select(queue.idempotency_key).where(queue.idempotency_key.in_(keys), in_use)
    known = set(connection.execute(query).scalars())
    new = {
        change.object_ref: change.spec.daily_budget
        for change in changes
        if isinstance(change.spec, CreateAdSet) and change.idempotency_key not in known
    }
    if not new:
        return
    budget, others = sum(new.values()), committed(connection, account.account_id, list(new))
    plan = account.money(account.daily_plan).minor
    if others + budget > plan:
        raise ChangeRefused(
            changes[0].campaign_ref,
            "over_daily_plan",
            f"{budget} a day for new ad sets beside {others} in use exceed the plan of {plan}",
        )


def committed(connection: Connection, account_id: str, besides: Sequence[str] = ()) -> int:
    """Minor units per day that the account's ad sets may spend, running or asked for, those of ``besides`` apart."""
    key = {"account_id": account_id, "besides": list(besides)}
    return int(connection.execute(sql("committed_budgets"), key).scalar_one())


def refuse_strangers(connection: Connection, changes: Sequence[AdChange]) -> None:
    """Every object must be planned, and under the campaign whose limit it names: else a limit could be passed by."""
    planned = ad_objects.c
    wanted = {ref for change in changes for ref in (change.object_ref, change.campaign_ref)}
    rows = connection.execute(
        select(planned.ref, planned.account_id, planned.campaign_ref).where(planned.ref.in_(wanted))
    )
    known = {row.ref: (row.account_id, row.campaign_ref) for row in rows}
    for change in changes:
        for ref in (change.campaign_ref, change.object_ref):
            if ref not in known:
                raise ChangeRefused(ref, "unknown_object", "nothing of that name was ever planned; create it first")
            if known[ref] != (change.account_id, change.campaign_ref):
                account_id, campaign = known[ref]
                raise ChangeRefused(
                    ref,
                    "wrong_campaign",
                    f"it belongs to {campaign} of {account_id}, not to {change.campaign_ref} of {change.account_id}",
                )


def refuse_never_made(connection: Connection, changes: Sequence[AdChange]) -> None:
    """What waits for an object that nobody is going to make would wait for ever."""
    needed = {ref for change in changes for ref in needs(change)}
    row = connection.execute(sql("never_made"), {"refs": sorted(needed)}).one_or_none()
    if row is not None:
        how = "was never asked for" if row.status is None else f"ended as {row.status}"
        raise ChangeRefused(row.ref, "never_made", f"it does not exist and its creation {how}; launch it again first")


def stays_cancelled(connection: Connection, change: AdChange) -> bool:
    """What was cancelled because an object could not be made is not asked for again before that object is."""
    queue = pending_ad_changes.c
    cancelled = select(queue.id).where(
        queue.idempotency_key == change.idempotency_key, queue.status == "cancelled", queue.priority < SAFETY_PRIORITY
    )
    if connection.execute(cancelled).first() is None:
        return False
    return connection.execute(sql("never_made"), {"refs": needs(change)}).first() is not None


def needs(change: AdChange) -> list[str]:
    """What must exist first: what its call refers to, and of a change of an object that object."""
    own = () if change.spec.kind in CREATES else (change.object_ref,)
    return sorted({*change.depends_on, *references(change.spec), *own})
