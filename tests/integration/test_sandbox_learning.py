"""The learning phase of the twin's ad sets, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.sandbox.meta.delivery import deliver_until
from tests.meta_bench import START, Twin, let_leads_come

DAY = timedelta(days=1)


class School(Twin):
    """The twin with one ad set that runs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, seed=3)

    def open(self, budget: int) -> None:
        creative, self.campaign_id = self.ready_creative(), self.campaign(status="ACTIVE")
        self.adset_id = str(self.adset(self.campaign_id, daily_budget=budget)["id"])
        self.ad_id = self.ad(self.adset_id, creative)
        self.creative_id, self.began = creative, self.now

    def run(self, days: float) -> None:
        self.now += days * DAY
        deliver_until(self.state, self.now)
        let_leads_come(self.state, self.now)

    @property
    def stage(self) -> Any:
        return self.get(f"{self.adset_id}/", fields="learning_stage_info").get("learning_stage_info")

    @property
    def edited(self) -> int:
        moment: int = self.stage["last_sig_edit_ts"]
        return moment


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    with School(tmp_path / "meta.sqlite") as school:
        yield school


def test_an_ad_set_learns_until_fifty_leads_came(school: School) -> None:
    school.open(budget=30_000)
    assert school.stage == {"status": "LEARNING", "conversions": 0, "last_sig_edit_ts": int(school.began.timestamp())}
    school.run(1)
    learning = school.stage
    assert learning["status"] == "LEARNING"
    assert 0 < learning["conversions"] < 50
    school.run(5.9)
    assert school.stage["status"] == "SUCCESS"
    assert school.stage["conversions"] >= 50


def test_a_week_with_too_few_leads_leaves_it_limited(school: School) -> None:
    school.open(budget=6000)
    school.run(6.9)
    assert school.stage["status"] == "LEARNING"
    school.run(0.2)
    assert school.stage["status"] == "FAIL"
    school.run(60)
    ((leads,),) = school.state.execute("SELECT sum(leads) FROM deliveries")
    assert leads >= 50 > school.stage["conversions"], "leads of later weeks do not count"
    assert school.stage["status"] == "FAIL"


def test_the_week_begins_with_the_first_hour_delivered(school: School) -> None:
    school.open(budget=1000)
    school.post(f"{school.campaign_id}/", {"status": "PAUSED"})
    school.run(8)
    school.post(f"{school.campaign_id}/", {"status": "ACTIVE"})
    school.run(1)
    assert school.stage["status"] == "LEARNING"


def test_only_an_ad_set_that_runs_has_a_learning_phase(school: School) -> None:
    school.open(budget=1000)
    school.post(f"{school.campaign_id}/", {"status": "PAUSED"})
    assert school.stage is None


@pytest.mark.parametrize(
    ("params", "anew"),
    [
        ({"daily_budget": 12_000}, False),
        ({"daily_budget": 8_000}, False),
        ({"daily_budget": 12_100}, True),
        ({"daily_budget": 7_900}, True),
        ({"name": "another"}, False),
        ({"status": "PAUSED"}, False),
        ({"targeting": {"geo_locations": {"countries": ["FR"]}}}, True),
    ],
)
def test_a_significant_edit_begins_it_anew_and_no_other(school: School, params: dict[str, Any], anew: bool) -> None:
    school.open(budget=10_000)
    before = school.edited
    school.run(1)
    assert school.post(f"{school.adset_id}/", params) == {"success": True}
    school.post(f"{school.adset_id}/", {"status": "ACTIVE"})
    assert (school.edited > before) is anew
    if anew:
        assert school.stage["conversions"] == 0


def test_a_new_ad_begins_it_anew(school: School) -> None:
    school.open(budget=10_000)
    before = school.edited
    school.run(1)
    school.ad(school.adset_id, school.creative_id)
    assert school.edited == before + 86_400


def test_a_large_move_of_the_campaigns_budget_begins_all_its_ad_sets_anew(school: School) -> None:
    creative, campaign = school.ready_creative(), school.campaign(status="ACTIVE", daily_budget=10_000)
    sets = [str(school.adset(campaign, daily_budget=None)["id"]) for _ in range(2)]
    for one in sets:
        school.ad(one, creative)
    school.now = START + DAY
    school.post(f"{campaign}/", {"daily_budget": 11_000})

    def edits() -> set[int]:
        shown = [school.get(f"{one}/", fields="learning_stage_info")["learning_stage_info"] for one in sets]
        return {stage["last_sig_edit_ts"] for stage in shown}

    assert edits() == {int((START + timedelta(seconds=60)).timestamp())}
    school.post(f"{campaign}/", {"daily_budget": 20_000})
    assert edits() == {int(school.now.timestamp())}
