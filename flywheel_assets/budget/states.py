"""What is known about each ad at the end of an hour: gathered, judged, saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from flywheel_assets.budget.blocking import Facts, blocked, crm_source, held, insights_source
from flywheel_assets.budget.earned import Revenue, crm_waits_since, deals_by_ad, revenues
from flywheel_assets.budget.evidence import Delivery, ads_of, deliveries, dna_of
from flywheel_assets.budget.past_budgets import Step, budget_steps, budgets_in_window, in_force, last_changes
from flywheel_assets.budget.reach import frequencies
from flywheel_assets.budget.types import AdState, Deal, Hours, Source
from flywheel_assets.core.account import Account
from flywheel_assets.core.account import Bounds as OwnBounds
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import ad_states

_NO_REVENUE = Revenue(0, 0, frozenset())


@dataclass(frozen=True)
class _Known:
    """All that was read about an account, by ad id or by owner of the budget; ``now`` is the end of the hour."""

    account: Account
    settings: Settings
    now: datetime
    delivered: Mapping[str, Delivery]
    earned: Mapping[str, Revenue]
    deals: Mapping[str, tuple[Deal, ...]]
    dna: Mapping[str, tuple[float, ...]]
    frequency: Mapping[str, float]
    window: Mapping[str, Sequence[int]]
    steps: Mapping[str, Sequence[Step]]
    changed: Mapping[str, datetime]
    crm: Source | None


def build_states(connection: Connection, account: Account, settings: Settings, hour: datetime) -> tuple[AdState, ...]:
    """Every ad of the account that exists at the platform, as known at the end of ``hour``, by ad id."""
    now, ours, days = hour + HOUR, account.account_id, settings.budget.history_days
    window = now - timedelta(hours=settings.safety.velocity_window_hours)
    waits = crm_waits_since(connection, account)
    known = _Known(
        account=account,
        settings=settings,
        now=now,
        delivered=deliveries(connection, ours, hour, days),
        earned=revenues(connection, ours, now),
        deals=deals_by_ad(connection, account, now),
        dna=dna_of(connection, ours),
        frequency=frequencies(connection, ours, now, settings.budget),
        window=budgets_in_window(connection, ours, window),
        steps=budget_steps(connection, ours, now - timedelta(days=days), now),
        changed=last_changes(connection, ours),
        crm=None if account.hubspot is None else crm_source(waits, now, settings.budget.crm_stale_hours),
    )
    return tuple(_state(known, row) for row in ads_of(connection, ours))


def save_states(connection: Connection, account: Account, hour: datetime, states: Sequence[AdState]) -> None:
    """Make ``states`` the only ones of the account and hour."""
    table = ad_states.c
    connection.execute(ad_states.delete().where(table.account_id == account.account_id, table.hour == hour))
    if states:
        rows = [
            {
                "account_id": account.account_id,
                "hour": hour,
                "ad_id": state.ad_id,
                "state": state.model_dump(mode="json"),
                "blocked": state.blocked,
            }
            for state in states
        ]
        connection.execute(ad_states.insert(), rows)


def load_states(connection: Connection, account_id: str, hour: datetime) -> tuple[AdState, ...]:
    """The saved states of an account and hour, by ad id."""
    table = ad_states.c
    query = select(table.state).where(table.account_id == account_id, table.hour == hour).order_by(table.ad_id)
    return tuple(AdState.model_validate(state) for state in connection.execute(query).scalars())


def _state(known: _Known, row: Row[Any]) -> AdState:
    delivery, rules = known.delivered.get(row.ad_id), known.settings.budget
    revenue, budget = known.earned.get(row.ad_id, _NO_REVENUE), _in_force(row)
    floor, ceiling = _floor_and_ceiling(known.account, row)
    facts = Facts(
        row=row,
        currencies=frozenset({row.currency}) | revenue.currencies | (delivery.currencies if delivery else frozenset()),
        allowed=_allowed(row, known),
        floor=floor,
        ceiling=ceiling,
        account=known.account,
        now=known.now,
        reported_until=delivery.reported_until if delivery else None,
        changed_at=known.changed.get(row.object_ref),
        crm=known.crm,
        rules=rules,
    )
    state = AdState(
        ad_id=row.ad_id,
        ad_ref=row.ad_ref,
        object_ref=row.object_ref,
        currency=row.currency,
        active=facts.inactive is None,
        age_hours=facts.age_hours,
        current_budget=budget,
        changed_at=facts.changed_at,
        allowed=facts.allowed,
        floor=floor,
        ceiling=ceiling,
        **(delivery.totals if delivery else {}),
        hours=_hours(delivery, known.steps.get(row.object_ref, ()), budget),
        deals=known.deals.get(row.ad_id, ()),
        pipeline=revenue.pipeline,
        cash=revenue.cash,
        platform_value=delivery.value if delivery else None,
        learning_phase=row.learning_phase,
        frequency=known.frequency.get(row.ad_id),
        dna=known.dna.get(row.ad_id),
        sources=_sources(facts, row),
        blocked=blocked(facts),
    )
    return state.model_copy(update={"held": held(facts, state.names)})


def _hours(delivery: Delivery | None, steps: Sequence[Step], budget: int | None) -> Hours:
    if delivery is None:
        return Hours()
    return delivery.hours.model_copy(update={"budget": in_force(delivery.hours.hour, steps, budget)})


def _sources(facts: Facts, row: Row[Any]) -> tuple[Source, ...]:
    # An old look at the budget blocks nothing: the executor reads it again just before it writes.
    budget = Source(name="budget", as_of=row.observed_at, stale=None)
    return (insights_source(facts), *([facts.crm] if facts.crm else []), budget)


def _allowed(row: Row[Any], known: _Known) -> tuple[int, int] | None:
    if row.daily_budget is None:
        return None
    now = known.now
    minors = (*known.window.get(row.object_ref, ()), row.daily_budget)
    return allowed_interval([BudgetSpan(minor, now, None) for minor in minors], now, known.settings.safety)


def _floor_and_ceiling(account: Account, row: Row[Any]) -> tuple[int, int]:
    """Those of the budget's owner, as the executor keeps them: a campaign's budget is as many times an ad set's."""
    own = account.bounds.get(row.object_ref, OwnBounds())
    floor = account.money(own.floor or account.ad_set_floor).minor * (1 if own.floor else row.shares)
    ceiling = account.money(own.ceiling or account.ad_set_ceiling).minor * (1 if own.ceiling else row.shares)
    return floor, ceiling


def _in_force(row: Row[Any]) -> int | None:
    """What the platform shows, where a person changed it: that is what the ad spends and the plan has to count."""
    drift: dict[str, Any] | None = (row.owner_drift or {}).get("daily_budget")
    budget: int | None = row.daily_budget if drift is None else drift["theirs"]
    return budget or None
