"""The three policies on a request: the brief's schedule, the gate, what is held, killed and told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.budget import select
from flywheel_assets.budget.belief.response import Response
from flywheel_assets.budget.limits import limits
from flywheel_assets.budget.policies.filling import fill
from flywheel_assets.budget.response import BudgetResponse, Recommendation
from tests.unit.select_world import NOW, STAGES, account, ad, lived, request


def line(answer: BudgetResponse, ad_id: str) -> Recommendation:
    return next(one for one in answer.recommendations if one.ad_id == ad_id)


# --- the brief's schedule ---------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["blended_literal", "blended"])
@pytest.mark.parametrize(
    ("age", "weight"),
    [(0, 1.0), (5.99, 1.0), (6, 0.7), (23.99, 0.7), (24, 0.3), (71.99, 0.3), (72, 0.0), (1000, 0.0)],
)
def test_the_schedule_is_the_briefs_at_every_step(policy: str, age: float, weight: float) -> None:
    answer = select(request(ad(age_hours=age), ad("b"), policy=policy))
    assert line(answer, "a").metrics["click_weight"] == weight


@pytest.mark.parametrize(("age", "winner"), [(3.0, "clicked"), (100.0, "sold")])
def test_a_young_ad_is_judged_by_clicks_and_an_old_one_by_revenue(age: float, winner: str) -> None:
    clicked = ad("clicked", clicks=400, leads=5, pipeline_value=500.0, age_hours=age)
    sold = ad("sold", clicks=200, leads=20, pipeline_value=40_000.0, age_hours=age)
    answer = select(request(clicked, sold, policy="blended"))
    loser = {"clicked": "sold", "sold": "clicked"}[winner]
    assert line(answer, winner).recommended_budget > 1.2 * line(answer, loser).recommended_budget


# --- blended_literal: the numbers of the brief and of its public ancestor ----------------------------


def literal(**changed: Any) -> Recommendation:
    return line(select(request(ad(**changed), ad("b"), policy="blended_literal")), "a")


def test_the_literal_score_is_made_of_the_literal_constants() -> None:
    found = literal(impressions=10_000, clicks=250, spend=1000.0, pipeline_value=1500.0, age_hours=30.0)
    assert found.metrics["ctr"] == pytest.approx(0.025)
    assert found.metrics["roas"] == pytest.approx(1.5)
    assert found.metrics["fatigue"] == pytest.approx(np.exp(-1), abs=1e-6)
    assert found.metrics["score"] == pytest.approx((0.3 * 0.5 + 0.7 * 0.5) * np.exp(-1), abs=1e-6)


def test_the_literal_confidence_cannot_pass_once_an_ad_has_run_for_a_while() -> None:
    """Why it freezes for good: both other terms are at most 1, so the score alone has to reach 0.1."""
    found = literal(impressions=23_100, clicks=1155, spend=500.0, age_hours=100.0, pipeline_value=1500.0)
    assert found.metrics["score"] == pytest.approx(0.0993, abs=1e-4)
    assert found.confidence < 0.70


def test_the_literal_shares_differ_by_at_most_e() -> None:
    best = ad("best", impressions=3000, clicks=300, age_hours=3.0)
    worst = ad("worst", impressions=3000, clicks=0, age_hours=3.0)
    answer = select(request(best, worst, policy="blended_literal"))
    shares = line(answer, "best").recommended_budget / line(answer, "worst").recommended_budget
    assert 1.9 < shares <= np.e


@pytest.mark.parametrize(("spend", "age", "killed"), [(250.0, 60.0, True), (150.0, 60.0, False), (250.0, 40.0, False)])
def test_the_literal_kill_waits_for_two_days_and_two_hundred(spend: float, age: float, killed: bool) -> None:
    dud = ad("dud", current_budget=100.0, spend=spend, age_hours=age, impressions=9000, clicks=10)
    other = ad("other", current_budget=100.0, impressions=900, clicks=40, age_hours=90.0, pipeline_value=9000.0)
    third = {**other, "ad_id": "third"}
    found = line(select(request(dud, other, third, policy="blended_literal")), "dud")
    assert ("wound down" in found.reason) == killed
    assert (found.recommended_budget < 100) == killed


def test_the_literal_dna_boost_is_a_fifth_of_the_cosine_to_winners() -> None:
    winner = ad("winner", clicks=700, dna=[1.0, 0.0])
    answer = select(request(winner, ad("alike", dna=[2.0, 0.0]), ad("other", dna=[0.0, 1.0]), policy="blended_literal"))
    boosts = [one.metrics["dna_boost"] for one in answer.recommendations]
    assert boosts == pytest.approx([1.2, 1.2, 1.0])


# --- the gate ---------------------------------------------------------------------------------------


def test_the_better_ad_is_raised_the_worse_lowered_and_both_say_how_sure_that_is() -> None:
    ads = [lived(f"ad-{index}", lead=0.02 + 0.03 * index, hours=600) for index in range(4)]
    answer = select(request(*ads, now_hour=NOW, stages=STAGES))
    best, worst = line(answer, "ad-3"), line(answer, "ad-0")
    assert (best.recommended_budget, worst.recommended_budget) == (120.0, 80.0)
    assert min(best.confidence, worst.confidence) >= 0.7
    assert "Raised 20.0 %" in best.reason
    assert "sure that it deserves more" in best.reason
    assert best.metrics["binding"] == "velocity"
    assert float(best.metrics["expected_gain"] or 0) > float(best.metrics["expected_loss"] or 0)


def test_ads_nobody_is_sure_about_are_pinned_and_the_others_still_sum_exactly() -> None:
    sure = [lived("best", lead=0.15, hours=600), lived("worst", lead=0.01, hours=600)]
    unsure = [lived(f"new-{index}", hours=24, budget=70.0 + 20 * index) for index in range(5)]
    answer = select(request(*sure, *unsure, now_hour=NOW, stages=STAGES))
    held = [one for one in answer.recommendations if one.metrics["binding"] == "confidence"]
    assert held
    for one in held:
        assert one.recommended_budget == one.current_budget
        assert one.confidence < 0.7
        assert "70% are needed" in one.reason
    assert sum(round(one.recommended_budget * 100) for one in answer.recommendations) == 75_000
    assert line(answer, "best").recommended_budget > 100 > line(answer, "worst").recommended_budget


def test_held_ads_follow_when_the_total_cannot_be_met_without_them() -> None:
    answer = select({**account(4), "total_budget": 460.0})
    assert sum(round(one.recommended_budget * 100) for one in answer.recommendations) == 46_000
    assert all(one.recommended_budget >= 100 for one in answer.recommendations)
    assert answer.unplaced == 0


def test_a_plan_below_the_lowest_budgets_keeps_the_rule_and_says_what_stays() -> None:
    answer = select({**account(4), "total_budget": 100.0})
    assert {one.recommended_budget for one in answer.recommendations} == {80.0}
    assert answer.unplaced == -220.0
    assert "220.00 more than the total stays" in answer.summary


@pytest.mark.parametrize("policy", ["blended", "funnel"])
def test_a_hopeless_ad_is_wound_down_only_once_enough_is_known(policy: str) -> None:
    good = [lived(f"good-{index}", hours=600) for index in range(4)]

    def judged(hours: int) -> Recommendation:
        dud = lived("dud", hours=hours, lead=0.0, ctr=0.0005)
        return line(select(request(*good, dud, now_hour=NOW, stages=STAGES, policy=policy)), "dud")

    old, young = judged(400), judged(20)
    assert "wound down" in old.reason
    assert old.recommended_budget == 80.0
    assert "wound down" not in young.reason
    assert float(young.metrics["target"] or 0) > 0


# --- fatigue ----------------------------------------------------------------------------------------


def test_an_ad_that_tires_is_told_and_pays_for_its_own_future() -> None:
    tiring = lived("tiring", hours=600, ctr=0.03, budget=250.0)
    clicks = tiring["hourly"]["clicks"]
    clicks[-24:] = [count // 2 for count in clicks[-24:]]
    answer = select(request(tiring, lived("fresh", hours=100), now_hour=NOW, stages=STAGES, fatigue_k=5e-6))
    found = line(answer, "tiring")
    assert found.metrics["fatigue"] == pytest.approx(np.exp(-5e-6 * tiring["impressions"]), abs=1e-6)
    assert float(found.metrics["fatigue"] or 1) < 0.5
    assert found.metrics["refresh"] == 1.0
    assert "ask for a new creative" in found.reason
    assert float(found.metrics["fatigue_price"] or 0) > float(line(answer, "fresh").metrics["fatigue_price"] or 0) > 0
    assert line(answer, "fresh").metrics["refresh"] == 0.0


def test_many_impressions_alone_ask_for_no_refresh() -> None:
    answer = select(
        request(lived("a", hours=600, budget=250.0), lived("b"), now_hour=NOW, stages=STAGES, fatigue_k=5e-6)
    )
    assert float(line(answer, "a").metrics["fatigue"] or 1) < 0.5
    assert line(answer, "a").metrics["refresh"] == 0.0


# --- the best sharing, and whole cents --------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1e-4, 1), st.floats(2, 50), st.floats(1e-4, 0.1)), min_size=1, max_size=8),
    st.floats(10, 1e5),
)
def test_the_best_sharing_leaves_no_euro_that_would_earn_more_elsewhere(
    ads: list[tuple[float, float, float]], total: float
) -> None:
    value, base, steep = (np.array(column) for column in zip(*ads, strict=True))
    response = Response(base, np.maximum(steep, 1 / (50 * total)))
    found = fill(value[None, :], response, total)[0]
    assert found.sum() == pytest.approx(total)
    assert (found >= 0).all()
    marginal = 1000 * value / (base * (1 + response.steep * found) ** 2)
    used = found > 1e-9 * total
    price = marginal[used].mean()
    assert marginal[used] == pytest.approx(price, rel=1e-6)
    assert (marginal[~used] <= price * (1 + 1e-6)).all()


def test_a_budget_that_moved_too_far_already_stays() -> None:
    current = np.array([10_000.0, 10_000.0])
    past = np.array([7000.0, 10_000.0]), np.array([10_000.0, 10_000.0])
    allowed = limits(current, past, 20, 20_000)
    assert (allowed.low[0], allowed.high[0]) == (8000, 8400) or allowed.low[0] == allowed.high[0] == 10_000
