"""Whose budget it is, and between which bounds: of one object, of a campaign that shares its budget out, of nobody."""

from __future__ import annotations

import pytest

from flywheel_assets.core.account import Bounds
from tests.executor_bench import Bench, remote


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def shared(bench: Bench, budget: int, adsets: int) -> str:
    """A campaign that owns the budget of its ad sets."""
    for number in range(adsets):
        ref = bench.adset(f"s{number}")
        del bench.platform.objects[remote(ref)]["daily_budget"]
    bench.sql("update ad_objects set daily_budget = case when kind = 'campaign' then :budget end", budget=budget)
    bench.platform.put(remote("c1/campaign"), daily_budget=budget)
    return "c1/campaign"


# --- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "asked", "set_to"),
    [
        (Bounds(ceiling="52.00"), 6000, 5200),
        (Bounds(floor="48.00"), 4000, 4800),
        (Bounds(floor="48.00"), 6000, 6000),  # its ceiling is still everybody's
        (Bounds(floor="60.00", ceiling="70.00"), 4000, 6000),
    ],
    ids=["ceiling", "floor", "one side only", "stepped up to its floor"],
)
def test_an_objects_own_bounds_hold_instead_of_the_accounts(
    bench: Bench, ref: str, bounds: Bounds, asked: int, set_to: int
) -> None:
    bench.configure(bounds={ref: bounds.model_dump()})
    other = bench.adset("b")
    bench.ask(bench.budget(ref, asked), fuzz=0)
    bench.ask(bench.budget(other, asked), fuzz=0)
    assert (bench.shown_budget(ref), bench.shown_budget(other)) == (set_to, asked)


@pytest.mark.parametrize(("asked", "set_to"), [(99_999, 36_000), (1, 29_600)])
def test_a_campaigns_budget_may_be_as_many_times_an_ad_sets_as_it_has_ad_sets(
    bench: Bench, asked: int, set_to: int
) -> None:
    campaign = shared(bench, 35_000 if asked > 1 else 37_000, adsets=3)  # 3 x 12000 is the ceiling
    assert bench.ask(bench.budget(campaign, asked), fuzz=0).outcome == "applied"
    assert bench.shown_budget(campaign) == set_to


def test_a_campaigns_floor_is_shared_out_too(bench: Bench) -> None:
    campaign = shared(bench, 3100, adsets=3)
    bench.ask(bench.budget(campaign, 1), fuzz=0)
    assert bench.shown_budget(campaign) == 3000


def test_a_campaigns_own_bounds_are_of_the_whole_budget(bench: Bench) -> None:
    campaign = shared(bench, 20_000, adsets=3)
    bench.configure(bounds={campaign: {"ceiling": "210.00"}})
    bench.ask(bench.budget(campaign, 30_000), fuzz=0)
    assert bench.shown_budget(campaign) == 21_000


def test_an_ad_set_that_is_only_planned_has_no_share(bench: Bench) -> None:
    campaign = shared(bench, 23_000, adsets=3)
    bench.sql("update ad_objects set remote_id = null where ref = 'c1/s0/adset'")
    bench.ask(bench.budget(campaign, 30_000), fuzz=0)
    assert bench.shown_budget(campaign) == 24_000


def test_a_campaigns_budget_counts_under_the_daily_cap(bench: Bench) -> None:
    shared(bench, 20_000, adsets=2)
    other = bench.adset("a", campaign="c2")
    bench.configure(daily_cap="255.00")
    bench.ask(bench.budget(other, 6000), fuzz=0)
    assert bench.shown_budget(other) == 5500


# --- owners ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["daily_budget", "lifetime_budget"])
def test_an_ad_set_under_a_campaign_budget_refuses_and_names_the_campaign(bench: Bench, ref: str, kind: str) -> None:
    del bench.platform.objects[remote(ref)]["daily_budget"]
    bench.platform.put(remote("c1/campaign"), **{kind: 9000})
    step = bench.ask(bench.budget(ref, 5500))
    assert (step.outcome, bench.platform.journal, bench.history) == ("rejected", [], [])
    assert step.reason == (
        f"{ref}: no_budget: its campaign c1/campaign owns the budget; ask for a change of the campaign's"
    )


def test_a_lifetime_budget_refuses(bench: Bench, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=0, lifetime_budget=90_000)  # the platform shows 0, not nothing
    step = bench.ask(bench.budget(ref, 5500))
    assert (step.outcome, bench.platform.journal) == ("rejected", [])
    assert "no_budget: it has a lifetime budget, which is not paced by the hour" in step.reason


@pytest.mark.parametrize("target", ["ad set", "campaign"])
def test_without_any_budget_there_is_none_to_guess(bench: Bench, ref: str, target: str) -> None:
    del bench.platform.objects[remote(ref)]["daily_budget"]
    step = bench.ask(bench.budget(ref if target == "ad set" else "c1/campaign", 5500))
    assert (step.outcome, bench.platform.journal) == ("rejected", [])
    assert "no_budget: neither it nor its campaign owns a daily budget at the platform" in step.reason


def test_a_budget_that_is_no_number_is_not_worked_with(bench: Bench, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget="50.00")
    step = bench.ask(bench.budget(ref, 5500))
    assert (step.outcome, bench.platform.journal) == ("dead", [])
    assert "the platform shows a budget of '50.00', which is no count of minor units" in step.reason
