"""The executor's rules as pure functions: how many actions fit, and which budget may be set.

A limit never fails a change. It lets it go, defers it to the time the window opens, or moves
the amount and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flywheel_assets.core.ids import rng
from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.settings import Safety

ACTION_WINDOW = timedelta(hours=1)
_UNFINISHED_RECHECK = timedelta(minutes=1)


@dataclass(frozen=True)
class Deferral:
    """Not now: when to try again, and which rule says so."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class BudgetDecision:
    """The amount to send, minor units, and what was done to the requested one."""

    target: int
    adjustments: tuple[str, ...]


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
    )


def fuzzed(requested: int, change_id: UUID, safety: Safety) -> int:
    """The requested budget moved by up to ±3 %, the same for every attempt of one change."""
    share = rng("fuzz", str(change_id)).uniform(-safety.fuzz, safety.fuzz)
    return max(1, round(requested * (1 + share)))


def decide_budget(
    *,
    requested: int,
    change_id: UUID,
    frozen_target: int | None,
    in_force: Sequence[int],
    current: int,
    floor: int,
    ceiling: int,
    now: datetime,
    safety: Safety,
) -> BudgetDecision | Deferral:
    """Fuzz, then clamp into the velocity interval and the owner's floor and ceiling.

    Amounts are minor units. ``frozen_target`` is what an earlier attempt of the same change settled
    on; ``in_force`` are the budgets of the velocity window; ``current`` was read from the platform
    just before.
    """
    spans = [BudgetSpan(minor, now, None) for minor in (*in_force, current)]
    low, high = allowed_interval(spans, now, safety)
    low, high = max(low, floor), min(high, ceiling)
    if low > high:
        wait = now + timedelta(hours=1)
        return Deferral(wait, f"no budget between {floor} and {ceiling} keeps the {safety.velocity_percent} % rule yet")
    wanted = frozen_target if frozen_target is not None else fuzzed(requested, change_id, safety)
    target = min(max(wanted, low), high)
    adjustments = [f"fuzzed {requested} to {wanted}"] if frozen_target is None and wanted != requested else []
    if target != wanted:
        adjustments.append(f"moved {wanted} to {target}: allowed now is {low} to {high}")
    return BudgetDecision(target, tuple(adjustments))
