"""Which moves are made, why the others are not, and what becomes of plans that cannot be met."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget.allocate import allocate
from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.gate import gate
from flywheel_assets.budget.types import AdState, Allocation, Target, Window
from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.ids import rng
from flywheel_assets.settings import Budget

HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
RULES = Budget()
FLOOR, CEILING = 2000, 30_000


def account(**more: Any) -> Account:
    values: dict[str, Any] = {
        "account_id": "act_1",
        "name": "n",
        "currency": "USD",
        "time_zone": "America/New_York",
        "page_id": "1",
        "targeting": {"geo_locations": {"countries": ["US"]}},
        "daily_plan": "500.00",
        "ad_set_floor": "20.00",
        "ad_set_ceiling": "300.00",
        "new_creative_share": 0.2,
    }
    return Account(**(values | more))


def state(ad_id: str, *, budget: int = 10_000, rate: float = 0.01, shown: int = 60_000, **more: Any) -> AdState:
    age = more.pop("age_hours", 100.0)
    delivery = Window(
        age_hours=50, impressions=shown, clicks=int(shown * rate), leads=int(shown * rate / 5), spend=shown // 2
    )
    values: dict[str, Any] = {
        "ad_id": ad_id,
        "object_ref": f"c_1/v{ad_id}/adset",
        "currency": "USD",
        "active": True,
        "age_hours": age,
        "current_budget": budget,
        "allowed": (-(-budget * 8 // 10), budget * 12 // 10),
        "floor": FLOOR,
        "ceiling": CEILING,
        "windows": (delivery,),
        "deals": 0,
        "pipeline": 0,
        "cash": 0,
        "insights_at": HOUR,
        "blocked": None,
    }
    return AdState(**(values | more))


def target(budget: float, above: float) -> Target:
    return Target(ad_id="1", budget=budget, above=above, below=1 - above, metrics={})


def decide(*states: AdState, **more: Any) -> Allocation:
    return allocate(states, account(**more), RULES, HOUR, rng("test"))


# --- the gate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "above", "age", "direction", "rule"),
    [
        (15_000, 0.70, 100, "up", None),
        (15_000, 0.69, 100, "hold", "confidence"),
        (5000, 0.30, 100, "down", None),
        (5000, 0.31, 100, "hold", "confidence"),
        (5000, 0.01, 47.9, "stay", "ignorance"),
        (5000, 0.01, 48, "down", None),
        (15_000, 0.99, 1, "up", None),  # too early to cut is not too early to raise
        (10_100, 0.99, 100, "hold", "min_change"),
        (10_200, 0.99, 100, "up", None),
    ],
)
def test_a_move_needs_confidence_size_and_for_a_cut_age(
    budget: float, above: float, age: float, direction: str, rule: str | None
) -> None:
    found = gate(state("1", age_hours=age), target(budget, above), RULES, 10_000)
    assert (found.direction, found.rule) == (direction, rule)


def test_an_old_ad_that_spent_little_is_not_cut_either() -> None:
    found = gate(state("1", shown=19_998), target(3000, 0.0), RULES, 10_000)
    assert (found.direction, found.rule) == ("stay", "ignorance")
    assert "spent less than 100 USD" in found.reason


# --- the allocation -----------------------------------------------------------------------------------


def test_money_moves_from_the_worse_to_the_better_within_a_fifth_and_the_sum_stays() -> None:
    found = decide(*(state(str(i), rate=0.006 + 0.003 * i) for i in range(4)))
    moves = {line.ad_id: line.recommended_budget - line.current_budget for line in found.recommendations}
    assert found.planned == found.wanted == 40_000
    assert moves["3"] == 2000
    assert moves["0"] < 0
    assert sum(moves.values()) == 0
    best = found.recommendations[3]
    assert best.binding == "velocity"
    assert best.confidence is not None
    assert best.confidence > 0.9
    assert best.reason.startswith("Raised 20.0 %: ")
    assert "60,000 impressions" in best.reason


def test_after_a_launch_budgets_grow_toward_the_plan_by_the_velocity_rule() -> None:
    found = decide(*(state(str(i), budget=5000, shown=0, age_hours=1.0) for i in range(4)))
    assert [line.recommended_budget for line in found.recommendations] == [6000] * 4
    assert (found.wanted, found.planned) == (40_000, 24_000)
    assert "160.00 USD cannot be placed now" in found.summary
    assert "the plan has money to place" in found.recommendations[0].reason


def test_a_young_ad_known_to_be_worse_is_neither_cut_nor_raised_with_the_plan() -> None:
    young = [state(str(i), budget=8000, rate=0.004 + 0.008 * (i > 0), age_hours=5.0) for i in range(4)]
    found = decide(*young)
    assert found.recommendations[0].recommended_budget == 8000
    assert found.recommendations[0].binding == "ignorance"
    assert all(line.recommended_budget == 9600 for line in found.recommendations[1:])


def test_a_smaller_plan_lowers_all_even_those_too_young_to_be_cut() -> None:
    found = decide(*(state(str(i), age_hours=5.0) for i in range(4)), daily_plan="450.00")
    assert found.planned == 36_000
    assert all(line.recommended_budget < line.current_budget for line in found.recommendations)
    assert "smaller than their budgets" in found.recommendations[0].reason


def test_moves_too_small_for_an_action_are_not_made_and_the_rest_is_reported() -> None:
    found = decide(*(state(str(i)) for i in range(4)), daily_plan="505.00")
    assert all(line.recommended_budget == 10_000 for line in found.recommendations)
    assert (found.wanted, found.planned) == (40_400, 40_000)
    assert "4.00 USD cannot be placed now" in found.summary


def test_blocked_ads_keep_their_budgets_which_count_and_paused_ones_do_not() -> None:
    found = decide(
        state("1", blocked="stale_insights: nothing reported for 5 h"),
        state("2", active=False, blocked="not_active: its campaign is paused"),
        state("3", budget=20_000),
        state("4", budget=20_000),
    )
    assert [line.ad_id for line in found.recommendations] == ["1", "3", "4"]
    first = found.recommendations[0]
    assert (first.recommended_budget, first.confidence, first.binding) == (10_000, None, "stale_insights")
    assert first.reason == "Unchanged: nothing reported for 5 h."
    assert found.planned == 42_000  # 30,000 wanted of the other two, 32,000 is what they can fall to
    assert "2 of 4 ads blocked" in found.summary
    assert "20.00 USD more than the plan" in found.summary


def test_no_ads_and_only_blocked_ads_are_told_apart() -> None:
    nothing = decide()
    assert (nothing.decided, nothing.planned, nothing.recommendations) == (False, 0, ())
    assert "no ads yet" in nothing.summary
    held = decide(state("1", blocked="no_age: unknown", age_hours=None), state("2", blocked="stale_insights: 9 h"))
    assert (held.decided, held.planned) == (False, 20_000)
    assert "all 2 ads are blocked; the first: no_age: unknown" in held.summary


def test_a_blocked_ad_without_a_known_budget_has_no_line() -> None:
    found = decide(state("1"), state("2", current_budget=None, allowed=None, blocked="no_budget: not known"))
    assert [line.ad_id for line in found.recommendations] == ["1"]


def test_one_ad_follows_the_plan() -> None:
    found = decide(state("1"))
    assert found.recommendations[0].recommended_budget == 12_000
    assert found.decided


@pytest.mark.parametrize("plan", ["0.00", "10.00"])
def test_a_plan_below_the_floors_goes_as_low_as_it_may_and_says_so(plan: str) -> None:
    found = decide(state("1", budget=2100), state("2", budget=10_000), daily_plan=plan)
    assert [line.recommended_budget for line in found.recommendations] == [2000, 8000]
    assert "more than the plan: floors, the velocity rule" in found.summary


def test_a_budget_above_the_ceiling_comes_down_to_it() -> None:
    found = decide(state("1", budget=31_000), daily_plan="5000.00")
    line = found.recommendations[0]
    assert (line.recommended_budget, line.binding) == (30_000, None)
    assert "outside what is allowed" in line.reason


AD = st.builds(
    lambda budget, rate, shown, age, blocked: {
        "budget": budget,
        "rate": rate,
        "shown": shown,
        "age_hours": age,
        "blocked": "stale_insights: 5 h" if blocked else None,
    },
    st.integers(FLOOR, CEILING),
    st.floats(0, 0.2),
    st.integers(0, 10**9),
    st.floats(0, 500),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(AD, max_size=12), st.integers(0, 10**6))
def test_every_allocation_keeps_velocity_bounds_and_its_own_sum(ads: list[dict[str, Any]], plan: int) -> None:
    states = [state(f"{index:02d}", **ad) for index, ad in enumerate(ads)]
    found = decide(*states, daily_plan=str(plan))
    assert found.planned == sum(line.recommended_budget for line in found.recommendations)
    assert len(found.recommendations) == len(states)
    for one, line in zip(states, found.recommendations, strict=True):
        low, high = one.interval
        assert line.recommended_budget == one.budget if one.blocked else low <= line.recommended_budget <= high
        moved = abs(line.recommended_budget - one.budget)
        assert moved == 0 or moved * 100 >= RULES.min_change_percent * one.budget
        assert line.reason.endswith(".")
    free = [one for one in states if one.blocked is None]
    pinned = found.planned - sum(found.recommendations[states.index(one)].recommended_budget for one in free)
    if sum(one.budget for one in free) + pinned <= found.wanted:
        assert found.planned <= found.wanted  # what fits the plan is never pushed beyond it


# --- the changes --------------------------------------------------------------------------------------


def test_changes_are_the_real_moves_cuts_first_with_a_key_an_hour_and_an_end() -> None:
    where = account()
    found = decide(*(state(str(i), rate=0.006 + 0.003 * i) for i in range(4)))
    changes = changes_of(found, where, HOUR)
    moved = {line.object_ref: line for line in found.recommendations if line.recommended_budget != line.current_budget}
    assert {change.object_ref for change in changes} == set(moved)
    signs = [moved[c.object_ref].change_percent > 0 for c in changes]
    assert signs == sorted(signs)
    first = changes[0]
    assert first.campaign_ref == "c_1/campaign"
    assert first.idempotency_key == "budget:act_1:2026-11-02T08Z:c_1/v0/adset"
    assert first.expires_at == HOUR + timedelta(hours=2)
    assert isinstance(first.spec, SetBudget)
    assert first.spec.daily_budget == moved["c_1/v0/adset"].recommended_budget
    assert first.reasoning == moved["c_1/v0/adset"].reason


def test_an_allocation_of_another_hour_account_or_currency_is_refused() -> None:
    found = decide(state("1"))
    for where, hour in (
        (account(), HOUR + timedelta(hours=1)),
        (account(account_id="act_2"), HOUR),
        (account(currency="EUR"), HOUR),
    ):
        with pytest.raises(ChangeRefused, match="other_allocation"):
            changes_of(found, where, hour)
