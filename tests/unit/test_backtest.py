"""The backtest against what is known: ratios by hand, identities, worlds with their truth, and histories that cannot tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.budget.backtest.estimate import effective, ratios
from flywheel_assets.budget.backtest.history import NEVER, Deals, Delivery, History, HistoryRefused
from flywheel_assets.budget.backtest.outcome import outcome_of
from flywheel_assets.budget.backtest.replay import ACTUAL, UNIFORM, Moment, replay
from flywheel_assets.budget.backtest.run import Backtest, backtest, read_history, variation
from flywheel_assets.sandbox.market.export import export_deals, export_insights
from flywheel_assets.sandbox.market.play import Game, play
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.world import World

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 21


def delivery(spend: list[list[float]]) -> Delivery:
    """Days of ads, at 10 a thousand impressions and a click in fifty."""
    money = np.array(spend)
    shown = np.round(100 * money)
    start = 24.0 * np.arange(len(money))
    ads = tuple(f"ad-{index}" for index in range(money.shape[1]))
    return Delivery(ads, ads, BEGIN, 24, start, shown, np.round(shown / 50), money, np.round(shown / 1000), "USD")


def sold(times: list[tuple[int, float, float | None]], amount: float = 1000.0) -> Deals:
    """Deals of (ad, hour of the click, hour of the win)."""
    clicks = np.array([click for _, click, _ in times], dtype=float)
    won = np.array([NEVER if hour is None else hour for *_, hour in times], dtype=float)
    return Deals(
        ids=tuple(str(index) for index in range(len(times))),
        ad=np.array([ad for ad, *_ in times], dtype=np.intp),
        click=clicks,
        created=clicks,
        entered=np.stack([clicks, won], axis=1) if times else np.zeros((0, 2)),
        lost=np.full(len(times), NEVER),
        amount=np.full(len(times), amount),
    )


def history(spend: list[list[float]], deals: Deals) -> History:
    return History(delivery(spend), deals, ("new", "won"), 24.0 * len(spend))


MOVING = [[100 + 40 * np.sin(day), 100 - 40 * np.sin(day), 60 + 5 * (day % 7)] for day in range(DAYS)]
MANY = sold([(index % 3, 4.0 + 8 * index, 40.0 + 8 * index) for index in range(50)])


# --- ratios and weights ---------------------------------------------------------------------------------


def test_the_ratio_is_that_of_impressions_and_of_how_tired_the_ad_would_be() -> None:
    real, budgets, shown = np.full((2, 1), 100.0), np.full((2, 1), 200.0), np.full((2, 1), 1000.0)
    flat = ratios(budgets, real, shown, np.zeros(1), np.zeros(1))
    assert flat.tolist() == [[2.0], [2.0]]
    dearer = ratios(budgets, real, shown, np.full(1, 0.01), np.zeros(1))
    assert dearer[0, 0] == pytest.approx(2 * 2 / 3)
    tired = ratios(budgets, real, shown, np.zeros(1), np.full(1, 1e-4))
    assert tired[:, 0] == pytest.approx([2 * np.exp(-0.1), 2 * np.exp(-0.2)])


@given(st.lists(st.floats(0.5, 1e4), min_size=1, max_size=8), st.floats(0, 0.1), st.floats(0, 1e-4))
def test_what_was_done_has_ratio_one_whatever_is_believed(spend: list[float], steep: float, tiring: float) -> None:
    real = np.array(spend)[:, None]
    assert ratios(real, real, 50 * real, np.full(1, steep), np.full(1, tiring)) == pytest.approx(np.ones_like(real))


def test_an_ad_that_did_not_run_brings_nothing() -> None:
    real = np.array([[0.0], [10.0]])
    found = ratios(np.full((2, 1), 10.0), real, 100 * real, np.zeros(1), np.zeros(1))
    assert found.tolist() == [[0.0], [1.0]]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=20))
def test_an_estimate_rests_on_at_most_as_many_deals_as_there_are(worth: list[float]) -> None:
    assert 1 - 1e-9 <= effective(np.array(worth)) <= len(worth) * (1 + 1e-9)


# --- replay ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["uniform", "blended_literal", "blended", "funnel"])
def test_a_replay_spends_what_was_spent_on_the_ads_that_ran_and_moves_a_fifth_in_six_hours(policy: str) -> None:
    spend = [[*row] for row in MOVING]
    for row in spend[:9]:
        row[2] = 0.0  # begins on the tenth day
    past = history(spend, MANY)
    given = replay(past, policy)
    real = past.delivery.spend
    assert given.sum(axis=1) == pytest.approx(real.sum(axis=1))
    assert ((given > 0) == (real > 0)).all()
    share = given[:, :2] / given[:, :2].sum(axis=1, keepdims=True)
    assert (share[1:] / share[:-1] <= (1.2 / 0.8) ** 4 + 1e-9).all()
    assert given[9, 2] == pytest.approx(real[9, 2], rel=1.2**4 - 1)


def test_a_question_holds_only_what_was_known_then() -> None:
    past = history(MOVING, MANY)
    now = 24.0 * 10
    late = replace(past.delivery, impressions=past.delivery.impressions.copy())
    late.impressions[10:] *= 7
    future = replace(MANY, entered=np.where(MANY.entered > now, MANY.entered + 500, MANY.entered))
    every = np.ones(3, dtype=bool)
    asked = [
        Moment(one, now, every, 1).request(np.full(3, 10.0), 30.0, "funnel")
        for one in (past, History(late, future, past.stages, past.end))
    ]
    assert str(asked[0]) == str(asked[1])
    deals = [deal for state in asked[0]["ad_states"] for deal in state["deals"]]
    assert len(deals) == sum(MANY.created <= now)
    assert sum(deal["stage"] == 1 for deal in deals) == sum(MANY.entered[:, 1] <= now)


# --- outcomes -------------------------------------------------------------------------------------------


def test_a_won_deal_is_worth_its_amount_a_lost_one_nothing_and_a_waiting_one_less_the_longer_it_waits() -> None:
    deals = sold([(index % 3, 4.0 + 8 * index, 40.0 + 8 * index) for index in range(40)] + [(0, 10, None)] * 3)
    deals.click[-3:] = deals.created[-3:] = deals.entered[-3:, 0] = 10.0, 480.0, 300.0
    deals.lost[-1] = 400.0
    worth = outcome_of(history(MOVING, deals), np.random.default_rng(0)).deal_value
    assert worth[:40].tolist() == [1000.0] * 40
    old, young, lost = worth[-3:]
    assert lost == 0 < old < young < 1000


# --- the whole ------------------------------------------------------------------------------------------


def world(folder: Path, log: str, *, scenario: str = "service", hourly: bool = False) -> tuple[Backtest, float]:
    def export(done: World) -> None:
        begin = BEGIN.replace(tzinfo=None)
        export_insights(done, folder / "i.csv", begin, hourly=hourly)
        export_deals(done, folder / "d.csv", begin, stage_history=not hourly)

    played = play(Game(scenario, log, 7, DAYS), export)
    past = read_history(folder / "i.csv", folder / "d.csv", zone=ZoneInfo("UTC"), stages=STAGES)
    return backtest(past, [UNIFORM, "blended"]), float(played.revenue.sum())


def test_the_exports_of_a_simulated_world_say_what_its_policies_really_earn(tmp_path: Path) -> None:
    answer, logged = world(tmp_path, "thompson_roas")
    for verdict in answer.verdicts[1:]:
        truth = 100 * (float(play(Game("service", verdict.policy, 7, DAYS)).revenue.sum()) / logged - 1)
        assert verdict.estimate is not None, verdict.cannot_tell
        gain = verdict.estimate.gain
        assert gain is not None
        assert gain.low <= truth <= gain.high
        assert gain.high - gain.low < 60
    actual = answer.verdicts[0].estimate
    assert actual is not None
    assert actual.revenue.low < 0.95 * logged < actual.revenue.high  # of a twentieth of the deals nobody knows the ad


def test_hours_and_days_of_one_world_are_the_same_history(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "hours").mkdir()
    days, _ = world(tmp_path / "days", "cost_per_lead", scenario="small")
    hours, _ = world(tmp_path / "hours", "cost_per_lead", scenario="small", hourly=True)
    by_day = hours.history.delivery.spend.reshape(DAYS, 24, -1).sum(axis=1)
    assert by_day == pytest.approx(days.history.delivery.spend)
    assert hours.history.deals.ids == days.history.deals.ids
    assert any("stage history" in told for told in hours.history.assumed)


def test_what_was_done_is_estimated_as_what_came_and_equal_questions_have_equal_answers() -> None:
    past = history(MOVING, MANY)
    first, second = (backtest(past, [ACTUAL, UNIFORM], seed=3) for _ in range(2))
    assert first.verdicts == second.verdicts
    assert first.verdicts[0].policy == ACTUAL
    estimate = first.verdicts[0].estimate
    assert estimate is not None
    assert estimate.gain is None
    assert estimate.revenue.mean == pytest.approx(50_000, rel=0.15)


@pytest.mark.parametrize(
    ("spend", "deals", "said"),
    [
        (MOVING[:10], MANY, "10 days are too few"),
        ([row[:1] for row in MOVING], sold([]), "only one ad"),
        (MOVING, sold([(0, 5.0, 30.0)] * 19), "19 won deals are too few"),
        (MOVING, sold([]), "0 won deals are too few"),
        ([[100.0, 30.0, 60.0]] * DAYS, MANY, "hardly varied"),
    ],
)
def test_a_history_that_cannot_tell_says_so_instead_of_giving_a_number(
    spend: list[list[float]], deals: Deals, said: str
) -> None:
    uniform = backtest(history(spend, deals), [UNIFORM]).verdicts[1]
    assert (uniform.estimate, said in (uniform.cannot_tell or "")) == (None, True), uniform.cannot_tell


def test_a_policy_far_from_what_was_tried_is_not_judged() -> None:
    spend = [[1.0 + 0.3 * np.sin(day), 200.0 + 40 * np.sin(day), 1.0 + 0.3 * np.cos(day)] for day in range(DAYS)]
    uniform = backtest(history(spend, MANY), [UNIFORM]).verdicts[1]
    assert "the history does not reach there" in (uniform.cannot_tell or "")


def test_one_customer_who_is_worth_most_is_not_evidence_enough() -> None:
    deals = replace(MANY, amount=np.where(np.arange(50) == 20, 1e6, 10.0))
    uniform = backtest(history(MOVING, deals), [UNIFORM]).verdicts[1]
    assert "it would rest on 1 deals" in (uniform.cannot_tell or "")


def test_without_any_spend_there_is_nothing_to_replay() -> None:
    with pytest.raises(HistoryRefused, match="nothing was ever spent"):
        backtest(history([[0.0, 0.0]] * DAYS, sold([])))


def test_days_on_which_an_ad_begins_or_ends_are_no_variation() -> None:
    spend = [[100.0, 50.0]] * DAYS
    spend[0] = [2.0, 50.0]
    assert variation(delivery(spend)) == pytest.approx(0)
    assert variation(delivery([[100.0, 50.0], [200.0, 100.0]] * 10)) == pytest.approx(np.log(2) / 2)
