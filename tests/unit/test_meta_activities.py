"""The account's log of changes, as typed rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.clients.meta_activities import Activity, activities, activities_query
from flywheel_assets.core.errors import PermanentError

SINCE = datetime(2026, 11, 2, 8, 0, 0, 400_000, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)


def row(**more: Any) -> dict[str, Any]:
    plain = {"event_type": "update_ad_set_budget", "event_time": "2026-11-02T08:30:00+0000", "object_id": "7"}
    return {**plain, "application_id": "55", "actor_id": "66", **more}


def wrapped(old: Any, new: Any) -> str:
    """Money as the log has it: each value in an object that repeats its own name."""
    values = {"old_value": old, "new_value": new}
    shown = {key: {"type": "payment_amount", "currency": "EUR", key: value} for key, value in values.items()}
    return json.dumps({**shown, "type": "composite_data"})


def only(*rows: dict[str, Any]) -> Activity:
    (found,) = activities(rows, SINCE, UNTIL)
    return found


def test_a_budget_change_tells_who_when_what() -> None:
    found = only(row(extra_data=wrapped(5000, 5500)))
    at = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
    assert found == Activity("update_ad_set_budget", at, "7", "55", "66", old="5000", new="5500")


@pytest.mark.parametrize(
    ("extra", "old", "new"),
    [
        (json.dumps({"old_value": "Active", "new_value": "Inactive", "type": "run_status"}), "Active", "Inactive"),
        (json.dumps({"old_value": 5000, "new_value": "5500"}), "5000", "5500"),
        ({"old_value": "a", "new_value": "b"}, "a", "b"),
        (json.dumps({"new_value": {"new_value": 11500}}), None, "11500"),
        (json.dumps({"old_value": {"deep": {"er": 1}}, "new_value": [1]}), None, None),
        (json.dumps({"old_value": "", "new_value": True}), None, None),
        (json.dumps([1, 2]), None, None),
        ("plain words", None, None),
        (None, None, None),
    ],
)
def test_values_are_read_where_their_shape_is_known(extra: Any, old: str | None, new: str | None) -> None:
    found = only(row(extra_data=extra))
    assert (found.old, found.new) == (old, new)


def test_who_did_it_may_be_unknown() -> None:
    nobody = row()
    del nobody["application_id"], nobody["actor_id"]
    assert (only(nobody).application_id, only(nobody).actor_id) == (None, None)


def test_people_are_told_by_name_and_never_by_their_address() -> None:
    found = only(row(actor_name="Ada", application_name="Ads Manager"))
    assert (found.actor_name, found.application_name) == ("Ada", "Ads Manager")
    assert only(row(actor_name="ada@example.org")).actor_name is None


def test_rows_come_oldest_first_in_utc_and_only_from_the_time_asked_for() -> None:
    times = ["09:00:00+0100", "09:59:59+0100", "08:00:00+0000", "09:00:00+0000", "07:59:59+0000", "09:00:01+0000"]
    found = activities([row(event_time=f"2026-11-02T{time}") for time in times], SINCE, UNTIL)
    assert [f"{one.at:%H:%M:%S}" for one in found] == ["08:00:00", "08:00:00", "08:59:59", "09:00:00"]


def test_the_question_covers_the_whole_seconds_of_its_bounds() -> None:
    query = activities_query(SINCE, SINCE)
    assert (query["since"], query["until"]) == (int(SINCE.timestamp()), int(SINCE.timestamp()) + 1)


@pytest.mark.parametrize(
    "broken",
    [{"event_time": "soon"}, {"event_time": "2026-11-02T08:30:00"}, {"event_time": None}, {"event_time": 1762072200}],
)
def test_a_row_that_cannot_be_read_is_not_left_out(broken: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match=r"update_ad_set_budget.*cannot be read"):
        activities([row(), row(**broken)], SINCE, UNTIL)


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@given(extra=_JSON | _JSON.map(json.dumps) | st.dictionaries(st.sampled_from(["old_value", "new_value"]), _JSON))
def test_no_extra_data_hides_the_change_itself(extra: Any) -> None:
    assert only(row(extra_data=extra)).object_id == "7"
