"""States as the arrays that policies read: the same as a request that says the same."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from flywheel_assets.budget.arm_columns import columns_of_arms, stages_of
from flywheel_assets.budget.arms import arms_of
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import parse
from flywheel_assets.budget.types import AdState, Deal, StageEntered
from flywheel_assets.core.account import HubSpot
from tests.unit.hour_world import EPOCH_HOUR, HUBSPOT, NOW, account, deal, hours, state

STAGES = ("met", "offered", "won")


def columns(*states: AdState, **more: Any) -> Columns:
    return columns_of_arms(arms_of(states), account(hubspot=HUBSPOT, **more), NOW, 40_000, None)


def asked(one: AdState) -> dict[str, Any]:
    """The same ad in a request, in major units."""
    seen = one.hours
    return {
        "ad_id": one.ad_id,
        **{name: getattr(one, name) for name in ("impressions", "clicks", "leads", "age_hours")},
        "spend": one.spend / 100,
        "pipeline_value": one.pipeline / 100,
        "cash_revenue": one.cash / 100,
        "current_budget": one.budget / 100,
        "dna": list(one.dna or ()),
        "hourly": {
            **{name: list(getattr(seen, name)) for name in ("hour", "impressions", "clicks", "leads")},
            "spend": [value / 100 for value in seen.spend],
            "budget": [(value or 0) / 100 for value in seen.budget],
        },
        "deals": [
            {
                "deal_id": deal.deal_id,
                "click_hour": EPOCH_HOUR - 24.0 * 5,
                "stage": deal.stages[-1].stage,
                "stage_entered_hour": EPOCH_HOUR - 24.0 * (6 - len(deal.stages)),
                "amount": None if deal.amount is None else deal.amount / 100,
            }
            for deal in one.deals
        ],
    }


def test_states_and_a_request_that_says_the_same_give_the_same_columns() -> None:
    first = deal(1, "met"), deal(2, "met", "offered", amount=None), deal(3, "met", "offered", "won")
    states = [
        state("1", deals=first, pipeline=130_000, cash=100_000, dna=(0.5, 0.25)),
        state("2", rate=0.02, budget=5000, age=30.0, dna=(0.0, 1.0)),
    ]
    request = {
        "total_budget": 400.0, "ad_states": [asked(one) for one in states], "now_hour": EPOCH_HOUR,
        "stages": STAGES, "stage_win_probability": [0.2, 0.6, 1.0],
    }  # fmt: skip
    ours, theirs = columns(*states), columns_of(parse(request))
    for field in fields(Columns):
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name in {"hours", "deals"}:
            for inner in fields(mine):
                assert getattr(mine, inner.name) == pytest.approx(getattr(other, inner.name), nan_ok=True), inner.name
        elif isinstance(mine, np.ndarray):
            assert mine == pytest.approx(other, nan_ok=True), field.name
        else:
            assert mine == other, field.name


@pytest.mark.parametrize(
    ("stages", "number", "lost"),
    [
        (("met",), 0, False),
        (("met", "offered"), 1, False),
        (("met", "won"), 2, False),
        (("met", "offered", "lost"), 1, True),
        (("lost",), 0, True),
        (("met", "won", "lost"), 1, True),  # taken back: never won
        (("met", "won", "offered"), 1, False),  # opened again
    ],
)
def test_a_deal_is_where_it_is_now_and_a_lost_one_where_it_was_lost(
    stages: tuple[str, ...], number: int, *, lost: bool
) -> None:
    deals = columns(state("1", deals=(deal(1, *stages),))).deals
    assert (deals.stage.tolist(), deals.lost.tolist()) == ([number], [lost])
    assert deals.click_age.tolist() == [120]
    entered = [index for index, name in enumerate(stages) if name != "lost"] or [0]
    assert deals.stage_age.tolist() == [120 - 24 * entered[-1]]


def test_a_click_that_is_not_known_was_at_the_latest_when_the_deal_was_made() -> None:
    made = NOW - timedelta(hours=50)
    one = Deal(
        deal_id=1, clicked_at=None, created_at=made, amount=5,
        stages=(StageEntered(stage="met", at=made - timedelta(hours=2)),),
    )  # fmt: skip
    deals = columns(state("1", deals=(one,))).deals
    assert (deals.click_age.tolist(), deals.stage_age.tolist()) == ([52], [52])


def test_stages_are_in_the_order_of_their_chances_however_they_are_listed() -> None:
    turned = {"portal_id": 1, "stages": dict(reversed(HUBSPOT["stages"].items()))}  # type: ignore[attr-defined]
    assert stages_of(HubSpot.model_validate(turned)) == STAGES
    assert stages_of(None) == ()
    only = {"portal_id": 1, "stages": {"won": {"win_probability": 1, "outcome": "won"}, "b": {"win_probability": 0, "outcome": "lost"}}}  # fmt: skip
    assert stages_of(HubSpot.model_validate(only)) == ()


def test_ads_of_one_budget_are_added_up_hour_by_hour() -> None:
    shared = {"object_ref": "c_1/campaign", "budget": 20_000}
    old, new = state("1", age=30.0, **shared), state("2", age=10.0, hours=hours(10, rate=0.05, budget=20_000), **shared)
    found = columns(old, new, state("3"))
    assert (found.ids, found.age.tolist(), found.current.tolist()) == (("1", "3"), [30, 100], [200, 100])
    assert found.clicks[0] == old.clicks + new.clicks
    mine = found.hours.ad == 0
    assert mine.sum() == 30
    assert found.hours.impressions[mine].tolist() == [600] * 20 + [1200] * 10
    assert found.hours.budget[mine].tolist() == [200] * 30


def test_a_yen_has_no_hundredth() -> None:
    states = [state("1", currency="JPY")]
    found = columns_of_arms(
        arms_of(states), account(currency="JPY", daily_plan="50000", ad_set_floor="2000", ad_set_ceiling="30000"),
        NOW, 40_000, None,
    )  # fmt: skip
    assert (found.current.tolist(), found.total) == ([10_000], 40_000)
