"""Asynchronous insights: a report is ordered, runs for a while, and is read when it is complete.

A report that is `Job Completed` at less than 100 per cent is not yet there: Meta answers so for a
moment, and whoever looks at the status alone reads nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.insights import check_insights, read_insights
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.validate import field_types

# Share of the run's time -> what is shown from then on.
_STAGES = (
    (0.0, "Job Not Started", 0),
    (0.2, "Job Started", 0),
    (0.4, "Job Running", 50),
    (0.9, "Job Completed", 99),
    (1.0, "Job Completed", 100),
)
_FAILS_AT = 0.9
_ENDS = {"report_failed": "Job Failed", "report_skipped": "Job Skipped"}
_DONE = ("Job Completed", 100)
_PAGING = frozenset({"limit", "after"})
_FAILURE = {
    "error_code": 2,
    "error_subcode": 1504018,
    "error_message": "An unexpected error has occurred. Please retry your request later.",
    "error_user_title": "The report could not be made",
    "error_user_msg": "Ask for it again, for fewer days at a time.",
}


def order_report(
    state: SandboxMeta, account: str, node: Node | None, params: Mapping[str, str], fault: str | None
) -> dict[str, Any]:
    """Begin a report; ``fault`` may say that it will not end well."""
    check_insights("order insights", node, params)
    data = {"params": dict(params), "ends": _ENDS.get(fault or "")}
    made = state.add("report", account, node.id if node else None, data)
    return {"report_run_id": str(made)}


def read_run(state: SandboxMeta, run: Node, params: Mapping[str, str]) -> dict[str, Any]:
    """How far a report is, and what went wrong; without ``fields`` all of it."""
    values = _values(state, run)
    asked = [name.strip() for name in params.get("fields", "").split(",") if name.strip()]
    if unknown := [name for name in asked if name not in field_types("report")]:
        raise GraphError(f"Tried accessing nonexisting field ({unknown[0]}) on node type (report)")
    return {name: values[name] for name in ("id", *(asked or values)) if name in values}


def read_report(state: SandboxMeta, run: Node, params: Mapping[str, str]) -> dict[str, Any]:
    """One page of a finished report's rows, as they were when it was finished."""
    if other := sorted(set(params) - _PAGING):
        raise GraphError(f"A report is read as it was ordered; {', '.join(other)} cannot be asked for now")
    status, percent = _progress(state, run)
    if (status, percent) != _DONE:
        raise GraphError(f"Report {run.id} cannot be read: {status}, {percent} %", code=2601, subcode=1815107)
    asked = {name: text for name, text in run.data["params"].items() if name not in _PAGING}
    finished = run.created + state.report_seconds
    return read_insights(state, run.account, state.get(run.parent), {**asked, **params}, finished)


def _values(state: SandboxMeta, run: Node) -> dict[str, Any]:
    status, percent = _progress(state, run)
    span = json.loads(run.data["params"]["time_range"])
    values = {
        "id": str(run.id),
        "account_id": run.account.removeprefix("act_"),
        "async_status": status,
        "async_percent_completion": percent,
        "is_running": (status, percent) != _DONE and status not in _ENDS.values(),
        "date_start": span["since"],
        "date_stop": span["until"],
        "time_ref": int(run.created),
    }
    if (status, percent) == _DONE:
        values["time_completed"] = int(run.created + state.report_seconds)
    return {**values, **(_FAILURE if status == "Job Failed" else {})}


def _progress(state: SandboxMeta, run: Node) -> tuple[str, int]:
    share = (state.now() - run.created) / state.report_seconds if state.report_seconds else 1.0
    if run.data["ends"] and share >= _FAILS_AT:
        return run.data["ends"], 50
    return next((status, percent) for start, status, percent in reversed(_STAGES) if share >= start or start == 0)
