"""``flywheel demo``: the main job on the sample, as a user would run it."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import dagster as dg

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.installation import Installation, dagster_instance, prepare, twin
from flywheel_assets.cli.summary import Summary, read_summary, show
from flywheel_assets.core.errors import ConfigurationError, FlywheelError
from flywheel_assets.definitions import build_defs
from flywheel_assets.store.clock import set_twin_clock_flowing

_SAMPLE = Path("samples/raw_ad.mp4")
_PROGRESS: dict[str, Any] = {"loggers": {"progress": {}}}


@click.command()
@click.option(
    "--video", type=click.Path(path_type=Path), default=_SAMPLE, show_default=True, help="The raw video to drop in."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the summary.")
def demo(video: Path, as_json: bool) -> None:
    """Drop one raw video in and follow it to running ads in the sandbox; then stop everything."""
    settings = read_settings()
    if settings.world != "sandbox":
        raise ConfigurationError("the demo runs in the sandbox only; unset FLYWHEEL_WORLD")
    timer = Timer()
    with timer.stage("start"):
        installation = prepare(settings)
        with installation.store.engine.begin() as connection:
            set_twin_clock_flowing(connection, flowing=False)
    with twin(installation, port=0) as url, dagster_instance() as instance:
        logging.getLogger("dagster").setLevel(logging.WARNING)  # what it says of each tick is shown below
        summary = _main_job(installation, instance, url, video, timer)
    click.echo(json.dumps(summary.as_json(timer.seconds)) if as_json else show(summary, settings))


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
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - begun, 2)


def _main_job(installation: Installation, instance: dg.DagsterInstance, url: str, video: Path, timer: Timer) -> Summary:
    settings = installation.settings.model_copy(update={"meta_graph_url": url})
    defs = build_defs(settings)
    with timer.stage("upload"):
        name = drop(video, settings.drop_path)
        tick = _tick_twice(defs, instance)
    for request in tick.run_requests or []:
        _run(defs, instance, "creative_generation", timer, partition_key=request.partition_key)
    _run(defs, instance, "drain_ad_changes", timer)
    return read_summary(installation.store, name, url)


def drop(video: Path, folder: Path) -> str:
    """Put a video and its brief into the drop folder the way a careful program does: whole, then under its name."""
    if not video.is_file():
        raise ConfigurationError(f"{video} does not exist; run from the checkout, or name a video with --video")
    brief = video.with_suffix(".brief.yaml")
    for source in (brief, video):
        if source.exists():
            partial = folder / f".{source.name}.part"
            shutil.copyfile(source, partial)
            partial.replace(folder / source.name)
    return video.name


def _tick_twice(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.SensorExecutionData:
    """Evaluate the sensor as the daemon would: the first tick sees the file, the second finds it settled."""
    sensor = defs.resolve_sensor_def("uploads")
    resources = {key: value for key, value in (defs.resources or {}).items() if key in sensor.required_resource_keys}
    cursor: str | None = None
    for _ in range(2):
        with dg.build_sensor_context(
            instance, cursor, definitions=defs, resources=resources, instance_ref=instance.get_ref()
        ) as context:
            tick = sensor.evaluate_tick(context)
        cursor = tick.cursor
    click.echo(f"{'uploads':<24}          {tick.skip_message or 'accepted'}", err=True)
    for request in tick.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return tick


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, job: str, timer: Timer, partition_key: str | None = None
) -> None:
    result = defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=partition_key, run_config=_PROGRESS, raise_on_error=False
    )
    for step in instance.get_run_step_stats(result.run_id):
        if step.start_time is not None and step.end_time is not None:
            timer.seconds[step.step_key] = round(step.end_time - step.start_time, 2)
    if not result.success:
        raise FlywheelError(
            f"job {job} failed; what failed is above, everything else with `flywheel up` under run {result.run_id}"
        )
