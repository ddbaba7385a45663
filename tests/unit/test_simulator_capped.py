"""The projection that every simulated policy passes: exact totals, and a fifth in six hours at most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.sandbox.market.capped import MINIMUM, bounds, capped

WISHES = st.lists(st.floats(0, 1e9), min_size=1, max_size=40)


@given(WISHES, st.integers(0, 2**32 - 1))
def test_the_total_is_exact_and_every_bound_kept(wishes: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    past = random.integers(MINIMUM, 1_000_000, (1, len(wishes)))
    low, high = bounds(past)
    total = int(random.integers(low.sum(), high.sum() + 1))
    budgets = capped(np.array(wishes), low, high, total)
    assert budgets.sum() == total
    assert ((budgets >= low) & (budgets <= high)).all()


@given(st.integers(0, 2**32 - 1))
def test_every_budget_is_within_a_fifth_of_all_of_the_last_six_hours(seed: int) -> None:
    random = np.random.default_rng(seed)
    past = random.integers(10_000, 11_000, (6, 5))
    low, high = bounds(past)
    assert (low >= 0.8 * past - 1e-6).all()
    assert (high <= 1.2 * past + 1e-6).all()


def test_a_wish_that_fits_is_granted_to_the_cent() -> None:
    past = np.array([[10_000, 20_000, 30_000]])
    wish = np.array([11_000.0, 18_500.0, 30_500.0])
    assert capped(wish / 100, *bounds(past), 60_000).tolist() == [11_000, 18_500, 30_500]


def test_who_wants_everything_gets_a_fifth_more_and_the_others_pay_alike() -> None:
    past = np.array([[10_000, 10_000, 10_000]])
    assert capped(np.array([1.0, 0.0, 0.0]), *bounds(past), 30_000).tolist() == [12_000, 9_000, 9_000]


def test_the_cent_that_is_left_goes_to_who_lost_most_by_rounding() -> None:
    low, high = np.full(3, MINIMUM), np.full(3, 10_000)
    assert capped(np.array([1.0, 5.0, 1.0]), low, high, 10_000).tolist() == [1_429, 7_143, 1_428]
    assert capped(np.array([1.0, 2.0]), low[:2], high[:2], 10_000).tolist() == [3_333, 6_667]


def test_the_platforms_least_budget_is_kept_and_can_be_left_again() -> None:
    low, high = bounds(np.array([[MINIMUM]]))
    assert (low[0], high[0]) == (MINIMUM, 120)


def test_a_total_beyond_the_bounds_is_refused_with_the_numbers() -> None:
    with pytest.raises(ValueError, match="between 800 and 1200 cents cannot sum to 1300"):
        capped(np.array([1.0]), np.array([800]), np.array([1200]), 1300)
