"""The executor's rules as pure functions: room for one more action."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.execution.limits import Deferral, action_room

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


# --- actions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("finishes", [[], [ago(5)] * 13, [None] * 13])
def test_there_is_room_below_the_limit(finishes: list[datetime | None]) -> None:
    assert action_room(finishes, 14, NOW, "campaign c1") is None


def test_a_full_hour_opens_when_its_oldest_action_leaves_it() -> None:
    finishes: list[datetime | None] = [ago(minutes) for minutes in (50, 7, 6, 5)]
    wait = action_room(finishes, 4, NOW, "campaign c1")
    assert wait == Deferral(
        ago(50) + HOUR, "campaign c1: 4 of 4 actions used in the last hour; room at 08:10:00", spread=True
    )


def test_with_more_actions_than_allowed_enough_of_them_have_to_leave() -> None:
    finishes: list[datetime | None] = [ago(minutes) for minutes in (50, 40, 30, 20)]
    wait = action_room(finishes, 2, NOW, "campaign c1")
    assert wait is not None
    assert wait.until == ago(30) + HOUR


def test_unfinished_actions_leave_no_time_to_name_so_we_look_again_in_a_minute() -> None:
    wait = action_room([None, None], 2, NOW, "campaign c1")
    assert wait is not None
    assert wait.until == NOW + timedelta(minutes=1)


def test_a_finished_action_makes_room_before_an_unfinished_one() -> None:
    wait = action_room([None, ago(50)], 2, NOW, "campaign c1")
    assert wait is not None
    assert wait.until == ago(50) + HOUR


@settings(deadline=None)
@given(gaps=st.lists(st.integers(0, 40 * 60), min_size=1, max_size=80), limit=st.integers(1, 15))
def test_whoever_waits_as_told_never_fills_an_hour_beyond_the_limit(gaps: list[int], limit: int) -> None:
    now, done = NOW, list[datetime]()
    for seconds in gaps:
        now += timedelta(seconds=seconds)
        while True:
            counted: list[datetime | None] = [moment for moment in done if moment > now - HOUR]
            wait = action_room(counted, limit, now, "campaign c1")
            if wait is None:
                break
            assert wait.until > now
            now = wait.until
        done.append(now)
    for moment in done:
        assert sum(moment <= other < moment + HOUR for other in done) <= limit
