"""Runs of policies through worlds: the rules all of them keep, who earns what, and how runs are compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flywheel_assets.budget import select
from flywheel_assets.budget.request import PolicyName
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.market.chart import round_values, short
from flywheel_assets.sandbox.market.paired import Interval, compared, interval
from flywheel_assets.sandbox.market.picture import draw
from flywheel_assets.sandbox.market.play import Game, Played, play, play_all
from flywheel_assets.sandbox.market.policies import OURS, POLICIES, SIMPLE, policy_of
from flywheel_assets.sandbox.market.scenarios import SCENARIOS, STAGES
from flywheel_assets.sandbox.market.seen import Requests
from flywheel_assets.sandbox.market.world import World

SMALL = SCENARIOS["small"]


def games(*policies: str, scenario: str = "small", seeds: int = 3, days: int = 12) -> list[Game]:
    return [Game(scenario, policy, seed, days) for policy in policies for seed in range(seeds)]


def earned(runs: list[Played], policy: str) -> float:
    return sum(float(run.revenue.sum()) for run in runs if run.game.policy == policy)


def run_world(days: int = 10) -> World:
    world = World(SMALL, 1, days + 1)
    for _ in range(days * 4):
        world.run(np.full(SMALL.ads_at_start, 6_000), 6)
    return world


# --- one run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 6])
@pytest.mark.parametrize("policy", ["thompson_ctr", "greedy_ctr", "oracle"])
def test_every_hour_spends_the_plan_and_no_budget_moves_more_than_a_fifth_in_six_hours(
    policy: str, every: int, recorded: list[World]
) -> None:
    game = Game("small", policy, 1, 10, every)
    play(game, watch=recorded.append)
    (world,) = recorded
    budgets = world.budgets
    assert (budgets.sum(axis=1) == 30_000).all()
    for hour in range(6, len(budgets)):
        past = budgets[hour - 6 : hour]
        ran = (past > 0).all(axis=0)
        assert (budgets[hour, ran] <= 1.2 * past[:, ran].min(axis=0) + 1e-6).all()
        assert (budgets[hour, ran] >= np.maximum(0.8 * past[:, ran].max(axis=0) - 1e-6, 0)).all()


@pytest.fixture
def recorded() -> list[World]:
    return []


def test_every_ad_of_the_scenario_is_launched_at_a_fair_share(recorded: list[World]) -> None:
    play(Game("small", "cost_per_lead", 1, 10), watch=recorded.append)
    (world,) = recorded
    assert world.running == SMALL.ads
    for ad in range(SMALL.ads_at_start, SMALL.ads):
        first = int(np.argmax(world.budgets[:, ad] > 0))
        assert first >= world.truth.start[ad]
        assert world.budgets[first, ad] == round(100 * SMALL.fair_share)


@pytest.mark.parametrize("policy", ["uniform", "thompson_roas", "oracle"])
def test_equal_games_have_equal_results_and_other_seeds_others(policy: str) -> None:
    one, again, other = (play(Game("small", policy, seed, 8)) for seed in (1, 1, 2))
    assert np.array_equal(one.revenue, again.revenue)
    assert np.array_equal(one.share, again.share)
    assert not np.array_equal(one.revenue, other.revenue)


def test_runs_in_other_processes_are_the_same_runs() -> None:
    asked = games("uniform", "oracle", seeds=2, days=5)
    here = {one.game: one for one in play_all(asked, processes=1)}
    there = {one.game: one for one in play_all(asked, processes=2)}
    assert here.keys() == there.keys() == set(asked)
    assert all(np.array_equal(here[game].revenue, there[game].revenue) for game in asked)


def test_an_error_in_another_process_arrives_and_ends_the_rest() -> None:
    asked = [Game("small", "guess", 1, 2), *games("uniform", seeds=400, days=60)]
    with pytest.raises(ConfigurationError, match="'guess' is not known"):
        for _ in play_all(asked, processes=2):
            pass


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'guess' is not known; choose from uniform, .*, oracle"):
        policy_of("guess", run_world(1))


@pytest.mark.parametrize("name", SCENARIOS)
def test_in_every_world_the_oracle_earns_more_than_every_simple_rule(name: str) -> None:
    runs = list(play_all(games(*SIMPLE, "oracle", scenario=name, seeds=1, days=15), processes=1))
    assert max(earned(runs, rule) for rule in SIMPLE) < earned(runs, "oracle")


def test_each_trap_catches_the_rule_it_is_set_for() -> None:
    rules = ("uniform", "thompson_ctr", "cost_per_lead", "thompson_roas", "oracle")
    clicks = list(play_all(games(*rules, scenario="misleading_clicks", seeds=2, days=30), processes=1))
    junk = list(play_all(games(*rules, scenario="junk_leads", seeds=2, days=30), processes=1))
    assert earned(clicks, "thompson_ctr") < 0.7 * earned(clicks, "uniform")
    assert earned(clicks, "cost_per_lead") > earned(clicks, "uniform")
    assert earned(junk, "cost_per_lead") < earned(junk, "thompson_roas")


# --- what policies are handed ------------------------------------------------------------------------


@pytest.mark.parametrize("rule", SIMPLE)
def test_a_rule_shares_out_the_total_and_never_gives_less_than_nothing(rule: str) -> None:
    world = run_world()
    wish = SIMPLE[rule](world.see(30_000), rng("test"))
    assert wish.shape == (SMALL.ads_at_start,)
    assert wish.sum() == pytest.approx(300)
    assert (wish >= 0).all()


def test_a_request_says_what_was_seen() -> None:
    world = run_world()
    seen = world.see(30_000)
    request = Requests().request(seen, "funnel", 5)
    assert {name: request[name] for name in ("total_budget", "now_hour", "policy", "seed")} == {
        "total_budget": 300.0,
        "now_hour": 240,
        "policy": "funnel",
        "seed": 5,
    }
    assert request["stages"] == list(STAGES)
    assert request["stage_win_probability"] == pytest.approx([0.036, 0.12, 0.4, 1])
    states = request["ad_states"]
    assert [state["ad_id"] for state in states] == [f"ad-{ad}" for ad in range(SMALL.ads_at_start)]
    assert sum(len(state["deals"]) for state in states) == len(seen.deals.number) > 50
    for state in states:
        hourly = state["hourly"]
        assert {len(column) for column in hourly.values()} == {240}
        assert sum(hourly["clicks"]) == state["clicks"]
        assert sum(hourly["spend"]) == pytest.approx(state["spend"])
        assert state["current_budget"] == hourly["budget"][-1] == 60.0
        won = [deal["amount"] for deal in state["deals"] if deal["stage"] == len(STAGES) - 1]
        assert state["cash_revenue"] == pytest.approx(sum(won))
        assert state["pipeline_value"] >= state["cash_revenue"]


def test_a_later_request_is_the_one_that_a_fresh_start_would_make() -> None:
    world, patient = run_world(4), Requests()
    patient.request(world.see(30_000), "funnel", 0)
    world.run(np.full(SMALL.ads_at_start, 6_000), 24)
    seen = world.see(30_000)
    assert patient.request(seen, "funnel", 0) == Requests().request(seen, "funnel", 0)


def test_a_request_holds_an_ads_hours_since_it_began() -> None:
    world = run_world(2)
    world.run(np.full(SMALL.ads_at_start + 1, 5_000), 6)
    late = Requests().request(world.see(30_000), "funnel", 0)["ad_states"][-1]
    assert (late["age_hours"], late["hourly"]["hour"]) == (6, list(range(48, 54)))


@pytest.mark.parametrize("policy", OURS)
def test_a_decision_from_arrays_is_the_one_the_request_would_get(policy: PolicyName) -> None:
    """With ads whose order by name is not that of their numbers, one that has just begun, and weeks cut off."""
    busy = replace(SCENARIOS["service"], ads_at_start=12, arrivals=1)
    world = World(busy, 1, 40)
    for step in range(32 * 4):
        world.run(np.full(12 + (step > 120), 9_000), 6)
    seen, seed = world.see(12 * 9_000), int(rng("same").integers(2**31))
    answer = select(Requests().request(seen, policy, seed))
    budgets = {line.ad_id: line.recommended_budget for line in answer.recommendations}
    wish = policy_of(policy, world)(seen, rng("same"))
    assert wish.tolist() == [budgets[f"ad-{ad}"] for ad in range(seen.ads)]


# --- comparing ---------------------------------------------------------------------------------------


def made_up(policy: str, seed: int, revenue: float) -> Played:
    """A run of one day and two ads."""
    half = np.array([[revenue / 2, revenue / 2]])
    share, worth = np.array([[0.25, 0.75]]), np.array([1.0, 2.0])
    game = Game("small", policy, seed, 1)
    return Played(game, half, np.array([[5.0, 5.0]]), share, worth, seconds=0.1, decisions=4, outside=0)


def test_policies_are_compared_seed_by_seed() -> None:
    revenues = {"oracle": (100, 1000, 200), "cost_per_lead": (80, 810, 158), "uniform": (50, 400, 120)}
    revenues["funnel"] = (85, 870, 168)
    runs = [made_up(policy, seed, amount) for policy, row in revenues.items() for seed, amount in enumerate(row)]
    lines = {line.policy: line for line in compared(runs)}
    assert list(lines) == ["oracle", "funnel", "cost_per_lead", "uniform"]
    funnel = lines["funnel"]
    assert funnel.of_oracle.mean == pytest.approx(256 / 3)
    assert funnel.against == "cost_per_lead"
    assert funnel.gain is not None
    assert (funnel.gain.mean, funnel.gain.half) == pytest.approx((16 / 3, 4.3026527 / 3))
    assert lines["cost_per_lead"].gain is None
    assert (funnel.regret, funnel.milliseconds) == (pytest.approx(177 / 3), pytest.approx(25))


def test_an_interval_is_students() -> None:
    assert interval(np.array([1.0, 2.0, 3.0])) == Interval(2.0, pytest.approx(4.3026527 / 3**0.5))
    assert interval(np.array([7.0])) == Interval(7.0, None)


def test_runs_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uniform played seeds \[1\], the oracle \[0\]"):
        compared([made_up("oracle", 0, 1.0), made_up("uniform", 1, 1.0)])


# --- the picture -------------------------------------------------------------------------------------


def test_the_picture_has_a_row_a_scenario_and_every_policy_in_its_colour() -> None:
    runs = {
        name: list(play_all(games("uniform", "oracle", scenario=name, seeds=1, days=4), 1))
        for name in ("small", "large")
    }
    lines = {name: compared(played) for name, played in runs.items()}
    picture, single = draw(runs, lines, seeds=1), draw({"small": runs["small"]}, lines, seeds=1)
    assert picture.height > single.height
    assert picture.width == single.width
    grey = np.abs(np.asarray(single.convert("RGB"), dtype=int) - (130, 138, 148)).max(axis=2) < 12
    assert grey.sum() > 200  # the line of `uniform`


def test_axes_have_about_four_round_values_and_short_names() -> None:
    assert round_values(1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_values(870_000)[:3] == [0, 200_000, 400_000]
    assert [short(value) for value in (0, 250, 2_500, 1e6, 2.5e9)] == ["0", "250", "2.5k", "1m", "2.5bn"]


def test_every_policy_has_a_name_that_the_command_offers_and_every_world_a_sentence() -> None:
    assert len(set(POLICIES)) == 9
    assert all(scenario.says.endswith(".") and scenario.name == name for name, scenario in SCENARIOS.items())
    assert {name for name, scenario in SCENARIOS.items() if scenario.held_out} == {"heavy_tails", "flat_response"}
    assert replace(SMALL, name="x").ads == 8
