"""The hour's decision: which moves are made, why the others are not, and what becomes of plans that cannot be met."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flywheel_assets.budget.allocating import policy_of
from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.faults import faults
from flywheel_assets.budget.posterior_picture import posterior_png
from flywheel_assets.budget.types import Allocation, Hours, Recommendation
from flywheel_assets.core.account import Account, Pool
from flywheel_assets.core.changes import SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.settings import Budget, Settings
from tests.unit.hour_world import CEILING, FLOOR, HOUR, HUBSPOT, account, deal, decide, state

RULES = Budget()
POLICIES = ("blended_literal", "blended", "funnel")


def line(found: Allocation, ad_id: str) -> Recommendation:
    return next(one for one in found.recommendations if one.ad_id == ad_id)


def four(**more: Any) -> list[Any]:
    """Four ads of 100 a day, the last the best."""
    return [state(str(index), rate=0.006 + 0.003 * index, **more) for index in range(4)]


def fresh(ad_id: str, budget: int = 5000) -> Any:
    return state(ad_id, budget=budget, age=1.0, hours=Hours())


# --- who decides --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "policy"),
    [
        ({}, "blended"),
        ({"hubspot": HUBSPOT}, "funnel"),
        ({"hubspot": HUBSPOT, "policy": "blended_literal"}, "blended_literal"),
        ({"policy": "funnel"}, "funnel"),
        ({"hubspot": {"portal_id": 1, "stages": {"a": {"win_probability": 0.1}, "b": {"win_probability": 0.2}}}}, "blended"),
    ],
)  # fmt: skip
def test_the_funnel_decides_where_stages_lead_to_a_sale_and_the_owner_where_he_says(
    more: dict[str, Any], policy: str
) -> None:
    assert policy_of(account(**more)) == policy
    assert decide(*four(), **more).policy == policy


def test_deals_decide_against_clicks_where_the_crm_shows_them() -> None:
    def ad(ad_id: str, sold: int, **more: Any) -> Any:
        deals = [deal(100 * int(ad_id) + index, "met", "offered", "won") for index in range(sold)]
        deals += [deal(100 * int(ad_id) + 50 + index, "met", "lost") for index in range(30 - sold)]
        return state(ad_id, age=300.0, deals=tuple(deals), **more)

    found = decide(ad("1", 25), ad("2", 2, rate=0.012), hubspot=HUBSPOT, daily_plan="250.00")
    assert line(found, "1").recommended_budget == 12_000
    best = line(found, "1")
    assert best.expected_gain is not None
    assert best.expected_loss is not None
    assert best.expected_gain > best.expected_loss >= 0
    assert "30 deals" in best.reason


# --- moves --------------------------------------------------------------------------------------------


def test_money_moves_from_the_worse_to_the_better_within_a_fifth_and_the_sum_stays() -> None:
    found = decide(*four())
    moves = {one.ad_id: one.recommended_budget - one.current_budget for one in found.recommendations}
    assert found.planned == found.wanted == 40_000
    assert moves["3"] == 2000
    assert moves["0"] == -2000
    assert sum(moves.values()) == 0
    best = line(found, "3")
    assert best.binding == "velocity"
    assert best.confidence is not None
    assert best.confidence > 0.9
    assert best.reason.startswith("Raised 20.0 %: ")
    assert "60,000 impressions" in best.reason


def test_after_a_launch_budgets_grow_toward_the_plan_by_the_velocity_rule() -> None:
    found = decide(*(fresh(str(index)) for index in range(4)))
    assert [one.recommended_budget for one in found.recommendations] == [6000] * 4
    assert {one.binding for one in found.recommendations} == {"velocity"}
    assert (found.wanted, found.planned) == (40_000, 24_000)
    assert "160.00 cannot be placed" in found.summary
    assert "the total as a whole asks for it" in found.recommendations[0].reason


def test_who_is_known_to_be_worse_is_raised_last() -> None:
    known = state("0", rate=0.001, budget=8000)
    others = [state(str(index), rate=0.012, budget=8000) for index in range(1, 4)]
    found = decide(known, *others, daily_plan="450.00")  # 360.00 of at most 384.00
    assert line(found, "0").recommended_budget == 36_000 - 3 * 9600
    assert all(line(found, str(index)).recommended_budget == 9600 for index in range(1, 4))


def test_a_smaller_plan_lowers_and_says_so() -> None:
    found = decide(*(state(str(index)) for index in range(4)), daily_plan="450.00")
    assert found.planned == 36_000
    assert all(one.recommended_budget < one.current_budget for one in found.recommendations)
    assert all("the total as a whole asks for it" in one.reason for one in found.recommendations)


def test_a_small_difference_to_the_plan_is_one_change_and_not_one_for_each() -> None:
    found = decide(*(state(str(index)) for index in range(4)), daily_plan="505.00")
    assert (found.wanted, found.planned) == (40_400, 40_400)
    assert sorted(one.recommended_budget for one in found.recommendations) == [10_000] * 3 + [10_400]
    assert len(changes_of(found, account(daily_plan="505.00"), HOUR)) == 1


def test_a_move_too_small_for_an_action_is_planned_but_not_sent() -> None:
    found = decide(*(state(str(index)) for index in range(4)), daily_plan="501.00")
    assert found.planned == 40_080
    (moved,) = [one for one in found.recommendations if one.recommended_budget != one.current_budget]
    assert not moved.worth_an_action
    assert "Too small a move to be sent by itself." in moved.reason
    assert changes_of(found, account(daily_plan="501.00"), HOUR) == ()


def test_the_winners_ceiling_does_not_freeze_the_others() -> None:
    """All the others look worse than it; among themselves they still differ."""
    best = state("9", rate=0.05, budget=CEILING)
    found = decide(best, *four(), daily_plan="875.00")
    assert line(found, "9").recommended_budget == CEILING
    assert line(found, "9").binding == "ceiling"
    assert "it is at its ceiling" in line(found, "9").reason
    assert line(found, "3").recommended_budget == 12_000
    assert line(found, "0").recommended_budget == 8000


def test_an_ad_at_its_floor_says_so() -> None:
    found = decide(state("9", rate=0.0005, budget=FLOOR), *four(), daily_plan="525.00")
    assert (line(found, "9").recommended_budget, line(found, "9").binding) == (FLOOR, "floor")
    assert "it is at its floor" in line(found, "9").reason
    assert found.planned == found.wanted


def test_nothing_that_changes_has_its_reason_too() -> None:
    found = decide(*(state(str(index)) for index in range(4)))
    assert [one.recommended_budget for one in found.recommendations] == [10_000] * 4
    assert {one.binding for one in found.recommendations} <= {"min_change", "confidence"}
    assert all(one.reason.startswith("Unchanged: ") for one in found.recommendations)


# --- young and hopeless -------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "killed"), [(100.0, True), (47.0, False)])
def test_an_ad_is_wound_down_only_outside_the_zone_of_ignorance(age: float, *, killed: bool) -> None:
    def seller(ad_id: str) -> Any:
        deals = tuple(deal(100 * int(ad_id) + index, "met", "offered", "won", days=6) for index in range(40))
        return state(ad_id, age=300.0, deals=deals)

    # Twice a hundred dollars spent, dear impressions, nobody clicked.
    count = int(age)
    seen = Hours(
        hour=state("1").hours.hour[-count:], impressions=(60,) * count, clicks=(0,) * count, leads=(0,) * count,
        spend=(500,) * count, budget=(10_000,) * count,
    )  # fmt: skip
    dud = state("5", age=age, hours=seen, spend=50_000)
    found = line(decide(seller("1"), seller("2"), seller("3"), dud, hubspot=HUBSPOT), "5")
    assert ("wound down" in found.reason) == killed
    assert (found.recommended_budget == 8000) if killed else (found.metrics["target"] > 0)


# --- people, cooldown, pools --------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["opt_out", "cooldown"])
def test_held_ads_stay_and_the_others_move_around_them(rule: str) -> None:
    ads = four()
    ads[0] = state("0", rate=0.006, held=f"{rule}: because")
    found = decide(*ads)
    held = line(found, "0")
    assert (held.recommended_budget, held.binding) == (10_000, rule)
    assert held.reason.startswith("Unchanged: ")
    assert found.planned == found.wanted
    assert line(found, "3").recommended_budget == 12_000
    assert line(found, "1").recommended_budget < 10_000


def test_a_large_ad_that_a_person_keeps_does_not_freeze_the_others() -> None:
    """Left to itself it would get a sixth of what it has; that money is not there for the others."""
    kept = state("9", rate=0.003, budget=30_000, held="opt_out: because")
    found = decide(kept, *four(), daily_plan="875.00")
    assert line(found, "9").recommended_budget == 30_000
    assert line(found, "3").recommended_budget == 12_000
    assert line(found, "0").recommended_budget == 8000


def test_a_pool_has_its_part_and_ranks_its_own_ads() -> None:
    pool = Pool(name="evergreen", objects=("c_1/v0/adset", "c_1/v1"), share=0.5)
    found = decide(*four(), pools=(pool,))
    amounts = {one.ad_id: one.recommended_budget for one in found.recommendations}
    assert amounts["0"] + amounts["1"] == 20_000
    assert amounts["2"] + amounts["3"] == 20_000
    assert amounts["1"] > 10_000 > amounts["0"]
    assert amounts["3"] > 10_000 > amounts["2"]


def test_a_pool_comes_to_its_part_as_fast_as_budgets_may_move() -> None:
    pool = Pool(name="new", objects=("c_1/v0", "c_1/v1"), at_least=0.7)
    found = decide(*four(), pools=(pool,))
    amounts = {one.ad_id: one.recommended_budget for one in found.recommendations}
    assert amounts == {"0": 12_000, "1": 12_000, "2": 8000, "3": 8000}


def test_a_name_that_means_no_ad_is_told() -> None:
    found = decide(*four(), opt_outs=("c_7/v01/adset",))
    assert "names c_7/v01/adset, which is no ad of the account" in found.summary


def test_ads_that_share_their_campaigns_budget_move_as_one() -> None:
    shared = {"object_ref": "c_1/campaign", "budget": 20_000, "floor": 2 * FLOOR, "ceiling": 2 * CEILING}
    found = decide(
        state("1", rate=0.015, **shared), state("2", rate=0.02, **shared), state("3", ad_ref="c_2/v3/ad", rate=0.004),
        daily_plan="375.00",
    )  # fmt: skip
    both, other = found.recommendations
    assert (both.ads, both.object_ref, both.recommended_budget) == (("1", "2"), "c_1/campaign", 22_000)
    assert (other.ads, other.recommended_budget) == (("3",), 8000)
    assert "120,000 impressions" in both.reason
    (change, _) = sorted(changes_of(found, account(daily_plan="375.00"), HOUR), key=lambda one: one.object_ref)
    assert (change.object_ref, change.campaign_ref) == ("c_1/campaign", "c_1/campaign")


def test_one_unknown_ad_makes_the_budget_it_shares_unknown() -> None:
    shared = {"object_ref": "c_1/campaign", "budget": 20_000}
    found = decide(state("1", **shared), state("2", blocked="stale_insights: 5 h", **shared), state("3"))
    assert line(found, "1").recommended_budget == 20_000
    assert line(found, "1").binding == "stale_insights"


# --- blocked, none, one, too little -------------------------------------------------------------------


def test_blocked_ads_keep_their_budgets_which_count_and_paused_ones_do_not() -> None:
    found = decide(
        state("1", blocked="stale_insights: nothing reported for 5 h"),
        state("2", active=False, blocked="not_active: its campaign is paused"),
        state("3", budget=20_000),
        state("4", budget=20_000),
    )
    assert [one.ad_id for one in found.recommendations] == ["1", "3", "4"]
    first = found.recommendations[0]
    assert (first.recommended_budget, first.confidence, first.binding) == (10_000, None, "stale_insights")
    assert first.reason == "Unchanged: nothing reported for 5 h."
    assert found.planned == 42_000  # 30,000 wanted of the other two, 32,000 is what they can fall to
    assert "2 of 4 ads blocked" in found.summary
    assert "20.00 more than the total stays" in found.summary


def test_no_ads_and_only_blocked_ads_are_told_apart() -> None:
    nothing = decide()
    assert (nothing.decided, nothing.planned, nothing.recommendations) == (False, 0, ())
    assert "no ads yet" in nothing.summary
    held = decide(state("1", blocked="no_age: unknown", age_hours=None), state("2", blocked="stale_insights: 9 h"))
    assert (held.decided, held.planned) == (False, 20_000)
    assert "all 2 ads are blocked; the first: no_age: unknown" in held.summary


def test_a_blocked_ad_without_a_known_budget_has_no_line() -> None:
    found = decide(state("1"), state("2", current_budget=None, allowed=None, blocked="no_budget: not known"))
    assert [one.ad_id for one in found.recommendations] == ["1"]


def test_one_ad_follows_the_plan() -> None:
    found = decide(state("1"))
    assert found.recommendations[0].recommended_budget == 12_000
    assert found.decided


@pytest.mark.parametrize("plan", ["0.00", "10.00"])
def test_a_plan_below_the_floors_goes_as_low_as_it_may_and_says_so(plan: str) -> None:
    found = decide(state("1", budget=2100), state("2", budget=10_000), daily_plan=plan)
    assert [one.recommended_budget for one in found.recommendations] == [2000, 8000]
    assert "more than the total stays, because floors" in found.summary


def test_a_budget_above_the_ceiling_comes_down_to_it() -> None:
    found = decide(state("1", budget=31_000), daily_plan="5000.00")
    one = found.recommendations[0]
    assert (one.recommended_budget, one.binding) == (30_000, "outside")
    assert "outside what is allowed" in one.reason


def test_a_billion_impressions_and_spend_without_any_are_handled() -> None:
    huge = Hours(
        hour=state("1").hours.hour[-2:], impressions=(5 * 10**8,) * 2, clicks=(10**7,) * 2, leads=(10**5,) * 2,
        spend=(10**9,) * 2, budget=(10_000,) * 2,
    )  # fmt: skip
    silent = huge.model_copy(update={"impressions": (0, 0), "clicks": (0, 0), "leads": (0, 0)})
    found = decide(state("1", hours=huge), state("2", hours=silent), state("3"))
    assert found.planned == 36_000


# --- whatever the account looks like ------------------------------------------------------------------


@st.composite
def accounts(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    ads = []
    for index in range(draw(st.integers(1, 7))):
        budget = draw(st.integers(FLOOR, CEILING))
        more: dict[str, Any] = {
            "blocked": draw(st.sampled_from((None, None, None, "stale_insights: 5 h"))),
            "held": draw(st.sampled_from((None, None, "opt_out: because", "cooldown: because"))),
            "floor": draw(st.sampled_from((FLOOR, min(budget, 5000)))),
            "ceiling": draw(st.sampled_from((CEILING, max(budget, 15_000)))),
        }
        # A change an hour ago has used up a part of what the velocity rule allows.
        used = draw(st.floats(0.85, 1.15))
        more["allowed"] = (-(-int(budget * max(used, 1.0)) * 8 // 10), int(budget * min(used, 1.0)) * 12 // 10)
        age, rate = float(draw(st.integers(0, 90))), draw(st.floats(0, 0.2))
        sold = draw(st.integers(0, 4))
        deals = tuple(deal(100 * index + number, "met", "offered", "won", days=9) for number in range(sold))
        ads.append(state(f"{index:02d}", budget=budget, rate=rate, age=age, deals=deals, **more))
    pools, parts = [], draw(st.lists(st.integers(0, 2), min_size=len(ads), max_size=len(ads)))
    for number in draw(st.sets(st.integers(1, 2))):
        names = tuple(f"c_1/v{index:02d}" for index, part in enumerate(parts) if part == number)
        ends = sorted(draw(st.tuples(st.floats(0, 0.5), st.floats(0, 1))))
        if names:
            pools.append(Pool(name=f"pool {number}", objects=names, at_least=min(ends[0], 0.5), at_most=max(ends)))
    plan = draw(st.integers(0, 3000))
    return ads, {"daily_plan": str(plan), "pools": tuple(pools), "policy": draw(st.sampled_from(POLICIES))}


@settings(deadline=None, max_examples=80)
@given(accounts(), st.randoms(use_true_random=False))
def test_every_allocation_is_exact_within_every_rule_and_of_no_order(case: Any, random: Any) -> None:
    ads, more = case
    found = decide(*ads, hubspot=HUBSPOT, **more)
    assert faults(found, ads, account(hubspot=HUBSPOT, **more)) == []
    assert len(found.recommendations) == len(ads)
    for one, told in zip(ads, found.recommendations, strict=True):
        if one.blocked or one.held:
            assert told.recommended_budget == one.budget
        assert told.reason.endswith(".")
        assert not any(np.isnan(value) for value in told.metrics.values())
    shuffled = list(ads)
    random.shuffle(shuffled)
    assert decide(*shuffled, hubspot=HUBSPOT, **more) == found


# --- the changes, and the picture ---------------------------------------------------------------------


def test_changes_are_the_real_moves_cuts_first_with_a_key_an_hour_and_an_end() -> None:
    where = account()
    found = decide(*four())
    changes = changes_of(found, where, HOUR)
    moved = {one.object_ref: one for one in found.recommendations if one.recommended_budget != one.current_budget}
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


@pytest.mark.parametrize("where", [account(account_id="act_2"), account(currency="EUR")])
def test_an_allocation_of_another_account_or_currency_is_refused(where: Account) -> None:
    with pytest.raises(ChangeRefused, match="other_allocation"):
        changes_of(decide(state("1")), where, HOUR)


def test_an_allocation_of_another_hour_is_refused() -> None:
    with pytest.raises(ChangeRefused, match="other_allocation"):
        changes_of(decide(state("1")), account(), HOUR + timedelta(hours=1))


@pytest.mark.parametrize("count", [0, 1, 60])
def test_the_picture_shows_any_number_of_ads_and_stays_small(count: int) -> None:
    ads = [state(f"{index:02d}", rate=0.004 + 0.0004 * index, age=60.0) for index in range(count)]
    png = posterior_png(decide(*ads, daily_plan=str(125 * max(count, 1))))
    assert len(png) < 100_000
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    assert picture.size == (900, 104 + 26 * min(max(count, 1), 40))
    assert len(set(picture.convert("RGB").getdata())) > 2


def test_equal_seeds_give_equal_decisions_and_the_settings_rule() -> None:
    assert decide(*four()) == decide(*four())
    sure = Settings(budget=Budget(confidence=1.01))
    assert {one.binding for one in decide(*four(), settings=sure).recommendations} <= {"confidence", "min_change"}
