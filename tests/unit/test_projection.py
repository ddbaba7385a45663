"""Budgets sum to the minor unit, keep their bounds, and say when the plan does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.budget.projection import project

BOUNDS = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(lambda pair: (min(pair), max(pair)))
ARM = st.tuples(st.floats(0, 1e9, allow_nan=False), BOUNDS)


@given(st.lists(ARM, max_size=30), st.integers(-(10**6), 10**9))
def test_the_sum_is_exact_and_every_bound_is_kept(arms: list[tuple[float, tuple[int, int]]], total: int) -> None:
    found = project([target for target, _ in arms], [bounds for _, bounds in arms], total)
    assert all(low <= amount <= high for amount, (_, (low, high)) in zip(found.amounts, arms, strict=True))
    assert sum(found.amounts) == found.total
    lowest, highest = sum(low for _, (low, _) in arms), sum(high for _, (_, high) in arms)
    assert found.total == min(max(total, lowest), highest)
    assert found.beyond == total - found.total


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=20), st.integers(1, 10**8))
def test_without_bounds_amounts_are_proportional_to_within_one_minor_unit(targets: list[float], total: int) -> None:
    found = project(targets, [(0, 10**9)] * len(targets), total)
    scale = total / sum(targets)
    assert all(abs(amount - target * scale) <= 1.001 for amount, target in zip(found.amounts, targets, strict=True))


@given(st.lists(ARM, min_size=2, max_size=10), st.integers(0, 10**8))
def test_more_money_takes_more_than_rounding_from_nobody(arms: list[tuple[float, tuple[int, int]]], total: int) -> None:
    targets, bounds = [target for target, _ in arms], [bounds for _, bounds in arms]
    less, more = project(targets, bounds, total), project(targets, bounds, total + 1000)
    assert all(after >= before - 1 for before, after in zip(less.amounts, more.amounts, strict=True))


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    assert project([1.0, 1.0, 1.0], [(0, 100)] * 3, 100).amounts == (34, 33, 33)
    assert project([10.0, 20.0, 30.5], [(0, 100)] * 3, 61).amounts == (10, 20, 31)


def test_a_full_ad_hands_on_what_it_cannot_take() -> None:
    assert project([900.0, 50.0, 50.0], [(0, 120), (0, 500), (0, 500)], 400).amounts == (120, 140, 140)


@pytest.mark.parametrize(
    ("total", "amounts", "beyond"), [(1000, (240, 240), 520), (10, (160, 160), -310), (400, (200, 200), 0)]
)
def test_a_total_that_does_not_fit_is_moved_to_the_nearest_that_does(
    total: int, amounts: tuple[int, ...], beyond: int
) -> None:
    found = project([200.0, 200.0], [(160, 240)] * 2, total)
    assert (found.amounts, found.beyond) == (amounts, beyond)


def test_nobody_gets_nothing_and_the_whole_total_is_left_over() -> None:
    found = project([], [], 500)
    assert (found.amounts, found.total, found.beyond) == ((), 0, 500)


@pytest.mark.parametrize("bounds", [(5, 4), (-1, 3)])
def test_bounds_that_hold_no_budget_are_refused(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="hold no budget"):
        project([1.0], [bounds], 4)
