"""``flywheel demo``: the main job on the sample, as a user would run it."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import dagster as dg

from flywheel_assets.assets.common import key_of
from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.days import Loops, hours_to_run, told
from flywheel_assets.cli.days_summary import DaysSummary, read_days
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.installation import (
    Installation,
    dagster_instance,
    database_needed,
    only_one,
    only_one_on_database,
    prepare,
)
from flywheel_assets.cli.leftovers import end_processes, end_work
from flywheel_assets.cli.summary import Summary, as_dict, creative_of, read_summary, show
from flywheel_assets.cli.twin import Twin, in_scenario, running_twin, scenario_option
from flywheel_assets.clients.embeddings import WordLlamaEmbedder
from flywheel_assets.clients.hubspot_access import open_hubspot
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.core.errors import ConfigurationError, FlywheelError
from flywheel_assets.core.ids import campaign_of
from flywheel_assets.definitions import build_defs
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.resources.base import worker_name
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.clock import set_twin_clock_flowing
from flywheel_assets.store.store import Store

_SAMPLE = Path("samples/raw_ad.mp4")
_PROGRESS: dict[str, Any] = {"loggers": {"progress": {}}}


@click.command()
@click.option(
    "--video", type=click.Path(path_type=Path), default=_SAMPLE, show_default=True, help="The raw video to drop in."
)
@click.option(
    "--days", type=click.IntRange(0, 28), default=3, show_default=True, help="Days to simulate after the launch."
)
@scenario_option
@json_option("one object")
def demo(video: Path, days: int, scenario: str | None, as_json: bool) -> None:
    """Drop one raw video in, follow it to running ads in the sandbox, and let money move and be learned from for some days."""
    settings = read_settings()
    if settings.world != "sandbox":
        raise ConfigurationError("the demo runs in the sandbox only; unset FLYWHEEL_WORLD")
    settings = in_scenario(settings, scenario)
    if not video.is_file():
        raise ConfigurationError(f"{video} does not exist; run from the checkout, or name a video with --video")
    load_account(settings.account_file)  # a wrong one stops before anything is written
    timer = Timer()
    with only_one(settings), database_needed(settings):
        with timer.stage("start"):
            end_processes(settings)
            installation = prepare(settings, capture=False)
        with only_one_on_database(settings):
            summary, later = _follow(installation, video, days, timer)
    if as_json:
        show_json(as_dict(summary, later, timer.seconds))
    else:
        click.echo(show(summary, later, settings))


def _follow(installation: Installation, video: Path, days: int, timer: Timer) -> tuple[Summary, DaysSummary | None]:
    with running_twin(installation) as twin, dagster_instance() as instance:
        logging.getLogger("dagster").setLevel(logging.WARNING)  # what it says of each tick is shown below
        end_work(installation.store, instance)
        with installation.store.engine.begin() as connection:
            set_twin_clock_flowing(connection, flowing=False)
        platform = Platform(build_defs(twin.settings), instance, timer)
        name = _main_job(installation, platform, video)
        campaign = campaign_of(creative_of(installation.store, name))
        later = _days(installation, twin, platform, campaign, days) if days else None
        return read_summary(installation.store, name, twin.meta.journal()), later


class Timer:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time toward ``name``."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - begun)

    def add(self, name: str, seconds: float) -> None:
        """Count so many seconds toward ``name``: a stage that runs twice took as long as both together."""
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 2)


@dataclass(frozen=True)
class Platform:
    """Dagster as the demo uses it: the same definitions and instance that the UI shows afterwards."""

    defs: dg.Definitions
    instance: dg.DagsterInstance
    timer: Timer

    def tick(self, sensor_name: str, times: int) -> dg.SensorExecutionData:
        """Evaluate a sensor as the daemon would, some ticks one after the other; partitions it asks for are added."""
        sensor = self.defs.resolve_sensor_def(sensor_name)
        known = self.defs.resources or {}
        resources = {key: value for key, value in known.items() if key in sensor.required_resource_keys}
        cursor: str | None = None
        for _ in range(times):
            with dg.build_sensor_context(
                self.instance, cursor, definitions=self.defs, resources=resources, instance_ref=self.instance.get_ref()
            ) as context:
                tick = sensor.evaluate_tick(context)
            cursor = tick.cursor
        for request in tick.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return tick

    def run(self, job: str, partition_key: str | None = None) -> None:
        """Run a job to its end, with a line a stage.

        Raises:
            FlywheelError: a stage failed.
        """
        result = self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=partition_key, run_config=_PROGRESS, raise_on_error=False
        )
        for step in self.instance.get_run_step_stats(result.run_id):
            if step.start_time is not None and step.end_time is not None:
                self.timer.add(step.step_key, step.end_time - step.start_time)
        if not result.success:
            if _interrupted(result):
                raise KeyboardInterrupt
            then = f"look at run {result.run_id} with flywheel up; the demo called again goes on where it was"
            raise FlywheelError(f"job {job} failed, as is told above", next_step=then)


def _interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C ended it, which Dagster makes a failure of the step that was at work."""
    failed = (event for event in result.all_events if event.is_step_failure)
    errors = [event.step_failure_data.error for event in failed]
    return any(error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__ for error in errors)


def _main_job(installation: Installation, platform: Platform, video: Path) -> str:
    """From the drop folder to ads at the platform; the upload's name."""
    with platform.timer.stage("upload"):
        name = drop(video, installation.settings.drop_path)
        # The first tick sees the file, the second finds that it has not changed.
        tick = platform.tick("uploads", times=2)
    click.echo(f"{'uploads':<24}          {tick.skip_message or 'accepted'}", err=True)
    for request in tick.run_requests or []:
        platform.run("creative_generation", request.partition_key)
    platform.run("drain_ad_changes")
    return name


def _days(installation: Installation, twin: Twin, platform: Platform, campaign: str, days: int) -> DaysSummary:
    """The days after the launch; the last hour goes through Dagster, so that its pages show every group."""
    account, store = installation.account, Store(twin.settings, installation.store.engine, installation.store.blobs)
    with MetaAccounts(twin.settings) as accounts, open_hubspot(twin.settings) as crm:
        executor = SafeExecutor(store.engine, accounts, store.blobs, store.settings.safety, worker_name())
        insights, embedder = accounts(account.account_id), WordLlamaEmbedder()
        loops = Loops(store, account, executor, insights, crm, embedder, twin.audience)
        hours = hours_to_run(store, account, campaign, days)
        with platform.timer.stage("days"):
            for hour in told(hours[:-1]):
                loops.let_happen(hour)
                loops.act_on(hour)
        if hours:
            loops.let_happen(hours[-1])
            _last_hour(platform, key_of(hours[-1]))
        return read_days(store, account, twin, embedder)


def _last_hour(platform: Platform, key: str) -> None:
    platform.run("revenue_feedback")
    platform.run("hourly_sampling", key)
    platform.run("drain_ad_changes")
    platform.run("hourly_learning", key)


def drop(video: Path, folder: Path) -> str:
    """Put a video and its brief into the drop folder the way a careful program does: whole, then under its name."""
    brief = video.with_suffix(".brief.yaml")
    for source in (brief, video):
        if source.exists():
            partial = folder / f".{source.name}.part"
            shutil.copyfile(source, partial)
            partial.replace(folder / source.name)
    return video.name
