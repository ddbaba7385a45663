"""When the queue of ad changes wants a drain."""

import dagster as dg

from flywheel_assets.execution.queue import is_due
from flywheel_assets.jobs import drain_ad_changes
from flywheel_assets.sensors.running import UNFINISHED
from flywheel_assets.store.store import Store


@dg.sensor(
    job=drain_ad_changes,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a drain when a change is due; never more than one at a time.",
)
def ad_change_queue(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store]
) -> dg.RunRequest | dg.SkipReason:
    """Asks for a run without a run key: the queue itself knows what has been done."""
    with store.engine.connect() as connection:
        if not is_due(connection):
            return dg.SkipReason("no change is due")
    running = dg.RunsFilter(job_name=drain_ad_changes.name, statuses=UNFINISHED)
    if context.instance.get_runs_count(running):
        return dg.SkipReason("a drain is under way")
    return dg.RunRequest()
