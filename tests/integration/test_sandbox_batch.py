"""Batches at the twin of Meta, through the official SDK: each request counts, and is journalled, as one of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from flywheel_assets.execution.audit import journal_effects
from tests.meta_bench import CAMPAIGN, TOKEN, Twin


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite") as twin:
        yield twin


def batch(twin: Twin, *parts: Any, **more: Any) -> Any:
    return twin.post("", {"batch": list(parts), **more})


def send(twin: Twin, form: dict[str, str], files: Any = None) -> Any:
    """The batch as it stands in ``form``, token or not; the answer is a list."""
    return twin.send("POST", "", data=form, files=files)


def bodies(answer: Any) -> list[Any]:
    return [json.loads(part["body"]) for part in answer]


def read(object_id: str) -> dict[str, str]:
    return {"method": "GET", "relative_url": f"{object_id}/?fields=name"}


def rename(object_id: str, name: str = "N") -> dict[str, str]:
    return {"method": "POST", "relative_url": object_id, "body": f"name={name}"}


def test_a_batch_of_the_sdk_creates_changes_and_reads_in_its_order(twin: Twin) -> None:
    first, adset = twin.campaign(), twin.adset(twin.campaign())["id"]
    answers: list[Any] = []
    with twin.account() as account:
        api = account.get_api_assured()
        calls = api.new_batch()
        calls.add("POST", ("act_1", "campaigns"), {**CAMPAIGN, "name": "Grüße & co"}, success=answers.append)
        calls.add("POST", (adset,), {"daily_budget": 5100}, success=answers.append)
        calls.add("GET", (adset,), {"fields": "daily_budget"}, success=answers.append)
        calls.add("POST", (first,), {"daily_budget": 500}, failure=answers.append)
        assert calls.execute() is None
    made, changed, shown, refused = answers
    assert twin.get(f"{made.json()['id']}/", fields="name")["name"] == "Grüße & co"
    assert changed.json() == {"success": True}
    assert shown.json() == {"id": adset, "daily_budget": "5100"}
    assert (refused.status(), refused.json()["error"]["code"]) == (400, 100)


def test_each_request_is_journalled_and_counted_as_one_and_the_batch_itself_is_not(twin: Twin) -> None:
    campaign = twin.campaign()
    before = len(twin.state.journal())
    batch(twin, rename(campaign), read(campaign), rename("1"))
    rows = twin.state.journal()[before:]
    assert [(row["method"], row["path"], row["applied"]) for row in rows] == [
        ("POST", campaign, True),
        ("GET", campaign, False),
        ("POST", "1", False),
    ]
    assert rows[0]["params"] == {"name": "N"}
    assert journal_effects(twin.state.journal()) == Counter({campaign: 2})


def test_requests_that_outrun_the_score_within_a_batch_are_refused(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", score_limit=7) as twin:
        campaign = twin.campaign()
        answer = batch(twin, rename(campaign, "a"), read(campaign), rename(campaign, "b"))
        assert [part["code"] for part in answer] == [200, 200, 400]
        assert bodies(answer)[2]["error"]["code"] == 17
        assert {"name": "x-ad-account-usage"}.items() <= answer[2]["headers"][2].items()
        assert json.loads(twin.last.headers["x-ad-account-usage"])["acc_id_util_pct"] == 100


def test_requests_that_were_not_executed_come_back_as_the_next_batch(twin: Twin) -> None:
    first, second = twin.campaign(), twin.campaign()
    twin.desk("faults", [{"kind": "not_executed", "match": {"path_contains": second}}])
    with twin.account() as account:
        calls = account.get_api_assured().new_batch()
        calls.add("POST", (first,), {"name": "one"})
        calls.add("POST", (second,), {"name": "two"})
        left = calls.execute()
        assert len(left) == 1
        assert twin.get(f"{second}/", fields="name")["name"] == "C"
        hole = twin.state.journal()[-2]
        assert (hole["fault"], hole["applied"], hole["answer"]) == ("not_executed", False, None)
        assert left.execute() is None
    assert [twin.get(f"{one}/", fields="name")["name"] for one in (first, second)] == ["one", "two"]


def test_a_fault_hits_one_request_of_a_batch_and_leaves_the_others(twin: Twin) -> None:
    first, second = twin.campaign(), twin.campaign()
    twin.desk("faults", [{"kind": "error", "code": 2, "is_transient": True, "match": {"path_contains": second}}])
    answer = batch(twin, rename(first, "one"), rename(second, "two"))
    assert [part["code"] for part in answer] == [200, 400]
    assert bodies(answer)[1]["error"]["is_transient"] is True


def test_a_fault_waits_for_the_kind_of_request_it_is_for(twin: Twin) -> None:
    campaign = twin.campaign()
    cut = {"kind": "html_502", "match": {"path_contains": campaign}}
    twin.desk("faults", [{"kind": "not_executed"}, cut])
    assert twin.get("act_1/", fields="currency")["currency"] == "EUR"  # no part of a batch
    first, second = batch(twin, rename(campaign, "a"), rename(campaign, "b"))  # no request that could be cut
    assert (first, json.loads(second["body"])) == (None, {"success": True})
    assert [row["fault"] for row in twin.state.journal()] == [None, None, "not_executed", None]
    with pytest.raises(requests.JSONDecodeError):
        twin.post(f"{campaign}/", {"name": "c"})
    assert twin.last.status_code == 502


def test_a_fault_without_a_path_hits_the_whole_batch(twin: Twin) -> None:
    campaign = twin.campaign()
    twin.desk("faults", [{"kind": "error", "code": 4, "subcode": 1504022}])
    assert twin.refused(batch(twin, rename(campaign))) == (4, 1504022)
    assert twin.get(f"{campaign}/", fields="name")["name"] == "C"
    twin.desk("faults", [{"kind": "reset_after"}])
    with pytest.raises(requests.ConnectionError):
        batch(twin, rename(campaign, "late"))
    assert twin.get(f"{campaign}/", fields="name")["name"] == "late"
    assert twin.state.journal()[-2]["fault"] == "reset_after"


def test_a_batch_may_leave_out_headers_and_name_the_version_and_bring_a_file(twin: Twin) -> None:
    video = {"method": "POST", "relative_url": "v26.0/act_1/advideos", "body": "title=V", "attached_files": "source"}
    form = {"batch": json.dumps([video]), "include_headers": "false", "access_token": TOKEN}
    files = {"source": ("v.mp4", b"film")}
    (part,) = send(twin, form, files)
    assert set(part) == {"code", "body"}
    assert [row["id"] for row in twin.get("act_1/advideos")["data"]] == [json.loads(part["body"])["id"]]
    (lost,) = twin.state.journal()[:1]
    assert lost["params"]["source"] == "<4 bytes: v.mp4>"
    form["batch"] = json.dumps([{**video, "attached_files": "elsewhere"}])
    assert twin.refused(send(twin, form, files)) == (100, None)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"method": "GET", "relative_url": "act_1"}] * 51,
        [{"method": "PATCH", "relative_url": "act_1"}],
        [{"method": "GET"}],
        [{"method": "GET", "relative_url": "act_1", "name": "first"}],
        [{"method": "GET", "relative_url": "act_1", "depends_on": "first"}],
        "act_1",
        {"method": "GET", "relative_url": "act_1"},
    ],
)
def test_a_batch_that_makes_no_sense_is_refused_whole(twin: Twin, parts: Any) -> None:
    assert twin.refused(twin.post("", {"batch": parts})) == (100, None)
    assert len(twin.state.journal()) == 1


def test_fifty_requests_are_one_batch(twin: Twin) -> None:
    answer = batch(twin, *[read("act_1")] * 50)
    assert bodies(answer) == [{"id": "act_1"}] * 50
    assert len(twin.state.journal()) == 50


def test_tokens_within_a_batch_stay_out_of_the_journal_and_stand_in_for_the_batch_s(twin: Twin) -> None:
    parts = [
        {"method": "GET", "relative_url": f"act_1?access_token={TOKEN}&fields=currency"},
        {"method": "GET", "relative_url": "act_1?fields=currency"},
    ]
    assert [part["code"] for part in send(twin, {"batch": json.dumps(parts)})] == [200, 401]
    twin.desk("faults", [{"kind": "json_500"}])
    send(twin, {"batch": json.dumps(parts)})
    assert twin.state.journal()[-1]["params"]["batch"].endswith(" characters>")
    assert TOKEN not in json.dumps(twin.state.journal())
