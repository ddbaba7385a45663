"""The calmest line through a tube, against the least speed that any line through it needs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from flywheel_assets.rendering.survey.tube import corners, pulled_tight, rounded, slowed

Values = NDArray[np.float64]
Tube = tuple[Values, Values, Values]

_SHARE = st.floats(0, 1).map(lambda value: round(value, 3))


def _tube(rows: list[tuple[float, float]]) -> Tube:
    edges = np.array(rows)
    return np.arange(len(rows)) * 0.1, edges.min(axis=1), edges.max(axis=1)


TUBES = st.lists(st.tuples(_SHARE, _SHARE), min_size=2, max_size=60).map(_tube)


def _least_speed(times: Values, low: Values, high: Values) -> float:
    """What it takes to get from below the lowest roof to above the highest floor in the time between them."""
    apart = np.abs(times[:, None] - times[None, :]) + np.eye(len(times))
    return float(max(0.0, ((low[:, None] - high[None, :]) / apart).max()))


@given(TUBES)
def test_the_tight_line_stays_in_the_tube_and_no_line_is_slower_at_its_fastest(tube: Tube) -> None:
    times, low, high = tube
    line = pulled_tight(times, low, high)
    assert np.all(line >= low - 1e-9)
    assert np.all(line <= high + 1e-9)
    assert np.abs(np.diff(line) / np.diff(times)).max() <= _least_speed(*tube) + 1e-6


@given(TUBES)
def test_the_tight_line_turns_only_where_it_touches_what_it_turns_around(tube: Tube) -> None:
    times, low, high = tube
    line = pulled_tight(times, low, high)
    slopes = np.diff(line) / np.diff(times)
    for at in np.flatnonzero(np.abs(np.diff(slopes)) > 1e-5) + 1:
        edge = low if slopes[at] < slopes[at - 1] else high
        assert line[at] == pytest.approx(edge[at], abs=1e-6)


@given(TUBES, st.floats(0.05, 3))
def test_a_slowed_line_keeps_the_speed_and_leaves_the_tube_only_where_it_must(tube: Tube, speed: float) -> None:
    times, low, high = tube
    line = slowed(times, low, high, speed)
    assert np.abs(np.diff(line) / np.diff(times)).max() <= speed + 1e-9
    if _least_speed(*tube) <= speed:
        assert np.all(line >= low - 1e-9)
        assert np.all(line <= high + 1e-9)


@given(TUBES, st.integers(1, 15))
def test_rounding_makes_a_line_neither_faster_nor_longer(tube: Tube, window: int) -> None:
    line = tube[1]
    round_line = rounded(line, window)
    assert round_line.shape == line.shape
    assert line.min() - 1e-9 <= round_line.min()
    assert round_line.max() <= line.max() + 1e-9
    assert np.abs(np.diff(round_line)).max() <= np.abs(np.diff(line)).max() + 1e-9


@given(TUBES, st.floats(0.001, 0.2))
def test_straight_lines_between_the_corners_stay_near_the_line(tube: Tube, tolerance: float) -> None:
    times, line, _ = tube
    kept = corners(times, line, tolerance)
    assert np.abs(np.interp(times, times[kept], line[kept]) - line).max() <= tolerance + 1e-9


def test_a_straight_line_has_two_corners() -> None:
    times = np.arange(50) * 0.1
    assert corners(times, 0.3 + 0.1 * times, 0.001) == [0, 49]
