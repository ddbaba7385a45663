"""The funnel's belief: delay-corrected steps, fatigue, cost curves and posteriors that recover what made the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget.belief.blocks import blocks_of
from flywheel_assets.budget.belief.dna import features
from flywheel_assets.budget.belief.evidence import Evidence, evidence_of
from flywheel_assets.budget.belief.lags import steps_of
from flywheel_assets.budget.belief.posterior import log_value, posterior_of
from flywheel_assets.budget.belief.response import Response, response_of
from flywheel_assets.budget.belief.wear import Wear, falling, wear_of, worn
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import parse
from tests.unit.select_world import CHANCES, NOW, STAGE_HOURS, STAGES, ad, lived, request


def columns(*ads: dict[str, Any], **changed: Any) -> Columns:
    return columns_of(parse(request(*ads, now_hour=NOW, stages=STAGES, **changed)))


def evidence(count: int, **changed: Any) -> Evidence:
    """Ordinary ads, each with the same evidence."""
    fields = {
        "events": np.tile([200.0, 10.0], (count, 1)),
        "exposure": np.tile([20_000.0, 200.0], (count, 1)),
        "moved": np.full((count, 1), 4.0),
        "trials": np.full((count, 1), 10.0),
        "weight": np.full(count, 10.0),
        "mean": np.full(count, 7.0),
        "priced": True,
        "usual": np.array([0.4]),
    }
    return Evidence(**{**fields, **changed})


# --- lags -------------------------------------------------------------------------------------------


def test_chances_and_lengths_of_steps_are_found_although_most_deals_still_wait() -> None:
    many = columns(*(lived(f"ad-{index}", hours=400, lead=0.2, seed=1) for index in range(10)))
    steps = steps_of(many)
    assert steps.fitted.chance[:, 0] == pytest.approx(np.array(CHANCES), abs=0.1)
    assert np.exp(steps.fitted.mean[:, 0]) == pytest.approx(np.array(STAGE_HOURS), rel=0.35)


def test_a_young_ads_deals_are_not_taken_for_lost_ones() -> None:
    old = [lived(f"old-{index}", hours=600, lead=0.2) for index in range(5)]
    young = columns(*old, *(lived(f"young-{index}", hours=60, lead=0.2) for index in range(5)))
    steps = steps_of(young)
    recent = np.array([name.startswith("young") for name in young.ids])
    moved, trials = steps.moved[recent, 0].sum(), steps.trials[recent, 0].sum()
    deals = np.isin(young.deals.ad, np.flatnonzero(recent)).sum()
    assert moved / deals < 0.35  # what it looks like
    assert moved / trials == pytest.approx(CHANCES[0], abs=0.12)  # what it is


def test_deals_that_nobody_marks_as_lost_weigh_as_failures_once_they_are_old() -> None:
    old = {"click_hour": 0.0, "stage": 0, "stage_entered_hour": 6.0, "lost": False, "amount": 1.0}
    moved = {"click_hour": NOW - 40.0, "stage": 1, "stage_entered_hour": NOW - 10.0, "lost": False, "amount": 1.0}
    fresh = {**old, "click_hour": NOW - 5.0, "stage_entered_hour": NOW - 1.0}

    def trials(ad_id: str, deal: dict[str, Any]) -> float:
        crowd = ad("crowd", deals=[{**moved, "deal_id": f"m{i}"} for i in range(40)])
        silent = ad("silent", deals=[{**old, "deal_id": f"s{i}"} for i in range(40)])
        judged = ad(ad_id, deals=[{**deal, "deal_id": f"x{i}"} for i in range(10)])
        seen = columns(crowd, silent, judged)
        return float(steps_of(seen).trials[seen.ids.index(ad_id), 0])

    assert trials("judged", old) > 9
    assert trials("judged", fresh) < 1


def test_without_deals_the_requests_own_chances_hold() -> None:
    seen = columns(ad("a"), stage_win_probability=[0.06, 0.2, 0.5, 1.0])
    steps = steps_of(seen)
    assert steps.fitted.chance[:, 0] == pytest.approx([0.3, 0.4, 0.5])
    assert steps.trials.sum() == 0


# --- fatigue ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [0.0, 4e-6, 1e-5])
def test_the_decay_is_found_and_none_is_found_where_none_is(k: float) -> None:
    ads = [lived(f"ad-{index}", hours=640, ctr=0.02, k=k, seed=2) for index in range(12)]
    wear = wear_of(blocks_of(columns(*ads)), None)
    assert wear.pooled == pytest.approx(k, abs=1e-6)


def test_a_bad_ad_with_many_impressions_is_not_taken_for_a_tired_one() -> None:
    ads = [lived(f"ad-{index}", budget=40.0 * (index + 1), ctr=0.03 / (index + 1)) for index in range(8)]
    assert wear_of(blocks_of(columns(*ads)), None).pooled < 1e-6


def test_a_given_decay_is_used_and_the_future_has_a_price_only_where_ads_tire() -> None:
    seen = columns(lived("a"), lived("b", budget=200.0))
    blocks = blocks_of(seen)
    given = wear_of(blocks, 5e-6)
    assert given.k.tolist() == [5e-6] * 2
    market = response_of(blocks, 100.0, seen.spend, seen.impressions)
    assert (worn(market, given).steep > market.steep).all()
    assert worn(market, wear_of(blocks, 0.0)).steep.tolist() == market.steep.tolist()


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_wear_as_steepness_earns_what_the_exponential_leaves(share: float) -> None:
    """To a few percent until two thirds of the clicks are gone."""
    market, budget = Response(np.array([12.0]), np.array([0.002])), np.array([100.0])
    shown = 28 * float(market.impressions(budget)[0])
    k = share / shown
    left = (1 - np.exp(-share)) / share
    kept = worn(market, Wear(np.array([k]), k)).impressions(budget) / market.impressions(budget)
    assert kept[0] == pytest.approx(left, rel=0.06)


def test_a_click_rate_that_fell_by_a_fifth_on_the_last_day_is_a_second_signal() -> None:
    steady, dropped = lived("steady", ctr=0.03), lived("dropped", ctr=0.03)
    hours = dropped["hourly"]
    hours["clicks"] = hours["clicks"][:-24] + [count // 2 for count in hours["clicks"][-24:]]
    seen = columns(steady, dropped)
    assert dict(zip(seen.ids, falling(blocks_of(seen)).tolist(), strict=True)) == {"steady": False, "dropped": True}


# --- cost curves ------------------------------------------------------------------------------------


def dearer(ad_id: str, steep: float, random: np.random.Generator, base: float = 12.0) -> dict[str, Any]:
    """An ad whose budget moved over the weeks, at c (1 + s b), with a season that all share."""
    one = lived(ad_id)
    hour = np.arange(480)
    budget = 100 * np.exp(0.6 * np.sin(hour / 60 + random.uniform(0, 6)))
    season = 1 + 0.3 * np.sin(hour / 24 * 2 * np.pi) + 0.2 * np.sin(hour / 168)
    spend = budget / 24
    shown = spend * 1000 / (base * season * (1 + steep * budget) * np.exp(0.1 * random.standard_normal(480)))
    columns_ = {"impressions": np.rint(shown).tolist(), "spend": spend.tolist(), "budget": budget.tolist()}
    return {**one, "hourly": {**one["hourly"], **columns_}}


@pytest.mark.parametrize("steep", [0.002, 0.01])
def test_how_much_dearer_money_gets_is_found_whatever_the_season(steep: float) -> None:
    random = np.random.default_rng(4)
    seen = columns(*(dearer(f"ad-{index}", steep, random, base=8.0 + index) for index in range(10)))
    blocks = blocks_of(seen)
    found = response_of(blocks, 100.0, seen.spend, seen.impressions)
    cost = found.base * (1 + found.steep * 150)
    assert cost == pytest.approx((8.0 + np.arange(10)) * (1 + steep * 150), rel=0.25)
    assert np.median(found.steep) == pytest.approx(steep, rel=0.4)


def test_without_budgets_of_the_past_the_cost_so_far_is_the_level() -> None:
    seen = columns(ad("cheap", spend=200.0), ad("dear", spend=600.0))
    found = response_of(blocks_of(seen), 100.0, seen.spend, seen.impressions)
    cheap, dear = found.base
    assert cheap < dear < 3 * cheap
    assert np.isfinite(found.impressions(np.array([100.0, 0.0]))).all()


# --- the posterior ----------------------------------------------------------------------------------


def test_an_ad_without_evidence_is_believed_to_be_like_the_others_and_less_surely() -> None:
    known = evidence(20)
    blank = replace(
        known,
        events=np.vstack([known.events, [0, 0]]),
        exposure=np.vstack([known.exposure, [0, 0]]),
        moved=np.vstack([known.moved, [0]]),
        trials=np.vstack([known.trials, [0]]),
        weight=np.append(known.weight, 0),
        mean=np.append(known.mean, 0),
    )
    draws = posterior_of(blank, np.zeros((21, 0))).draws(np.random.default_rng(0))
    value = log_value(draws)
    assert value[:, -1].mean() == pytest.approx(value[:, 0].mean(), abs=0.15)
    assert value[:, -1].std() > 1.3 * value[:, 0].std()


def test_a_lucky_ad_is_drawn_toward_the_account_the_more_the_less_it_has_shown() -> None:
    few, many = evidence(20), evidence(20)
    few.events[0, 0], few.exposure[0, 0] = 8, 400  # twice the account's rate
    many.events[0, 0], many.exposure[0, 0] = 4000, 200_000
    rates = [np.exp(posterior_of(one, np.zeros((20, 0))).mean[0, 0]) for one in (few, many)]
    assert 0.01 < rates[0] < 0.015 < rates[1] < 0.02


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 10), st.integers(0, 3))
def test_more_of_any_evidence_of_value_never_lowers_the_belief(more: int, which: int) -> None:
    before, after = evidence(8), evidence(8)
    match which:
        case 0 | 1:
            after.events[0, which] += more
        case 2:
            after.moved[0, 0] += min(more, 6)
        case _:
            after.mean[0] += 0.1 * more
    values = []
    for one in (before, after):
        mean = posterior_of(one, np.zeros((8, 0))).mean[None, :, :]
        values.append(log_value(mean)[0, 0])
    assert values[1] >= values[0]


def test_early_steps_tell_about_late_ones_as_far_as_they_go_together() -> None:
    """Where many leads mean bad leads, an ad known only by its many leads is believed to sell less per lead."""
    random = np.random.default_rng(1)
    tilt = random.standard_normal(60)
    events, moved = evidence(61).events, evidence(61).moved
    events[:60, 1], moved[:60, 0] = 40 * np.exp(0.5 * tilt), 100 / (1 + np.exp(0.4 + 0.8 * tilt))
    events[60, 1], moved[60, 0] = 90, 0
    exposure = evidence(61).exposure
    exposure[:, 1] = 800
    trials = np.full((61, 1), 100.0)
    trials[60] = 0
    found = posterior_of(evidence(61, events=events, exposure=exposure, moved=moved, trials=trials), np.zeros((61, 0)))
    assert found.mean[60, 2] < found.mean[:60, 2].mean() - 0.2


def test_noise_goes_round_so_that_equal_beliefs_are_equal_on_average() -> None:
    same = posterior_of(evidence(7), np.zeros((7, 0))).draws(np.random.default_rng(0))
    mean = same.mean(axis=0)
    assert np.ptp(mean, axis=0).max() < 1e-9
    assert same[0, 0, 0] != same[0, 1, 0]


def test_leads_that_never_reach_the_crm_are_a_step_of_their_own() -> None:
    whole, half = lived("whole", lead=0.2), lived("half", lead=0.2)
    half["deals"] = half["deals"][::3]
    found = evidence_of(columns(half, whole))
    assert found.moved.shape == (2, 4)
    assert found.moved[0, 0] / found.trials[0, 0] == pytest.approx(1 / 3, abs=0.05)


def test_deals_beyond_an_ads_leads_are_other_ads_and_say_nothing_about_it() -> None:
    """An ad that hardly runs gets a share of everybody's wrongly attributed deals: many times its own."""
    own, crowd = lived("own", lead=0.2), lived("crowd", lead=0.2)
    tiny = {**own, "leads": 4}
    few, all_ = (evidence_of(columns(crowd, one)) for one in (tiny, own))
    place = columns(crowd, own).ids.index("own")
    assert few.trials[place].sum() < 0.1 * all_.trials[place].sum()
    assert few.weight[place] < 0.1 * all_.weight[place]
    assert (few.moved <= few.trials).all()
    assert few.trials[1 - place] == pytest.approx(all_.trials[1 - place])


# --- creative DNA -----------------------------------------------------------------------------------


def test_a_new_ad_with_the_winners_dna_starts_above_one_with_the_losers() -> None:
    random = np.random.default_rng(3)
    direction = random.standard_normal(64)
    kind = np.repeat([1.0, -1.0], 15)
    dna = kind[:, None] * direction + 0.3 * random.standard_normal((30, 64))
    seen = evidence(30)
    seen.events[:, 0] = np.where(kind > 0, 300, 130)
    for new in (14, 29):
        seen.events[new], seen.exposure[new], seen.moved[new], seen.trials[new] = 0, 0, 0, 0
    rates = posterior_of(seen, features(dna, 30)).mean[:, 0]
    assert rates[14] > rates[29] + 0.2
    without = posterior_of(seen, features(None, 30)).mean[:, 0]
    assert without[14] == pytest.approx(without[29], abs=1e-6)


def test_unknown_dna_is_ordinary_and_long_vectors_become_few_features() -> None:
    dna = np.random.default_rng(0).standard_normal((40, 1536))
    dna[3] = np.nan
    found = features(dna, 40)
    assert found.shape == (40, 6)
    assert found[3] == pytest.approx(np.zeros(6), abs=1e-9)
    assert np.isfinite(found).all()
