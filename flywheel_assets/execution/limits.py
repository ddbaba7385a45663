"""The executor's rules as pure functions: how many actions fit, and which budget may be set.

A limit never fails a change. It lets it go, defers it to the time the window opens, or moves
the amount and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flywheel_assets.core.ids import rng
from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.settings import Safety

ACTION_WINDOW = timedelta(hours=1)
_UNFINISHED_RECHECK = timedelta(minutes=1)
# When cuts elsewhere will have made room under the account's cap cannot be computed.
_CAP_RECHECK = timedelta(minutes=5)


@dataclass(frozen=True)
class Deferral:
    """Not now: when to try again, and which rule says so.

    Attributes:
        spread: many changes may wait for the same moment, so each gets a fresh jitter after it.
    """

    until: datetime
    reason: str
    spread: bool = False


@dataclass(frozen=True)
class BudgetDecision:
    """The amount to send, minor units, and what was done to the requested one."""

    target: int
    adjustments: tuple[str, ...]


@dataclass(frozen=True)
class NothingToDo:
    """The object is as asked, as near as its bounds will ever allow."""

    reason: str


@dataclass(frozen=True)
class BudgetQuestion:
    """What is asked of one budget and what is known about it. Amounts are minor units per day.

    Attributes:
        key: of the change; the same key always gives the same fuzz.
        exact: the amount is not fuzzed: an undo brings back what was there.
        frozen_target: what an earlier attempt of the same change settled on.
        history: budgets of the velocity window that have been, or may have been, in force.
        current: read from the platform just before.
        floor, ceiling: of the object.
        room: highest budget that the account's daily cap leaves to it.
    """

    requested: int
    key: str
    frozen_target: int | None
    history: Sequence[BudgetSpan]
    current: int
    floor: int
    ceiling: int
    room: int
    now: datetime
    exact: bool = False

    def spans(self) -> tuple[BudgetSpan, ...]:
        """The history with the budget that is in force now."""
        return (*self.history, BudgetSpan(self.current, self.now, None))


def action_room(finishes: Sequence[datetime | None], limit: int, now: datetime, subject: str) -> Deferral | None:
    """None when one more action fits, else when the window opens.

    Args:
        finishes: finish times of the actions that count now, None for an unfinished one.
        limit: actions allowed in any sliding hour.
        now: business time.
        subject: whose limit this is, for the reason.
    """
    if len(finishes) < limit:
        return None
    finished = sorted(moment for moment in finishes if moment is not None)
    # So many of them have to leave the window before there is room for one more.
    leaving = len(finishes) - limit
    opens = finished[leaving] + ACTION_WINDOW if leaving < len(finished) else now + _UNFINISHED_RECHECK
    return Deferral(
        max(opens, now + timedelta(seconds=1)),
        f"{subject}: {len(finishes)} of {limit} actions used in the last hour; room at {opens:%H:%M:%S}",
        spread=True,
    )


def fuzzed(requested: int, key: str, safety: Safety) -> int:
    """The requested budget moved by up to ±3 %, the same for every attempt of one change."""
    share = rng("fuzz", key).uniform(-safety.fuzz, safety.fuzz)
    return max(1, round(requested * (1 + share)))


def decide_budget(asked: BudgetQuestion, safety: Safety) -> BudgetDecision | Deferral | NothingToDo:
    """Fuzz, then clamp: velocity first, then floor and ceiling as far as it lets, then the account's cap.

    A clamp that leaves nothing of the change defers it to the time at which the window lets more through.
    """
    frozen = asked.frozen_target
    wanted = frozen if frozen is not None else _sought(asked, safety)
    target = _allowed(asked, wanted, asked.now, safety)
    if target is None or (target == asked.current and wanted != asked.current):
        return _wait_for_window(asked, wanted, safety)
    if target == asked.current:
        return NothingToDo(f"the budget is {asked.current} already")
    if target > asked.current and target > asked.room:
        if asked.room <= max(asked.current, _interval(asked, asked.now, safety)[0] - 1):
            return _no_room(asked)
        target = asked.room
    adjustments = [f"fuzzed {asked.requested} to {wanted}"] if frozen is None and wanted != asked.requested else []
    if target != wanted:
        adjustments.append(f"moved {wanted} to {target}: {_reason(asked, safety)}")
    return BudgetDecision(target, tuple(adjustments))


def _sought(asked: BudgetQuestion, safety: Safety) -> int:
    return asked.requested if asked.exact else fuzzed(asked.requested, asked.key, safety)


def cap_room(budget: int, others: int, cap: int, now: datetime) -> Deferral | None:
    """None when a budget that is to start fits under the account's daily cap beside the others."""
    if budget + others <= cap:
        return None
    return Deferral(
        now + _CAP_RECHECK,
        f"daily cap: {budget} beside {others} in force would exceed the account's {cap}; waits for others to be cut",
        spread=True,
    )


def _no_room(asked: BudgetQuestion) -> Deferral:
    reason = f"daily cap: it leaves {max(asked.room, 0)} to this budget of {asked.current}; waits for others to be cut"
    return Deferral(asked.now + _CAP_RECHECK, reason, spread=True)


def _interval(asked: BudgetQuestion, moment: datetime, safety: Safety) -> tuple[int, int]:
    """Lowest and highest budget at ``moment``; low > high when none is allowed.

    A budget outside its own floor or ceiling goes toward it as far as the velocity rule lets.
    """
    low, high = allowed_interval(asked.spans(), moment, safety)
    if low > high:
        return low, high
    return max(low, min(asked.floor, high)), min(high, max(asked.ceiling, low))


def _allowed(asked: BudgetQuestion, wanted: int, moment: datetime, safety: Safety) -> int | None:
    """The amount nearest to the wanted one; None when there is none, or only on the other side of the current one.

    A raise is never answered with a cut, nor a cut with a raise, unless the current budget is outside its bounds.
    """
    low, high = _interval(asked, moment, safety)
    if low > high:
        return None
    target = min(max(wanted, low), high)
    turned = (target - asked.current) * (wanted - asked.current) < 0
    return None if turned and asked.floor <= asked.current <= asked.ceiling else target


def _wait_for_window(asked: BudgetQuestion, wanted: int, safety: Safety) -> Deferral | NothingToDo:
    """When the velocity rule will let some of the change through; never, if the bounds are what stands against it."""
    for moment in _openings(asked, safety):
        target = _allowed(asked, wanted, moment, safety)
        if target is not None and target != asked.current:
            reason = (
                f"the {safety.velocity_percent} % rule keeps the budget at {asked.current}; room at {moment:%H:%M:%S}"
            )
            return Deferral(moment, reason, spread=True)
    if any(span.until is None for span in asked.history):
        reason = f"the {safety.velocity_percent} % rule waits for an outcome that is not known yet"
        return Deferral(asked.now + _UNFINISHED_RECHECK, reason)
    return NothingToDo(f"the budget stays {asked.current}: {_reason(asked, safety)}")


def _openings(asked: BudgetQuestion, safety: Safety) -> Iterator[datetime]:
    """The moments at which budgets leave the velocity window, earliest first."""
    window = timedelta(hours=safety.velocity_window_hours)
    ends = {span.until + window for span in asked.history if span.until is not None}
    yield from sorted(moment for moment in ends if moment > asked.now)


def _reason(asked: BudgetQuestion, safety: Safety) -> str:
    low, high = _interval(asked, asked.now, safety)
    capped = f", and the daily cap leaves {asked.room}" if asked.room < high else ""
    return f"allowed now is {low} to {high}{capped}"
