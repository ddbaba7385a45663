"""Asynchronous insights of the twin, through the official SDK: ordered, waited for, read, or failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.exceptions import FacebookRequestError

from flywheel_assets.execution.audit import journal_effects
from flywheel_assets.sandbox.meta.delivery import deliver_until
from tests.meta_bench import Twin

HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
ASKED = {
    "level": "ad",
    "time_range": {"since": "2026-11-01", "until": "2026-11-08"},
    "time_increment": "1",
    "breakdowns": [HOURLY],
}
FIELDS = ["ad_id", "impressions", "spend"]


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite", report_seconds=100.0) as twin:
        campaign = twin.campaign(status="ACTIVE")
        for _ in range(2):
            twin.ad(twin.adset(campaign)["id"], twin.ready_creative())
        twin.now += timedelta(hours=5)
        deliver_until(twin.state, twin.now)
        yield twin


@pytest.fixture
def account(twin: Twin) -> Iterator[Any]:
    with twin.account() as account:
        yield account


def ordered(account: Any, **more: Any) -> AdReportRun:
    run = account.get_insights_async(fields=list(FIELDS), params={**ASKED, **more})
    assert isinstance(run, AdReportRun)
    return run


def progress(run: AdReportRun) -> tuple[str, int]:
    run.api_get()
    return run["async_status"], run["async_percent_completion"]


def test_a_report_runs_through_its_stages_and_then_has_the_same_rows(twin: Twin, account: Any) -> None:
    run, seen = ordered(account), []
    for _ in range(11):
        seen.append(progress(run))
        twin.now += timedelta(seconds=10)
    assert list(dict.fromkeys(seen)) == [
        ("Job Not Started", 0),
        ("Job Started", 0),
        ("Job Running", 50),
        ("Job Completed", 99),
        ("Job Completed", 100),
    ]
    rows = [dict(row) for row in run.get_insights(params={"limit": 3})]
    direct = [dict(row) for row in account.get_insights(fields=FIELDS, params=ASKED)]
    assert rows == direct
    assert len(rows) > 3


def test_a_report_that_is_completed_to_99_per_cent_cannot_be_read(twin: Twin, account: Any) -> None:
    run = ordered(account)
    twin.now += timedelta(seconds=95)
    assert progress(run) == ("Job Completed", 99)
    with pytest.raises(FacebookRequestError) as early:
        list(run.get_insights())
    assert early.value.api_error_code() == 2601
    twin.now += timedelta(seconds=5)
    assert len(list(run.get_insights())) > 0


@pytest.mark.parametrize(("kind", "status"), [("report_failed", "Job Failed"), ("report_skipped", "Job Skipped")])
def test_a_report_ends_badly_by_order_and_the_next_one_does_not(
    twin: Twin, account: Any, kind: str, status: str
) -> None:
    twin.desk("faults", [{"kind": kind}])
    assert "id" in twin.get("act_1/")  # the order is for a report and not for the next call
    run = ordered(account)
    assert progress(run) == ("Job Not Started", 0)
    twin.now += timedelta(seconds=90)
    shown, percent = progress(run)
    assert (shown, percent < 100) == (status, True)
    assert (run.get("error_code"), "error_user_title" in run) == (
        (2, True) if status == "Job Failed" else (None, False)
    )
    twin.now += timedelta(days=1)
    assert progress(run)[0] == status
    with pytest.raises(FacebookRequestError):
        list(run.get_insights())
    again = ordered(account)
    twin.now += timedelta(seconds=100)
    assert progress(again) == ("Job Completed", 100)


def test_a_report_of_one_ad_holds_the_hours_up_to_its_end(twin: Twin) -> None:
    ad = twin.get("act_1/ads")["data"][0]["id"]
    asked = {**ASKED, "fields": FIELDS}
    run = twin.post(f"{ad}/insights", asked)["report_run_id"]
    twin.now += timedelta(hours=3)
    deliver_until(twin.state, twin.now)
    rows = twin.get(f"{run}/insights", limit="100")["data"]
    assert {row["ad_id"] for row in rows} == {ad}
    assert len(rows) == 4
    assert len(twin.get(f"{ad}/insights", **{**read(asked), "limit": "100"})["data"]) == 7


def test_a_run_shows_the_fields_asked_for(twin: Twin, account: Any) -> None:
    run = ordered(account)["id"]
    assert twin.get(f"{run}/", fields="async_status") == {"id": run, "async_status": "Job Not Started"}
    assert twin.get(f"{run}/", fields="time_completed") == {"id": run}
    assert twin.refused(twin.get(f"{run}/", fields="colour")) == (100, None)
    twin.now += timedelta(seconds=100)
    assert twin.get(f"{run}/", fields="time_completed,date_start")["date_start"] == "2026-11-01"
    assert twin.refused(twin.get(f"{run}/insights", level="ad")) == (100, None)
    assert twin.refused(twin.post(f"{run}/", {"name": "x"})) == (100, None)


def test_to_order_a_report_is_not_an_effect_on_the_ads(twin: Twin, account: Any) -> None:
    before = journal_effects(twin.state.journal())
    run = ordered(account)
    assert twin.state.journal()[-1]["answer"] == {"report_run_id": run["id"]}
    assert journal_effects(twin.state.journal()) == before != Counter()


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "galaxy"},
        {"level": "account"},
        {"breakdowns": ["mood"]},
        {"time_range": "yesterday"},
        {"time_range": {"since": 1, "until": 2}},
        {"fields": ["colour"]},
        {"fields": ["reach"]},
        {"limit": "many"},
        {"colour": "red"},
        {"date_preset": "someday"},
        {"filtering": [{"field": "spend"}]},
        {"use_account_attribution_setting": "maybe"},
    ],
)
def test_a_report_that_could_not_be_answered_is_not_begun(twin: Twin, wrong: dict[str, Any]) -> None:
    asked = {**ASKED, "fields": FIELDS, **wrong}
    assert twin.refused(twin.post("act_1/insights", asked)) == (100, None)
    assert twin.refused(twin.get("act_1/insights", **read(asked))) == (100, None)


def read(asked: dict[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
