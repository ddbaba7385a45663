"""What an `up` or `demo` that was killed left behind, ended before the next one goes on. The home is ours alone by then."""

from __future__ import annotations

from pathlib import Path

import click
import dagster as dg

from flywheel_assets.cli.tables import counted
from flywheel_assets.cli.tether import end_leftovers
from flywheel_assets.execution.tidying import end_leases
from flywheel_assets.resources.base import is_gone
from flywheel_assets.sensors.running import LOST
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store

_BEGUN = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_ENDED = "its process ended before it did; what it had not finished is asked for again"


def started_file(home: Path) -> Path:
    """By what the processes of an `up` are told; taken away when they have ended."""
    return home / "dagster" / "started"


def end_processes(settings: Settings) -> None:
    """Dagster's processes, which would go on working beside the new ones. Before anything else is started."""
    if left := end_leftovers(started_file(settings.root)):
        click.echo(f"ended what a killed `flywheel up` left running: {counted(left, 'program')}", err=True)


def end_work(store: Store, instance: dg.DagsterInstance) -> None:
    """Runs whose process is gone, and what its workers held of the queue: neither is waited for."""
    end_orphans(instance)
    with store.engine.begin() as connection:
        end_leases(connection, is_gone)


def end_orphans(instance: dg.DagsterInstance) -> int:
    """Say of runs whose process is gone that they failed; how many. Nothing else can tell, and sensors wait for them.

    The daemon retries those that it started. Others, of a demo, it cannot start, not even where they
    had not begun: they are marked as lost, so that sensors ask for a new one.
    """
    orphans = instance.get_runs(dg.RunsFilter(statuses=_BEGUN))
    created = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
    orphans = [*orphans, *(run for run in created if run.remote_job_origin is None)]
    for run in orphans:
        if run.remote_job_origin is None:
            instance.add_run_tags(run.run_id, {LOST: "true"})
        instance.report_run_failed(run, _ENDED)
    return len(orphans)
