"""The self-learning cycle: seven steps, each of which tells what it changed, or why it did not.

Steps run in the order they need one another: outcomes, model, experiments, winners, what winners are made
of, what accounts share, what has to be renewed. They are told in the order of their numbers. A step
that fails is rolled back and told; the others go on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.clients.embeddings import Embedder
from flywheel_assets.core.account import Account
from flywheel_assets.learning import (
    actuals,
    knowledge,
    promotion,
    refresh,
    shared,
    training,
    winner_index,
)
from flywheel_assets.learning.report import StepReport
from flywheel_assets.settings import Settings
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import learning_cycles

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CycleReport:
    """One cycle of one account: seven steps, by number."""

    account_id: str
    hour: datetime
    steps: tuple[StepReport, ...]

    @property
    def failed(self) -> tuple[StepReport, ...]:
        """The steps that did not get through."""
        return tuple(step for step in self.steps if step.status == "failed")

    def counts(self) -> dict[str, int]:
        """Steps by status."""
        return dict(Counter(step.status for step in self.steps))


class _Result(Protocol):
    def report(self) -> StepReport: ...


@dataclass(frozen=True)
class Bench:
    """What every step works with, for one account and closed hour."""

    engine: Engine
    blobs: Blobs
    account: Account
    settings: Settings
    hour: datetime
    embedder: Embedder


_STEPS: dict[str, Callable[[Bench], _Result]] = {
    actuals.STEP: lambda on: actuals.sync_actuals(on.engine, on.account, on.settings, on.hour),
    training.STEP: lambda on: training.retrain(on.engine, on.blobs, on.account, on.settings, on.hour),
    promotion.STEP: lambda on: promotion.update_experiments(on.engine, on.account, on.settings, on.hour),
    winner_index.STEP: lambda on: winner_index.update_winner_index(
        on.engine, on.blobs, on.account, on.settings, on.hour, on.embedder
    ),
    knowledge.STEP: lambda on: knowledge.update_knowledge(on.engine, on.account, on.hour),
    shared.STEP: lambda on: shared.update_shared(on.engine, on.account, on.settings),
    refresh.STEP: lambda on: refresh.request_refreshes(on.engine, on.account, on.settings, on.hour),
}


def run_cycle(  # noqa: PLR0917 - the shape all services have: where, whose, by which rules, when, with what
    engine: Engine, blobs: Blobs, account: Account, settings: Settings, hour: datetime, embedder: Embedder
) -> CycleReport:
    """Run the seven steps for the closed ``hour`` and keep their reports; safe to run again."""
    bench = Bench(engine, blobs, account, settings, hour, embedder)
    for step in _STEPS:
        run_step(bench, step)
    return load_cycle(engine, account, hour)


def run_step(bench: Bench, step: str) -> StepReport:
    """Run one step by its name and keep its report beside those of the same cycle."""
    report = _run(step, lambda: _STEPS[step](bench))
    _save(bench, report)
    return report


def load_cycle(engine: Engine, account: Account, hour: datetime) -> CycleReport:
    """The reports that were kept for an hour, by number; a step that has not run is not among them."""
    table = learning_cycles.c
    query = select(table.steps).where(table.account_id == account.account_id, table.hour == hour)
    with engine.connect() as connection:
        kept = connection.execute(query).scalar_one_or_none() or []
    return CycleReport(account.account_id, hour, tuple(StepReport.model_validate(step) for step in kept))


def _run(name: str, work: Callable[[], _Result]) -> StepReport:
    try:
        return work().report()
    except Exception as error:  # noqa: BLE001 - whatever stops one loop must not stop the other six
        _LOG.warning("%s failed", name, exc_info=error)
        first = next(iter(str(error).splitlines()), "")
        return StepReport(step=name, status="failed", changed={}, reason=f"{type(error).__name__}: {first}")


def _save(bench: Bench, report: StepReport) -> None:
    key = {"account_id": bench.account.account_id, "hour": bench.hour}
    table = learning_cycles.c
    with bench.engine.begin() as connection:
        connection.execute(insert(learning_cycles).values(**key, steps=[]).on_conflict_do_nothing())
        here = (table.account_id == bench.account.account_id) & (table.hour == bench.hour)
        row = select(table.steps).where(here).with_for_update()
        others = [step for step in connection.execute(row).scalar_one() if step["step"] != report.step]
        steps = sorted([*others, report.model_dump(mode="json")], key=lambda step: str(step["step"]))
        values = {"steps": steps, "finished_at": business_now(connection)}
        connection.execute(learning_cycles.update().where(here).values(values))
