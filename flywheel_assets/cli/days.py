"""Simulated days: hour by hour through the same functions that the scheduled jobs call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import click
from sqlalchemy import func, select

from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.hour import decide_hour
from flywheel_assets.budget.insights import InsightsSource, read_insights
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.clients.embeddings import Embedder
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.reconciled import refresh
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.learning.accuracy import record_accuracy
from flywheel_assets.learning.cycle import run_cycle
from flywheel_assets.learning.registry import serving_name
from flywheel_assets.revenue.attribution import attribute_deals
from flywheel_assets.revenue.collect import collect_stage_changes
from flywheel_assets.revenue.crm import Crm
from flywheel_assets.revenue.feedback import write_feedback
from flywheel_assets.revenue.ledger import update_ledger
from flywheel_assets.sandbox.audience import Audience
from flywheel_assets.settings import FIRST_HOUR
from flywheel_assets.store.clock import advance_twin_clock, business_now
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import ad_change_history, learning_cycles

# Changes of an hour are applied well before the next one closes, as the schedule does it.
_DRAIN_MINUTES = 40
# O'clock UTC, when the schedule reads the last weeks again: most leads come in hours after their click.
_RESTATED_AT = 4


@dataclass(frozen=True)
class Loops:
    """Everything one simulated hour touches."""

    store: Store
    account: Account
    executor: SafeExecutor
    insights: InsightsSource
    crm: Crm
    embedder: Embedder
    audience: Audience

    def let_happen(self, hour: datetime) -> None:
        """Close the hour: the clock moves past it, and what the world does in it happens."""
        with self.store.engine.begin() as connection:
            if business_now(connection) < hour + HOUR:
                advance_twin_clock(connection, hour + HOUR)
            now = business_now(connection)
        self.audience.tick(now)

    def act_on(self, hour: datetime) -> None:
        """What the schedules and sensors do about a closed hour."""
        self._revenue()
        self._budget(hour)
        self._learning(hour)

    def _revenue(self) -> None:
        engine = self.store.engine
        with engine.connect() as connection:
            now = business_now(connection)
        collect_stage_changes(engine, self.account, self.crm, now)
        update_ledger(engine, self.account, now)
        attribute_deals(engine, self.account, now)
        write_feedback(engine, self.account)

    def _budget(self, hour: datetime) -> None:
        engine, settings = self.store.engine, self.store.settings
        read = read_insights(engine, self.account, self.insights, hours_to_read(hour, settings.budget.restate_days))
        if read.problem is not None:
            click.echo(f"insights of {hour:%Y-%m-%d %H:%M} UTC could not be read: {read.problem}", err=True)
        decision = decide_hour(engine, self.account, settings, hour)
        if changes := changes_of(decision.allocation, self.account, hour):
            with engine.begin() as connection:
                enqueue(connection, changes, settings.safety)
        for _ in drain(self.executor, until=hour + HOUR + timedelta(minutes=_DRAIN_MINUTES)):
            pass
        refresh(engine, self.executor.platform_for, settings.world, settings.safety)

    def _learning(self, hour: datetime) -> None:
        store = self.store
        record_accuracy(store.engine, self.account, hour, store.settings, serving_name(store.engine, self.account))
        cycle = run_cycle(store.engine, store.blobs, self.account, store.settings, hour, self.embedder)
        for step in cycle.failed:
            click.echo(f"{step.step} failed at {hour:%Y-%m-%d %H:%M} UTC: {step.reason}", err=True)


def hours_to_run(store: Store, account: Account, campaign: str, days: int) -> tuple[datetime, ...]:
    """Hours of the campaign's first ``days`` days that nothing was learned from yet; none before its launch.

    Learning is an hour's last act, so an hour that was broken off is done again.
    """
    history, cycles = ad_change_history.c, learning_cycles.c
    launched = select(func.min(history.finished_at)).where(
        history.object_ref == campaign,
        history.change_type == "set_status",
        history.status.in_(("applied", "reconciled")),
    )
    learned = select(cycles.hour).where(cycles.account_id == account.account_id)
    with store.engine.connect() as connection:
        launch: datetime | None = connection.execute(launched).scalar_one()
        done = set(connection.execute(learned).scalars())
    if launch is None:
        return ()
    hours = (floor_hour(launch) + HOUR * index for index in range(days * 24))
    return tuple(hour for hour in hours if hour not in done)


def hours_to_read(hour: datetime, restate_days: int) -> list[datetime]:
    """The hour alone, and once a night all that the platform may have restated."""
    if (hour + HOUR).hour != _RESTATED_AT:
        return [hour]
    since = max(FIRST_HOUR, hour - timedelta(days=restate_days))
    return [since + HOUR * index for index in range(int((hour - since) / HOUR) + 1)]


def told(hours: tuple[datetime, ...]) -> Iterator[datetime]:
    """The hours, with a line a day on standard error, and a bar where somebody watches."""
    begun = time.monotonic()
    with progress_bar("simulating") as step:
        for index, hour in enumerate(hours):
            step(index, len(hours), f"simulating {hour:%Y-%m-%d %H:%M}")
            yield hour
            if (index + 1) % 24 == 0 or index + 1 == len(hours):
                seconds, until = time.monotonic() - begun, hour + HOUR
                done = f"{f'{index + 1} hours':<24} {seconds:6.1f} s"
                click.echo(f"{done}  simulated to {until:%Y-%m-%d %H:%M} UTC", err=True)
