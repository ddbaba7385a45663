"""Accuracy of predictions: the brief's measure, its ceiling, and the refusal to guess."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.learning.accuracy import deviance, measure, recent
from flywheel_assets.learning.actuals import Actual
from flywheel_assets.settings import Learning

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RULES = Learning(min_ads=2)


def actual(
    number: int = 0,
    *,
    shown: int = 2000,
    clicks: int = 20,
    predicted: float = 0.01,
    matured: bool = True,
    as_of: datetime = NOW,
) -> Actual:
    return Actual(
        ad_id=f"ad{number}",
        creative_id="c_1",
        variation=f"v{number:02}",
        model="m",
        predicted_ctr=predicted,
        impressions=shown,
        clicks=clicks,
        leads=0,
        spend=0,
        pipeline=0,
        cash=0,
        matured_at=NOW if matured else None,
        as_of=as_of,
    )


def test_hand_calculation() -> None:
    rows = [actual(1, shown=1000, clicks=10, predicted=0.02), actual(2, shown=3000, clicks=90, predicted=0.02)]
    found = measure(rows, RULES).metrics
    assert found is not None
    # rates .01 and .03 weighted 1000 to 3000: every ad is off by .01, the mean is .025
    assert found.rmse == pytest.approx(0.01)
    assert found.mae == pytest.approx(0.01)
    assert found.r2 == pytest.approx(1 - 0.0001 / 0.000075)
    assert found.accuracy == pytest.approx(1 - 40 / 100)
    assert found.drift == pytest.approx(math.log(100 / 80))


def test_perfect_predictions() -> None:
    rows = [actual(1, clicks=20, predicted=0.01), actual(2, clicks=60, predicted=0.03)]
    found = measure(rows, RULES).metrics
    assert found is not None
    assert (found.rmse, found.mae, found.r2, found.accuracy, found.drift) == pytest.approx((0, 0, 1, 1, 0))
    assert found.skill == pytest.approx(1)
    assert found.ceiling < 1


def test_equal_ads_leave_no_variance_to_explain() -> None:
    found = measure([actual(1, predicted=0.02), actual(2, predicted=0.02)], RULES).metrics
    assert found is not None
    assert found.r2 is None


def test_too_few_matured_ads_are_insufficient_and_say_how_many_are_missing() -> None:
    rows = [actual(number, matured=number < 7) for number in range(40)]
    found = measure(rows, Learning())
    assert (found.status, found.metrics, found.ads) == ("insufficient", None, 7)
    assert found.missing is not None
    assert "23 more" in found.missing


def test_nothing_at_all_is_insufficient() -> None:
    assert measure([], Learning()).status == "insufficient"


def test_no_click_anywhere_is_not_an_accuracy_of_zero() -> None:
    found = measure([actual(1, clicks=0), actual(2, clicks=0)], RULES)
    assert found.metrics is None
    assert found.missing is not None
    assert "no click" in found.missing


def test_skill_is_none_when_the_other_ads_have_no_clicks() -> None:
    found = measure([actual(1, clicks=0), actual(2, clicks=20)], RULES).metrics
    assert found is not None
    assert found.skill is None


def test_ceiling_is_what_a_model_that_knows_the_true_rates_reaches() -> None:
    rng = np.random.default_rng(5)
    truth = rng.lognormal(math.log(0.01), 0.4, size=400)
    shown = rng.integers(1000, 20_000, size=400)
    clicks = rng.binomial(shown, truth)
    rows = [
        actual(at, shown=int(n), clicks=int(k), predicted=float(p))
        for at, (n, k, p) in enumerate(zip(shown, clicks, truth, strict=True))
    ]
    found = measure(rows, RULES).metrics
    assert found is not None
    assert found.accuracy == pytest.approx(found.ceiling, abs=0.01)


def test_only_the_last_fourteen_days_count() -> None:
    rows = [actual(1), actual(2, as_of=NOW - timedelta(days=13)), actual(3, as_of=NOW - timedelta(days=14))]
    assert [row.ad_id for row in recent(rows, NOW)] == ["ad1", "ad2"]


@given(
    rows=st.lists(
        st.tuples(st.integers(1000, 10**9), st.floats(0, 1), st.floats(1e-6, 0.9)),
        min_size=2,
        max_size=20,
    )
)
def test_metrics_stay_in_their_ranges(rows: list[tuple[int, float, float]]) -> None:
    ads = [
        actual(at, shown=shown, clicks=int(shown * share), predicted=predicted)
        for at, (shown, share, predicted) in enumerate(rows)
    ]
    found = measure(ads, RULES).metrics
    if found is None:
        assert not any(ad.clicks for ad in ads)
        return
    assert found.rmse >= found.mae * (1 - 1e-9) >= 0
    assert max(found.accuracy, found.ceiling) <= 1
    assert all(math.isfinite(one) for one in (found.rmse, found.mae, found.accuracy, found.ceiling, found.drift))


@given(clicks=st.integers(0, 10**6), expected=st.floats(1e-3, 1e6))
def test_deviance_is_zero_only_where_the_prediction_is_right(clicks: int, expected: float) -> None:
    found = deviance(np.array([float(clicks)]), np.array([expected]))[0]
    assert found >= -1e-6
    assert deviance(np.array([expected]), np.array([expected]))[0] == pytest.approx(0, abs=1e-6)
