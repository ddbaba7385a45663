"""Where a video enters: the drop folder."""

import json
import time
from pathlib import Path

import dagster as dg

from flywheel_assets.assets.common import CREATIVES
from flywheel_assets.core.account import Account
from flywheel_assets.creative.intake import Dropped, Intake, dropped_files, take_in, unfinished, unknown
from flywheel_assets.jobs import creative_generation
from flywheel_assets.sensors.running import LOST, UNFINISHED, runs_of
from flywheel_assets.store.store import Store

# A tick stays short, as Dagster gives it a minute and one look may take most of it: more files wait for the next one.
_FILES_PER_TICK, _SECONDS_PER_TICK = 10, 15.0


@dg.sensor(
    job=creative_generation,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes in videos from the drop folder. A file is taken when it has not changed since the last tick.",
)
def uploads(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.SensorResult | dg.SkipReason:
    """One tick: settled files are taken in, the others are remembered in the cursor and looked at again."""
    folder = store.settings.drop_path
    with store.engine.connect() as connection:
        new = unknown(connection, dropped_files(folder))
    settled = [file for file in new if _signature(file) in _remembered(context.cursor)]
    results = _taken_in(store, folder, settled, account)
    for result in results:
        if result.status == "rejected":
            context.log.warning(result.message)
    context.update_cursor(json.dumps([_signature(file) for file in new if file not in settled[: len(results)]]))
    requested = _to_start(context, results) or _without_run(context, store)
    if not requested:
        said = "; ".join(result.message for result in results) or f"{len(new)} files have to stay unchanged for a tick"
        return dg.SkipReason(said if new else f"nothing new in {folder}")
    return dg.SensorResult(
        run_requests=[_run(result) for result in requested],
        dynamic_partitions_requests=[CREATIVES.build_add_request([str(result.creative_id) for result in requested])],
    )


def _taken_in(store: Store, folder: Path, settled: list[Dropped], account: Account) -> list[Intake]:
    """As many of the files as one tick takes, at least one."""
    results: list[Intake] = []
    until = time.monotonic() + _SECONDS_PER_TICK
    for file in settled[:_FILES_PER_TICK]:
        results.append(take_in(store, folder, file, account))
        if time.monotonic() > until:
            break
    return results


def _to_start(context: dg.SensorEvaluationContext, results: list[Intake]) -> list[Intake]:
    """One a creative: a second copy of a video, in this tick or while its run is under way, starts nothing."""
    wanted: dict[str, Intake] = {}
    for result in results:
        if result.run is not None:
            wanted.setdefault(str(result.creative_id), result)
    return [one for key, one in wanted.items() if not context.instance.get_runs_count(runs_of(key, UNFINISHED))]


def _without_run(context: dg.SensorEvaluationContext, store: Store) -> list[Intake]:
    """Requests that were taken in by a tick that did not live to start their run, or whose demo was killed."""
    with store.engine.connect() as connection:
        waiting = unfinished(connection, _FILES_PER_TICK)
    return [one for one in waiting if not _has_run(context, str(one.creative_id))]


def _has_run(context: dg.SensorEvaluationContext, key: str) -> bool:
    return any(LOST not in run.tags for run in context.instance.get_runs(runs_of(key)))


def _run(result: Intake) -> dg.RunRequest:
    # The attempt is part of the key: the same video asks for the same run once, a lost run can be asked for again.
    return dg.RunRequest(
        run_key=f"{result.creative_id}:{result.run}",
        partition_key=result.creative_id,
        tags={"flywheel/upload": result.name},
    )


def _signature(file: Dropped) -> list[str | int]:
    return [file.name, file.size, file.modified_ns]


def _remembered(cursor: str | None) -> list[list[str | int]]:
    """Files of the last tick. A cursor nobody can read costs one tick, not the sensor."""
    try:
        seen = json.loads(cursor or "[]")
    except json.JSONDecodeError:
        return []
    return seen if isinstance(seen, list) else []
