"""Which budgets were in force over some hours, and which ads can spend: read from what the executor wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, text

from flywheel_assets.execution.picture import Unseen
from flywheel_assets.store.tables import ad_change_history, ad_insights, ad_objects, budget_edits
from flywheel_assets.store.tables.execution import NOT_SHOWN

_WORLD = text("current_setting('flywheel.world')")
# Answers of the platform after which an object does not spend, whatever we last wrote. Not among them:
# NOT_SHOWN. What our token may not see may spend.
_GONE = frozenset({"DELETED", "ARCHIVED", "DISAPPROVED"})
# Attempts after which the target is, or may be, in force.
_MAY_HOLD = ("executing", "unknown", "applied", "reconciled")


@dataclass(frozen=True)
class Step:
    """A budget that took another's place at a moment."""

    at: datetime
    before: int
    after: int


@dataclass(frozen=True)
class Objects:
    """An account's campaigns, ad sets and ads by reference, and what of them can spend now, or may."""

    by_ref: Mapping[str, Row[Any]]

    def can_spend(self, ref: str) -> bool:
        """Whether the object and everything above it is switched on, as far as we know."""
        return all(_is_on(self.by_ref[one]) for one in _with_parents(self.by_ref[ref]) if one in self.by_ref)

    def active_ads(self) -> list[str]:
        """References of the ads that are shown and can spend."""
        ads = [ref for ref, row in self.by_ref.items() if row.kind == "ad" and row.remote_id and self.can_spend(ref)]
        return [ref for ref in ads if self.by_ref[ref].effective_status != NOT_SHOWN]

    def unseen(self) -> Unseen:
        """What the platform does not show us any more and nothing we know keeps from spending."""
        refs = [ref for ref, row in self.by_ref.items() if row.effective_status == NOT_SHOWN and self.can_spend(ref)]
        involved = {one for ref in refs for one in _with_parents(self.by_ref[ref])}
        owners = [
            row
            for ref, row in self.by_ref.items()
            if row.kind != "ad" and self.can_spend(ref) and (ref in involved or row.campaign_ref in refs)
        ]
        return Unseen(tuple(refs), sum(max(row.daily_budget or 0, _edited(row)) for row in owners))


def load_objects(connection: Connection, account_id: str) -> Objects:
    """Campaigns, ad sets and ads of an account."""
    table = ad_objects.c
    kinds = table.kind.in_(("campaign", "adset", "ad"))
    query = select(ad_objects).where(table.account_id == account_id, table.world == _WORLD, kinds)
    return Objects({row.ref: row for row in connection.execute(query.order_by(table.ref))})


def highest_budgets(connection: Connection, account_id: str, objects: Objects, since: datetime, until: datetime) -> int:
    """The highest sum of daily budgets in force at any moment from ``since`` to ``until``, minor units.

    The budgets of what can spend now, and of what did spend in that time, count; where an outcome is
    unknown or a person's edit is not adopted yet, the higher of both budgets does.
    """
    changed = _steps(connection, account_id, since)
    spent = _spent(connection, account_id, objects, since, until)
    owners = [
        row
        for ref, row in objects.by_ref.items()
        if row.kind != "ad"
        and (row.daily_budget is not None or _edited(row) or ref in changed)
        and (ref in spent or objects.can_spend(ref))
    ]
    return highest_sum([_curve(row, changed.get(row.ref, ()), since, until) for row in owners])


def highest_sum(curves: Sequence[Sequence[tuple[datetime, int]]]) -> int:
    """The most that several step functions sum to at any moment.

    Each is a list of (from when on, value), oldest first; before its first moment a function is zero.
    """
    moves: dict[datetime, int] = defaultdict(int)
    for curve in curves:
        value = 0
        for at, new in curve:
            moves[at] += new - value
            value = new
    total = highest = 0
    for at in sorted(moves):
        total += moves[at]
        highest = max(highest, total)
    return highest


def _curve(row: Row[Any], steps: Sequence[Step], since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    known = row.daily_budget or 0
    theirs = _edited(row)
    curve = [(since, steps[0].before if steps else known)]
    curve += [(step.at, step.after) for step in steps if step.at < until]
    return [(at, max(value, theirs)) for at, value in curve]


def _edited(row: Row[Any]) -> int:
    """A person's budget that is not adopted yet; 0 where there is none."""
    return (row.drift or {}).get("daily_budget", {}).get("theirs") or 0


def _steps(connection: Connection, account_id: str, since: datetime) -> dict[str, list[Step]]:
    """Changes of budgets since a moment, ours and people's, by owner and oldest first."""
    attempt = ad_change_history.c
    ours = select(ad_change_history).where(
        attempt.account_id == account_id,
        attempt.world == _WORLD,
        attempt.status.in_(_MAY_HOLD),
        attempt.target_budget.is_not(None),
        or_(attempt.finished_at.is_(None), attempt.finished_at > since),
    )
    edit, owner = budget_edits.c, ad_objects.c
    people = (
        select(budget_edits)
        .join(ad_objects, owner.ref == edit.object_ref)
        .where(owner.account_id == account_id, owner.world == _WORLD, edit.found_at > since)
    )
    found: dict[str, list[Step]] = defaultdict(list)
    for row in connection.execute(ours):
        found[row.object_ref].append(_step(row, since))
    for row in connection.execute(people):
        found[row.object_ref].append(Step(row.found_at, row.ours, row.theirs))
    return {ref: sorted(steps, key=lambda step: step.at) for ref, steps in found.items()}


def _step(row: Row[Any], since: datetime) -> Step:
    before = row.previous_budget or 0
    if row.finished_at is not None:
        return Step(row.finished_at, before, row.target_budget)
    return Step(max(row.started_at, since), before, max(before, row.target_budget))


def _spent(
    connection: Connection, account_id: str, objects: Objects, since: datetime, until: datetime
) -> Collection[str]:
    """References of what spent in some hours: ads, their ad sets and campaigns."""
    table = ad_insights.c
    query = select(table.ad_id).where(table.account_id == account_id, table.hour >= since, table.hour < until)
    ids = set(connection.execute(query.group_by(table.ad_id).having(func.sum(table.spend) > 0)).scalars())
    ads = [row for row in objects.by_ref.values() if row.kind == "ad" and row.remote_id in ids]
    return {ref for row in ads for ref in _with_parents(row)}


def _with_parents(row: Row[Any]) -> tuple[str, ...]:
    """An ad is below the ad set of its variation, everything is below its campaign."""
    adset = (row.ref.removesuffix("/ad") + "/adset",) if row.kind == "ad" else ()
    return (row.ref, *adset, row.campaign_ref)


def _is_on(row: Row[Any]) -> bool:
    """A campaign is created paused, so it must have been activated; its children are created active."""
    written = row.status == "ACTIVE" if row.kind == "campaign" else row.status in {None, "ACTIVE"}
    shown = (row.drift or {}).get("status", {}).get("theirs")
    return row.effective_status not in _GONE and (written if shown is None else shown == "ACTIVE")
