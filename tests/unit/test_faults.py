"""The last look at an allocation: every broken rule is told, and an allocation that breaks none is let through."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.budget.faults import faults
from flywheel_assets.budget.types import AdState, Allocation, Recommendation
from flywheel_assets.core.account import Pool
from tests.unit.hour_world import HOUR, account, decide, state

ACCOUNT = account()


def ad(ad_id: str, *, budget: int | None = 10_000, **more: Any) -> AdState:
    values: dict[str, Any] = {
        "ad_id": ad_id,
        "ad_ref": f"c_1/v{ad_id}/ad",
        "object_ref": f"c_1/v{ad_id}/adset",
        "currency": "USD",
        "active": True,
        "age_hours": 100.0,
        "current_budget": budget,
        "allowed": (8000, 12_000),
        "floor": 2000,
        "ceiling": 30_000,
        "blocked": None,
    }
    return AdState(**(values | more))


def line(ad_id: str, budget: int, current: int = 10_000) -> Recommendation:
    return Recommendation(
        ad_id=ad_id,
        ads=(ad_id,),
        object_ref=f"c_1/v{ad_id}/adset",
        current_budget=current,
        recommended_budget=budget,
        change_percent=100 * (budget / current - 1),
        confidence=0.9,
        reason="because the test says so",
        binding=None,
        worth_an_action=budget != current,
        metrics={},
    )


def allocation(*lines: Recommendation, wanted: int | None = None) -> Allocation:
    """By default the plan wants what the lines sum to."""
    total = sum(one.recommended_budget for one in lines)
    return Allocation(
        account_id="act_1",
        hour=HOUR,
        policy="test",
        wanted=total if wanted is None else wanted,
        planned=total,
        currency="USD",
        summary="",
        decided=True,
        recommendations=lines,
    )


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (10_000, 10_000, 20_000),
        (8000, 12_000, 20_000),  # both ends of the interval
        (8000, 8000, 16_000),
        (8000, 8000, 1),  # a plan far below what runs is reached step by step
        (12_000, 12_000, 24_000),
        (12_000, 12_000, 90_000),
    ],
)
def test_budgets_within_every_rule_have_no_fault(first: int, second: int, wanted: int) -> None:
    assert faults(allocation(line("1", first), line("2", second), wanted=wanted), [ad("1"), ad("2")], ACCOUNT) == []


def test_nothing_that_runs_and_no_line_is_no_fault() -> None:
    assert faults(allocation(wanted=0), [], ACCOUNT) == []
    assert faults(allocation(wanted=0), [ad("1", active=False, blocked="not_active: the ad is paused")], ACCOUNT) == []


def test_a_running_ad_without_a_line_is_named() -> None:
    assert faults(allocation(line("1", 10_000)), [ad("1"), ad("2")], ACCOUNT) == ["2: runs without a line"]


@pytest.mark.parametrize(
    "states",
    [
        [ad("1")],
        [ad("1"), ad("2", active=False, blocked="not_active: the ad is paused")],
        [ad("1"), ad("2", budget=None, blocked="no_budget: not known")],
    ],
    ids=["unknown", "paused", "without a budget"],
)
def test_a_line_of_an_ad_that_does_not_run_is_named(states: list[AdState]) -> None:
    found = faults(allocation(line("1", 10_000), line("2", 10_000)), states, ACCOUNT)
    assert found[0] == "2: has a line but does not run"
    assert found[1:] == []


@pytest.mark.parametrize(
    ("budget", "more", "said"),
    [
        (7999, {}, "1: 7999 is outside 8000 to 12000"),
        (12_001, {}, "1: 12001 is outside 8000 to 12000"),
        (8500, {"floor": 9000}, "1: 8500 is outside 9000 to 12000"),
        (11_500, {"ceiling": 11_000}, "1: 11500 is outside 8000 to 11000"),
        (10_001, {"allowed": (12_000, 8000), "blocked": "velocity: too much"}, "1: 10001 is outside 10000 to 10000"),
        (9000, {"blocked": "stale_insights: 5 h"}, "1: 9000 is outside 10000 to 10000"),
        (10_500, {"held": "opt_out: the account file"}, "1: 10500 is outside 10000 to 10000"),
        (0, {"blocked": "no_age: unknown", "age_hours": None}, "1: 0 is outside 10000 to 10000"),
    ],
)
def test_a_move_beyond_the_ads_own_limits_is_told_with_them(budget: int, more: dict[str, Any], said: str) -> None:
    assert faults(allocation(line("1", budget)), [ad("1", **more)], ACCOUNT) == [said]


@pytest.mark.parametrize(
    "more",
    [
        {"blocked": "stale_insights: 5 h"},
        {"blocked": "velocity: too much", "allowed": (12_000, 8000)},
        {"held": "cooldown: changed an hour ago"},
        {"ceiling": 10_000},
    ],
)
def test_an_ad_that_stays_as_it_is_breaks_no_rule(more: dict[str, Any]) -> None:
    assert faults(allocation(line("1", 10_000)), [ad("1", **more)], ACCOUNT) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (21_999, ["22000 a day in all, more than the plan's 21999 and the running 20000"]),
        (22_000, []),
    ],
)
def test_a_total_beyond_both_the_plan_and_what_runs_is_told(wanted: int, said: list[str]) -> None:
    lines = (line("1", 11_000), line("2", 11_000))
    assert faults(allocation(*lines, wanted=wanted), [ad("1"), ad("2")], ACCOUNT)[:1] == said


@pytest.mark.parametrize(
    ("first", "second", "wanted", "room"),
    [
        (11_000, 10_000, 23_000, 2000),
        (12_000, 11_999, 50_000, 1),
        (9000, 8000, 10_000, 1000),
        (10_000, 9999, 20_000, 1),
    ],
)
def test_a_plan_that_could_be_met_better_is_told_with_what_is_left(
    first: int, second: int, wanted: int, room: int
) -> None:
    found = faults(allocation(line("1", first), line("2", second), wanted=wanted), [ad("1"), ad("2")], ACCOUNT)
    assert found == [f"{first + second} of the plan's {wanted} a day, although {room} more of it could be met"]


def test_what_a_pool_or_a_person_keeps_back_is_not_missing() -> None:
    asked = allocation(line("1", 12_000), line("2", 10_000), wanted=30_000)
    states = [ad("1"), ad("2", held="opt_out: the account file's opt_outs name 2")]
    assert faults(asked, states, ACCOUNT) == []
    pooled = account(pools=(Pool(name="few", objects=("2",), at_most=1 / 3),))
    assert faults(asked, [ad("1"), ad("2")], pooled) == []
    assert faults(asked, [ad("1"), ad("2")], ACCOUNT) != []


def test_ads_that_share_a_budget_have_one_line_together_and_no_second() -> None:
    shared = {"object_ref": "c_1/campaign"}
    both = line("1", 10_000).model_copy(update={"ads": ("1", "2")})
    states = [ad("1", **shared), ad("2", **shared)]
    assert faults(allocation(both), states, ACCOUNT) == []
    assert faults(allocation(both, line("2", 10_000)), states, ACCOUNT) == ["2: is in more than one line"]


def test_a_sum_that_is_not_what_is_said_is_told() -> None:
    wrong = allocation(line("1", 10_000)).model_copy(update={"planned": 9000})
    assert faults(wrong, [ad("1")], ACCOUNT) == ["10000 a day in all, but 9000 are said to be planned"]


def test_every_fault_is_told_and_not_only_the_first() -> None:
    found = faults(allocation(line("1", 20_000), line("3", 5000), wanted=20_000), [ad("1"), ad("2")], ACCOUNT)
    assert found[:4] == [
        "2: runs without a line",
        "1: 20000 is outside 8000 to 12000",
        "3: has a line but does not run",
        "25000 a day in all, more than the plan's 20000 and the running 20000",
    ]


@pytest.mark.parametrize("daily_plan", ["90.00", "300.00", "900.00"])
def test_what_the_allocator_decides_is_without_fault(daily_plan: str) -> None:
    states = [state(str(number), rate=0.005 * number) for number in range(1, 4)]
    states.append(state("8", blocked="stale_insights: 5 h"))
    states.append(state("9", active=False, blocked="not_active: the ad is paused"))
    assert faults(decide(*states, daily_plan=daily_plan), states, account(daily_plan=daily_plan)) == []
