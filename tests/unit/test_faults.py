"""The last look at an allocation: every broken rule is told, and an allocation that breaks none is let through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flywheel_assets.budget.allocate import allocate
from flywheel_assets.budget.faults import faults
from flywheel_assets.budget.types import AdState, Allocation, Recommendation, Window
from flywheel_assets.core.account import Account
from flywheel_assets.core.ids import rng
from flywheel_assets.settings import Budget

HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)


def ad(ad_id: str, *, budget: int | None = 10_000, **more: Any) -> AdState:
    values: dict[str, Any] = {
        "ad_id": ad_id,
        "object_ref": f"c_1/v{ad_id}/adset",
        "currency": "USD",
        "active": True,
        "age_hours": 100.0,
        "current_budget": budget,
        "allowed": (8000, 12_000),
        "floor": 2000,
        "ceiling": 30_000,
        "windows": (),
        "deals": 0,
        "pipeline": 0,
        "cash": 0,
        "insights_at": HOUR,
        "blocked": None,
    }
    return AdState(**(values | more))


def line(ad_id: str, budget: int, current: int = 10_000) -> Recommendation:
    return Recommendation(
        ad_id=ad_id,
        object_ref=f"c_1/v{ad_id}/adset",
        current_budget=current,
        recommended_budget=budget,
        change_percent=100 * (budget / current - 1),
        confidence=0.9,
        reason="because the test says so",
        binding=None,
        metrics={},
    )


def allocation(*lines: Recommendation, wanted: int = 20_000) -> Allocation:
    return Allocation(
        account_id="act_1",
        hour=HOUR,
        policy="test",
        wanted=wanted,
        planned=sum(one.recommended_budget for one in lines),
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
        (9000, 9000, 1),  # a plan far below what runs is reached step by step
        (10_000, 10_000, 1),
        (12_000, 12_000, 24_000),
    ],
)
def test_budgets_within_every_rule_have_no_fault(first: int, second: int, wanted: int) -> None:
    assert faults(allocation(line("1", first), line("2", second), wanted=wanted), [ad("1"), ad("2")]) == []


def test_nothing_that_runs_and_no_line_is_no_fault() -> None:
    assert faults(allocation(wanted=0), []) == []
    assert faults(allocation(wanted=0), [ad("1", active=False, blocked="not_active: the ad is paused")]) == []


def test_a_running_ad_without_a_line_is_named() -> None:
    assert faults(allocation(line("1", 10_000)), [ad("1"), ad("2")]) == ["2: runs without a line"]


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
    found = faults(allocation(line("1", 10_000), line("2", 10_000)), states)
    assert found[0] == "2: has a line but does not run"
    assert found[1:] == []


@pytest.mark.parametrize(
    ("budget", "more", "said"),
    [
        (7999, {}, "1: 7999 is outside 8000 to 12000"),
        (12_001, {}, "1: 12001 is outside 8000 to 12000"),
        (8500, {"floor": 9000}, "1: 8500 is outside 9000 to 12000"),
        (11_500, {"ceiling": 11_000}, "1: 11500 is outside 8000 to 11000"),
        (10_001, {"allowed": (12_000, 8000), "blocked": "velocity: too much"}, "1: 10001 is outside 0 to -1"),
        (9000, {"blocked": "stale_insights: 5 h"}, "1: 9000 is outside 0 to -1"),
        (0, {"blocked": "no_age: unknown", "age_hours": None}, "1: 0 is outside 0 to -1"),
    ],
)
def test_a_move_beyond_the_ads_own_limits_is_told_with_them(budget: int, more: dict[str, Any], said: str) -> None:
    assert faults(allocation(line("1", budget)), [ad("1", **more)]) == [said]


@pytest.mark.parametrize(
    "more",
    [
        {"blocked": "stale_insights: 5 h"},
        {"blocked": "velocity: too much", "allowed": (12_000, 8000)},
        {"ceiling": 9000},
        {"floor": 11_000},
    ],
)
def test_an_ad_that_stays_as_it_is_breaks_no_rule(more: dict[str, Any]) -> None:
    assert faults(allocation(line("1", 10_000)), [ad("1", **more)]) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (21_999, ["22000 a day in all, more than the plan's 21999 and the running 20000"]),
        (0, ["22000 a day in all, more than the plan's 0 and the running 20000"]),
        (22_000, []),
    ],
)
def test_a_total_beyond_both_the_plan_and_what_runs_is_told(wanted: int, said: list[str]) -> None:
    lines = (line("1", 11_000), line("2", 11_000))
    assert faults(allocation(*lines, wanted=wanted), [ad("1"), ad("2")]) == said


def test_every_fault_is_told_and_not_only_the_first() -> None:
    found = faults(allocation(line("1", 20_000), line("3", 5000)), [ad("1"), ad("2")])
    assert found == [
        "2: runs without a line",
        "1: 20000 is outside 8000 to 12000",
        "3: has a line but does not run",
        "25000 a day in all, more than the plan's 20000 and the running 20000",
    ]


@pytest.mark.parametrize("daily_plan", ["90.00", "300.00", "900.00"])
def test_what_the_allocator_decides_is_without_fault(daily_plan: str) -> None:
    account = Account(
        account_id="act_1",
        name="n",
        mode="auto",
        currency="USD",
        time_zone="America/New_York",
        page_id="1",
        targeting={"geo_locations": {"countries": ["US"]}},
        daily_plan=daily_plan,
        ad_set_floor="20.00",
        ad_set_ceiling="300.00",
        new_creative_share=0.4,
    )
    seen = [
        Window(age_hours=50, impressions=60_000, clicks=300 * number, leads=60 * number, spend=30_000)
        for number in range(1, 4)
    ]
    states = [ad(str(number), windows=(window,)) for number, window in enumerate(seen)]
    states.append(ad("8", blocked="stale_insights: 5 h"))
    states.append(ad("9", active=False, blocked="not_active: the ad is paused"))
    assert faults(allocate(states, account, Budget(), HOUR, rng("faults")), states) == []
