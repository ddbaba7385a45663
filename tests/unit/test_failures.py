"""What somebody who asked for a run is told when it failed."""

from __future__ import annotations

import dagster as dg
import pytest

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.monitoring.failures import why_failed


@dg.op
def drafts() -> None:
    raise ConfigurationError("no brief; write one")


@dg.op
def scenes() -> None:
    pass


@dg.job
def failing() -> None:
    drafts()


@dg.job
def working() -> None:
    scenes()


@pytest.mark.parametrize(("job", "told"), [(failing, "drafts: no brief; write one"), (working, None)])
def test_a_failed_run_is_told_by_its_stage_and_the_error_a_person_can_act_on(
    job: dg.JobDefinition, told: str | None
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ran = job.execute_in_process(instance=instance, raise_on_error=False)
        run = instance.get_run_by_id(ran.run_id)
        assert run is not None
        assert why_failed(instance, run) == told


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (dg.DagsterRunStatus.CANCELED, "was cancelled; ask again"),
        (dg.DagsterRunStatus.FAILURE, "ended before a stage could say why; ask again"),
    ],
)
def test_a_run_that_ended_from_outside_is_named(status: dg.DagsterRunStatus, told: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(failing, status=status)
        assert why_failed(instance, run) == f"run {run.run_id} {told}"
