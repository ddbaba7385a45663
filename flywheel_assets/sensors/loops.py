"""Sensors of the revenue and learning loops."""

import dagster as dg
from sqlalchemy import func, select

from flywheel_assets.assets.common import CREATIVES
from flywheel_assets.core.account import Account
from flywheel_assets.creative.intake import next_attempt
from flywheel_assets.jobs import creative_generation, revenue_feedback
from flywheel_assets.learning.refresh import open_generation, open_requests
from flywheel_assets.sensors.running import UNFINISHED, runs_of
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store


@dg.sensor(
    job=revenue_feedback,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the revenue loop while the webhook's inbox holds an event that nobody has handled.",
)
def hubspot_events(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store]
) -> dg.RunRequest | dg.SkipReason:
    """What is handled is known to the inbox itself, so a run that was lost, or found the CRM away, is asked for again."""
    inbox = tables.hubspot_events.c
    with store.engine.connect() as connection:
        newest = connection.execute(select(func.max(inbox.id)).where(inbox.handled_at.is_(None))).scalar_one()
    if newest is None:
        return dg.SkipReason("every event was handled")
    running = dg.RunsFilter(job_name=revenue_feedback.name, statuses=UNFINISHED)
    if context.instance.get_runs_count(running):
        return dg.SkipReason("a run is under way")
    context.update_cursor(str(newest))
    return dg.RunRequest(tags={"flywheel/inbox": str(newest)})


@dg.sensor(
    job=creative_generation,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Opens a new generation of a creative whose ads tire; what was seen of its video is used again.",
)
def creative_refresh(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.SensorResult | dg.SkipReason:
    """Ads of one creative that tire share one successor, with the old creative as its parent; it is made once."""
    with store.engine.begin() as connection:
        opened = [open_generation(connection, request) for request in open_requests(connection, account.account_id)]
        keys = [key for key in dict.fromkeys(opened) if not context.instance.get_runs_count(runs_of(key))]
        runs = [dg.RunRequest(run_key=f"{key}:{next_attempt(connection, key)}", partition_key=key) for key in keys]
    if not runs:
        return dg.SkipReason(f"{', '.join(opened)} was asked for before" if opened else "no ad asks for a refresh")
    return dg.SensorResult(run_requests=runs, dynamic_partitions_requests=[CREATIVES.build_add_request(keys)])
