"""The one typed change: what may call itself urgent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flywheel_assets.core.changes import (
    SAFETY_PRIORITY,
    AdChange,
    CreateCampaign,
    SetBudget,
    SetName,
    SetStatus,
    SetTargeting,
    Spec,
)


def change(spec: Spec, priority: int) -> AdChange:
    fields: dict[str, Any] = {
        "account_id": "act_1",
        "campaign_ref": "c1/campaign",
        "object_ref": "c1/campaign",
        "spec": spec,
        "idempotency_key": "a key of its own",
        "reasoning": "because the test says so",
        "requested_by": "test",
        "currency": "USD",
        "priority": priority,
    }
    return AdChange(**fields)


OTHERS: list[Spec] = [
    SetStatus(status="ACTIVE"),
    SetBudget(daily_budget=5000),
    SetName(name="New"),
    SetTargeting(targeting={"age_min": 18}),
    CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=()),
]
others = pytest.mark.parametrize("spec", OTHERS, ids=lambda spec: spec.kind)


@others
@pytest.mark.parametrize("priority", [SAFETY_PRIORITY, 1000])
def test_nothing_but_a_pause_may_pass_modes_and_freezes_as_urgent(spec: Spec, priority: int) -> None:
    with pytest.raises(ValidationError, match=f"priority {priority} is for safety pauses; {spec.kind} is none"):
        change(spec, priority)


@others
def test_below_that_everything_may_be_hurried(spec: Spec) -> None:
    assert change(spec, SAFETY_PRIORITY - 1).priority == SAFETY_PRIORITY - 1


def test_a_pause_may_be_urgent_or_not() -> None:
    pause = SetStatus(status="PAUSED")
    assert [change(pause, priority).priority for priority in (0, SAFETY_PRIORITY, 1000)] == [0, SAFETY_PRIORITY, 1000]
