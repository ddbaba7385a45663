"""The safety net for lost webhooks: HubSpot tries ten times in a day, then the event is gone.

Deals modified lately are compared with what we know. Where the latest stage differs, the CRM's own
history is written into the inbox, marked as such, and collected like any other event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, union_all

from flywheel_assets.clients.hubspot import Deal, StageEntry
from flywheel_assets.core.account import Account, HubSpot
from flywheel_assets.core.errors import RemoteError
from flywheel_assets.core.ids import digest
from flywheel_assets.revenue.collect import Collected, collect_stage_changes, judge_deals, note_failure
from flywheel_assets.revenue.crm import Crm, keep_deals, wanted_properties
from flywheel_assets.revenue.inbox import store_events
from flywheel_assets.revenue.problems import Problem, lock_account, replace
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import deal_stage_changes, hubspot_events

_SUBSCRIPTION = 0  # no webhook subscription has this number


@dataclass(frozen=True)
class Reconciled:
    """What the comparison with the CRM showed.

    Attributes:
        looked_at: deals modified since.
        behind: deals whose latest stage we did not know.
        recovered: events written into the inbox for them.
        collected: what became of the inbox afterwards; None when the CRM failed before.
        failure: what the CRM said; None when all went well.
    """

    looked_at: int
    behind: tuple[int, ...]
    recovered: int
    collected: Collected | None
    failure: str | None


def reconcile(engine: Engine, account: Account, crm: Crm, since: datetime) -> Reconciled:
    """Compare the deals modified since ``since`` with ours and take over what was missed.

    Amounts and join keys of all of them are refreshed too. Running it again adds nothing.
    """
    if account.hubspot is None:
        return Reconciled(0, (), 0, None, None)
    try:
        found = _modified(crm, account.hubspot, since)
        with engine.connect() as connection:
            told = _told(connection, account.hubspot.portal_id, [deal.id for deal in found])
        behind = _behind(found, told)
        histories = crm.stage_histories(behind) if behind else {}
    except RemoteError as error:
        with engine.begin() as connection:
            note_failure(connection, account.account_id, str(error))
        return Reconciled(0, (), 0, None, str(error))
    missed = {deal_id: set(histories.get(deal_id, ())) - told[deal_id] for deal_id in behind}
    recovered = _write(engine, account, account.hubspot, found, missed)
    with engine.connect() as connection:
        now = business_now(connection)
    collected = collect_stage_changes(engine, account, crm, now)
    return Reconciled(len(found), tuple(behind), recovered, collected, collected.failure)


def _modified(crm: Crm, hubspot: HubSpot, since: datetime) -> list[Deal]:
    """The deals, read by id: what a search shows of them may be older than what we know already."""
    ids = [deal.id for deal in crm.modified_since(since, ())]
    return crm.deals(ids, wanted_properties(hubspot)) if ids else []


def _told(connection: Connection, portal_id: int, ids: Sequence[int]) -> defaultdict[int, set[StageEntry]]:
    """The stages we were told of, taken over or still waiting in the inbox."""
    change, event = deal_stage_changes.c, hubspot_events.c
    taken_over = select(change.deal_id, change.stage, change.occurred_at).where(change.deal_id.in_(ids))
    waiting = select(event.object_id, event.property_value, event.occurred_at).where(
        event.portal_id == portal_id,
        event.handled_at.is_(None),
        event.property_name == "dealstage",
        event.object_id.in_(ids),
    )
    told = defaultdict[int, set[StageEntry]](set)
    for deal_id, stage, occurred_at in connection.execute(union_all(taken_over, waiting)):
        told[deal_id].add(StageEntry(stage, occurred_at))
    return told


def _behind(found: Sequence[Deal], told: Mapping[int, Collection[StageEntry]]) -> list[int]:
    """Deals whose stage is not the latest one we were told of."""
    latest = {deal_id: max(entries, key=lambda one: one.since).stage for deal_id, entries in told.items() if entries}
    stages = {deal.id: deal.properties.get("dealstage") for deal in found}
    return sorted(deal_id for deal_id, stage in stages.items() if stage and stage != latest.get(deal_id))


def _write(
    engine: Engine,
    account: Account,
    hubspot: HubSpot,
    found: Sequence[Deal],
    missed: Mapping[int, Collection[StageEntry]],
) -> int:
    """One transaction: the deals as they are now, and the events that were missed."""
    with engine.begin() as connection:
        lock_account(connection, account.account_id)
        kept = keep_deals(connection, account, hubspot, found, business_now(connection))
        judge_deals(connection, account, sorted(kept))
        untold = [
            Problem(
                f"deal:{deal_id}",
                "no_stage_history",
                "HubSpot's history does not show how it came into its stage; move it once more",
            )
            for deal_id, entries in missed.items()
            if not entries
        ]
        subjects = [f"deal:{deal.id}" for deal in found]
        replace(connection, subjects, ["no_stage_history"], untold, account.account_id)
        events = [
            _event(hubspot.portal_id, deal_id, entry)
            for deal_id, entries in missed.items()
            if deal_id in kept
            for entry in sorted(entries, key=lambda one: (one.since, one.stage))
        ]
        return store_events(connection, events, "reconciliation").new


def _event(portal_id: int, deal_id: int, entry: StageEntry) -> dict[str, Any]:
    """The event HubSpot would have sent; its number depends on nothing but what happened."""
    occurred_ms = round(entry.since.timestamp() * 1000)
    return {
        "eventId": int(digest([deal_id, entry.stage, occurred_ms])[:15], 16),
        "subscriptionId": _SUBSCRIPTION,
        "portalId": portal_id,
        "occurredAt": occurred_ms,
        "subscriptionType": "deal.propertyChange",
        "objectId": deal_id,
        "propertyName": "dealstage",
        "propertyValue": entry.stage,
        "changeSource": "RECONCILIATION",
    }
