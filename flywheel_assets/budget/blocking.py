"""Why nothing may be decided about an ad, and why a known ad's budget stays: rules, each with its numbers and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from flywheel_assets.budget.types import Source
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.settings import Budget
from flywheel_assets.store.tables.execution import NOT_SHOWN

# Answers of the platform after which an ad does not spend, whatever we last wrote.
_GONE = frozenset({"DELETED", "ARCHIVED", "DISAPPROVED"})
_LEVELS = ("campaign", "adset", "ad")


@dataclass(frozen=True)
class Facts:
    """One ad before judgement; ``now`` is the end of the hour that is decided after."""

    row: Row[Any]
    currencies: frozenset[str]
    allowed: tuple[int, int] | None
    floor: int
    ceiling: int
    account: Account
    now: datetime
    reported_until: datetime | None
    changed_at: datetime | None
    crm: Source | None
    rules: Budget

    @property
    def inactive(self) -> str | None:
        """Why the ad does not spend; None when it does, as far as we know."""
        return _why_inactive(self.row)

    @property
    def age_hours(self) -> float | None:
        """Since the ad existed in an active campaign; None when that is not known."""
        born = (self.row.created_at, self.row.activated_at)
        return None if None in born else max(0.0, (self.now - max(born)) / HOUR)


def blocked(facts: Facts) -> str | None:
    """`rule: why` nothing may be decided; the first that holds is told."""
    return next((why for check in _CHECKS if (why := check(facts)) is not None), None)


def held(facts: Facts, names: Collection[str]) -> str | None:
    """`rule: why` the budget of a known ad stays."""
    if named := facts.account.opted_out(names):
        return f"opt_out: the account file's opt_outs name {named}"
    if facts.changed_at is None:
        return None
    since, rest = (facts.now - facts.changed_at) / HOUR, facts.rules.cooldown_hours
    if since >= rest:
        return None
    return f"cooldown: its budget was changed at {facts.changed_at:%Y-%m-%d %H:%M} UTC, less than {rest:g} h ago"


# --- sources ----------------------------------------------------------------------------------------


def insights_source(facts: Facts) -> Source:
    """Silence counts from the last reported hour, or from the ad's start when nothing was ever reported."""
    until, limit = facts.reported_until, facts.rules.stale_hours
    if until is not None:
        silent, since = (facts.now - until) / HOUR, f"the last reported hour ended {until:%Y-%m-%d %H:%M} UTC"
    else:
        silent, since = facts.age_hours or 0.0, "nothing has been reported since it started"
    stale = f"{since}, {silent:.0f} h ago, more than {limit:g} h; check the ad and the insights at Meta"
    return Source(name="insights", as_of=until, stale=stale if silent > limit else None)


def crm_source(waits: tuple[datetime, str] | None, now: datetime, limit: float) -> Source:
    """Fresh unless something it has to say waits; a CRM that has nothing to say is not silent."""
    if waits is None:
        return Source(name="crm", as_of=now, stale=None)
    since, what = waits
    hours = (now - since) / HOUR
    stale = f"{what} since {since:%Y-%m-%d %H:%M} UTC, {hours:.0f} h, more than {limit:g} h; see the revenue assets"
    return Source(name="crm", as_of=since, stale=stale if hours > limit else None)


# --- rules ------------------------------------------------------------------------------------------


def _not_active(facts: Facts) -> str | None:
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
        name = "ad set" if level == "adset" else level
        if getattr(row, f"{level}_status") not in {None, "ACTIVE"}:
            return f"its {name} is paused" if level != "ad" else "the ad is paused"
        theirs = (getattr(row, f"{level}_drift") or {}).get("status", {}).get("theirs", "ACTIVE")
        if theirs != "ACTIVE":
            return f"a person set the {name} to {theirs} at Meta, and that stays"
    return None


def _no_budget(facts: Facts) -> str | None:
    if facts.row.daily_budget is None:
        return "no_budget: the daily budget of its ad set is not known; let the executor read it first"
    return None


def _edited_elsewhere(facts: Facts) -> str | None:
    drift = (facts.row.owner_drift or {}).get("daily_budget")
    if drift is None:
        return None
    what = f"set the budget to {drift['theirs']}" if drift["theirs"] else "took its daily budget away"
    return f"edited_elsewhere: a person {what} at Meta, ours was {drift['ours']}; theirs stays"


def _currency(facts: Facts) -> str | None:
    others = facts.currencies - {facts.account.currency}
    if not others:
        return None
    return f"currency_mismatch: amounts in {', '.join(sorted(others))}, but the account pays {facts.account.currency}"


def _no_age(facts: Facts) -> str | None:
    if facts.age_hours is None:
        return "no_age: it is not known since when the ad has been running, so its results cannot be weighed"
    return None


def _stale_insights(facts: Facts) -> str | None:
    stale = insights_source(facts).stale
    return None if stale is None else f"stale_insights: {stale}"


def _stale_crm(facts: Facts) -> str | None:
    return None if facts.crm is None or facts.crm.stale is None else f"stale_crm: {facts.crm.stale}"


def _bounds(facts: Facts) -> str | None:
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


_CHECKS: tuple[Callable[[Facts], str | None], ...] = (
    _not_active, _no_budget, _edited_elsewhere, _currency, _no_age, _stale_insights, _stale_crm, _bounds
)  # fmt: skip
