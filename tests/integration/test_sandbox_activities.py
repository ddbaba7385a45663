"""The twin's activities, and a person who edits beside the app: who did what must be told apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.adactivity import AdActivity

from flywheel_assets.execution.audit import journal_effects
from flywheel_assets.sandbox.meta.activities import event_types
from tests.meta_bench import START, Twin


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite") as twin:
        yield twin


def log(twin: Twin, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = twin.get("act_1/activities", **params)["data"]
    return rows


def test_every_event_is_one_that_meta_has() -> None:
    known = {value for name, value in vars(AdActivity.EventType).items() if not name.startswith("_")}
    assert event_types() <= known


def test_creations_and_changes_are_listed_newest_first_through_the_sdk(twin: Twin) -> None:
    campaign = twin.campaign()
    adset, creative = twin.adset(campaign)["id"], twin.ready_creative()
    ad = twin.ad(adset, creative)
    twin.post(f"{ad}/", {"status": "PAUSED"})
    twin.post(f"{adset}/", {"daily_budget": 6000, "status": "PAUSED"})
    twin.post(f"{campaign}/", {"status": "ACTIVE", "name": "New"})
    with twin.account() as account:
        rows = list(account.get_activities(fields=["event_type", "object_id", "object_type"], params={"limit": 3}))
    assert [(row["event_type"], row["object_id"], row["object_type"]) for row in rows] == [
        ("update_campaign_name", campaign, "CAMPAIGN"),
        ("update_campaign_run_status", campaign, "CAMPAIGN"),
        ("update_ad_set_budget", adset, "AD_SET"),
        ("update_ad_set_run_status", adset, "AD_SET"),
        ("update_ad_run_status", ad, "AD"),
        ("create_ad", ad, "AD"),
        ("create_ad_set", adset, "AD_SET"),
        ("create_campaign_group", campaign, "CAMPAIGN"),
    ]


def test_extra_data_holds_the_old_and_the_new_value_as_json(twin: Twin) -> None:
    adset = twin.adset(twin.campaign())["id"]
    twin.post(f"{adset}/", {"daily_budget": 6000})
    (row, *_) = log(twin, fields="extra_data,event_time")
    assert set(row) == {"extra_data", "event_time"}
    assert json.loads(row["extra_data"]) == {
        "old_value": 5000,
        "new_value": 6000,
        "type": "daily_budget",
        "currency": "EUR",
    }
    owner = twin.campaign(daily_budget=9000)
    twin.post(f"{owner}/", {"daily_budget": 9500})
    assert log(twin)[0]["event_type"] == "update_campaign_budget"


def test_what_changed_nothing_is_not_an_activity(twin: Twin) -> None:
    adset = twin.adset(twin.campaign())["id"]
    before = log(twin)
    twin.post(f"{adset}/", {"daily_budget": 5000})
    twin.post(f"{adset}/", {"daily_budget": 1})
    twin.post(f"{adset}/", {"daily_budget": 7000, "execution_options": ["validate_only"]})
    assert log(twin) == before


def test_the_log_is_cut_by_time_object_and_category(twin: Twin) -> None:
    first, second = twin.campaign(), twin.campaign()
    twin.now += timedelta(hours=1)
    twin.post(f"{first}/", {"status": "ACTIVE"})
    twin.now += timedelta(hours=1)
    twin.post(f"{second}/", {"name": "later"})
    since, until = int((START + timedelta(minutes=30)).timestamp()), (START + timedelta(minutes=90)).isoformat()
    assert [row["object_id"] for row in log(twin, since=since, until=until)] == [first]
    assert {row["object_id"] for row in log(twin, oid=second)} == {second}
    assert len(log(twin, oid=second, extra_oids=json.dumps([first]))) == 4
    assert [row["event_type"] for row in log(twin, category="STATUS")] == ["update_campaign_run_status"]
    twin.now += timedelta(days=8)
    assert log(twin) == []
    assert len(log(twin, since=int(START.timestamp()))) == 4


def test_pages_of_the_log_join_to_the_whole(twin: Twin) -> None:
    for _ in range(5):
        twin.campaign()
    seen, params = list[str](), dict[str, Any](limit="2")
    while True:
        page = twin.get("act_1/activities", **params)
        seen += [row["object_id"] for row in page["data"]]
        if "next" not in page["paging"]:
            break
        params["after"] = page["paging"]["cursors"]["after"]
    assert seen == [row["object_id"] for row in log(twin)]
    assert len(set(seen)) == 5
    assert "next" not in twin.get("act_1/activities", limit="5")["paging"]
    assert "next" in twin.get("act_1/activities", limit="4")["paging"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "yesterday"},
        {"since": "1762000000", "until": "1761000000"},
        {"category": "MOOD"},
        {"fields": "colour"},
        {"extra_oids": "1"},
        {"add_children": "true"},
        {"colour": "red"},
    ],
)
def test_a_question_the_log_cannot_answer_is_refused(twin: Twin, wrong: dict[str, str]) -> None:
    assert twin.refused(twin.get("act_1/activities", **wrong)) == (100, None)


def test_a_person_s_edit_holds_and_is_told_apart_from_the_app_s(twin: Twin) -> None:
    campaign = twin.campaign()
    adset = twin.adset(campaign)["id"]
    twin.post(f"{adset}/", {"daily_budget": 5500})
    assert twin.edit(adset, daily_budget=8000, status="PAUSED") == {"success": True}
    assert twin.get(f"{adset}/", fields="daily_budget,status") == {
        "id": adset,
        "daily_budget": "8000",
        "status": "PAUSED",
    }
    ours = twin.get("app")["id"]
    rows = log(twin, oid=adset, category="BUDGET")
    assert [(row["application_id"] == ours, json.loads(row["extra_data"])["new_value"]) for row in rows] == [
        (False, 8000),
        (True, 5500),
    ]
    assert rows[0]["actor_id"] != rows[1]["actor_id"]


def test_a_person_s_edit_is_in_the_journal_and_not_among_our_effects(twin: Twin) -> None:
    adset = twin.adset(twin.campaign())["id"]
    effects = journal_effects(twin.state.journal())
    twin.edit(adset, daily_budget=8000)
    row = twin.state.journal()[-1]
    assert (row["method"], row["actor"], row["path"], row["applied"]) == ("PERSON", "person", adset, True)
    assert row["params"] == {"daily_budget": "8000"}
    assert {other["actor"] for other in twin.state.journal()[:-1]} == {"app"}
    assert journal_effects(twin.state.journal()) == effects == Counter(effects.keys())


def test_a_person_obeys_the_same_rules(twin: Twin) -> None:
    adset = twin.adset(twin.campaign())["id"]
    assert twin.refused(twin.edit(adset, daily_budget=1)) == (100, 1885272)
    assert twin.refused(twin.edit("7", daily_budget=6000)) == (100, 33)
    assert twin.desk("edit", {"id": adset, "fields": {}}).status_code == 422
    assert twin.desk("edit", {"id": adset, "fields": {"daily_budget": 6000}, "as": "me"}).status_code == 422
    for budget in (5100, 5200, 5300):
        twin.edit(adset, daily_budget=budget)
    twin.post(f"{adset}/", {"daily_budget": 5400})
    assert twin.refused(twin.post(f"{adset}/", {"daily_budget": 5500})) == (613, 1487632)


def test_a_person_needs_no_allowance_of_calls(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", score_limit=4) as twin:
        campaign = twin.campaign()
        for name in "abc":
            assert twin.edit(campaign, name=name) == {"success": True}
        assert twin.get(f"{campaign}/", fields="name")["name"] == "c"
