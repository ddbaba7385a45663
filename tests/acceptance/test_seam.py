"""Every seam in one story: the click at one end is in the next video's draft at the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.launch import ROOT, Home
from tests.acceptance.story import Story, ledger_of, recommended, tell
from tests.acceptance.world import World, living_world

pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@pytest.fixture(scope="module")
def world(untouched_home: Home) -> Iterator[World]:
    sample = (ROOT / "samples" / "account.yaml").read_text(encoding="utf-8")
    plan = 'daily_plan: "1500.00"'
    assert plan in sample
    with living_world(untouched_home, sample.replace(plan, 'daily_plan: "1000.00"')) as opened:
        yield opened


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(world, tmp_path_factory.mktemp("next"))


def test_x(world, story):
    print(story)
    for h in story.decided:
        for a, r in recommended(world, h).items():
            print(h, a, r.current_budget, r.recommended_budget, r.confidence, r.reason, r.metrics)
    for r in ledger_of(world, story.deals.won):
        print(r)
    from sqlalchemy import text

    for t in (
        "revenue_problems",
        "attributions",
        "ml_feedback",
        "model_registry",
        "winners",
        "hubspot_events",
        "experiments",
        "learning_cycles",
    ):
        print(t)
        for r in world.rows(text(f"select * from {t}")):
            print("  ", str(r)[:600])
    for r in world.rows(
        text(
            "select object_ref, previous_budget,requested_budget,target_budget,actual_budget,status,reasoning, finished_at from ad_change_history where change_type='set_budget' order by id"
        )
    ):
        print(r)
    for r in world.rows(
        text("select blueprint->'learned_from', blueprint->'hook' from creative_drafts order by creative_id")
    ):
        print(r)
    assert 0
