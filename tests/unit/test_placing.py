"""Whole amounts that sum exactly, keep every bound and pool, and move first whom the evidence moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget.few_moves import few_moves
from flywheel_assets.budget.limits import Limits, limits
from flywheel_assets.budget.placing import Box, Placed, Pool, Ways, boxes, place
from flywheel_assets.budget.projection import project


def whole(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def flags(*values: int) -> Any:
    return np.array(values, dtype=bool)


# --- one box ------------------------------------------------------------------------------------------

BOUNDS = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(lambda pair: (min(pair), max(pair)))
ARM = st.tuples(st.floats(0, 1e9, allow_nan=False), BOUNDS)


@settings(deadline=None)
@given(st.lists(ARM, min_size=1, max_size=30), st.floats(0, 1))
def test_the_sum_is_exact_and_every_bound_is_kept(arms: list[tuple[float, tuple[int, int]]], part: float) -> None:
    low, high = (whole(*(bounds[side] for _, bounds in arms)) for side in (0, 1))
    total = int(low.sum() + part * (high.sum() - low.sum()))
    found = project(np.array([wish for wish, _ in arms]), low, high, total)
    assert ((low <= found) & (found <= high)).all()
    assert found.sum() == total


@settings(deadline=None)
@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=20), st.integers(1, 10**8))
def test_without_bounds_amounts_are_proportional_to_within_one_minor_unit(wishes: list[float], total: int) -> None:
    count = len(wishes)
    found = project(np.array(wishes), whole(*[0] * count), whole(*[10**9] * count), total)
    assert np.abs(found - np.array(wishes) * total / sum(wishes)).max() <= 1.001


@settings(deadline=None)
@given(st.lists(ARM, min_size=2, max_size=10), st.integers(0, 10**8))
def test_more_money_takes_more_than_rounding_from_nobody(arms: list[tuple[float, tuple[int, int]]], total: int) -> None:
    wishes = np.array([wish for wish, _ in arms])
    box = Box(*(whole(*(bounds[side] for _, bounds in arms)) for side in (0, 1)))
    less, more = place(wishes, [box], total), place(wishes, [box], total + 1000)
    assert (more.amounts >= less.amounts - 1).all()


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    assert project(np.ones(3), whole(0, 0, 0), whole(100, 100, 100), 100).tolist() == [34, 33, 33]
    found = project(np.array([10.0, 20.0, 30.5]), whole(0, 0, 0), whole(100, 100, 100), 61)
    assert found.tolist() == [10, 20, 31]


def test_a_full_ad_hands_on_what_it_cannot_take() -> None:
    found = project(np.array([900.0, 50.0, 50.0]), whole(0, 0, 0), whole(120, 500, 500), 400)
    assert found.tolist() == [120, 140, 140]


@pytest.mark.parametrize(
    ("total", "amounts", "beyond"), [(1000, [240, 240], 520), (10, [160, 160], -310), (400, [200, 200], 0)]
)
def test_a_total_that_does_not_fit_is_moved_to_the_nearest_that_does(
    total: int, amounts: list[int], beyond: int
) -> None:
    found = place(np.array([200.0, 200.0]), [Box(whole(160, 160), whole(240, 240))], total)
    assert (found.amounts.tolist(), found.beyond) == (amounts, beyond)


# --- who moves first ----------------------------------------------------------------------------------

REST = whole(100, 100, 100)
WIDE = Limits(whole(80, 80, 80), whole(120, 120, 120), REST)
# The first is known to be better, of the second nothing is known, the third is known to be worse.
WAYS = Ways(free=flags(1, 0, 1), worse=flags(0, 0, 1))
WISHES = np.array([200.0, 100.0, 20.0])


@pytest.mark.parametrize(
    ("total", "amounts"),
    [
        (300, [120, 100, 80]),  # as the evidence says
        (310, [120, 100, 90]),
        (330, [120, 110, 100]),  # then who is undecided, before the worse one is raised
        (350, [120, 120, 110]),
        (360, [120, 120, 120]),
        (270, [90, 100, 80]),  # the undecided one is still where it was
        (250, [80, 90, 80]),
        (240, [80, 80, 80]),
    ],
)
def test_the_evidence_moves_first_then_the_undecided_then_the_rest(total: int, amounts: list[int]) -> None:
    assert place(WISHES, boxes(WIDE, WAYS, total), total).amounts.tolist() == amounts


def test_who_only_follows_the_total_is_told() -> None:
    assert not place(WISHES, boxes(WIDE, WAYS, 300), 300).followed
    assert place(WISHES, boxes(WIDE, WAYS, 330), 330).followed


# --- pools --------------------------------------------------------------------------------------------


def test_a_pool_keeps_its_part_and_the_better_one_in_it_still_gains() -> None:
    four = Limits(whole(80, 80, 80, 80), whole(120, 120, 120, 120), whole(100, 100, 100, 100))
    ways = Ways(free=flags(1, 1, 1, 1), worse=flags(0, 1, 0, 1))
    wishes = np.array([400.0, 300.0, 50.0, 20.0])
    pool = Pool("evergreen", flags(0, 0, 1, 1), 200, 200)
    found = place(wishes, boxes(four, ways, 400), 400, [pool])
    assert found.amounts.tolist() == [114, 86, 120, 80]
    assert place(wishes, boxes(four, ways, 400), 400).amounts.tolist() == [120, 120, 80, 80]


def test_a_pool_that_cannot_be_reached_now_comes_as_near_as_its_ads_may() -> None:
    few = Pool("few", flags(0, 1, 1), 0, 50)
    found = place(WISHES, boxes(WIDE, WAYS, 300), 300, [few])
    assert (found.amounts.tolist(), found.beyond) == ([120, 80, 80], 20)
    assert place(WISHES, boxes(WIDE, WAYS, 270), 270, [few]).amounts.tolist() == [110, 80, 80]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Limits, Ways, int, list[Pool]]:
    count = draw(st.integers(1, 12))
    rest = whole(*draw(st.lists(st.integers(1, 10**6), min_size=count, max_size=count)))
    still = flags(*draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    allowed = Limits(rest * 8 // 10, rest * 12 // 10, rest).pinned(still)
    free = flags(*draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    worse = free & flags(*draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    wishes = np.array(draw(st.lists(st.floats(0, 1e7), min_size=count, max_size=count)))
    total = draw(st.integers(0, 2 * int(rest.sum())))
    which = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    pools = []
    for number in draw(st.sets(st.integers(1, 2))):
        ends = sorted(draw(st.tuples(st.integers(0, 2 * 10**6), st.integers(0, 2 * 10**6))))
        pools.append(Pool(f"pool {number}", which == number, *ends))
    return wishes, allowed, Ways(free, worse), total, pools


def reachable(allowed: Limits, pools: list[Pool]) -> tuple[int, int, list[tuple[int, int]]]:
    """What all may sum to, and each pool, by hand: parts first, the rest of the ads beside them."""
    ends, low, high = [], 0, 0
    outside = np.ones(len(allowed.rest), dtype=bool)
    for pool in pools:
        outside &= ~pool.members
        least, most = int(allowed.low[pool.members].sum()), int(allowed.high[pool.members].sum())
        ends.append((min(max(pool.low, least), most), min(max(pool.high, least), most)))
        low, high = low + ends[-1][0], high + ends[-1][1]
    return low + int(allowed.low[outside].sum()), high + int(allowed.high[outside].sum()), ends


@settings(deadline=None, max_examples=300)
@given(cases())
def test_the_sum_is_exact_whenever_it_can_be_and_no_bound_or_pool_is_broken(case: Any) -> None:
    wishes, allowed, ways, total, pools = case
    found = place(wishes, boxes(allowed, ways, total), total, pools)
    low, high, ends = reachable(allowed, pools)
    assert found.amounts.sum() == min(max(total, low), high)
    assert found.amounts.sum() + found.beyond == total
    assert ((allowed.low <= found.amounts) & (found.amounts <= allowed.high)).all()
    for pool, (least, most) in zip(pools, ends, strict=True):
        assert least <= found.amounts[pool.members].sum() <= most
    if not found.followed:
        assert (found.amounts == allowed.rest)[~ways.free].all()


@settings(deadline=None, max_examples=100)
@given(cases())
def test_fewer_moves_keep_the_sum_and_the_bounds(case: Any) -> None:
    wishes, allowed, ways, total, pools = case

    def attempt(still: Any) -> Placed:
        return place(wishes, boxes(allowed.pinned(still), ways, total), total, pools)

    least = allowed.rest * 0.02
    every, few = attempt(np.zeros(len(wishes), dtype=bool)), few_moves(attempt, allowed.rest, wishes, least)
    assert few.beyond == every.beyond
    assert ((allowed.low <= few.amounts) & (few.amounts <= allowed.high)).all()

    def small(placed: Placed) -> int:
        moved = np.abs(placed.amounts - allowed.rest)
        return int(((moved > 0) & (moved < least)).sum())

    assert small(few) <= small(every)


def test_a_small_remainder_is_carried_by_one_ad_and_not_by_all() -> None:
    held = Ways(free=flags(0, 0, 0), worse=flags(0, 0, 0))
    thousand = Limits(whole(800, 800, 800), whole(1200, 1200, 1200), whole(1000, 1000, 1000))

    def attempt(still: Any) -> Placed:
        return place(np.full(3, 1000.0), boxes(thousand.pinned(still), held, 3030), 3030, [])

    assert attempt(flags(0, 0, 0)).amounts.tolist() == [1010, 1010, 1010]
    found = few_moves(attempt, thousand.rest, np.full(3, 1000.0), np.full(3, 20.0))
    assert found.amounts.tolist() == [1030, 1000, 1000]


# --- the velocity rule --------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 5000), min_size=1, max_size=12), st.floats(0.5, 1.5))
def test_limits_are_whole_and_a_fifth_around_the_budget(budgets: list[float], factor: float) -> None:
    current = np.array(budgets) * 100
    unknown = np.full(len(budgets), np.nan)
    allowed = limits(current, (unknown, unknown), 20, max(round(float(current.sum()) * factor), 1))
    assert (allowed.low <= allowed.rest).all()
    assert (allowed.rest <= allowed.high).all()
    assert (allowed.high <= np.maximum(current * 1.2 + 1e-3, np.rint(current))).all()
    assert (allowed.low >= np.minimum(current * 0.8 - 1e-3, np.rint(current))).all()
