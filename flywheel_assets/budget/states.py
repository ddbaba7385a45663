"""What may be decided about each ad, and why not where nothing may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from flywheel_assets.budget.evidence import Delivery, Revenue, ads_of, budgets_in_window, deliveries, revenues
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import ad_states
from flywheel_assets.store.tables.execution import NOT_SHOWN

# Answers of the platform after which an ad does not spend, whatever we last wrote.
_GONE = frozenset({"DELETED", "ARCHIVED", "DISAPPROVED"})
_LEVELS = ("campaign", "owner", "ad")
_NO_REVENUE = Revenue(0, 0, 0, frozenset())


@dataclass(frozen=True)
class _Facts:
    """One ad before judgement; ``now`` is the end of the hour that is decided after."""

    row: Row[Any]
    delivery: Delivery | None
    revenue: Revenue
    allowed: tuple[int, int] | None
    floor: int
    ceiling: int
    account: Account
    now: datetime
    stale_hours: float

    @property
    def inactive(self) -> str | None:
        return _why_inactive(self.row)

    @property
    def age_hours(self) -> float | None:
        born = (self.row.created_at, self.row.activated_at)
        return None if None in born else max(0.0, (self.now - max(born)) / HOUR)


def build_states(connection: Connection, account: Account, settings: Settings, hour: datetime) -> tuple[AdState, ...]:
    """Every ad of the account that exists at the platform, as known at the end of ``hour``, by ad id."""
    now = hour + HOUR
    opens = now - timedelta(hours=settings.safety.velocity_window_hours)
    reported = deliveries(connection, account.account_id, hour)
    earned = revenues(connection, account.account_id, now)
    budgets = budgets_in_window(connection, account.account_id, opens)
    floor, ceiling = account.money(account.ad_set_floor).minor, account.money(account.ad_set_ceiling).minor
    return tuple(
        _state(
            _Facts(
                row=row,
                delivery=reported.get(row.ad_id),
                revenue=earned.get(row.ad_id, _NO_REVENUE),
                allowed=_allowed(row, budgets, now, settings),
                floor=floor,
                ceiling=ceiling,
                account=account,
                now=now,
                stale_hours=settings.budget.stale_hours,
            )
        )
        for row in ads_of(connection, account.account_id)
    )


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


def _allowed(
    row: Row[Any], budgets: Mapping[str, Sequence[int]], now: datetime, settings: Settings
) -> tuple[int, int] | None:
    if row.daily_budget is None:
        return None
    in_force = (*budgets.get(row.object_ref, ()), row.daily_budget)
    return allowed_interval([BudgetSpan(minor, now, None) for minor in in_force], now, settings.safety)


def _state(facts: _Facts) -> AdState:
    row, delivery = facts.row, facts.delivery
    return AdState(
        ad_id=row.ad_id,
        object_ref=row.object_ref,
        currency=row.currency,
        active=facts.inactive is None,
        age_hours=facts.age_hours,
        current_budget=_in_force(row),
        allowed=facts.allowed,
        floor=facts.floor,
        ceiling=facts.ceiling,
        windows=delivery.windows if delivery else (),
        deals=facts.revenue.deals,
        pipeline=facts.revenue.pipeline,
        cash=facts.revenue.cash,
        insights_at=delivery.reported_until if delivery else None,
        blocked=next((why for check in _CHECKS if (why := check(facts)) is not None), None),
    )


def _in_force(row: Row[Any]) -> int | None:
    """What the platform shows, where a person changed it: that is what the ad spends and the plan has to count."""
    drift: dict[str, Any] | None = (row.owner_drift or {}).get("daily_budget")
    budget: int | None = row.daily_budget if drift is None else drift["theirs"]
    return budget or None


# --- why nothing may be decided; the first that holds is told -----------------------------------------


def _not_active(facts: _Facts) -> str | None:
    return None if facts.inactive is None else f"not_active: {facts.inactive}"


def _why_inactive(row: Row[Any]) -> str | None:
    """A campaign is created paused, so it must have been activated; its children are created active."""
    if row.effective_status == NOT_SHOWN:
        return "Meta does not show the ad any more: it was deleted, or our token may not see it"
    if row.effective_status in _GONE:
        return f"Meta shows the ad as {row.effective_status}"
    if row.campaign_status != "ACTIVE":
        return "its campaign has not been activated or is paused"
    for level in _LEVELS:
        name = "ad set" if level == "owner" else level
        if getattr(row, f"{level}_status") not in {None, "ACTIVE"}:
            return f"its {name} is paused" if level != "ad" else "the ad is paused"
        theirs = (getattr(row, f"{level}_drift") or {}).get("status", {}).get("theirs", "ACTIVE")
        if theirs != "ACTIVE":
            return f"a person set the {name} to {theirs} at Meta, and that stays"
    return None


def _no_budget(facts: _Facts) -> str | None:
    if facts.row.daily_budget is None:
        return "no_budget: the daily budget of its ad set is not known; let the executor read it first"
    return None


def _edited_elsewhere(facts: _Facts) -> str | None:
    drift = (facts.row.owner_drift or {}).get("daily_budget")
    if drift is None:
        return None
    what = f"set the budget to {drift['theirs']}" if drift["theirs"] else "took its daily budget away"
    return f"edited_elsewhere: a person {what} at Meta, ours was {drift['ours']}; theirs stays"


def _currency(facts: _Facts) -> str | None:
    reported = facts.delivery.currencies if facts.delivery else frozenset()
    others = ({facts.row.currency} | reported | facts.revenue.currencies) - {facts.account.currency}
    if not others:
        return None
    return f"currency_mismatch: amounts in {', '.join(sorted(others))}, but the account pays {facts.account.currency}"


def _no_age(facts: _Facts) -> str | None:
    if facts.age_hours is None:
        return "no_age: it is not known since when the ad has been running, so its results cannot be weighed"
    return None


def _stale(facts: _Facts) -> str | None:
    """Silence counts from the last reported hour, or from the ad's start when nothing was ever reported."""
    if facts.delivery is not None:
        silent = (facts.now - facts.delivery.reported_until) / HOUR
        since = f"the last reported hour ended {facts.delivery.reported_until:%Y-%m-%d %H:%M} UTC"
    else:
        silent, since = facts.age_hours or 0.0, "nothing has been reported since it started"
    if silent <= facts.stale_hours:
        return None
    return f"stale_insights: {since}, {silent:.0f} h ago, more than {facts.stale_hours:g} h; check the ad and the insights at Meta"


def _bounds(facts: _Facts) -> str | None:
    if facts.allowed is None:
        return None
    low, high = max(facts.allowed[0], facts.floor), min(facts.allowed[1], facts.ceiling)
    if low <= high:
        return None
    if facts.allowed[0] > facts.allowed[1]:
        return (
            "velocity: its budget was changed by more than the velocity rule allows; wait until that is six hours old"
        )
    return (
        f"bounds: the velocity rule allows {facts.allowed[0]} to {facts.allowed[1]}, the account {facts.floor} to "
        f"{facts.ceiling}; change the account's floor or ceiling, or the budget at Meta"
    )


_CHECKS: tuple[Callable[[_Facts], str | None], ...] = (
    _not_active, _no_budget, _edited_elsewhere, _currency, _no_age, _stale, _bounds
)  # fmt: skip
