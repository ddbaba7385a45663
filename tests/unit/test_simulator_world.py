"""The simulated account: what is true in it, what can be seen of it, and that nothing depends on more than the seed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from flywheel_assets.sandbox.market.curves import best_sharing, cpm, delivery_season, lead_season
from flywheel_assets.sandbox.market.deals import NOBODY, draw_deals
from flywheel_assets.sandbox.market.scenarios import LATENTS, SCENARIOS, STAGES, Scenario
from flywheel_assets.sandbox.market.seen import HISTORY_HOURS, Seen, seen_deals
from flywheel_assets.sandbox.market.truth import draw_truth
from flywheel_assets.sandbox.market.world import World

SERVICE = SCENARIOS["service"]
MANY = replace(SERVICE, ads_at_start=4000, arrivals=0)


def after(days: int, scenario: Scenario = SERVICE, *, seed: int = 1, length: int | None = None) -> World:
    """A world in which the first ads had equal budgets all the time."""
    world = World(scenario, seed, length or days)
    part = round(100 * scenario.daily_total) // scenario.ads_at_start
    for _ in range(days * 4):
        world.run(np.full(scenario.ads_at_start, part), 6)
    return world


def logarithms(scenario: Scenario, seed: int = 1) -> np.ndarray:
    truth = draw_truth(scenario, seed, 60)
    odds = np.log(truth.stages / (1 - truth.stages))
    return np.column_stack([np.log(truth.ctr), np.log(truth.lead_rate), odds, np.log(truth.value_median)])


# --- what is true ------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_worlds_and_others_give_others() -> None:
    first, again, other = (draw_truth(SERVICE, seed, 60) for seed in (1, 1, 2))
    assert all(np.array_equal(getattr(first, f.name), getattr(again, f.name)) for f in fields(first))
    assert not np.array_equal(first.ctr, other.ctr)


def test_ads_differ_by_the_spreads_around_the_medians() -> None:
    drawn = logarithms(MANY)
    chances = np.array(MANY.stage_chances)
    middle = [np.log(MANY.ctr), np.log(MANY.lead_rate), *np.log(chances / (1 - chances)), np.log(MANY.deal_value)]
    assert drawn.std(axis=0) == pytest.approx(np.array(MANY.spreads), rel=0.06)
    assert np.median(drawn, axis=0) == pytest.approx(np.array(middle), abs=0.05)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_world_has_the_correlations_it_promises(name: str) -> None:
    scenario = replace(SCENARIOS[name], ads_at_start=4000, arrivals=0)
    found = np.corrcoef(logarithms(scenario).T)
    promised = {(first, second): value for first, second, value in scenario.correlations}
    for row, first in enumerate(LATENTS):
        for column, second in enumerate(LATENTS[:row]):
            expected = promised.get((first, second), promised.get((second, first), 0.0))
            assert found[row, column] == pytest.approx(expected, abs=0.09), (first, second)


def test_dna_explains_its_share_of_what_differs() -> None:
    truth = draw_truth(MANY, 1, 60)
    lead = np.log(truth.lead_rate) - np.log(truth.lead_rate).mean()
    fitted = truth.dna @ np.linalg.lstsq(truth.dna, lead, rcond=None)[0]
    assert (fitted**2).sum() / (lead**2).sum() == pytest.approx(SERVICE.dna_share, abs=0.05)


def test_ads_arrive_one_after_the_other_within_the_run() -> None:
    starts = draw_truth(SERVICE, 1, 60).start
    assert list(starts[: SERVICE.ads_at_start]) == [0] * SERVICE.ads_at_start
    late = starts[SERVICE.ads_at_start :]
    assert (np.diff(late) >= 0).all()
    assert 0 < late[0] < late[-1] < 60 * 24


def test_seasons_change_when_things_happen_and_not_how_much() -> None:
    assert delivery_season(np.arange(24.0), SERVICE).mean() == pytest.approx(1)
    assert lead_season(np.arange(168.0), SERVICE).mean() == pytest.approx(1)
    assert lead_season(np.arange(168.0), SERVICE).argmin() == 6 * 24 + 12  # Sunday noon


def test_more_budget_reaches_dearer_people() -> None:
    prices = cpm(np.array([1.0, 100.0, 1000.0]), np.full(3, 12.0), SERVICE)
    assert (np.diff(prices) > 0).all()


# --- what happens ------------------------------------------------------------------------------------


def test_money_is_spent_as_budgeted_and_rates_are_the_true_ones() -> None:
    world = after(10, replace(SERVICE, arrivals=0, tiring_days=1e9))
    totals, truth = world.see(0).totals, world.truth
    assert totals["spend"].sum() == pytest.approx(10 * SERVICE.daily_total, rel=0.01)
    assert totals["clicks"] / totals["impressions"] == pytest.approx(truth.ctr, rel=0.12)
    price = 1000 * totals["spend"] / totals["impressions"]
    assert price == pytest.approx(cpm(totals["budget"] / 240, truth.cpm, world.scenario), rel=0.03)


def test_a_tired_ad_is_clicked_less_by_as_much_as_it_was_shown() -> None:
    world = after(30, replace(SERVICE, arrivals=0, tiring_days=10.0, tiring_spread=0.0))
    seen, truth = world.see(0), world.truth
    last = slice(-48, None)
    ctr = seen.hourly["clicks"][last].sum(axis=0) / seen.hourly["impressions"][last].sum(axis=0)
    left = np.exp(-truth.tiring * (world.shown - seen.hourly["impressions"][last].sum(axis=0) / 2))
    assert (left < 0.3).all()
    assert (ctr / truth.ctr).mean() == pytest.approx(left.mean(), rel=0.05)


def test_revenue_is_the_expectation_of_what_the_deals_bring() -> None:
    busy = replace(SERVICE, arrivals=0, no_ad=0.0, daily_total=500_000.0, amount_spread=0.3, weekend=0.6)
    world = after(5, busy, length=80)  # Monday to Friday
    deals = seen_deals(world._deals, 10**6)  # when everything has happened
    assert deals.amount[deals.stage == 3].sum() == pytest.approx(world.revenue.sum(), rel=0.05)


def test_the_luck_of_an_hour_does_not_depend_on_what_was_decided_before() -> None:
    one, other = (World(SERVICE, 3, 4) for _ in range(2))
    equal = np.full(SERVICE.ads_at_start, 12_500)
    one.run(equal, 6)
    other.run(equal * 2, 6)
    one.run(equal, 6)
    other.run(equal, 6)
    assert np.array_equal(one.spend[6:12], other.spend[6:12])
    assert not np.array_equal(one.spend[:6], other.spend[:6])


# --- what can be seen --------------------------------------------------------------------------------


def drawn_deals(scenario: Scenario) -> tuple[np.ndarray, object]:
    leads = np.full((24, 20), 40)
    truth = draw_truth(scenario, 1, 60)
    return leads, draw_deals(leads, 0, 20, truth=truth, scenario=scenario, random=np.random.default_rng(1))


def test_attribution_is_wrong_and_silent_as_often_as_promised() -> None:
    _, deals = drawn_deals(SERVICE)
    wrong = (deals.seen_ad != deals.ad) & (deals.seen_ad != NOBODY)
    assert (deals.seen_ad == NOBODY).mean() == pytest.approx(SERVICE.no_ad, abs=0.01)
    assert wrong.mean() == pytest.approx(SERVICE.wrong_ad * 19 / 20, abs=0.01)


def test_deals_move_forward_in_time_and_end_won_lost_or_silent() -> None:
    _, deals = drawn_deals(SERVICE)
    reached = np.where(np.isfinite(deals.entered), deals.entered, np.nan)
    steps = np.diff(reached, axis=1)
    assert (deals.entered[:, 0] >= deals.click_hour).all()
    assert (steps[~np.isnan(steps)] > 0).all()
    won = np.isfinite(deals.entered[:, 3])
    assert not np.isfinite(deals.lost[won]).any()
    assert np.isfinite(deals.lost[~won]).mean() == pytest.approx(SERVICE.told_share, abs=0.02)
    assert (deals.lost > np.nanmax(reached, axis=1)).all()


def test_what_has_not_happened_is_not_seen() -> None:
    world = after(6, length=8)
    early, late = seen_deals(world._deals, 100), seen_deals(world._deals, 140)
    known = np.isin(late.number, early.number)
    assert np.array_equal(late.number[known], early.number)
    assert (early.stage_hour < 100).all()
    assert (late.stage[known] >= early.stage).all()
    assert (late.stage[known] > early.stage).any()
    assert (late.lost[known] & ~early.lost).any()
    assert len(late.number) > len(early.number)


def test_leads_come_late_and_are_counted_in_the_hour_of_their_click() -> None:
    world = after(3, length=5)
    before = world.see(0).hourly["leads"].copy()
    world.run(np.full(SERVICE.ads_at_start, 12_500), 6)
    since = world.see(0).hourly["leads"]
    assert (since[:72] >= before).all()
    assert since[:72].sum() > before.sum()


def test_history_goes_back_28_days_and_totals_all_the_way() -> None:
    world = after(32)
    seen = world.see(0)
    assert {len(column) for column in seen.hourly.values()} == {HISTORY_HOURS}
    assert seen.first + HISTORY_HOURS == seen.now == 32 * 24
    assert (seen.totals["spend"] > seen.hourly["spend"].sum(axis=0)).all()


def test_nothing_true_but_not_seen_is_handed_over() -> None:
    assert {f.name for f in fields(Seen)} == {
        *("now", "total", "age", "dna", "budget", "first", "hourly", "totals", "deals", "win_chances")
    }
    world = after(2)
    assert set(world.see(0).hourly) == {"impressions", "clicks", "spend", "leads", "budget"}
    assert len(world.see(0).win_chances) == len(STAGES)


# --- the best sharing --------------------------------------------------------------------------------


def expected(world: World, budgets: np.ndarray, days: float) -> float:
    truth = world.truth
    ads = slice(0, len(budgets))
    impressions = days * 1000 * budgets / cpm(budgets, truth.cpm[ads], world.scenario)
    tiring, left = truth.tiring[ads], np.exp(-truth.tiring[ads] * world.shown)
    return float((truth.impression_worth[ads] * left * -np.expm1(-tiring * impressions) / tiring).sum())


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_other_sharing_earns_more_than_the_best(name: str) -> None:
    world = after(2, SCENARIOS[name], length=60)
    total = SCENARIOS[name].daily_total
    best = best_sharing(world.truth, world.scenario, world.shown, total, 20.0)
    assert best.sum() == pytest.approx(total)
    assert (best >= 0).all()
    earned = expected(world, best, 20.0)
    random = np.random.default_rng(1)
    for _ in range(200):
        other = best * np.exp(0.3 * random.standard_normal(len(best))) + random.exponential(total / 500, len(best))
        assert expected(world, other * total / other.sum(), 20.0) <= earned * 1.002  # the grid has steps
