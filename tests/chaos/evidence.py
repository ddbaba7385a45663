"""Everything a checker looks at: the platform's journal and objects on one side, the final database on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, Table, select

from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import ad_change_history, ad_objects, dead_letters, pending_ad_changes
from tests.chaos.journal import Row, Write, effects, writes

APPLIED = ("applied", "reconciled")
ENDED = frozenset({"applied", "observed", "rejected", "expired", "superseded", "cancelled", "dead"})


@dataclass(frozen=True)
class Freeze:
    """An account that was frozen: real times of the commits that began and ended it."""

    account: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Evidence:
    """One finished storm.

    Attributes:
        journal: every call that reached the platform.
        parents: remote id of a campaign, ad set or ad -> remote id of what it is in, None for a campaign.
        budgets: daily budgets that were in force before the storm, by remote id.
        asked: how many changes were added to the queue.
        queue, history, letters, planned: the tables, oldest row first.
    """

    journal: Sequence[Row]
    parents: Mapping[str, str | None]
    budgets: Mapping[str, int]
    asked: int
    queue: Sequence[Row]
    history: Sequence[Row]
    letters: Sequence[Row]
    planned: Sequence[Row]
    freezes: Sequence[Freeze] = ()
    safety: Safety = field(default_factory=Safety)

    @cached_property
    def writes(self) -> list[Write]:
        return writes(self.journal)

    @cached_property
    def effects(self) -> list[Write]:
        return effects(self.journal)

    @cached_property
    def changes(self) -> dict[Any, Row]:
        """Rows of the queue by id."""
        return {row["id"]: row for row in self.queue}


def collect(
    engine: Engine,
    state: SandboxMeta,
    *,
    budgets: Mapping[str, int],
    asked: int,
    safety: Safety,
    freezes: Sequence[Freeze] = (),
) -> Evidence:
    """Read both sides of a finished storm."""
    objects = state.objects()
    return Evidence(
        journal=state.journal(),
        parents={one["id"]: one["parent"] and str(one["parent"]) for one in objects},
        budgets=budgets,
        asked=asked,
        queue=_rows(engine, pending_ad_changes, "seq"),
        history=_rows(engine, ad_change_history, "id"),
        letters=_rows(engine, dead_letters, "change_id"),
        planned=_rows(engine, ad_objects, "ref"),
        freezes=freezes,
        safety=safety,
    )


def _rows(engine: Engine, table: Table, order: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(table.c[order])).mappings()]
