"""Which budgets were in force, by the owner: for the velocity rule, the cooldown, and the cost of impressions."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, or_, select, text

from flywheel_assets.core.hours import HOUR
from flywheel_assets.store.tables import ad_change_history, ad_objects, budget_edits

_WORLD = text("current_setting('flywheel.world')")
# Attempts that changed something, may have, or did for a moment before somebody else did.
_MAY_HAVE_COUNTED = ("executing", "unknown", "applied", "reconciled", "conflict")
_DONE = ("applied", "reconciled")


@dataclass(frozen=True)
class Step:
    """A budget that took another's place at a moment, ours or a person's."""

    at: datetime
    before: int | None
    after: int


def budgets_in_window(connection: Connection, account_id: str, opens: datetime) -> dict[str, list[int]]:
    """Budgets that were, or may have been, in force since ``opens``, by owner; those in force now are not repeated.

    The executor asks the same of one object just before a call (its ``budgets_in_window.sql``); a
    test holds the two together.
    """
    history, edit = ad_change_history.c, budget_edits.c
    attempts = select(history.object_ref, history.previous_budget, history.target_budget).where(
        history.account_id == account_id,
        history.world == _WORLD,
        history.status.in_(_MAY_HAVE_COUNTED),
        or_(history.finished_at.is_(None), history.finished_at > opens),
    )
    found: dict[str, list[int]] = defaultdict(list)
    for row in connection.execute(attempts):
        found[row.object_ref] += [minor for minor in (row.previous_budget, row.target_budget) if minor is not None]
    edits = select(edit.object_ref, edit.ours).join(ad_objects, ad_objects.c.ref == edit.object_ref)
    mine = ad_objects.c.account_id == account_id, ad_objects.c.world == _WORLD, edit.found_at > opens
    for row in connection.execute(edits.where(*mine)):
        found[row.object_ref].append(row.ours)
    return dict(found)


def last_changes(connection: Connection, account_id: str) -> dict[str, datetime]:
    """When each budget was last changed, or perhaps changed, by us or by a person."""
    history, edit = ad_change_history.c, budget_edits.c
    ours = select(history.object_ref, func.max(func.coalesce(history.finished_at, history.started_at)).label("at"))
    ours = ours.where(
        history.account_id == account_id,
        history.world == _WORLD,
        history.change_type == "set_budget",
        history.status.in_(_MAY_HAVE_COUNTED),
    ).group_by(history.object_ref)
    people = select(edit.object_ref, func.max(edit.found_at).label("at")).join(
        ad_objects, ad_objects.c.ref == edit.object_ref
    )
    mine = ad_objects.c.account_id == account_id, ad_objects.c.world == _WORLD
    found: dict[str, datetime] = {}
    for query in (ours, people.where(*mine).group_by(edit.object_ref)):
        for row in connection.execute(query):
            found[row.object_ref] = max(row.at, found.get(row.object_ref, row.at))
    return found


def budget_steps(connection: Connection, account_id: str, since: datetime, until: datetime) -> dict[str, list[Step]]:
    """Applied changes of each budget between two instants, ours and people's, oldest first."""
    history, edit = ad_change_history.c, budget_edits.c
    ours = select(
        history.object_ref,
        history.finished_at.label("at"),
        history.previous_budget.label("before"),
        func.coalesce(history.actual_budget, history.target_budget).label("after"),
    ).where(
        history.account_id == account_id,
        history.world == _WORLD,
        history.change_type == "set_budget",
        history.status.in_(_DONE),
        history.finished_at > since,
        history.finished_at <= until,
    )
    people = (
        select(edit.object_ref, edit.found_at.label("at"), edit.ours.label("before"), edit.theirs.label("after"))
        .join(ad_objects, ad_objects.c.ref == edit.object_ref)
        .where(ad_objects.c.account_id == account_id, ad_objects.c.world == _WORLD)
        .where(edit.found_at > since, edit.found_at <= until)
    )
    found: dict[str, list[Step]] = defaultdict(list)
    for query in (ours, people):
        for row in connection.execute(query):
            if row.after is not None:
                found[row.object_ref].append(Step(row.at, row.before, row.after))
    return {ref: sorted(steps, key=lambda step: step.at) for ref, steps in found.items()}


def in_force(hours: Sequence[int], steps: Sequence[Step], now: int | None) -> tuple[int | None, ...]:
    """The budget in the middle of each hour; ``now`` is the present one, for owners that never changed."""
    if not steps:
        return (now,) * len(hours)
    times = [step.at for step in steps]
    values: list[int | None] = [steps[0].before, *(step.after for step in steps)]
    return tuple(values[bisect_right(times, middle_of(hour))] for hour in hours)


def middle_of(hour: int) -> datetime:
    """The instant half an hour into an hour that is counted from 1970 on."""
    return datetime.fromtimestamp(0, UTC) + HOUR * hour + timedelta(minutes=30)
