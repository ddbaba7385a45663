"""What the limits say of one claimed change, asked inside the transaction that will write its intent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.account import Account, Bounds
from flywheel_assets.core.changes import CreateAdSet, SetBudget, SetName, SetStatus, SetTargeting
from flywheel_assets.core.velocity import BudgetSpan
from flywheel_assets.execution.calls import tagged
from flywheel_assets.execution.limits import (
    ACTION_WINDOW,
    BudgetDecision,
    BudgetQuestion,
    Deferral,
    NothingToDo,
    action_room,
    cap_room,
    decide_budget,
)
from flywheel_assets.execution.records import ClaimedChange, Ending, Observed
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety


@dataclass(frozen=True)
class Known:
    """Our record of the object.

    Attributes:
        fields: targeting and name as we last wrote or accepted them.
        unanswered: a call of the same kind to it has no outcome yet, so what it shows may not last.
    """

    kind: str
    status: str | None
    daily_budget: int | None
    tag: str
    fields: Mapping[str, Any]
    unanswered: bool


@dataclass(frozen=True)
class Case:
    """One change before its call: what is asked, what the platform shows, under whose rules, at what time.

    Attributes:
        finishes: of the actions that count toward the change's hourly limit now; None is not finished.
    """

    connection: Connection
    change: ClaimedChange
    observed: Observed
    config: Mapping[str, Any]
    now: datetime
    finishes: Sequence[datetime | None]
    known: Known
    safety: Safety

    @cached_property
    def account(self) -> Account:
        """The account as its owner configured it; read only where amounts are asked for."""
        return Account.model_validate(self.config)


# --- is there anything left to do? ----------------------------------------------------------------


def settled(case: Case) -> Ending | None:
    """Why no call is needed or wanted any more: a person's edit stands, or the object is as asked."""
    match case.change.spec:
        case SetBudget():
            return _edited_budget(case)
        case SetStatus(status=wanted):
            return _settled_status(case, wanted)
        case SetTargeting(targeting=targeting):
            return _settled_field(case, "targeting", targeting, case.known.fields.get("targeting"))
        case SetName(name=name):
            return _settled_field(case, "name", tagged(name, case.known.tag), case.known.fields.get("name"))
        case _:
            return None


def _settled_field(case: Case, field: str, wanted: Any, known: Any) -> Ending | None:
    found = case.observed.fields.get(field)
    if found == wanted:
        return Ending("cancelled", f"{case.change.object_ref} is as asked already")
    if known is None or _still_ours(_without_tag(found, case.known.tag), _without_tag(known, case.known.tag)):
        return None
    return Ending(
        "rejected",
        f"{case.change.object_ref}: edited_elsewhere: a person has changed its {field} since we last did; that edit stays",
        adopt_fields={field: found},
    )


def _still_ours(found: Any, known: Any) -> bool:
    """Of a targeting only what we said is compared: the platform fills in the rest."""
    if isinstance(known, dict) and isinstance(found, dict):
        return all(found.get(key) == value for key, value in known.items())
    return bool(found == known)


def _without_tag(value: Any, tag: str) -> Any:
    """A name without our token in it, which a person may have taken out; a targeting as it is."""
    return value.removesuffix(tagged("", tag)) if isinstance(value, str) else value


def _edited_budget(case: Case) -> Ending | None:
    """The budget in force, unless a person changed it since we last knew: then theirs stays and is known from now on."""
    known, found = case.known.daily_budget, case.observed.daily_budget
    if known is None or found is None or known == found:
        return None
    return Ending(
        "rejected",
        f"{case.change.object_ref}: edited_elsewhere: {known} when we last knew, {found} now; that edit stays",
        adopt_budget=found,
    )


def _settled_status(case: Case, wanted: str) -> Ending | None:
    known, found = case.known.status, case.observed.fields.get("status")
    if found == wanted and not (case.change.is_safety_pause and case.known.unanswered):
        return Ending("cancelled", f"{case.change.object_ref} is {wanted} already", adopt_status=found)
    if case.change.is_safety_pause or known is None or known == found:
        return None
    return Ending(
        "rejected",
        f"{case.change.object_ref}: edited_elsewhere: {known} when we last knew, {found} now; that edit stays",
        adopt_status=found,
    )


# --- how many ------------------------------------------------------------------------------------


def no_room(case: Case) -> Deferral | None:
    """The hourly limits of the campaign or account, and of the budget's owner."""
    change, safety = case.change, case.safety
    if change.scope == "campaign":
        reserve = 0 if change.is_safety_pause else safety.pause_reserve
        counted, limit = change.campaign_ref, safety.actions_per_campaign_hour - reserve
    else:
        counted, limit = change.account_id, safety.account_writes_per_hour
    return action_room(case.finishes, limit, case.now, f"{change.scope} {counted}") or _no_room_of_owner(case)


def _no_room_of_owner(case: Case) -> Deferral | None:
    """Meta blocks a budget for an hour after its fourth change within one."""
    if not isinstance(case.change.spec, SetBudget):
        return None
    ref = case.change.object_ref
    parameters = {"object_ref": ref, "opens": case.now - ACTION_WINDOW}
    rows = case.connection.execute(sql("recent_budget_changes"), parameters).all()
    refused = [row.finished_at + ACTION_WINDOW for row in rows if row.refused]
    if refused:
        return Deferral(max(refused), f"budget of {ref}: the platform has blocked it for an hour", spread=True)
    finishes = [row.finished_at for row in rows]
    return action_room(finishes, case.safety.budget_changes_per_hour, case.now, f"budget of {ref}")


# --- how much ------------------------------------------------------------------------------------


def budget(case: Case) -> BudgetDecision | Deferral | Ending | None:
    """The amount to send; None where the change is not about money."""
    match case.change.spec:
        case CreateAdSet(daily_budget=asked):
            return cap_room(asked, _others(case), _cap(case), case.now) or BudgetDecision(asked, ())
        case SetStatus(status="ACTIVE") if case.known.daily_budget is not None:
            return cap_room(case.known.daily_budget, _others(case), _cap(case), case.now)
        case SetBudget(daily_budget=asked):
            return _moved(case, asked)
        case _:
            return None


def _moved(case: Case, asked: int) -> BudgetDecision | Deferral | Ending:
    change, observed = case.change, case.observed
    if observed.daily_budget is None:
        return Ending("rejected", f"{change.object_ref}: no_budget: {observed.fields['owner']}")
    opens = case.now - timedelta(hours=case.safety.velocity_window_hours)
    parameters = {"object_ref": change.object_ref, "opens": opens}
    rows = case.connection.execute(sql("budgets_in_window"), parameters).all()
    floor, ceiling = _bounds(case)
    decision = decide_budget(
        BudgetQuestion(
            requested=asked,
            key=change.idempotency_key,
            exact=change.undo_of is not None,
            frozen_target=change.target_budget,
            history=[BudgetSpan(row.minor, case.now, row.until) for row in rows],
            current=observed.daily_budget,
            floor=floor,
            ceiling=ceiling,
            room=_cap(case) - _others(case),
            now=case.now,
        ),
        case.safety,
    )
    return (
        Ending("cancelled", f"{change.object_ref}: {decision.reason}")
        if isinstance(decision, NothingToDo)
        else decision
    )


def _cap(case: Case) -> int:
    account = case.account
    if account.daily_cap is not None:
        return account.money(account.daily_cap).minor
    return int(account.money(account.daily_plan).minor * (1 + case.safety.cap_over_plan))


def _others(case: Case) -> int:
    """What the account's other budgets may spend per day."""
    parameters = {"account_id": case.change.account_id, "besides": case.change.object_ref}
    return int(case.connection.execute(sql("budgets_in_force"), parameters).scalar_one())


def _bounds(case: Case) -> tuple[int, int]:
    """Floor and ceiling of this object; a campaign's budget is shared by its ad sets and may be as many times as much."""
    account = case.account
    own = account.bounds.get(case.change.object_ref, Bounds())
    shares = 1
    if case.known.kind == "campaign":
        below = {"campaign_ref": case.change.campaign_ref}
        shares = max(1, case.connection.execute(sql("ad_sets_of_campaign"), below).scalar_one())
    floor = account.money(own.floor or account.ad_set_floor).minor * (1 if own.floor else shares)
    ceiling = account.money(own.ceiling or account.ad_set_ceiling).minor * (1 if own.ceiling else shares)
    return floor, ceiling
