"""The decay is the account's own, and an ad is tired only when two signals agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.budget.fatigue import DecayRate, decay_rate, fatigue_of, fresh_share
from flywheel_assets.budget.types import AdState, Window


def windows(daily: list[tuple[int, int]]) -> tuple[Window, ...]:
    days = len(daily)
    return tuple(
        Window(age_hours=24 * (days - day) - 12, impressions=shown, clicks=clicks, leads=0, spend=shown)
        for day, (shown, clicks) in enumerate(daily)
    )


def state(daily: list[tuple[int, int]], ad_id: str = "1") -> AdState:
    return AdState(
        ad_id=ad_id,
        object_ref=f"c_1/v{ad_id}/adset",
        currency="USD",
        active=True,
        age_hours=24.0 * len(daily),
        current_budget=5000,
        allowed=(4000, 6000),
        floor=1000,
        ceiling=20000,
        windows=windows(daily),
        deals=0,
        pipeline=0,
        cash=0,
        insights_at=None,
        blocked=None,
    )


def decaying(k: float, rate: float, days: int, shown: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    rates = [rate * math.exp(-k * (shown * day + shown / 2)) for day in range(days)]
    return [(shown, int(rng.poisson(shown * one))) for one in rates]


def test_the_rate_is_found_and_its_error_says_how_well() -> None:
    ads = [
        state(decaying(1e-5, 0.01 * level, 14, 8000, seed), str(seed)) for seed, level in enumerate((1, 2, 0.5, 1.3))
    ]
    found = decay_rate(ads)
    assert found.error is not None
    assert found.k == found.estimate == pytest.approx(1e-5, abs=3 * found.error)
    assert found.error < 3e-6


def test_ads_that_do_not_wear_out_have_no_decay_whatever_their_impressions() -> None:
    ads = [state(decaying(0.0, 0.01, 10, 100_000, seed), str(seed)) for seed in range(5)]
    found = decay_rate(ads)
    assert found.k == 0
    assert fatigue_of(ads[0], found, 0.5).factor == 1


def test_a_bad_ad_with_many_impressions_is_not_taken_for_a_worn_one() -> None:
    good, bad = [(1000, 30)] * 5, [(50_000, 250)] * 5
    assert decay_rate([state(good, "1"), state(bad, "2")]).k == 0


@pytest.mark.parametrize("daily", [[], [(1000, 10)], [(0, 0), (0, 0)], [(1000, 0), (1000, 0)], [(0, 5), (1000, 5)]])
def test_without_anything_to_fit_there_is_no_decay(daily: list[tuple[int, int]]) -> None:
    assert decay_rate([state(daily)]) == DecayRate(0.0, None, None)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**7)), max_size=20))
def test_any_history_gives_a_finite_rate_and_a_factor_from_0_to_1(daily: list[tuple[int, int]]) -> None:
    one = state(daily)
    found = decay_rate([one])
    assert math.isfinite(found.k)
    assert found.k >= 0
    assert 0 <= fatigue_of(one, found, 0.5).factor <= 1


def test_a_worn_ad_with_a_falling_rate_is_tired() -> None:
    found = fatigue_of(state([(10_000, 200), (10_000, 180), (10_000, 60)]), DecayRate(3e-5, 3e-5, 1e-6), 0.5)
    assert found.factor == pytest.approx(math.exp(-0.9))
    assert found.tired
    assert "decay factor 0.41 after 30000 impressions" in found.reason
    assert "0.32 x" in found.reason


@pytest.mark.parametrize(
    ("daily", "k"),
    [
        ([(10_000, 200), (10_000, 180), (10_000, 190)], 3e-5),  # worn by the formula, but people still click
        ([(10_000, 200), (10_000, 60)], 1e-6),  # a bad day of an ad that is not worn
        ([(30_000, 3), (100, 0)], 3e-5),  # a fall that chance explains
        ([(30_000, 300)], 3e-5),  # no day to compare with
    ],
)
def test_one_signal_is_not_enough(daily: list[tuple[int, int]], k: float) -> None:
    assert not fatigue_of(state(daily), DecayRate(k, k, 0.0), 0.5).tired


def test_exposure_is_discounted_by_what_was_shown_before() -> None:
    share = fresh_share(windows([(1000, 1), (1000, 1)]), 1e-3)
    assert share == pytest.approx([math.exp(-0.5), math.exp(-1.5)])
