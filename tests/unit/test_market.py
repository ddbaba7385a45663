"""The sandbox's market: plausible, tiring, concave, and the same for equal seeds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import correlation, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.hubspot.journey import STAGES, plan_journey
from flywheel_assets.sandbox.market.comparison import (
    expected_hour,
    expected_revenue,
    simulate_budgets,
    simulate_equal,
)
from flywheel_assets.sandbox.market.delivery import OVERSPEND, cpm, deliver, season, tired
from flywheel_assets.sandbox.market.latent import MARKET, Latent, latent_of

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = [START + timedelta(hours=index) for index in range(24)]
ADS = [latent_of(str(index), seed=7) for index in range(400)]
BUDGETS = st.integers(min_value=0, max_value=10_000_000)


def value_per_impression(one: Latent) -> float:
    return math.log(one.ctr * one.lead_rate * one.win_chance * one.deal_value)


def test_an_ad_is_the_same_for_the_same_id_and_seed_and_another_for_others() -> None:
    assert latent_of("1", 7) == latent_of("1", 7)
    assert latent_of("1", 7) != latent_of("1", 8)
    assert latent_of("1", 7) != latent_of("2", 7)


def test_the_median_ad_is_that_of_the_trade() -> None:
    assert median(one.ctr for one in ADS) == pytest.approx(0.01, rel=0.1)
    assert median(one.lead_rate for one in ADS) == pytest.approx(0.06, rel=0.1)
    assert median(one.win_chance for one in ADS) == pytest.approx(0.2, rel=0.1)
    assert median(one.deal_value for one in ADS) == pytest.approx(300_000, rel=0.1)


def test_ctr_is_a_mediocre_guide_to_value() -> None:
    guide = correlation([math.log(one.ctr) for one in ADS], [value_per_impression(one) for one in ADS])
    assert 0.1 < guide < 0.55


def test_a_thousand_impressions_cost_eighteen_dollars_at_seventy_five_a_day() -> None:
    assert cpm(7500) == 1800


@given(BUDGETS, BUDGETS)
def test_more_budget_buys_more_impressions_but_ever_fewer_for_each_unit(one: int, other: int) -> None:
    small, large = sorted((one, other))
    cheap, dear = (expected_hour(ADS[0], budget, START, 0) for budget in (small, large))
    assert dear.impressions >= cheap.impressions
    assert dear.impressions * small <= cheap.impressions * large * (1 + 1e-9)


def test_the_day_has_a_shape_but_no_effect_on_its_total() -> None:
    shares = [season(hour) for hour in range(24)]
    assert math.fsum(shares) == pytest.approx(24)
    assert max(shares) == season(18)
    assert min(shares) == season(6)


@settings(max_examples=200)
@given(st.integers(0, 400), BUDGETS, st.integers(0, 23), st.integers(0, 10**9), st.integers(0, 10**6))
def test_an_hour_never_spends_more_than_allowed_and_its_counts_nest(
    ad: int, budget: int, hour: int, shown: int, seed: int
) -> None:
    latent = latent_of(str(ad), 7)
    got = deliver(latent, budget, START.replace(hour=hour), shown, rng("hour", seed))
    assert 0 <= got.spend_minor <= OVERSPEND * budget / 24
    assert 0 <= got.leads <= got.clicks <= got.impressions
    assert got == deliver(latent, budget, START.replace(hour=hour), shown, rng("hour", seed))


@pytest.mark.parametrize("budget", [2_000, 7_500, 30_000])
def test_a_day_spends_about_its_budget(budget: int) -> None:
    spent = sum(deliver(ADS[0], budget, hour, 0, rng("day", hour.hour)).spend_minor for hour in DAY)
    assert spent == pytest.approx(budget, rel=0.08)


def test_nothing_comes_of_no_budget() -> None:
    got = deliver(ADS[0], 0, START, 0, rng(1))
    assert (got.impressions, got.clicks, got.leads, got.spend_minor) == (0, 0, 0, 0)


def test_an_ad_tires_to_half_after_its_own_number_of_impressions() -> None:
    assert tired(ADS[0], math.log(2) / ADS[0].fatigue) == pytest.approx(0.5)
    assert tired(ADS[0], 0) == 1


def test_draws_agree_with_expectations() -> None:
    hours = [START + timedelta(hours=index) for index in range(24 * 40)]
    drawn = [deliver(ADS[3], 20_000, hour, 0, rng("draw", index)) for index, hour in enumerate(hours)]
    awaited = [expected_hour(ADS[3], 20_000, hour, 0) for hour in hours]
    for field in ("impressions", "clicks", "leads"):
        mean = sum(getattr(one, field) for one in awaited)
        total = sum(getattr(one, field) for one in drawn)
        assert total == pytest.approx(mean, abs=4 * math.sqrt(mean) + 0.005 * mean)  # counts, and the noise of spend
    assert sum(one.spend_minor for one in drawn) == pytest.approx(sum(one.spend for one in awaited), rel=0.01)


def test_revenue_is_what_the_mean_deal_brings() -> None:
    draws = rng("deals")
    spread = MARKET.deal_value_spread
    values = [ADS[0].deal_value * math.exp(spread * draws.standard_normal()) for _ in range(20_000)]
    won = MARKET.deal_share * ADS[0].win_chance * sum(values) / len(values)
    assert expected_revenue(ADS[0], 1.0) == pytest.approx(won, rel=0.02)


def test_equal_budgets_are_the_same_money_in_equal_parts() -> None:
    latents = {"a": ADS[0], "b": ADS[1], "c": ADS[2]}
    path = {hour: {"a": 100, "b": 6_000, "c": 3_901} for hour in DAY}
    equal = simulate_equal(latents, path)
    assert equal == simulate_budgets(latents, {hour: {"a": 3_334, "b": 3_334, "c": 3_333} for hour in DAY})
    assert equal.spend == pytest.approx(simulate_budgets(latents, path).spend)


def test_money_on_the_better_ad_returns_more_than_equal_parts() -> None:
    good, bad = max(ADS, key=value_per_impression), min(ADS, key=value_per_impression)
    latents = {"good": good, "bad": bad}
    wise, foolish = ({hour: {"good": part, "bad": 10_000 - part} for hour in DAY} for part in (9_000, 1_000))
    equal = simulate_equal(latents, wise).roas
    better, worse = simulate_budgets(latents, wise).roas, simulate_budgets(latents, foolish).roas
    assert better is not None
    assert equal is not None
    assert worse is not None
    assert worse < equal < better


def test_a_path_without_spend_has_no_return() -> None:
    assert simulate_equal({}, {START: {}}).roas is None


def test_deals_are_won_as_often_as_the_ad_says_and_take_days() -> None:
    journeys = [plan_journey(0.2, "3000.00", rng("journey", index)) for index in range(4_000)]
    ends = [[move for move in one.moves if move.property == "dealstage"][-1] for one in journeys]
    won = [end for end in ends if end.value == "closedwon"]
    assert len(won) / len(ends) == pytest.approx(0.2, abs=0.02)
    assert {end.value for end in ends} == {"closedwon", "closedlost"}
    assert 100 < median(end.hours for end in won) < 160
    late = [one for one in journeys if one.amount is None]
    assert len(late) / len(journeys) == pytest.approx(0.25, abs=0.03)


@given(st.floats(0.01, 0.8), st.integers(0, 10**6))
def test_a_journey_is_in_order_known_and_priced_before_it_ends(win_chance: float, seed: int) -> None:
    journey = plan_journey(win_chance, "3000.00", rng(seed))
    hours = [move.hours for move in journey.moves]
    stages = [move.value for move in journey.moves if move.property == "dealstage"]
    order = [name for name, _, _ in STAGES]
    assert hours == sorted(hours)
    assert [order.index(stage) for stage in stages] == sorted(order.index(stage) for stage in stages)
    assert journey.moves[-1].property == "dealstage"
    assert (journey.amount is None) == any(move.property == "amount" for move in journey.moves)
