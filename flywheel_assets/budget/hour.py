"""The hourly decision of one account: states, allocation, both saved, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from flywheel_assets.budget.allocating import allocate
from flywheel_assets.budget.insights import missing_hours
from flywheel_assets.budget.repository import is_queued, load_allocation, save_allocation
from flywheel_assets.budget.states import build_states, load_states, save_states
from flywheel_assets.budget.types import AdState, Allocation
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.core.ids import rng
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now

_SHOWN_GAPS = timedelta(hours=24)


@dataclass(frozen=True)
class HourDecision:
    """What was decided after one hour.

    Attributes:
        states: what was known when it was decided.
        blocked: `ad id: rule: why` of the ads nothing could be decided about.
        missing_hours: of the last 24, those whose insights were never read.
        stands: an earlier decision of this hour was kept, because its changes are queued.
    """

    allocation: Allocation
    states: tuple[AdState, ...]
    blocked: tuple[str, ...]
    missing_hours: tuple[datetime, ...]
    stands: bool


def observe_hour(engine: Engine, account: Account, settings: Settings, hour: datetime) -> tuple[AdState, ...]:
    """Save and return what is known at the end of ``hour``; what a queued decision was based on is kept.

    Raises:
        ValueError: ``hour`` is not a full hour or is not over in business time.
    """
    with engine.begin() as connection:
        _prepare(connection, account, hour)
        if is_queued(connection, account.account_id, hour):
            return load_states(connection, account.account_id, hour)
        return _observed(connection, account, settings, hour)


def decide_hour(engine: Engine, account: Account, settings: Settings, hour: datetime) -> HourDecision:
    """Decide after ``hour``; a second run decides anew from what is known then, until changes were queued.

    Raises:
        ValueError: ``hour`` is not a full hour or is not over in business time.
    """
    with engine.begin() as connection:
        _prepare(connection, account, hour)
        gaps = missing_hours(connection, account.account_id, hour - _SHOWN_GAPS + HOUR, hour)
        earlier = load_allocation(connection, account.account_id, hour)
        if earlier is not None and is_queued(connection, account.account_id, hour):
            states = load_states(connection, account.account_id, hour)
            return HourDecision(earlier, states, _blocked(states), gaps, stands=True)
        states = _observed(connection, account, settings, hour)
        draws = rng("allocation", settings.seed, account.account_id, hour.isoformat())
        allocation = allocate(states, account, settings, hour, draws)
        save_allocation(connection, allocation)
    return HourDecision(allocation, states, _blocked(states), gaps, stands=False)


def _observed(connection: Connection, account: Account, settings: Settings, hour: datetime) -> tuple[AdState, ...]:
    states = build_states(connection, account, settings, hour)
    save_states(connection, account, hour, states)
    return states


def _blocked(states: Sequence[AdState]) -> tuple[str, ...]:
    return tuple(f"{state.ad_id}: {state.blocked}" for state in states if state.blocked is not None)


def _prepare(connection: Connection, account: Account, hour: datetime) -> None:
    _refuse_open(connection, hour)
    _one_at_a_time(connection, account)


def _refuse_open(connection: Connection, hour: datetime) -> None:
    now = business_now(connection)
    if hour != floor_hour(hour) or hour + HOUR > now:
        raise ValueError(f"{hour:%Y-%m-%d %H:%M} is not a closed hour at {now:%Y-%m-%d %H:%M}; decide after it is over")


def _one_at_a_time(connection: Connection, account: Account) -> None:
    """Two runs of the same hour would otherwise replace each other's rows half way."""
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"budget {account.account_id}", 0))
    connection.execute(select(lock))
