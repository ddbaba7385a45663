"""The decay is the account's own, and an ad is tired only when two signals agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget.arm_columns import columns_of_arms
from flywheel_assets.budget.arms import Arm
from flywheel_assets.budget.fatigue import AccountFatigue, fatigue_of
from flywheel_assets.budget.policies.table import POLICIES
from flywheel_assets.budget.types import AdState, Hours
from flywheel_assets.settings import Budget
from tests.unit.hour_world import EPOCH_HOUR, NOW, account, state


def daily(ad_id: str, days: list[tuple[int, int]]) -> AdState:
    """An ad with so many impressions and clicks a day, spread evenly over the hours."""
    count = 24 * len(days)
    shown, clicks = (np.repeat([day[side] for day in days], 24) for side in (0, 1))
    each = np.diff(np.floor(np.cumsum(clicks / 24) + 1e-6), prepend=0).astype(int)
    seen = Hours(
        hour=tuple(range(EPOCH_HOUR - count, EPOCH_HOUR)), impressions=tuple((shown // 24).tolist()),
        clicks=tuple(each.tolist()), leads=(0,) * count, spend=(1,) * count, budget=(10_000,) * count,
    )  # fmt: skip
    return state(ad_id, age=float(count), hours=seen)


def found(*states: AdState, k: float | None = None, **more: Any) -> AccountFatigue:
    return fatigue_of(states, account(**more), Budget(fatigue_k=k), NOW)


def decaying(k: float, level: float, days: int, shown: int, seed: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    rates = [0.01 * level * math.exp(-k * (shown * day + shown / 2)) for day in range(days)]
    return [(shown, int(rng.poisson(shown * one))) for one in rates]


def test_the_rate_is_found_from_ads_of_different_levels() -> None:
    ads = [daily(str(seed), decaying(1e-5, level, 14, 9600, seed)) for seed, level in enumerate((1, 2, 0.5, 1.3))]
    assert found(*ads).k == pytest.approx(1e-5, rel=0.3)


def test_ads_that_do_not_wear_out_have_next_to_no_decay_whatever_their_impressions() -> None:
    ads = [daily(str(seed), decaying(0.0, 1.0, 10, 96_000, seed)) for seed in range(5)]
    assert all(one.factor > 0.9 for one in found(*ads).ads)


def test_a_bad_ad_with_many_impressions_is_not_taken_for_a_worn_one() -> None:
    assert found(daily("1", [(960, 29)] * 5), daily("2", [(48_000, 240)] * 5)).k < 1e-7


@pytest.mark.parametrize("days", [[], [(960, 10)], [(0, 0), (0, 0)], [(960, 0), (960, 0)]])
def test_without_anything_to_fit_there_is_no_decay(days: list[tuple[int, int]]) -> None:
    assert found(daily("1", days)).k == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**7)), max_size=20))
def test_any_history_gives_a_finite_rate_and_a_factor_from_0_to_1(days: list[tuple[int, int]]) -> None:
    worn = found(daily("1", days))
    assert math.isfinite(worn.k)
    assert worn.k >= 0
    assert 0 <= worn.ads[0].factor <= 1


def test_a_worn_ad_with_a_falling_rate_is_tired() -> None:
    (one,) = found(daily("1", [(9600, 200), (9600, 180), (9600, 60)]), k=3e-5).ads
    assert one.factor == pytest.approx(math.exp(-0.864))
    assert one.tired
    assert one.reason.startswith("decay factor 0.42 after 28800 impressions (limit 0.5); its click rate falls")


@pytest.mark.parametrize(
    ("days", "k"),
    [
        ([(9600, 200), (9600, 180), (9600, 190)], 3e-5),  # worn by the formula, but people still click
        ([(9600, 200), (9600, 60)], 1e-6),  # a bad day of an ad that is not worn
        ([(28_800, 3), (96, 0)], 3e-5),  # a fall that chance explains
        ([(28_800, 300)], 3e-5),  # no day to compare with
    ],
)
def test_one_signal_is_not_enough(days: list[tuple[int, int]], k: float) -> None:
    assert not found(daily("1", days), k=k).ads[0].tired


STEADY = [(9600, 200), (9600, 180), (9600, 190)]


def often(days: list[tuple[int, int]], frequency: float | None, ad_id: str = "1") -> AdState:
    return daily(ad_id, days).model_copy(update={"frequency": frequency})


def test_people_who_see_a_worn_ad_too_often_are_a_second_signal() -> None:
    (one,) = found(often(STEADY, 4.2), k=3e-5).ads
    assert one.tired
    assert not one.falling
    assert one.reason.endswith("does not fall against the days before; its frequency is 4.2 in 7 days (limit 3.5)")


def test_a_falling_click_rate_is_enough_whatever_is_known_of_the_frequency() -> None:
    falling = [(9600, 200), (9600, 180), (9600, 60)]
    ads = found(often(falling, None), often(falling, 1.2, "2"), often(STEADY, 1.2, "3"), k=3e-5).ads
    assert [one.tired for one in ads] == [True, True, False]


@pytest.mark.parametrize(("frequency", "k"), [(3.5, 3e-5), (None, 3e-5), (9.0, 1e-6)])
def test_a_frequency_that_is_low_or_unknown_or_alone_tires_nobody(frequency: float | None, k: float) -> None:
    assert not found(often(STEADY, frequency), k=k).ads[0].tired


def test_the_accounts_own_k_comes_before_the_installations() -> None:
    ad = daily("1", [(9600, 200), (9600, 180)])
    assert found(ad, k=3e-5).k == 3e-5
    assert found(ad, k=3e-5, fatigue_k=1e-6).k == 1e-6


def test_ads_that_do_not_run_or_are_unknown_are_not_asked_about() -> None:
    known = daily("1", [(9600, 200)])
    paused = state("2", active=False, blocked="not_active: the ad is paused")
    unknown = state("3", age_hours=None, blocked="no_age: unknown")
    assert [one.ad_id for one in found(known, paused, unknown).ads] == ["1"]
    assert found(paused) == AccountFatigue(0.0, ())


@pytest.mark.parametrize("policy", ["blended", "funnel"])
def test_the_policies_say_the_same_of_every_ad(policy: Any) -> None:
    ads = [daily(str(seed), decaying(2.5e-5, level, 5, 9600, seed)) for seed, level in enumerate((1, 2, 3, 0.2))]
    ads.append(daily("9", [(2400, 40)] * 3))
    worn = found(*ads)
    columns = columns_of_arms([Arm((ad,)) for ad in ads], account(), NOW, 50_000, None)
    metrics = POLICIES[policy](columns, np.random.default_rng(0)).metrics
    assert [one.factor for one in worn.ads] == pytest.approx(metrics["fatigue"].tolist())
    assert [float(one.tired) for one in worn.ads] == metrics["refresh"].tolist()
    assert {one.tired for one in worn.ads} == {True, False}


@pytest.mark.parametrize("policy", ["blended", "funnel"])
def test_the_policies_count_a_frequency_as_well(policy: Any) -> None:
    seen = [often(STEADY, frequency, ad_id) for ad_id, frequency in (("1", 4.2), ("2", 3.0), ("3", None), ("4", 3.0))]
    *alone, third, fourth = (Arm((ad,)) for ad in seen)
    shared = Arm((*fourth.states, often(STEADY, 5.0, "5")))  # one budget: the ad that is seen most often tells
    columns = columns_of_arms([*alone, third, shared], account(), NOW, 50_000, 3e-5)
    metrics = POLICIES[policy](columns, np.random.default_rng(0)).metrics
    assert metrics["refresh"].tolist() == [1, 0, 0, 1]
