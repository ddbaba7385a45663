"""The twin of Meta: what it refuses, what it remembers, what it shows. Plain HTTP, no client of ours."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.rules import effective_status
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.wire import Call
from flywheel_assets.sandbox.server import SandboxServer
from tests.meta_bench import CAMPAIGN, START, TOKEN, Twin


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite") as twin:
        yield twin


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"special_ad_categories": None}, None),
        ({"special_ad_categories": ["CATS"]}, None),
        ({"status": None}, None),
        ({"status": "DELETED"}, None),
        ({"name": ""}, None),
        ({"objective": "CONVERSIONS"}, None),
        ({"objective": "MONEY"}, None),
        ({"is_adset_budget_sharing_enabled": None}, 4834011),
        ({"is_adset_budget_sharing_enabled": "maybe"}, None),
        ({"daily_budget": 99}, 1885272),
        ({"daily_budget": "50.00"}, None),
        ({"daily_budget": 500, "lifetime_budget": 500}, None),
        ({"dayly_budget": 500}, None),
        ({"special_ad_categories": "NONE"}, None),
    ],
)
def test_a_campaign_that_breaks_a_rule_is_refused(twin: Twin, change: dict[str, Any], subcode: int | None) -> None:
    assert twin.refused(twin.post("act_1/campaigns", {**CAMPAIGN, **change})) == (100, subcode)
    assert twin.get("act_1/campaigns")["data"] == []


def test_a_campaign_with_its_own_budget_needs_no_sharing_flag(twin: Twin) -> None:
    campaign = twin.campaign(is_adset_budget_sharing_enabled=None, daily_budget=9000)
    assert twin.get(f"{campaign}/", fields="daily_budget")["daily_budget"] == "9000"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"daily_budget": None}, (100, None)),
        ({"daily_budget": 99}, (100, 1885272)),
        ({"daily_budget": None, "lifetime_budget": 9000}, (100, None)),
        ({"campaign_id": "120200000000009999"}, (100, 33)),
        ({"campaign_id": "x"}, (100, 33)),
        ({"targeting": "everybody"}, (100, None)),
        ({"billing_event": "SMILES"}, (100, None)),
        ({"end_time": "tomorrow"}, (100, None)),
    ],
)
def test_an_ad_set_that_breaks_a_rule_is_refused(twin: Twin, change: dict[str, Any], code: Any) -> None:
    campaign = twin.campaign()
    assert twin.refused(twin.adset(campaign, **change)) == code


def test_campaign_and_ad_set_budgets_exclude_each_other(twin: Twin) -> None:
    with_budget, without = twin.campaign(daily_budget=9000), twin.campaign()
    assert twin.refused(twin.adset(with_budget)) == (100, 1885621)
    child = twin.adset(with_budget, daily_budget=None)["id"]
    assert twin.refused(twin.post(f"{child}/", {"daily_budget": 500})) == (100, 1885621)
    twin.adset(without)
    assert twin.refused(twin.post(f"{without}/", {"daily_budget": 500})) == (100, 1885621)


def test_the_smallest_budget_depends_on_the_currency(twin: Twin) -> None:
    assert twin.get("act_1/", fields="currency,min_daily_budget") == {
        "id": "act_1",
        "currency": "EUR",
        "min_daily_budget": 100,
    }
    assert twin.get("act_2/", fields="min_daily_budget")["min_daily_budget"] == 1


def test_a_creative_needs_a_thumbnail_and_a_video_that_is_ready(twin: Twin) -> None:
    video, image = twin.video(), twin.image()
    assert twin.refused(twin.creative(video_id=video)) == (100, 1443226)
    assert twin.refused(twin.creative(video_id=video, image_hash=image)) == (100, 1885252)
    twin.now += timedelta(seconds=59)
    assert twin.refused(twin.creative(video_id=video, image_hash=image)) == (100, 1885252)
    twin.now += timedelta(seconds=1)
    assert twin.refused(twin.creative(video_id=video, image_hash="0" * 32)) == (100, 33)
    assert twin.refused(twin.creative(video_id="7", image_hash=image)) == (100, 33)
    wrong_button = {"type": "PRESS_ME", "value": {"link": "https://example.org"}}
    assert twin.refused(twin.creative(video_id=video, image_hash=image, call_to_action=wrong_button)) == (100, None)
    assert "id" in twin.creative(video_id=video, image_url="https://example.org/i.jpg")
    assert "id" in twin.creative(video_id=video, image_hash=image, call_to_action={"type": "LEARN_MORE"})


def test_an_ad_has_no_budget_and_needs_its_parents(twin: Twin) -> None:
    adset, creative = twin.adset(twin.campaign())["id"], twin.ready_creative()
    good = {"name": "A", "adset_id": adset, "creative": {"creative_id": creative}, "status": "ACTIVE"}
    assert twin.refused(twin.post("act_1/ads", {**good, "daily_budget": 500})) == (100, None)
    assert twin.refused(twin.post("act_1/ads", {**good, "adset_id": creative})) == (100, 33)
    assert twin.refused(twin.post("act_1/ads", {**good, "creative": {"creative_id": adset}})) == (100, 33)
    assert twin.refused(twin.post("act_2/ads", good)) == (100, 33)
    ad = twin.post("act_1/ads", good)["id"]
    assert twin.refused(twin.post(f"{ad}/", {"daily_budget": 500})) == (100, None)


def test_a_budget_may_change_four_times_an_hour_and_then_not_for_an_hour(twin: Twin) -> None:
    campaign = twin.campaign()
    first, second = twin.adset(campaign)["id"], twin.adset(campaign)["id"]
    for minute in range(4):
        assert twin.post(f"{first}/", {"daily_budget": 5100 + minute}) == {"success": True}
        twin.now += timedelta(minutes=1)
    assert twin.refused(twin.post(f"{first}/", {"daily_budget": 5200})) == (613, 1487632)
    assert twin.post(f"{second}/", {"daily_budget": 5200}) == {"success": True}
    assert twin.post(f"{first}/", {"status": "PAUSED"}) == {"success": True}
    twin.now += timedelta(minutes=59)
    assert twin.refused(twin.post(f"{first}/", {"daily_budget": 5200})) == (613, 1487632)
    assert twin.get(f"{first}/", fields="daily_budget")["daily_budget"] == "5103"
    twin.now += timedelta(minutes=1)
    assert twin.post(f"{first}/", {"daily_budget": 5200}) == {"success": True}


def test_a_refused_or_only_validated_change_does_not_use_up_the_four(twin: Twin) -> None:
    adset = twin.adset(twin.campaign())["id"]
    for _ in range(5):
        assert twin.refused(twin.post(f"{adset}/", {"daily_budget": 1})) == (100, 1885272)
        only = {"daily_budget": 6000, "execution_options": ["validate_only"]}
        assert twin.post(f"{adset}/", only) == {"success": True}
    assert twin.get(f"{adset}/", fields="daily_budget")["daily_budget"] == "5000"
    assert twin.post(f"{adset}/", {"daily_budget": 6000}) == {"success": True}


def test_validate_only_checks_and_creates_nothing(twin: Twin) -> None:
    only = {"execution_options": ["validate_only"]}
    assert twin.post("act_1/campaigns", {**CAMPAIGN, **only}) == {"success": True}
    assert not twin.state.journal()[-1]["applied"]
    assert twin.refused(twin.post("act_1/campaigns", {**CAMPAIGN, **only, "objective": "REACH"})) == (100, None)
    assert twin.state.objects() == []


@pytest.mark.parametrize("end", ["ARCHIVED", "DELETED"])
def test_what_is_archived_or_deleted_does_not_come_back(twin: Twin, end: str) -> None:
    campaign = twin.campaign()
    assert twin.post(f"{campaign}/", {"status": end}) == {"success": True}
    assert twin.refused(twin.post(f"{campaign}/", {"status": "ACTIVE"})) == (100, None)
    assert twin.refused(twin.post(f"{campaign}/", {"spend_cap": 10000})) == (100, None)
    assert twin.refused(twin.adset(campaign)) == (100, None)
    assert twin.get("act_1/campaigns")["data"] == []
    assert len(twin.get("act_1/campaigns", effective_status=json.dumps([end]))["data"]) == 1


def test_what_the_twin_cannot_do_is_refused_and_not_pretended(twin: Twin) -> None:
    campaign = twin.campaign()
    twin.adset(campaign)
    assert twin.refused(twin.post(f"{campaign}/", {"adset_budgets": [{"adset_id": "1", "daily_budget": 500}]}))
    assert twin.refused(twin.post("act_1/advideos", {"file_url": "https://example.org/v.mp4"})) == (100, None)
    assert twin.refused(twin.get("act_1/adspixels")) == (2500, None)
    assert twin.refused(twin.get("act_1/activities", uid="7")) == (100, None)
    assert twin.refused(twin.get("act_1/campaigns", date_preset="today")) == (100, None)
    rule = [{"field": "name", "operator": "GREATER_THAN", "value": "a"}]
    assert twin.refused(twin.get("act_1/campaigns", filtering=json.dumps(rule))) == (100, None)
    assert twin.refused(twin.send("DELETE", campaign, params={"access_token": TOKEN})) == (100, None)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("act_9/campaigns", {}, (100, 33)),
        ("120200000000009999/", {}, (100, 33)),
        ("99999999999999999999/", {}, (100, 33)),
        ("me", {}, (100, 33)),
        ("", {"ids": "1,2"}, (100, None)),
        ("", {}, (2500, None)),
        ("act_1/ads/1", {}, (2500, None)),
        ("act_1/", {"fields": "colour"}, (100, None)),
        ("act_1/ads", {"limit": "0"}, (100, None)),
        ("act_1/ads", {"after": "!"}, (100, None)),
        ("act_1/ads", {"filtering": "{"}, (100, None)),
    ],
)
def test_a_read_of_nothing_is_refused(twin: Twin, path: str, params: dict[str, str], code: Any) -> None:
    assert twin.refused(twin.get(path, **params)) == code


def test_without_a_token_or_with_another_version_nothing_is_answered(twin: Twin) -> None:
    assert twin.refused(twin.send("GET", "act_1/")) == (190, None)
    assert twin.last.status_code == 401
    assert twin.refused(twin.send("GET", "../v19.0/act_1/", params={"access_token": TOKEN})) == (2635, None)


def test_an_account_that_calls_too_much_is_throttled_until_its_score_has_decayed(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", score_limit=10) as twin:
        for _ in range(3):
            twin.campaign()
        assert json.loads(twin.last.headers["x-ad-account-usage"])["acc_id_util_pct"] == 90
        twin.get("act_1/")
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)
        (entry,) = json.loads(twin.last.headers["x-business-use-case-usage"])["1"]
        assert (entry["call_count"], entry["estimated_time_to_regain_access"]) == (100, 5)
        assert "id" in twin.get("act_2/")
        twin.now += timedelta(minutes=5)
        assert "id" in twin.get("act_1/")


# --- what it shows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (("ACTIVE",), "ACTIVE"),
        (("PAUSED", "PAUSED"), "PAUSED"),
        (("ACTIVE", "PAUSED"), "CAMPAIGN_PAUSED"),
        (("ACTIVE", "DELETED"), "DELETED"),
        (("ACTIVE", "ACTIVE", "ACTIVE"), "ACTIVE"),
        (("ACTIVE", "PAUSED", "PAUSED"), "ADSET_PAUSED"),
        (("ACTIVE", "ACTIVE", "PAUSED"), "CAMPAIGN_PAUSED"),
        (("ACTIVE", "ACTIVE", "ARCHIVED"), "ARCHIVED"),
        (("PAUSED", "ACTIVE", "ACTIVE"), "PAUSED"),
    ],
)
def test_effective_status_follows_the_parents(statuses: tuple[str, ...], shown: str) -> None:
    assert effective_status(*statuses) == shown


def test_fields_are_honoured_and_ids_are_text(twin: Twin) -> None:
    campaign = twin.campaign(name="Grüße 東京", status="ACTIVE")
    adset = twin.adset(campaign, status="PAUSED")["id"]
    assert twin.get(f"{campaign}/") == {"id": campaign}
    fields = "name,objective,special_ad_categories,effective_status,account_id,created_time,lifetime_budget"
    assert twin.get(f"{campaign}/", fields=fields) == {
        "id": campaign,
        "name": "Grüße 東京",
        "objective": "OUTCOME_LEADS",
        "special_ad_categories": [],
        "effective_status": "ACTIVE",
        "account_id": "1",
        "created_time": "2026-11-02T08:00:00+0000",
    }
    assert twin.get(f"{campaign}/adsets", fields="status,campaign")["data"] == [
        {"id": adset, "status": "PAUSED", "campaign": {"id": campaign}}
    ]
    assert twin.get(f"{twin.campaign()}/adsets")["data"] == []


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 12), limit=st.integers(1, 13))
def test_pages_hold_every_object_once_newest_first(
    tmp_path_factory: pytest.TempPathFactory, count: int, limit: int
) -> None:
    with Twin(tmp_path_factory.mktemp("twin") / "m.sqlite") as twin:
        made = [twin.state.add("campaign", "act_1", None, {"status": "PAUSED", "name": "n"}) for _ in range(count)]
        seen, params = list[str](), {"limit": limit, "summary": "true"}
        while True:
            page = twin.get("act_1/campaigns", **params)
            assert page["summary"]["total_count"] == count
            assert len(page["data"]) <= limit
            seen += [row["id"] for row in page["data"]]
            if "next" not in page.get("paging", {}):
                break
            params["after"] = page["paging"]["cursors"]["after"]
        assert seen == [str(key) for key in reversed(made)]


def test_names_are_filtered_and_videos_by_title(twin: Twin) -> None:
    wanted, _ = twin.campaign(name="with tag7 inside"), twin.campaign(name="other")
    rule = [{"field": "name", "operator": "CONTAIN", "value": "tag7"}]
    assert [row["id"] for row in twin.get("act_1/campaigns", filtering=json.dumps(rule))["data"]] == [wanted]
    video = twin.video()
    assert [row["id"] for row in twin.get("act_1/advideos", title="V")["data"]] == [video]
    assert twin.get("act_1/advideos", title="W")["data"] == []


# --- uploads ---------------------------------------------------------------------------------------


def test_a_chunk_out_of_place_is_told_where_to_go_on(twin: Twin) -> None:
    content = bytes(range(256)) * 5000
    start = twin.post("act_1/advideos", {"upload_phase": "start", "file_size": len(content)})
    session = {"upload_session_id": start["upload_session_id"]}
    assert (start["start_offset"], start["end_offset"]) == ("0", "1048576")
    chunk = {"upload_phase": "transfer", "start_offset": 5, **session}
    refused = twin.post("act_1/advideos", chunk, video_file_chunk=("c", content[5:1048576]))
    assert twin.refused(refused)[1] == 1363037
    assert refused["error"]["error_data"] == {"start_offset": "0", "end_offset": "1048576"}
    assert twin.refused(twin.post("act_1/advideos", {"upload_phase": "finish", **session})) == (100, None)

    offset = 0
    while offset < len(content):
        chunk = {"upload_phase": "transfer", "start_offset": offset, **session}
        piece = content[offset : offset + 1048576]
        offset = int(twin.post("act_1/advideos", chunk, video_file_chunk=("c", piece))["start_offset"])
    assert twin.get("act_1/advideos")["data"] == []
    assert twin.post("act_1/advideos", {"upload_phase": "finish", "title": "V", **session}) == {"success": True}
    assert [row["id"] for row in twin.get("act_1/advideos")["data"]] == [start["video_id"]]
    assert list(twin.state.upload_folder.iterdir()) == []
    assert twin.refused(twin.post("act_1/advideos", {"upload_phase": "finish", **session})) == (100, None)


def test_the_same_image_is_one_image(twin: Twin) -> None:
    first = twin.image()
    text = base64.b64encode(b"still").decode()
    assert twin.post("act_1/adimages", {"bytes": text})["images"]["bytes"]["hash"] == first
    assert [row["hash"] for row in twin.get("act_1/adimages", fields="name")["data"]] == [first]
    assert twin.refused(twin.post("act_1/adimages", {"bytes": "%"})) == (100, None)
    assert twin.refused(twin.post("act_1/adimages")) == (100, None)


# --- memory, journal, faults -----------------------------------------------------------------------


def test_a_restart_keeps_objects_uploads_blocks_and_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "meta.sqlite"
    with Twin(path) as twin:
        adset = twin.adset(twin.campaign())["id"]
        for budget in range(5100, 5105):
            twin.post(f"{adset}/", {"daily_budget": budget})
        start = twin.post("act_1/advideos", {"upload_phase": "start", "file_size": 3})
        before = twin.state.journal()
    with Twin(path) as twin:
        assert twin.state.journal() == before
        assert twin.get(f"{adset}/", fields="daily_budget")["daily_budget"] == "5103"
        assert twin.refused(twin.post(f"{adset}/", {"daily_budget": 5200})) == (613, 1487632)
        session = {"upload_session_id": start["upload_session_id"]}
        chunk = {"upload_phase": "transfer", "start_offset": 0, **session}
        twin.post("act_1/advideos", chunk, video_file_chunk=("c", b"abc"))
        assert twin.post("act_1/advideos", {"upload_phase": "finish", **session}) == {"success": True}
        assert int(twin.campaign()) > int(start["video_id"])


def test_the_journal_tells_what_was_asked_answered_and_applied(twin: Twin) -> None:
    campaign = twin.campaign()
    twin.now += timedelta(hours=3)
    twin.send("POST", "act_1/campaigns", params={"access_token": TOKEN, "appsecret_proof": "f00"}, data={"name": "x"})
    answer = requests.get(f"{twin.server.url}/_sandbox/journal", timeout=5)
    made, refused = answer.json()
    assert (made["method"], made["path"], made["account"]) == ("POST", "act_1/campaigns", "act_1")
    assert (made["applied"], made["status"], made["answer"]) == (True, 200, {"id": campaign})
    assert made["params"]["objective"] == "OUTCOME_LEADS"
    assert made["business_time"] == "2026-11-02T08:00:00+00:00"
    assert datetime.now(UTC) - datetime.fromisoformat(made["real_time"]) < timedelta(minutes=1)
    assert (refused["applied"], refused["status"]) == (False, 400)
    assert refused["business_time"] == "2026-11-02T11:00:00+00:00"
    assert refused["answer"]["error"]["fbtrace_id"] == f"sandbox-{refused['id']}"
    objects = requests.get(f"{twin.server.url}/_sandbox/objects", timeout=5)
    assert [(row["id"], row["kind"]) for row in objects.json()] == [(campaign, "campaign")]
    assert TOKEN not in answer.text + objects.text
    assert "f00" not in answer.text


def test_contents_are_not_journalled(twin: Twin) -> None:
    twin.video()
    twin.post("act_1/adimages", {"bytes": base64.b64encode(b"still").decode()})
    video, image = twin.state.journal()
    assert video["params"]["source"] == "<4 bytes: v.mp4>"
    assert image["params"]["bytes"] == "<8 characters>"


def test_faults_hit_what_they_match_as_often_as_ordered(twin: Twin) -> None:
    order: list[Any] = [
        {"kind": "error", "code": 1, "subcode": 99, "times": 2, "match": {"method": "POST", "path_contains": "ads"}}
    ]
    assert requests.post(f"{twin.server.url}/_sandbox/faults", json=order, timeout=5).json() == {"outstanding": 1}
    campaign = twin.campaign()
    assert twin.get("act_1/ads") == {"data": []}
    for _ in range(2):
        assert twin.refused(twin.adset(campaign)) == (1, 99)
    assert "id" in twin.adset(campaign)
    requests.post(f"{twin.server.url}/_sandbox/faults", json=order, timeout=5)
    assert requests.post(f"{twin.server.url}/_sandbox/faults", json=[], timeout=5).json() == {"outstanding": 0}
    assert "id" in twin.adset(campaign)


def test_a_slow_answer_is_slow_before_or_after_the_call_is_applied(twin: Twin) -> None:
    campaign = twin.campaign()
    for kind, names in (("latency", ["C"]), ("latency_after", ["late"])):
        order: Any = [{"kind": kind, "seconds": 60}]
        requests.post(f"{twin.server.url}/_sandbox/faults", json=order, timeout=5)
        form = {"access_token": TOKEN, "name": "late"}
        with pytest.raises(requests.ReadTimeout):
            twin.http.post(f"{twin.server.url}/v26.0/{campaign}/", data=form, timeout=0.3)
        while kind == "latency_after" and twin.state.journal()[-1]["fault"] != kind:
            time.sleep(0.01)
        assert [row["data"]["name"] for row in twin.state.objects()] == names


def test_a_reset_is_a_reset_and_not_an_orderly_close(twin: Twin) -> None:
    requests.post(f"{twin.server.url}/_sandbox/faults", json=[{"kind": "reset_before"}], timeout=5)
    port = int(twin.server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(b"GET /v26.0/act_1/ HTTP/1.1\r\nHost: twin\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


def test_an_order_that_makes_no_sense_is_refused(twin: Twin) -> None:
    orders: list[Any] = [[{"kind": "earthquake"}], {"kind": "error"}, [{"kind": "error", "times": 0}]]
    for order in orders:
        assert requests.post(f"{twin.server.url}/_sandbox/faults", json=order, timeout=5).status_code == 422


def test_parallel_writes_all_arrive_once(twin: Twin) -> None:
    def write() -> None:
        for _ in range(10):
            form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in CAMPAIGN.items()}
            query = {"access_token": TOKEN}
            requests.post(f"{twin.server.url}/v26.0/act_1/campaigns", params=query, data=form, timeout=10).close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal = twin.state.journal()
    assert len({row["answer"]["id"] for row in journal}) == len(journal) == len(twin.state.objects()) == 40


def test_a_file_is_shown_by_length_only() -> None:
    call = Call("POST", "v26.0", ("act_1", "adimages"), {"bytes": "abcd"}, {}, has_token=True)
    assert call.journal_params() == {"bytes": "<4 characters>"}


# --- the server ------------------------------------------------------------------------------------


def test_the_server_leaves_its_port_free_and_refuses_a_taken_one(twin: Twin, tmp_path: Path) -> None:
    port = int(twin.server.url.rsplit(":", 1)[1])
    other = SandboxMeta(tmp_path / "other.sqlite", {}, lambda: START)
    with pytest.raises(ConfigurationError, match=str(port)):
        SandboxServer(build_app(other), port).__enter__()
    server = SandboxServer(build_app(other))
    with pytest.raises(ConfigurationError, match="not running"):
        assert server.url
    with server:
        free = int(server.url.rsplit(":", 1)[1])
    with SandboxServer(build_app(other), free) as again:
        assert again.url.endswith(str(free))
    other.close()


def test_the_server_stops_although_a_client_still_hangs(tmp_path: Path) -> None:
    outcome: list[str] = []
    with Twin(tmp_path / "m.sqlite") as twin:
        url = twin.server.url
        requests.post(f"{url}/_sandbox/faults", json=[{"kind": "commit_then_hang"}], timeout=5)

        def hang() -> None:
            try:
                requests.get(f"{url}/v26.0/act_1/", params={"access_token": TOKEN}, timeout=60)
            except requests.ConnectionError:
                outcome.append("cut")
            else:
                outcome.append("answered")

        thread = threading.Thread(target=hang)
        thread.start()
        while not twin.state.journal():
            time.sleep(0.01)
    thread.join(10)
    assert outcome in (["cut"], ["answered"])


def test_a_clock_without_a_zone_or_an_unknown_currency_is_refused(tmp_path: Path) -> None:
    naive = SandboxMeta(tmp_path / "a.sqlite", {"act_1": "EUR"}, lambda: START.replace(tzinfo=None))
    with pytest.raises(ConfigurationError, match="without a time zone"):
        naive.now()
    naive.close()
    with pytest.raises(ConfigurationError, match="XXX"):
        SandboxMeta(tmp_path / "b.sqlite", {"act_1": "XXX"}, lambda: START)
