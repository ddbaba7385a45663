"""From inbox to stage changes: each event is taken over once, its deal fetched once.

The event says when a stage was entered, the CRM what the deal is worth. If the CRM cannot be
reached the events stay where they are for the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.clients.hubspot import Deal
from flywheel_assets.core.account import Account, HubSpot
from flywheel_assets.core.errors import RemoteError
from flywheel_assets.revenue.crm import Crm, keep_deals, wanted_properties
from flywheel_assets.revenue.ledger import LEDGER_RULES, DealValue, StageChange, deal_problems
from flywheel_assets.revenue.problems import Problem, lock_account, record, replace
from flywheel_assets.store.tables import deal_stage_changes, deals, hubspot_events, revenue_problems

# Deals fetched and committed at a time: one batch read of the CRM.
_DEALS_AT_ONCE = 100


@dataclass(frozen=True)
class Collected:
    """What became of the inbox.

    Attributes:
        events: taken over.
        waiting: still unhandled, because the CRM failed.
        deals: deals fetched and kept.
        changes: stage changes that were not known before.
        problems: of the deals that were looked at.
        failure: what the CRM said; None when all went well.
    """

    events: int
    waiting: int
    deals: int
    changes: int
    problems: tuple[Problem, ...]
    failure: str | None


def collect_stage_changes(engine: Engine, account: Account, crm: Crm, now: datetime) -> Collected:
    """Take over every unhandled event of the account's portal; safe to run twice and at the same time."""
    if account.hubspot is None:
        return Collected(0, 0, 0, 0, (), None)
    with engine.connect() as connection:
        events = _unhandled(connection, account.hubspot.portal_id)
    ids = sorted({event.object_id for event in events})
    done = changes = kept = 0
    failure: str | None = None
    for start in range(0, len(ids), _DEALS_AT_ONCE):
        some = ids[start : start + _DEALS_AT_ONCE]
        try:
            found = crm.deals(some, wanted_properties(account.hubspot))
        except RemoteError as error:
            failure = str(error)
            break
        theirs = [event for event in events if event.object_id in set(some)]
        added, held = _take_over(engine, account, account.hubspot, theirs, found, now=now)
        done, changes, kept = done + len(theirs), changes + added, kept + held
    with engine.begin() as connection:
        note_failure(connection, account.account_id, failure)
        problems = _problems_of(connection, ids)
    return Collected(done, len(events) - done, kept, changes, problems, failure)


def note_failure(connection: Connection, account_id: str, failure: str | None) -> None:
    """Keep the CRM's failure visible for as long as it lasts."""
    subject = f"account:{account_id}"
    problems = [Problem(subject, "crm_unavailable", failure)] if failure else []
    replace(connection, [subject], ["crm_unavailable"], problems, account_id)


def _unhandled(connection: Connection, portal_id: int) -> Sequence[Row[Any]]:
    table = hubspot_events.c
    query = select(table.id, table.object_id, table.property_name, table.property_value, table.occurred_at)
    return connection.execute(
        query.where(table.portal_id == portal_id, table.handled_at.is_(None)).order_by(table.id)
    ).all()


def _take_over(
    engine: Engine,
    account: Account,
    hubspot: HubSpot,
    events: Sequence[Row[Any]],
    found: Sequence[Deal],
    *,
    now: datetime,
) -> tuple[int, int]:
    """One transaction: deals, their stage changes, their problems, and the events marked handled."""
    with engine.begin() as connection:
        lock_account(connection, account.account_id)
        kept = keep_deals(connection, account, hubspot, found, now)
        added = sum(_insert_change(connection, event) for event in events if event.object_id in kept)
        missing = {event.object_id for event in events} - {deal.id for deal in found}
        reason = "HubSpot does not show it any more, deleted or merged; its events and ledger stay as they are"
        record(
            connection,
            [Problem(f"deal:{deal_id}", "deal_not_found", reason) for deal_id in sorted(missing)],
            account.account_id,
        )
        judge_deals(connection, account, sorted(kept))
        connection.execute(
            hubspot_events.update()
            .where(hubspot_events.c.id.in_([event.id for event in events]))
            .values(handled_at=now)
        )
    return added, len(kept)


def _insert_change(connection: Connection, event: Row[Any]) -> int:
    if event.property_name != "dealstage" or not event.property_value:
        return 0
    statement = insert(deal_stage_changes).values(
        deal_id=event.object_id, occurred_at=event.occurred_at, stage=event.property_value, inbox_id=event.id
    )
    return connection.execute(statement.on_conflict_do_nothing()).rowcount


def judge_deals(connection: Connection, account: Account, ids: Sequence[int]) -> None:
    """Write what keeps these deals' values from being known; drop what has been mended."""
    table, change = deals.c, deal_stage_changes.c
    problems = list[Problem]()
    for row in connection.execute(
        select(table.deal_id, table.amount, table.currency).where(table.deal_id.in_(ids))
    ).all():
        entered = connection.execute(select(change.occurred_at, change.stage).where(change.deal_id == row.deal_id))
        problems += deal_problems([StageChange(*one) for one in entered], DealValue(*row), account)
    replace(connection, [f"deal:{deal_id}" for deal_id in ids], LEDGER_RULES, problems, account.account_id)


def _problems_of(connection: Connection, ids: Sequence[int]) -> tuple[Problem, ...]:
    table = revenue_problems.c
    query = select(table.subject, table.rule, table.reason).where(
        table.subject.in_([f"deal:{deal_id}" for deal_id in ids])
    )
    return tuple(Problem(*row) for row in connection.execute(query.order_by(table.subject, table.rule)))
