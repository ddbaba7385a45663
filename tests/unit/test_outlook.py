"""What the policies make of a belief: who is surer to earn more with the next unit, and what wear costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flywheel_assets.budget.policies import funnel
from flywheel_assets.budget.policies.outlook import outlook_of
from flywheel_assets.budget.policies.proposal import Proposal
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import parse
from tests.unit.select_world import NOW, STAGES, lived, request


def proposed(*ads: dict[str, Any], **changed: Any) -> Proposal:
    asked = parse(request(*ads, now_hour=NOW, stages=STAGES, **changed))
    return funnel.propose(columns_of(asked), np.random.default_rng(1))


def test_the_better_ad_deserves_more_and_the_others_less() -> None:
    found = proposed(lived("a", lead=0.2), lived("b"), lived("c"))
    assert found.above[0] > 0.9
    assert (found.below[1:] > 0.7).all()
    assert found.above + found.below == pytest.approx(np.ones(3))


def test_an_ad_alone_deserves_neither_more_nor_less_than_itself() -> None:
    found = proposed(lived("a"))
    assert (found.above[0], found.below[0]) == (0.0, 0.0)


def test_whether_an_ad_deserves_more_depends_on_what_it_has() -> None:
    """The same results: the one that has much of the budget pays more for the next unit."""
    ads = [{**lived(name), "current_budget": budget} for name, budget in (("a", 20.0), ("b", 20.0), ("c", 400.0))]
    found = proposed(*ads, fatigue_k=2e-6)
    assert found.below[2] > 0.7
    assert found.above[:2].min() > found.above[2]


def test_somebody_deserves_more_whenever_somebody_deserves_less() -> None:
    """So money that is freed has somewhere to go, wherever budgets stand."""
    ads = [{**lived(f"ad-{index}", lead=0.03 * (index + 1)), "current_budget": 5.0 + 5 * index} for index in range(6)]
    found = proposed(*ads)
    assert found.below.max() > 0.7
    assert found.above.max() > 0.5


def test_fatigue_moves_money_from_the_best_to_the_rest() -> None:
    ads = [lived("best", lead=0.15), lived("good"), lived("fair")]
    calm, tiring = (proposed(*ads, fatigue_k=k) for k in (0.0, 2e-5))
    assert tiring.target[0] < 0.9 * calm.target[0]
    assert tiring.target.sum() == pytest.approx(calm.target.sum())
    assert calm.metrics["fatigue_price"] == pytest.approx(np.zeros(3))
    assert (tiring.metrics["fatigue_price"] > 0.1).all()


def test_what_an_ad_earns_today_is_not_changed_by_what_it_will_lose() -> None:
    asked = parse(request(lived("a"), lived("b"), now_hour=NOW, stages=STAGES, fatigue_k=2e-5))
    outlook = outlook_of(columns_of(asked), np.random.default_rng(1))
    assert (outlook.response.steep > outlook.market.steep).all()
    assert outlook.response.base.tolist() == outlook.market.base.tolist()


def test_in_an_account_that_loses_money_the_best_ad_is_not_wound_down_with_the_worst() -> None:
    """The plan is spent all the same: what counts is who loses least."""
    found = proposed(lived("best", lead=0.15, amount=20.0), *(lived(name, lead=0.03, amount=20.0) for name in "xyz"))
    assert found.kill.tolist() == [False, True, True, True]


def test_nothing_is_wound_down_before_deals_were_won() -> None:
    """What a lead is worth in money is then an assumption about lags."""
    ads = [lived("best", lead=0.15, amount=20.0), *(lived(name, lead=0.03, amount=20.0) for name in "xyz")]
    for one in ads:
        one["deals"] = [deal for deal in one["deals"] if deal["stage"] < len(STAGES) - 1]
    assert not proposed(*ads).kill.any()
