"""Changes, plans and their stories in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from flywheel_assets.cli.tables import counted, show_fields
from flywheel_assets.core.changes import AdChange
from flywheel_assets.core.money import Money
from flywheel_assets.execution.undo import Undone

SHORT_ID, SHORT_DIGEST = 8, 12  # characters in a table; more than enough to name one

CHANGE_COLUMNS = ("id", "status", "change", "object", "what", "why", "waits for")
LETTER_COLUMNS = ("id", "died", "failures", "change", "object", "error", "reason")
PLAN_COLUMNS = ("plan", "account", "asked by", "changes", "adds a day", "age")


def change_told(row: Mapping[str, Any]) -> tuple[object, ...]:
    """One change in the columns of a list."""
    what = asked_told(row["spec"], row["new_budget"], row["currency"])
    head = (str(row["id"])[:SHORT_ID], row["status"], row["change_type"], row["object_ref"])
    return (*head, what, row["reasoning"], row["wait_reason"])


def letter_told(row: Mapping[str, Any]) -> tuple[object, ...]:
    """One dead letter in the columns of a list."""
    head = (str(row["change_id"])[:SHORT_ID], moment(row["died_at"]), row["failures"])
    return (*head, row["change_type"], row["object_ref"], row["rule"], row["reason"])


def plan_told(row: Mapping[str, Any]) -> tuple[object, ...]:
    """One plan in the columns of a list."""
    head = (row["plan_digest"][:SHORT_DIGEST], row["account_id"], row["requested_by"])
    return (*head, counts_told(row["counts"]), Money(row["adds"], row["currency"]), span_told(row["age"]))


def asked_told(spec: Mapping[str, Any], budget: int | None, currency: str) -> str:
    """What of an object is asked for."""
    if budget is not None:
        return f"{Money(budget, currency)} a day"
    match spec["kind"]:
        case "set_status":
            return str(spec["status"])
        case "set_targeting":
            return json.dumps(spec["targeting"])
        case _:
            return str(spec.get("name", ""))


def spec_told(change: AdChange) -> str:
    """What one change asks for."""
    budget = getattr(change.spec, "daily_budget", None)
    return asked_told(change.spec.model_dump(mode="json"), budget, change.currency)


def counts_told(counts: Mapping[str, int]) -> str:
    """Changes by status."""
    return ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))


def moment(value: datetime | None) -> str:
    """Business time to the second."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def span_told(span: timedelta) -> str:
    """A time span as a person says it."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:  # noqa: PLR2004 - of an hour
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days


# --- undo --------------------------------------------------------------------------------------------

_HOW_IT_GOES = {
    "pending": "to go out within the limits",
    "proposed": "to wait for: flywheel changes approve {plan}",
    "observed": "but the account is in observe mode: nothing of it is sent",
}


def undone_told(done: Undone, frozen: str | None) -> str:
    """What was queued to take something back, and what happens with it next."""
    queued = done.queued
    if not queued.added:
        return f"what undoes it was queued before ({counted(queued.known, 'change')}); nothing is added"
    how = _HOW_IT_GOES[queued.status].format(plan=queued.plan_digest[:SHORT_DIGEST])
    if frozen is not None and queued.status == "pending":
        how = f"to wait until the account is resumed; it is frozen: {frozen}"
    return f"{counted(queued.added, 'change')} queued, {how}"


def undone_as_dict(done: Undone) -> dict[str, Any]:
    """The same for a program."""
    changes = [one.model_dump(mode="json") for one in done.changes]
    return {**vars(done.queued), "changes": changes, "left": done.left, "notes": done.notes}


# --- the story of one change -------------------------------------------------------------------------


def show_story(told: Mapping[str, Any]) -> None:
    """Print everything that is known of one change."""
    show_fields(_asked(told))
    show_fields(_waits(told))
    for attempt in told["attempts"]:
        print()
        show_fields(_attempt(attempt))
    if told["dead_letter"] is not None:
        print()
        show_fields(_burial(told["dead_letter"]))


def _asked(told: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    plan = told["plan_digest"]
    yield "change", f"{told['id']}  {told['change_type']} of {told['object_ref']}"
    yield "status", told["status"]
    yield "asked for", asked_told(told["spec"], told["new_budget"], told["currency"])
    yield "why", told["reasoning"]
    yield "asked by", f"{told['requested_by']}, {moment(told['created_at'])}"
    yield "account", told["account_id"]
    if plan is not None:
        yield "plan", f"{plan[:SHORT_DIGEST]}: {counts_told(told['plan'])}"
    yield "approved", moment(told["approved_at"])
    yield "stale after", moment(told["expires_at"])
    if told["undo_of"] is not None:
        yield "undo of", told["undo_of"]
    for undo in told["undone_by"]:
        yield "undone by", f"{undo['id']}, which is {undo['status']}"


def _waits(told: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for reason in told["waits_for"]:
        yield "waits for", reason
    yield "not before", moment(told["waits_until"])
    if told["finished_at"] is not None:
        yield "ended", f"{moment(told['finished_at'])}{': ' + told['wait_reason'] if told['wait_reason'] else ''}"
    if told["failures"] or told["deferrals"]:
        yield "so far", f"{counted(told['failures'], 'failure')}, {counted(told['deferrals'], 'time')} put off"
    if told["status"] in ("claimed", "executing"):
        yield "held by", f"{told['worker']}, lease until {moment(told['lease_until'])} real time"


def _attempt(one: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    ended = "no outcome known yet" if one["finished_at"] is None else f"ended {moment(one['finished_at'])}"
    yield f"attempt {one['attempt']}", f"{one['status']}, by {one['worker']}"
    yield "when", f"{moment(one['started_at'])}, {ended}"
    yield "remote id", one["remote_id"]
    yield from _amounts(one)
    for words in one["adjustments"] or ():
        yield "adjusted", words
    if one["previous"]:
        yield "before", json.dumps(one["previous"])
    if one["error"]:
        yield "error", error_told(one["error"])


def _amounts(one: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    names = {
        "requested_budget": "requested",
        "previous_budget": "in force before",
        "fuzzed_budget": "after the fuzz",
        "target_budget": "after the limits",
        "actual_budget": "applied",
    }
    for field, name in names.items():
        if one[field] is not None:
            yield name, Money(one[field], one["currency"])


def error_told(error: Mapping[str, Any]) -> str:
    """An error with the platform's own numbers, for whoever has to ask its support."""
    numbers = {"code": "code", "subcode": "subcode", "trace_id": "trace id"}
    told = ", ".join(f"{name} {error[field]}" for field, name in numbers.items() if error.get(field) is not None)
    return f"{error.get('error')}: {error.get('message')}{f' ({told})' if told else ''}"


def _burial(letter: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "dead letter", f"{letter['rule']}: {letter['reason']}"
    yield "since", f"{moment(letter['died_at'])}, after {counted(letter['failures'], 'failure')}"
    yield "send again", f"flywheel changes retry {str(letter['change_id'])[:SHORT_ID]}"
