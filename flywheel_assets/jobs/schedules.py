"""Schedules. The hour that is due is asked of the business clock: in a sandbox it is not the hour on the wall."""

from datetime import timedelta

import dagster as dg

from flywheel_assets.assets.common import key_of, last_closed_hour
from flywheel_assets.jobs import (
    drain_ad_changes,
    hourly_learning,
    hourly_sampling,
    nightly_restatement,
    revenue_feedback,
)
from flywheel_assets.settings import FIRST_HOUR
from flywheel_assets.store.store import Store


def _closed_hour(store: Store) -> dg.RunRequest | dg.SkipReason:
    hour = last_closed_hour(store)
    if hour < FIRST_HOUR:
        return dg.SkipReason(f"{hour} lies before the first hour, {FIRST_HOUR}")
    # The hour is the run key: an hour is asked for once, however often the schedule ticks within it.
    return dg.RunRequest(run_key=key_of(hour), partition_key=key_of(hour))


# Before the sampling of the hour: what a person paused or changed at the platform is then known to it.
@dg.schedule(
    job=drain_ad_changes,
    cron_schedule="5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks at every campaign, ad set and ad of ours, also when no change is due.",
)
def hourly_look() -> dg.RunRequest:
    """One run; a drain that is under way makes this one wait for its turn."""
    return dg.RunRequest()


# Ten minutes past, when the platform has usually reported the hour before.
@dg.schedule(
    job=hourly_sampling,
    cron_schedule="10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Decides the budgets of the hour that just closed.",
)
def hourly_sampling_schedule(store: dg.ResourceParam[Store]) -> dg.RunRequest | dg.SkipReason:
    """One run, unless the hour was asked for before."""
    return _closed_hour(store)


# After the sampling of the same hour, which reads the platform for both.
@dg.schedule(
    job=hourly_learning,
    cron_schedule="25 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Learns from the hour that just closed.",
)
def hourly_learning_schedule(store: dg.ResourceParam[Store]) -> dg.RunRequest | dg.SkipReason:
    """One run, unless the hour was asked for before."""
    return _closed_hour(store)


@dg.schedule(
    job=nightly_restatement,
    cron_schedule="10 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Reads the trailing days of insights again, and the hours nobody read.",
)
def nightly_restatement_schedule(store: dg.ResourceParam[Store]) -> dg.RunRequest | dg.SkipReason:
    """One run over all of them, as the platform is asked for whole days anyway."""
    last = last_closed_hour(store)
    if last < FIRST_HOUR:
        return dg.SkipReason(f"{last} lies before the first hour, {FIRST_HOUR}")
    first = max(FIRST_HOUR, last - timedelta(days=store.settings.budget.restate_days))
    return dg.RunRequest(
        tags={"dagster/asset_partition_range_start": key_of(first), "dagster/asset_partition_range_end": key_of(last)}
    )


# A webhook is tried for a day and then gone; two days of asking back leaves room for one missed night.
@dg.schedule(
    job=revenue_feedback,
    cron_schedule="40 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Asks the CRM for stages whose webhook never came.",
)
def revenue_reconciliation() -> dg.RunRequest:
    """One run over the last two days."""
    return dg.RunRequest(run_config={"ops": {"deal_stage_changes": {"config": {"hours": 48}}}})


SCHEDULES = [
    hourly_look,
    hourly_sampling_schedule,
    hourly_learning_schedule,
    nightly_restatement_schedule,
    revenue_reconciliation,
]
