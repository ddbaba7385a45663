"""The executor's rules as pure functions: the amount that may be sent, or when, or that there is nothing to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flywheel_assets.core.velocity import BudgetSpan
from flywheel_assets.execution.limits import (
    BudgetDecision,
    BudgetQuestion,
    Deferral,
    NothingToDo,
    cap_room,
    decide_budget,
    fuzzed,
)
from flywheel_assets.settings import Safety

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
WINDOW = timedelta(hours=6)
SAFETY = Safety()
KEY = "budget:2026110208:c1/v1/adset"


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def span(minor: int, minutes_ago: float | None = 60) -> BudgetSpan:
    """A budget that left force so long ago; None: it may still be in force."""
    return BudgetSpan(minor, NOW, None if minutes_ago is None else ago(minutes_ago))


def question(**more: Any) -> BudgetQuestion:
    plain: dict[str, Any] = {
        "requested": 5500,
        "key": KEY,
        "frozen_target": None,
        "history": [],
        "current": 5000,
        "floor": 1000,
        "ceiling": 12000,
        "room": 10**9,
        "now": NOW,
    }
    return BudgetQuestion(**(plain | more))


def decide(safety: Safety = SAFETY, **more: Any) -> BudgetDecision | Deferral | NothingToDo:
    return decide_budget(question(**more), safety)


@given(requested=st.integers(1, 10**9), key=st.text(min_size=8, max_size=40))
def test_the_fuzz_is_three_percent_at_most_and_the_same_for_every_attempt(requested: int, key: str) -> None:
    amount = fuzzed(requested, key, SAFETY)
    assert abs(amount - requested) <= 0.03 * requested + 0.5
    assert amount == fuzzed(requested, key, SAFETY)
    assert amount >= 1


def test_the_fuzz_uses_its_whole_width_both_ways_and_has_no_drift() -> None:
    amounts = [fuzzed(100_000, f"key-{number}", SAFETY) for number in range(2000)]
    assert min(amounts) < 97_200
    assert max(amounts) > 102_800
    assert abs(sum(amounts) / len(amounts) - 100_000) < 200  # five standard errors


def test_without_fuzz_the_asked_amount_goes_out_and_nothing_is_noted() -> None:
    assert decide(Safety(fuzz=0)) == BudgetDecision(5500, ())


def test_an_undo_brings_back_the_very_amount_as_far_as_the_rule_lets() -> None:
    assert decide(exact=True) == BudgetDecision(5500, ())
    assert decide(exact=True, requested=7000) == BudgetDecision(
        6000, ("moved 7000 to 6000: allowed now is 4000 to 6000",)
    )


@pytest.mark.parametrize(
    ("more", "target", "why"),
    [
        ({"requested": 50_000}, 6000, "allowed now is 4000 to 6000"),
        ({"requested": 100}, 4000, "allowed now is 4000 to 6000"),
        ({"requested": 50_000, "history": [span(4200)]}, 5040, "allowed now is 4000 to 5040"),
        ({"requested": 100, "history": [span(5900)]}, 4720, "allowed now is 4720 to 6000"),
        ({"requested": 100, "history": [span(5900, 6 * 60)]}, 4000, "allowed now is 4000 to 6000"),
        ({"requested": 100, "current": 1100}, 1000, "allowed now is 1000 to 1320"),
        ({"requested": 50_000, "current": 11_000}, 12_000, "allowed now is 8800 to 12000"),
        ({"requested": 50_000, "room": 5700}, 5700, "allowed now is 4000 to 6000, and the daily cap leaves 5700"),
    ],
    ids=["a fifth up", "a fifth down", "an older low", "an older high", "too old to count", "floor", "ceiling", "cap"],
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
    assert decide(frozen_target=5613, history=[span(4500)]) == BudgetDecision(
        5400, ("moved 5613 to 5400: allowed now is 4000 to 5400",)
    )


@pytest.mark.parametrize(("current", "requested", "target"), [(333, 5000, 399), (90_000, 5000, 72_000)])
def test_a_budget_outside_its_bounds_goes_toward_them_as_far_as_it_may(
    current: int, requested: int, target: int
) -> None:
    decision = decide(current=current, requested=requested)
    assert isinstance(decision, BudgetDecision)
    assert decision.target == target


@pytest.mark.parametrize("current", [333, 90_000])
def test_a_budget_outside_its_bounds_goes_toward_them_even_when_asked_to_stay(current: int) -> None:
    decision = decide(Safety(fuzz=0), current=current, requested=current)
    assert isinstance(decision, BudgetDecision)
    assert decision.target == (399 if current == 333 else 72_000)


# --- when nothing is left of a change ----------------------------------------------------------------


def test_what_the_rule_leaves_nothing_of_waits_for_the_first_budget_to_leave_the_window_that_makes_room() -> None:
    """The 4300 leaves first and makes no room, as the 4200 still binds."""
    wait = decide(requested=9000, current=5040, history=[span(4300, 300), span(4200, 120), span(5040, 30)])
    assert wait == Deferral(ago(120) + WINDOW, "the 20 % rule keeps the budget at 5040; room at 12:00:00", spread=True)


def test_when_no_amount_is_allowed_at_all_the_change_waits_until_one_is() -> None:
    wait = decide(requested=9500, current=9000, history=[span(5000, 90), span(5500, 60)])
    assert wait == Deferral(ago(60) + WINDOW, "the 20 % rule keeps the budget at 9000; room at 13:00:00", spread=True)


@pytest.mark.parametrize(
    ("requested", "current", "before"), [(9000, 6200, 5000), (100, 5000, 7000)], ids=["a raise", "a cut"]
)
def test_what_could_only_go_the_other_way_waits(requested: int, current: int, before: int) -> None:
    """After a person's edit the budget itself may be outside what the rule allows."""
    wait = decide(requested=requested, current=current, history=[span(before)])
    assert isinstance(wait, Deferral)
    assert wait.until == ago(60) + WINDOW


def test_an_outcome_that_is_not_known_is_waited_for_a_minute_at_a_time() -> None:
    wait = decide(requested=9000, current=5040, history=[span(4200, None), span(5040, None)])
    assert wait == Deferral(NOW + timedelta(minutes=1), "the 20 % rule waits for an outcome that is not known yet")


def test_a_change_to_what_is_there_is_nothing_to_do() -> None:
    assert decide(Safety(fuzz=0), requested=5000) == NothingToDo("the budget is 5000 already")


@pytest.mark.parametrize(("current", "requested"), [(12_000, 50_000), (1000, 100)])
def test_a_budget_at_its_bound_does_not_wait_for_a_window_that_changes_nothing(current: int, requested: int) -> None:
    outcome = decide(current=current, requested=requested, history=[span(current, 60)])
    assert isinstance(outcome, NothingToDo)
    assert outcome.reason.startswith(f"the budget stays {current}: allowed now is ")


# --- the daily cap ---------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [5000, 4000, -1])
def test_a_raise_without_room_under_the_cap_waits(room: int) -> None:
    wait = decide(room=room)
    reason = f"daily cap: it leaves {max(room, 0)} to this budget of 5000; waits for others to be cut"
    assert wait == Deferral(NOW + timedelta(minutes=5), reason, spread=True)


@pytest.mark.parametrize("room", [4999, 0, -5000])
def test_a_cut_needs_no_room_under_the_cap(room: int) -> None:
    assert decide(Safety(fuzz=0), requested=4500, room=room) == BudgetDecision(4500, ())


def test_a_budget_that_is_to_start_fits_to_the_last_unit() -> None:
    assert cap_room(5000, 5000, 10_000, NOW) is None
    wait = cap_room(5001, 5000, 10_000, NOW)
    assert wait is not None
    assert (wait.until, wait.spread) == (NOW + timedelta(minutes=5), True)
    assert "5001 beside 5000 in force would exceed the account's 10000" in wait.reason


# --- whatever is asked -----------------------------------------------------------------------------

# Most of them close together: far apart the answer is always "not now".
amounts = st.integers(4000, 7000) | st.integers(1, 10**5)
spans = st.lists(st.builds(span, amounts, st.none() | st.integers(1, 400)), max_size=5)


questions = st.builds(
    question,
    requested=amounts,
    current=amounts,
    history=spans,
    frozen_target=st.none() | amounts,
    room=amounts | st.integers(-(10**5), 10**5),
    key=st.sampled_from(["key-one-", "key-two-", "key-three"]),
)


@settings(max_examples=400, deadline=None)
@given(asked=questions)
@example(asked=question(requested=9000, current=5000, history=[span(7000)], room=5300))  # room below what is allowed
def test_no_decision_ever_leaves_the_limits(asked: BudgetQuestion) -> None:
    decision = decide_budget(asked, SAFETY)
    counted = [asked.current, *(one.minor for one in asked.history if one.until is None or one.until > NOW - WINDOW)]
    if isinstance(decision, BudgetDecision):
        target = decision.target
        assert target != asked.current
        assert all(5 * abs(target - other) <= other for other in counted)
        assert target <= max(asked.room, asked.current)
        wanted = asked.frozen_target or fuzzed(asked.requested, asked.key, SAFETY)
        if asked.floor <= asked.current <= asked.ceiling:  # a raise is no cut, a cut no raise
            assert (target > asked.current) == (wanted > asked.current)
        # outside its bounds only on the way to them
        assert target <= max(12_000, 0.8 * max(counted) + 1)
        assert target >= min(1000, 1.2 * min(counted) - 1)
    elif isinstance(decision, Deferral):
        assert decision.until > NOW


@settings(max_examples=300, deadline=None)
@given(requested=amounts, current=amounts, history=spans)
def test_whoever_waits_for_the_window_as_told_is_let_through(
    requested: int, current: int, history: list[BudgetSpan]
) -> None:
    """Unless an unknown outcome is what it waits for: nobody can say when that is known."""
    asked = question(requested=requested, current=current, history=[one for one in history if one.until is not None])
    decision = decide_budget(asked, SAFETY)
    if isinstance(decision, Deferral):
        assert isinstance(decide_budget(replace(asked, now=decision.until), SAFETY), BudgetDecision)
        before = replace(asked, now=decision.until - timedelta(seconds=1))
        assert isinstance(decide_budget(before, SAFETY), Deferral)
