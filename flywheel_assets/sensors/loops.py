"""Sensors of the revenue and learning loops."""

import dagster as dg
from sqlalchemy import func, select

from flywheel_assets.assets.common import CREATIVES
from flywheel_assets.core.account import Account
from flywheel_assets.creative.intake import next_attempt
from flywheel_assets.jobs import creative_generation, revenue_feedback
from flywheel_assets.learning.refresh import open_generation, open_requests
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store


@dg.sensor(
    job=revenue_feedback,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the revenue loop when the webhook's inbox has grown; the cursor is the newest inbox id.",
)
def hubspot_events(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store]
) -> dg.RunRequest | dg.SkipReason:
    """One run for everything that came since the last tick."""
    with store.engine.connect() as connection:
        newest = connection.execute(select(func.max(tables.hubspot_events.c.id))).scalar_one() or 0
    if newest <= _read(context.cursor):
        return dg.SkipReason("no new events")
    context.update_cursor(str(newest))
    return dg.RunRequest(run_key=f"inbox:{newest}")


def _read(cursor: str | None) -> int:
    """A cursor nobody can read costs one run that finds nothing new."""
    return int(cursor) if cursor and cursor.isdecimal() else 0


@dg.sensor(
    job=creative_generation,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Opens a new generation of a creative whose ads tire; what was seen of its video is used again.",
)
def creative_refresh(
    store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.SensorResult | dg.SkipReason:
    """Each open request becomes a creative of its own, with the old one as its parent."""
    with store.engine.begin() as connection:
        keys = [open_generation(connection, request) for request in open_requests(connection, account.account_id)]
        runs = [
            dg.RunRequest(run_key=f"{key}:{next_attempt(connection, key)}", partition_key=key)
            for key in dict.fromkeys(keys)
        ]
    if not runs:
        return dg.SkipReason("no ad asks for a refresh")
    return dg.SensorResult(
        run_requests=runs, dynamic_partitions_requests=[CREATIVES.build_add_request(list(dict.fromkeys(keys)))]
    )
