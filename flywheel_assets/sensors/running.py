"""Runs that sensors ask the instance about."""

import dagster as dg

from flywheel_assets.jobs import creative_generation

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

# Tag of a run whose process was killed and that nobody can start again: it does not count.
LOST = "flywheel/lost"


def runs_of(creative_id: str, statuses: list[dg.DagsterRunStatus] | None = None) -> dg.RunsFilter:
    """Runs of one creative, in these states or in any."""
    tags = {"dagster/partition": creative_id}
    return dg.RunsFilter(job_name=creative_generation.name, tags=tags, statuses=statuses)
