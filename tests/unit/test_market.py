"""The market that the simulator and the sandbox share: ads one by one, hours one by one, and what they come to."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.hubspot.journey import LOST, PATH, STAGES, Journey, plan_journey
from flywheel_assets.sandbox.market.comparison import expected_hour, simulate_budgets, simulate_equal
from flywheel_assets.sandbox.market.curves import clock_of, cpm
from flywheel_assets.sandbox.market.deals import Course, course_of, draw_deals
from flywheel_assets.sandbox.market.delivery import Delivery, deliver
from flywheel_assets.sandbox.market.scenarios import LATENTS, SCENARIOS, Scenario, scenario_named
from flywheel_assets.sandbox.market.truth import Truth, draw_truth, truth_of
from flywheel_assets.store.accounts import load_account

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "account.yaml"
SERVICE = SCENARIOS["service"]
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAY = [MONDAY + timedelta(hours=index) for index in range(24)]
NAMES = [str(index) for index in range(40)]
ADS = truth_of(SERVICE, 7, NAMES)
BUDGETS = st.integers(0, 10_000_000).map(lambda cents: cents / 100)


def hour_of(budget: float, clock: float = 0.0, shown: float = 0.0, *, ad: int = 0, seed: int = 1) -> Delivery:
    one = {"truth": ADS.only(slice(ad, ad + 1)), "scenario": SERVICE}
    return deliver(np.array([budget]), np.array([clock]), np.array([shown]), **one, random=rng("hour", seed))


def latents(truth: Truth) -> np.ndarray:
    odds = np.log(truth.stages / (1 - truth.stages))
    return np.column_stack([np.log(truth.ctr), np.log(truth.lead_rate), odds, np.log(truth.value_median)])


# --- ads that appear one by one -----------------------------------------------------------------------


def test_an_ad_is_what_its_name_and_the_seed_make_it_whoever_else_runs() -> None:
    alone, beside = truth_of(SERVICE, 7, ["2"]), truth_of(SERVICE, 7, ["1", "2"]).only(slice(1, 2))
    assert all(np.array_equal(getattr(alone, f.name), getattr(beside, f.name)) for f in fields(Truth))
    for other in (truth_of(SERVICE, 8, ["2"]), truth_of(SERVICE, 7, ["3"]), truth_of(SCENARIOS["large"], 7, ["2"])):
        assert alone.ctr != other.ctr


@pytest.mark.parametrize("name", SCENARIOS)
def test_ads_one_by_one_are_spread_like_those_of_a_whole_world(name: str) -> None:
    scenario = SCENARIOS[name]
    # More ads at once would be the same world with a smaller fair share each; its plan grows with them.
    many = replace(scenario, ads_at_start=4000, arrivals=0, daily_total=4000 * scenario.fair_share)
    world, single = draw_truth(many, 1, 60), truth_of(scenario, 1, [str(index) for index in range(600)])
    pairs = list(zip(latents(world).T, latents(single).T, strict=True))
    pairs += [(world.cpm, single.cpm), (world.tiring, single.tiring), (world.value, single.value)]
    for place, (whole, one_by_one) in enumerate(pairs):
        assert ks_2samp(whole, one_by_one).pvalue > 1e-3, place
    found = np.corrcoef(latents(single).T) - np.corrcoef(latents(world).T)
    assert np.abs(found).max() < 0.2


def test_dna_tells_of_ads_that_appear_one_by_one_too() -> None:
    many = truth_of(SERVICE, 1, [str(index) for index in range(1500)])
    lead = np.log(many.lead_rate) - np.log(many.lead_rate).mean()
    fitted = many.dna @ np.linalg.lstsq(many.dna, lead, rcond=None)[0]
    assert (fitted**2).sum() / (lead**2).sum() == pytest.approx(SERVICE.dna_share, abs=0.08)


def test_no_ads_are_no_ads() -> None:
    nobody = truth_of(SERVICE, 1, [])
    assert nobody.ctr.shape == (0,)
    assert nobody.dna.shape == (0, len(LATENTS))


def test_a_scenario_nobody_knows_is_refused_with_those_that_are() -> None:
    assert scenario_named("slow_deals") is SCENARIOS["slow_deals"]
    with pytest.raises(ConfigurationError, match="'slow' is not known; choose from service, misleading_clicks"):
        scenario_named("slow")


# --- hours --------------------------------------------------------------------------------------------


def test_the_week_begins_on_monday_on_the_moments_own_clock() -> None:
    assert [clock_of(MONDAY), clock_of(MONDAY - timedelta(minutes=1))] == [0, 167]
    assert clock_of(datetime.fromisoformat("2026-11-04T18:00:00+05:30")) == 2 * 24 + 18


@settings(max_examples=200)
@given(BUDGETS, st.integers(0, 167), st.integers(0, 10**9), st.integers(0, 39), st.integers(0, 10**6))
def test_counts_of_an_hour_nest_and_spend_is_whole_cents(
    budget: float, clock: int, shown: int, ad: int, seed: int
) -> None:
    got, again = (hour_of(budget, clock, shown, ad=ad, seed=seed) for _ in range(2))
    assert 0 <= got.leads <= got.clicks <= got.impressions
    assert round(100 * float(got.spend[0, 0])) == pytest.approx(100 * float(got.spend[0, 0]), abs=1e-6)
    assert all(np.array_equal(getattr(got, f.name), getattr(again, f.name)) for f in fields(Delivery))


def test_nothing_comes_of_no_budget() -> None:
    assert all(getattr(hour_of(0.0), f.name) == 0 for f in fields(Delivery))


@pytest.mark.parametrize("budget", [20.0, 75.0, 300.0])
def test_a_day_spends_about_its_budget(budget: float) -> None:
    spent = sum(float(hour_of(budget, hour, seed=hour).spend[0, 0]) for hour in range(24))
    assert spent == pytest.approx(budget, rel=0.08)


@given(BUDGETS, BUDGETS)
def test_more_budget_buys_more_impressions_but_ever_fewer_for_each_unit(one: float, other: float) -> None:
    small, large = sorted((one, other))
    first = {"truth": ADS.only(slice(0, 1)), "scenario": SERVICE}
    cheap, dear = (expected_hour(np.array([daily]), 0.0, np.zeros(1), **first) for daily in (small, large))
    assert dear.impressions >= cheap.impressions
    assert dear.impressions * small <= cheap.impressions * large * (1 + 1e-9)


def test_draws_agree_with_expectations() -> None:
    clock, daily = np.arange(24.0 * 42), np.full(len(NAMES), 2_000.0)
    shown, market = np.zeros(len(NAMES)), {"truth": replace(ADS, tiring=np.zeros(len(NAMES))), "scenario": SERVICE}
    drawn = deliver(daily, clock, shown, **market, random=rng("draw"))
    awaited = [expected_hour(daily, hour, shown, **market) for hour in clock]
    for name in ("impressions", "clicks", "leads"):
        mean = sum(getattr(one, name) for one in awaited)
        spread = np.sqrt(mean + (mean * SERVICE.noise) ** 2 / len(clock))
        assert np.abs((getattr(drawn, name).sum(axis=0) - mean) / spread).max() < 4.5, name
    for name in ("spend", "revenue"):
        assert getattr(drawn, name).sum() == pytest.approx(sum(getattr(one, name).sum() for one in awaited), rel=0.002)


# --- what paths of budgets earn -----------------------------------------------------------------------


def earned(path: dict[datetime, dict[str, int]], scenario: Scenario = SERVICE) -> float:
    found = simulate_budgets(path, scenario, 7).roas
    assert found is not None
    return found


def test_an_ad_tires_by_what_the_path_showed_of_it() -> None:
    burning = replace(SERVICE, tiring_days=1.0, tiring_spread=0.0)
    path = {hour: {"1": 20_000} for hour in DAY}
    found, truth = simulate_budgets(path, burning, 7), truth_of(burning, 7, ["1"])
    fresh = simulate_budgets(path, replace(burning, tiring_days=1e9), 7)
    assert found.impressions == pytest.approx(fresh.impressions)
    left = -np.expm1(-truth.tiring * found.impressions) / (truth.tiring * found.impressions)
    assert found.clicks / fresh.clicks == pytest.approx(left, rel=0.05)  # hours are steps
    assert left < 0.8


def test_the_price_of_impressions_is_that_of_the_daily_budget_in_major_units() -> None:
    found, truth = simulate_budgets({hour: {"1": 7_500} for hour in DAY}, SERVICE, 7), truth_of(SERVICE, 7, ["1"])
    assert found.spend == pytest.approx(75)
    assert 1000 * found.spend / found.impressions == pytest.approx(cpm(np.array([75.0]), truth.cpm, SERVICE))


def test_equal_budgets_are_the_same_money_in_equal_parts() -> None:
    path = {hour: {"a": 100, "b": 6_000, "c": 3_901} for hour in DAY}
    equal = simulate_equal(path, SERVICE, 7)
    same = simulate_budgets({hour: {"a": 3_334, "b": 3_334, "c": 3_333} for hour in DAY}, SERVICE, 7)
    assert all(np.array_equal(one, other) for one, other in zip(vars(equal).values(), vars(same).values(), strict=True))
    assert equal.spend.sum() == pytest.approx(simulate_budgets(path, SERVICE, 7).spend.sum())


def test_money_on_the_better_ad_returns_more_than_equal_parts() -> None:
    good, bad = NAMES[int(ADS.impression_worth.argmax())], NAMES[int(ADS.impression_worth.argmin())]
    wise, foolish = ({hour: {good: part, bad: 10_000 - part} for hour in DAY} for part in (9_000, 1_000))
    equal = simulate_equal(wise, SERVICE, 7).roas
    assert equal is not None
    assert earned(foolish) < equal < earned(wise)


def test_a_path_without_spend_has_no_return() -> None:
    assert simulate_equal({}, SERVICE, 7).roas is None
    assert simulate_equal({MONDAY: {}}, SERVICE, 7).roas is None
    assert simulate_budgets({MONDAY: {"a": 0}}, SERVICE, 7).roas is None


# --- the course of a lead -----------------------------------------------------------------------------

HOURS = st.floats(0.01, 2_000)
COURSES = st.builds(
    lambda steps, lost, amount: Course(tuple(np.cumsum(steps).tolist()), sum(steps) + lost if lost else None, amount),
    st.lists(HOURS, max_size=3),
    st.none() | HOURS,
    st.floats(0.01, 1e6),
).filter(lambda course: len(course.entered) < 3 or course.lost is None)


def test_a_course_is_told_in_hours_since_the_lead_came_in() -> None:
    deals = draw_deals(np.full((1, 1), 400), 0, 1, truth=ADS.only(slice(0, 1)), scenario=SERVICE, random=rng("course"))
    for row in range(len(deals)):
        course, since = course_of(deals, row), deals.entered[row] - deals.entered[row, 0]
        assert course.entered == tuple(since[1:][np.isfinite(since[1:])])
        lost = deals.lost[row] - deals.entered[row, 0]
        assert (course.lost == lost) if math.isfinite(lost) else course.lost is None
        assert course.amount == deals.amount[row]


@given(COURSES, st.integers(0, 10**6))
def test_a_journey_is_the_course_in_order_known_and_priced_before_it_is_closed(course: Course, seed: int) -> None:
    journey = plan_journey(course, "3000.00", rng(seed))
    hours = [move.hours for move in journey.moves]
    assert hours == sorted(hours)
    moves = [(move.hours, move.value) for move in journey.moves if move.property == "dealstage"]
    passed = list(zip(course.entered, PATH[1:], strict=False))
    assert moves == passed + ([] if course.lost is None else [(course.lost, LOST)])
    assert {stage for _, stage in moves} <= {name for name, _, _ in STAGES}
    assert (journey.amount is None) == any(move.property == "amount" for move in journey.moves)
    if moves and moves[-1][1] in {PATH[-1], LOST}:
        assert journey.moves[-1].property == "dealstage"


def test_the_sample_account_values_stages_as_its_market_does() -> None:
    hubspot = load_account(SAMPLE).hubspot
    assert hubspot is not None
    assert [hubspot.stages[stage].win_probability for stage in PATH] == pytest.approx(SERVICE.win_chances)
    assert {hubspot.stages[PATH[-1]].outcome, hubspot.stages[LOST].outcome} == {"won", "lost"}


def test_a_quarter_of_the_amounts_is_entered_after_about_two_days() -> None:
    silent = Course((), None, 3000.0)
    journeys: list[Journey] = [plan_journey(silent, "3000.00", rng("journey", index)) for index in range(4_000)]
    late = [one.moves[0].hours for one in journeys if one.amount is None]
    assert len(late) / len(journeys) == pytest.approx(0.25, abs=0.03)
    assert median(late) == pytest.approx(48, rel=0.1)
