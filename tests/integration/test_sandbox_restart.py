"""The twin is stopped and started on the same file: what Meta would remember is remembered."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.sandbox.market.scenarios import SCENARIOS
from flywheel_assets.sandbox.meta.delivery import deliver_until
from flywheel_assets.sandbox.meta.state import SandboxMeta
from tests.meta_bench import START, Twin, let_leads_come


def test_activities_edits_and_reports_go_on(tmp_path: Path) -> None:
    path = tmp_path / "meta.sqlite"
    with Twin(path) as twin:
        campaign = twin.campaign(status="ACTIVE")
        adset = twin.adset(campaign)["id"]
        twin.ad(adset, twin.ready_creative())
        twin.edit(adset, daily_budget=8000)
        twin.now += timedelta(hours=3)
        deliver_until(twin.state, twin.now)
        run = order(twin)
        twin.desk("faults", [{"kind": "report_failed"}])
        failing = order(twin)
        log, now = twin.get("act_1/activities"), twin.now
    with Twin(path) as twin:
        twin.now = now
        assert twin.get("act_1/activities") == log
        assert twin.get(f"{adset}/", fields="daily_budget")["daily_budget"] == "8000"
        assert twin.get(f"{run}/")["async_status"] == "Job Not Started"
        twin.now += timedelta(seconds=10)
        assert len(twin.get(f"{run}/insights")["data"]) == 2
        assert twin.get(f"{failing}/")["async_status"] == "Job Failed"
        assert [row["actor"] for row in twin.state.journal()].count("person") == 1
        assert twin.post(f"{adset}/", {"daily_budget": 8100}) == {"success": True}


def test_leads_on_their_way_arrive_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "meta.sqlite"
    with Twin(path) as twin:
        adset = twin.adset(twin.campaign(status="ACTIVE"), daily_budget=100_000)["id"]
        twin.ad(adset, twin.ready_creative())
        twin.now += timedelta(hours=24)
        deliver_until(twin.state, twin.now)
        early, now = let_leads_come(twin.state, twin.now), twin.now
        waiting = len(twin.state.execute("SELECT 1 FROM visitors")) - early
    with Twin(path) as twin:
        twin.now = now + timedelta(days=7)
        assert let_leads_come(twin.state, twin.now) == waiting > 0
        assert twin.state.execute("SELECT sum(leads) FROM deliveries") == [(early + waiting,)]


@pytest.mark.parametrize("asked", [{"seed": 2}, {"seed": 1, "scenario": SCENARIOS["large"]}])
def test_a_file_goes_on_with_the_market_it_began_with(tmp_path: Path, asked: dict[str, Any]) -> None:
    path = tmp_path / "meta.sqlite"
    with Twin(path, seed=1) as twin:
        truth = twin.state.execute("SELECT scenario, seed FROM market")
    with pytest.raises(ConfigurationError, match="began with scenario service and seed 1") as refused:
        Twin(path, **asked)
    assert f"{asked.get('scenario', SCENARIOS['service']).name} and {asked['seed']} are asked for" in str(refused.value)
    with Twin(path, seed=1) as twin:
        assert twin.state.execute("SELECT scenario, seed FROM market") == truth == [("service", 1)]


def test_a_restriction_and_the_block_of_the_score_hold(tmp_path: Path) -> None:
    path = tmp_path / "meta.sqlite"
    with Twin(path, tier="development", score_limit=3) as twin:
        twin.campaign()
        twin.desk("restrictions", [{"account": "act_2", "code": 368}])
        twin.desk("faults", [{"kind": "error", "times": 5, "match": {"path_contains": "act_2"}}])
    with Twin(path, tier="development", score_limit=3) as twin:
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)
        assert twin.get("act_2/", fields="account_status")["account_status"] == 2
        assert twin.refused(twin.post("act_2/campaigns", {"name": "x"})) == (368, None)
        twin.now += timedelta(minutes=5)
        assert "id" in twin.get("act_1/")


def test_a_file_from_before_people_could_edit_and_leads_took_time_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "meta.sqlite"
    with Twin(path) as twin:
        campaign = twin.campaign()
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE journal DROP COLUMN actor")
        for table in ("activities", "restrictions", "score_blocks", "visitors", "market"):
            old.execute(f"DROP TABLE {table}")
        old.execute("ALTER TABLE deliveries ADD COLUMN visited INTEGER NOT NULL DEFAULT 0")
    old.close()
    with Twin(path) as twin:
        assert twin.edit(campaign, name="new") == {"success": True}
        adset = twin.adset(twin.campaign(status="ACTIVE"))["id"]
        twin.ad(adset, twin.ready_creative())
        twin.now += timedelta(hours=2)
        assert deliver_until(twin.state, twin.now).ad_hours == 1
        assert [row["actor"] for row in twin.state.journal()][:2] == ["app", "person"]


def test_two_twins_on_two_files_know_nothing_of_each_other(tmp_path: Path) -> None:
    with Twin(tmp_path / "one.sqlite") as one:
        one.campaign()
    other = SandboxMeta(tmp_path / "two.sqlite", {"act_1": "EUR"}, lambda: START)
    assert (other.journal(), other.objects()) == ([], [])
    other.close()


def order(twin: Twin) -> str:
    asked = {
        "level": "ad",
        "time_range": {"since": "2026-11-01", "until": "2026-11-08"},
        "time_increment": "1",
        "breakdowns": ["hourly_stats_aggregated_by_advertiser_time_zone"],
    }
    return str(twin.post("act_1/insights", asked)["report_run_id"])
