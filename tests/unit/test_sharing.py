"""The best sharing between lasting bounds: equal marginal returns wherever no bound is in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget.belief.response import Response
from flywheel_assets.budget.columns import Columns, Reach
from flywheel_assets.budget.policies.filling import fill
from flywheel_assets.budget.policies.sharing import best_sharing
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import parse
from tests.unit.select_world import ad, request


def columns(total: float, low: Any, high: Any, *pools: tuple[Any, float, float]) -> Columns:
    """Only the total and the bounds of these are looked at."""
    bare = columns_of(parse(request(*(ad(f"ad-{index}") for index in range(len(low))), total=total)))
    return replace(bare, reach=Reach(np.asarray(low, float), np.asarray(high, float), pools))


AD = st.tuples(st.floats(1e-4, 1), st.floats(2, 50), st.floats(1e-4, 0.1), st.floats(0, 500), st.floats(0, 500))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Any, Response, Columns]:
    rows = np.array(draw(st.lists(AD, min_size=1, max_size=8)))
    value, base, steep, low, more = rows.T
    total = draw(st.floats(0, 1)) * more.sum() + low.sum() + 0.01
    which = np.array(draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))))
    pools = []
    for number in draw(st.sets(st.integers(1, 2))):
        ends = sorted(draw(st.tuples(st.floats(0, 2000), st.floats(0, 2000))))
        pools.append((which == number, ends[0], ends[1]))
    draws = value[None, :] * np.array([[1.0], [0.5], [2.0]])
    return draws, Response(base, steep), columns(float(total), low, low + more, *pools)


@settings(deadline=None, max_examples=100)
@given(worlds())
def test_every_draw_keeps_the_bounds_the_pools_and_the_total_where_it_can(world: Any) -> None:
    value, response, asked = world
    assert asked.reach is not None
    low, high = asked.reach.low, asked.reach.high
    found = best_sharing(value, response, asked)
    assert ((low - 1e-9 <= found) & (found <= high + 1e-9)).all()
    least = most = 0.0
    outside = np.ones(asked.size, dtype=bool)
    for members, bottom, top in asked.reach.pools:
        outside &= ~members
        ends = np.clip([bottom, top], low[members].sum(), high[members].sum())
        least, most = least + ends[0], most + ends[1]
        part = found[:, members].sum(axis=1)
        assert ((part >= ends[0] - 1e-6 * (1 + ends[0])) & (part <= ends[1] + 1e-6 * (1 + ends[1]))).all()
    least, most = least + low[outside].sum(), most + high[outside].sum()
    assert found.sum(axis=1) == pytest.approx(np.clip(asked.total, least, most), rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(AD, min_size=2, max_size=8), st.floats(0, 1))
def test_no_unit_between_its_bounds_would_earn_more_elsewhere(rows: Any, part: float) -> None:
    value, base, steep, low, more = np.array(rows).T
    total = max(float(low.sum() + part * more.sum()), 0.01)
    asked = columns(total, low, low + more)
    response = Response(base, np.maximum(steep, 1 / (50 * total)))
    found = best_sharing(value[None, :], response, asked)[0]
    marginal = 1000 * value / (base * (1 + response.steep * found) ** 2)
    room = 1e-6 * (1 + found)
    may_rise, may_fall = found < low + more - room, found > low + room
    if may_rise.any() and may_fall.any():
        assert marginal[may_rise].max() <= marginal[may_fall].min() * (1 + 1e-4)


def test_bounds_that_are_not_in_the_way_change_nothing() -> None:
    value = np.random.default_rng(1).gamma(2.0, 0.01, (50, 6))
    response = Response(np.full(6, 10.0), np.full(6, 0.01))
    free = fill(value, response, 600.0)
    assert best_sharing(value, response, columns(600.0, np.zeros(6), np.full(6, 600.0))) == pytest.approx(
        free, rel=1e-6
    )


def test_an_ad_at_its_ceiling_leaves_the_rest_to_the_others_in_every_draw() -> None:
    value = np.array([[1.0, 0.02, 0.01]])
    response = Response(np.full(3, 10.0), np.full(3, 0.01))
    assert fill(value, response, 300.0)[0, 0] > 250
    found = best_sharing(value, response, columns(300.0, np.zeros(3), [100.0, 300.0, 300.0]))[0]
    assert found[0] == 100
    assert found[1] > found[2] > 0


def test_within_a_pool_the_better_ad_still_gets_more() -> None:
    value = np.array([[0.9, 0.6, 0.02, 0.01]])
    response = Response(np.full(4, 10.0), np.full(4, 0.01))
    pool = (np.array([False, False, True, True]), 200.0, 200.0)
    found = best_sharing(value, response, columns(400.0, np.zeros(4), np.full(4, 400.0), pool))[0]
    assert found[2] + found[3] == pytest.approx(200)
    assert found[0] > found[1]
    assert found[2] > found[3]
