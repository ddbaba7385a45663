"""Runs that were asked for over HTTP."""

import dagster as dg

from flywheel_assets.assets.common import CREATIVES
from flywheel_assets.creative.asking import AskedRun, asked_runs, ended
from flywheel_assets.jobs import creative_generation
from flywheel_assets.monitoring.failures import why_failed
from flywheel_assets.sensors.running import UNFINISHED, runs_of
from flywheel_assets.store.store import Store

_RUNS_PER_TICK = 10


@dg.sensor(
    job=creative_generation,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts what was asked for over HTTP, one run of a creative at a time.",
)
def video_requests(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store]
) -> dg.SensorResult | dg.SkipReason:
    """One tick. An ask stays until its run has ended, so that a run that was lost is asked for again."""
    with store.engine.begin() as connection:
        asked = asked_runs(connection, _RUNS_PER_TICK)
        over = {one: run for one in asked if (run := _ended_run(context, one)) is not None}
        for one, run in over.items():
            ended(connection, one, why_failed(context.instance, run))
    left = [one for one in asked if one not in over]
    waiting = [one for one in left if not context.instance.get_runs_count(runs_of(one.creative_id, UNFINISHED))]
    if not waiting:
        return dg.SkipReason(f"{len(left)} runs are under way" if left else "nothing is asked for")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=one.run_key, partition_key=one.creative_id) for one in waiting],
        dynamic_partitions_requests=[CREATIVES.build_add_request([one.creative_id for one in waiting])],
    )


def _ended_run(context: dg.SensorEvaluationContext, asked: AskedRun) -> dg.DagsterRun | None:
    tags = {"dagster/run_key": asked.run_key}
    runs = context.instance.get_runs(dg.RunsFilter(job_name=creative_generation.name, tags=tags), limit=1)
    newest = runs[0] if runs else None
    # One that Dagster starts again by itself has not ended yet; the run that follows has the same key.
    if newest is None or newest.tags.get("dagster/will_retry") == "true":
        return None
    return newest if newest.is_finished else None
