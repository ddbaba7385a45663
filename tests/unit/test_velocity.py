"""The velocity rule: whoever stays inside the interval never moves a budget by more than a fifth in six hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.velocity import BudgetSpan, allowed_interval
from flywheel_assets.settings import Safety

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=6)

steps = st.lists(
    st.tuples(st.integers(0, 8 * 60), st.integers(1, 10**7), st.booleans()),
    min_size=1,
    max_size=40,
)


def span(minor: int, begun: float, ended: float | None = None) -> BudgetSpan:
    return BudgetSpan(minor, START + begun * HOUR, None if ended is None else START + ended * HOUR)


def assert_no_large_move(history: list[BudgetSpan]) -> None:
    """Of any two budgets in force less than six hours apart, the later one is within a fifth of the earlier."""
    for index, earlier in enumerate(history):
        for later in history[index + 1 :]:
            if earlier.until is not None and later.since - earlier.until < WINDOW:
                assert 5 * abs(later.minor - earlier.minor) <= earlier.minor


@settings(max_examples=300, deadline=None)
@given(first=st.integers(1, 10**7), requests=steps)
def test_no_two_moments_within_six_hours_differ_by_more_than_a_fifth(
    first: int, requests: list[tuple[int, int, bool]]
) -> None:
    """Random requests at random times, each moved into the interval, as the executor does it."""
    history, now = [BudgetSpan(first, START, None)], START
    for minutes, wanted, _ in requests:
        now += timedelta(minutes=minutes)
        low, high = allowed_interval(history, now)
        assert low <= history[-1].minor <= high
        history[-1] = BudgetSpan(history[-1].minor, history[-1].since, now)
        history.append(BudgetSpan(min(max(wanted, low), high), now, None))
    assert_no_large_move(history)


@settings(max_examples=300, deadline=None)
@given(first=st.integers(1, 10**7), requests=steps)
def test_unknown_outcomes_keep_the_rule_whichever_way_they_went(
    first: int, requests: list[tuple[int, int, bool]]
) -> None:
    """An unknown amount counts beside the one before it, for as long as if it had been in force."""
    truth, perhaps, now = [BudgetSpan(first, START, None)], list[BudgetSpan](), START
    for minutes, wanted, landed in requests:
        now += timedelta(minutes=minutes)
        low, high = allowed_interval([*truth, *perhaps], now)
        assert low <= high
        target = min(max(wanted, low), high)
        if landed:
            truth[-1] = BudgetSpan(truth[-1].minor, truth[-1].since, now)
            truth.append(BudgetSpan(target, now, None))
        else:
            perhaps.append(BudgetSpan(target, now, now))
    assert_no_large_move(truth)


@given(values=st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
def test_the_interval_is_eighty_percent_of_the_highest_to_a_hundred_and_twenty_of_the_lowest(values: list[int]) -> None:
    low, high = allowed_interval([span(value, 0) for value in values], START)
    assert 10 * (low - 1) < 8 * max(values) <= 10 * low
    assert 10 * high <= 12 * min(values) < 10 * (high + 1)


@given(values=st.lists(st.integers(1, 10**6), min_size=2, max_size=12))
def test_more_history_never_allows_more(values: list[int]) -> None:
    intervals = [allowed_interval([span(one, 0) for one in values[:size]], START) for size in range(1, len(values) + 1)]
    for (low, high), (narrower_low, narrower_high) in pairwise(intervals):
        assert low <= narrower_low
        assert narrower_high <= high


@pytest.mark.parametrize(
    ("history", "allowed"),
    [
        ([span(5000, 0)], (4000, 6000)),
        ([span(5000, 0, 1), span(6000, 1)], (4800, 6000)),
        ([span(5000, 0, 1), span(4000, 1)], (4000, 4800)),
        ([span(333, 0)], (267, 399)),  # bounds are rounded inwards: 266.4 and 399.6
        ([span(1, 0)], (1, 1)),
        ([span(5000, 0, 1), span(9000, 1)], (7200, 6000)),  # a person's edit: empty, nothing fits
    ],
)
def test_known_intervals(history: list[BudgetSpan], allowed: tuple[int, int]) -> None:
    assert allowed_interval(history, START + 2 * HOUR) == allowed


def test_a_budget_leaves_the_window_six_hours_after_it_ended_and_not_after_it_began() -> None:
    history = [span(5000, -20, 1), span(6000, 1)]
    just_before = START + 7 * HOUR - timedelta(microseconds=1)
    assert allowed_interval(history, just_before) == (4800, 6000)
    assert allowed_interval(history, START + 7 * HOUR) == (4800, 7200)


def test_a_budget_that_has_held_for_days_still_counts() -> None:
    assert allowed_interval([span(5000, -500)], START) == (4000, 6000)


@pytest.mark.parametrize("history", [[], [span(5000, -20, -6)]])
def test_without_a_known_budget_nothing_is_allowed(history: list[BudgetSpan]) -> None:
    with pytest.raises(ValueError, match="read the current budget first"):
        allowed_interval(history, START)


def test_percent_and_window_are_settings() -> None:
    rules = Safety(velocity_percent=10, velocity_window_hours=2)
    history = [span(5000, 0, 1), span(5400, 1)]
    assert allowed_interval(history, START + 2 * HOUR, rules) == (4860, 5500)
    assert allowed_interval(history, START + 3 * HOUR, rules) == (4860, 5940)
