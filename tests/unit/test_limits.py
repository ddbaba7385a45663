"""The executor's rules as pure functions: room for one more action, and the amount that may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.execution.limits import BudgetDecision, Deferral, action_room, decide_budget, fuzzed
from flywheel_assets.settings import Safety

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SAFETY = Safety()
CHANGE = UUID(int=7)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


# --- actions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("finishes", [[], [ago(5)] * 13, [None] * 13])
def test_there_is_room_below_the_limit(finishes: list[datetime | None]) -> None:
    assert action_room(finishes, 14, NOW, "campaign c1") is None


def test_a_full_hour_opens_when_its_oldest_action_leaves_it() -> None:
    finishes: list[datetime | None] = [ago(minutes) for minutes in (50, 7, 6, 5)]
    wait = action_room(finishes, 4, NOW, "campaign c1")
    assert wait == Deferral(ago(50) + HOUR, "campaign c1: 4 of 4 actions used in the last hour; room at 08:10:00")


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


# --- budgets ---------------------------------------------------------------------------------------


def decide(**more: Any) -> BudgetDecision | Deferral:
    given_: dict[str, Any] = {
        "requested": 5500,
        "change_id": CHANGE,
        "frozen_target": None,
        "in_force": [],
        "current": 5000,
        "floor": 1000,
        "ceiling": 12000,
        "now": NOW,
        "safety": SAFETY,
    }
    return decide_budget(**(given_ | more))


@given(requested=st.integers(1, 10**9), change=st.uuids())
def test_the_fuzz_is_three_percent_at_most_and_the_same_for_every_attempt(requested: int, change: UUID) -> None:
    amount = fuzzed(requested, change, SAFETY)
    assert abs(amount - requested) <= 0.03 * requested + 0.5
    assert amount == fuzzed(requested, change, SAFETY)
    assert amount >= 1


def test_the_fuzz_uses_its_whole_width_both_ways_and_has_no_drift() -> None:
    amounts = [fuzzed(100_000, uuid4(), SAFETY) for _ in range(2000)]
    assert min(amounts) < 97_200
    assert max(amounts) > 102_800
    assert abs(sum(amounts) / len(amounts) - 100_000) < 200  # five standard errors


def test_without_fuzz_the_asked_amount_goes_out_and_nothing_is_noted() -> None:
    assert decide(safety=Safety(fuzz=0)) == BudgetDecision(5500, ())


@pytest.mark.parametrize(
    ("more", "target", "why"),
    [
        ({"requested": 50_000}, 6000, "allowed now is 4000 to 6000"),
        ({"requested": 100}, 4000, "allowed now is 4000 to 6000"),
        ({"requested": 50_000, "in_force": [4200]}, 5040, "allowed now is 4000 to 5040"),
        ({"requested": 100, "in_force": [5900]}, 4720, "allowed now is 4720 to 6000"),
        ({"requested": 100, "current": 1100}, 1000, "allowed now is 1000 to 1320"),
        ({"requested": 50_000, "current": 11_000}, 12_000, "allowed now is 8800 to 12000"),
    ],
)
def test_the_amount_is_moved_into_what_is_allowed_after_the_fuzz(more: dict[str, Any], target: int, why: str) -> None:
    decision = decide(**more)
    assert isinstance(decision, BudgetDecision)
    assert decision.target == target
    assert decision.adjustments[0].startswith(f"fuzzed {more['requested']} to ")
    assert decision.adjustments[1].endswith(f"to {target}: {why}")


def test_a_frozen_target_is_not_fuzzed_again() -> None:
    assert decide(frozen_target=5613) == BudgetDecision(5613, ())


def test_a_frozen_target_still_has_to_be_allowed() -> None:
    assert decide(frozen_target=5613, in_force=[4500]) == BudgetDecision(
        5400, ("moved 5613 to 5400: allowed now is 4000 to 5400",)
    )


@pytest.mark.parametrize(
    "more",
    [{"current": 333}, {"current": 90_000}, {"in_force": [5000], "current": 9000}],
    ids=["far below the floor", "far above the ceiling", "after a large edit"],
)
def test_when_nothing_is_allowed_the_change_waits_an_hour(more: dict[str, Any]) -> None:
    wait = decide(**more)
    assert isinstance(wait, Deferral)
    assert (wait.until, wait.reason) == (NOW + HOUR, "no budget between 1000 and 12000 keeps the 20 % rule yet")


@given(
    requested=st.integers(1, 10**6),
    current=st.integers(1, 10**6),
    in_force=st.lists(st.integers(1, 10**6), max_size=6),
    frozen=st.none() | st.integers(1, 10**6),
    change=st.uuids(),
)
def test_no_decision_ever_leaves_the_limits(
    requested: int, current: int, in_force: list[int], frozen: int | None, change: UUID
) -> None:
    decision = decide(requested=requested, current=current, in_force=in_force, frozen_target=frozen, change_id=change)
    if isinstance(decision, BudgetDecision):
        assert 1000 <= decision.target <= 12000
        for other in (current, *in_force):
            assert 5 * abs(decision.target - other) <= other
    else:  # really nothing: no amount within the owner's bounds is within a fifth of all of them
        low, high = max(current, *in_force, 0), min(current, *in_force, 10**9)
        assert not any(5 * minor >= 4 * low and 5 * minor <= 6 * high for minor in range(1000, 12001))
