"""Why a run failed, in words a person can act on."""

import re

import dagster as dg

# An error of ours is a sentence for people; the class of any other says more than its text.
_OURS = re.compile(r"^flywheel_assets\.[\w.]+: ")


def cause(event: dg.DagsterEvent) -> str:
    """The error behind a step's failure: Dagster wraps it in one of its own."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "unknown" if error is None else _OURS.sub("", error.message.strip())


def why_failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """What the first failed step says, or what ended the run without one; None where it did not fail."""
    if run.status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        return None
    failed = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for entry in failed:
        event = entry.get_dagster_event()
        return f"{event.step_key}: {cause(event)}"
    ended = "was cancelled" if run.status is dg.DagsterRunStatus.CANCELED else "ended before a stage could say why"
    return f"run {run.run_id} {ended}; ask again"
