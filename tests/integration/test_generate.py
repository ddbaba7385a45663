"""Asking for variations over real HTTP, and the sensor that starts what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.creative.asking import AskedRun, ended
from flywheel_assets.creative.options import Options
from flywheel_assets.creative.repository import load_request, save_verdicts
from flywheel_assets.creative.types import Blueprint, Hook, Verdict
from flywheel_assets.gateway.app import build_gateway
from flywheel_assets.gateway.generate import GENERATE_PATH
from flywheel_assets.learning.refresh import Request, open_generation
from flywheel_assets.serving import ThreadServer
from flywheel_assets.store import tables
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF, DropBench, video
from tests.executor_bench import Bench
from tests.together import together

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

TOKEN = "api-token-canary-0123456789"  # noqa: S105 - a canary that no answer may repeat
SHA = "ab" * 32
URI = "file:///blobs/ab/raw.mp4"


class Gateway:
    """A running gateway and the requests these tests make."""

    def __init__(self, store: Store, **changed: Any) -> None:
        self.store = store
        settings = store.settings.model_copy(update={"api_token": SecretStr(TOKEN), **changed})
        self.server = ThreadServer(build_gateway(Store(settings, store.engine, store.blobs)), name="gateway")

    def post(self, body: Any, token: str | None = TOKEN) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return requests.post(f"{self.server.url}{GENERATE_PATH}", data=raw, headers=_sent(token), timeout=10)

    def get(self, creative_id: str, token: str | None = TOKEN) -> requests.Response:
        address = f"{self.server.url}{GENERATE_PATH}/{creative_id}"
        return requests.get(address, headers=_sent(token), timeout=10)

    def rows(self, table: Any = tables.creatives) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


def _sent(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@pytest.fixture
def gateway(store: Store, account: Account) -> Iterator[Gateway]:
    with store.engine.begin() as connection:
        connection.execute(insert(tables.videos).values(sha256=SHA, uri=URI, name="raw.mp4", bytes=1, probe={}))
    assert account.default_brief is None
    made = Gateway(store)
    with made.server:
        yield made


def asked(**more: Any) -> dict[str, Any]:
    return {"video": SHA, "brief": BRIEF, **more}


def opened(gateway: Gateway, **more: Any) -> str:
    answer = gateway.post(asked(**more))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["creative_id"])


def planned(gateway: Gateway, key: str) -> None:
    """What a run leaves that went through: a render and a plan."""
    render = {"uri": "file:///r.mp4", "cover_uri": "file:///r.jpg", "plan_hash": "p", "width": 1080, "height": 1920}
    lines = [{"feature": "fps", "passed": False, "value": 25, "wanted": "30"}]
    rest = {"frames": 450, "seconds": 15.0, "passed": False, "quality": lines, "details": {}}
    with gateway.store.engine.begin() as connection:
        connection.execute(insert(tables.renders).values(creative_id=key, key="v01", **render, **rest))
        connection.execute(insert(tables.publish_plans).values(creative_id=key, digest="d", plan={}))
        connection.execute(update(tables.creatives).values(asked_run=None))


def launched(gateway: Gateway, bench: Bench, key: str) -> None:
    planned(gateway, key)
    bench.enqueue(bench.pause(bench.adset("v01", campaign=key)))


# --- asking ---------------------------------------------------------------------------------------


def test_a_stored_video_and_a_brief_become_a_creative_whose_run_is_queued(gateway: Gateway) -> None:
    answer = gateway.post(asked(variations=7, ratios=["9:16", "4:5"]))
    said = answer.json()
    assert answer.status_code == 202
    assert said == {
        "creative_id": said["creative_id"],
        "answer": "queued",
        "state": f"{GENERATE_PATH}/{said['creative_id']}",
    }
    assert answer.headers["Location"] == said["state"]
    assert answer.headers["Cache-Control"] == "no-store"
    with gateway.store.engine.connect() as connection:
        request = load_request(connection, said["creative_id"])
    assert request.brief.brand == BRIEF["brand"]
    assert request.video_uri == URI
    assert request.options == Options(variations=7, ratios=("9:16", "4:5"))
    (row,) = gateway.rows()
    assert (row["attempts"], row["asked_run"]) == (1, 1)


def test_the_same_request_is_the_same_creative_and_starts_nothing_more(gateway: Gateway) -> None:
    first, again = gateway.post(asked()), gateway.post(asked())
    by_address = gateway.post(asked(video=URI))
    assert first.json()["creative_id"] == again.json()["creative_id"] == by_address.json()["creative_id"]
    assert (again.status_code, again.json()["answer"]) == (202, "under way")
    (row,) = gateway.rows()
    assert row["attempts"] == 1


def test_eight_that_ask_at_once_ask_once(gateway: Gateway) -> None:
    answers = together(lambda _: gateway.post(asked()).json())
    assert len({answer["creative_id"] for answer in answers}) == 1
    assert sorted(answer["answer"] for answer in answers) == ["queued", *["under way"] * 7]
    assert gateway.rows()[0]["attempts"] == 1


def test_eight_that_ask_at_once_for_a_creative_that_is_there_ask_once(gateway: Gateway) -> None:
    key = opened(gateway)
    with gateway.store.engine.begin() as connection:
        connection.execute(update(tables.creatives).values(asked_run=None))
    answers = together(lambda _: gateway.post({"creative_id": key}).json())
    assert sorted(answer["answer"] for answer in answers) == ["queued", *["under way"] * 7]
    assert gateway.rows()[0]["attempts"] == 2


def test_the_creative_of_a_drop_is_the_one_that_is_asked_for(gateway: Gateway, store: Store, account: Account) -> None:
    store.settings.drop_path.mkdir(parents=True)
    drops = DropBench(store, account)
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    sha = next(row["sha256"] for row in gateway.rows(tables.videos) if row["name"] == "clip.mp4")
    assert opened(gateway, video=sha) == taken.creative_id


def test_another_brief_is_another_creative(gateway: Gateway) -> None:
    other = opened(gateway, brief={**BRIEF, "call_to_action": "Order a tasting"})
    assert other != opened(gateway)
    assert len(gateway.rows()) == 2


def test_without_a_brief_the_account_s_own_is_used(gateway: Gateway, account: Account) -> None:
    assert gateway.post({"video": SHA}).status_code == 422
    with gateway.store.engine.begin() as connection:
        save_account(connection, account.model_copy(update={"default_brief": BRIEF}), "sandbox")
    assert gateway.post({"video": SHA}).json()["creative_id"] == gateway.post(asked()).json()["creative_id"]


def test_other_options_ask_again_and_forget_the_files_of_before(gateway: Gateway) -> None:
    key = opened(gateway)
    planned(gateway, key)
    answer = gateway.post({"creative_id": key, "variations": 10, "ratios": ["1:1"]})
    assert (answer.status_code, answer.json()["answer"]) == (202, "queued")
    (row,) = gateway.rows()
    assert (row["attempts"], row["asked_run"]) == (2, 2)
    assert row["options"] == {"variations": 10, "ratios": ["1:1"], "captions": "karaoke"}
    assert gateway.rows(tables.renders) == gateway.rows(tables.publish_plans) == []


def test_what_is_finished_is_answered_with_200_and_left_alone(gateway: Gateway, bench: Bench) -> None:
    key = opened(gateway)
    launched(gateway, bench, key)
    for body in (asked(), {"creative_id": key}):
        answer = gateway.post(body)
        assert (answer.status_code, answer.json()["answer"]) == (200, "finished")
    assert len(gateway.rows(tables.publish_plans)) == 1
    assert gateway.rows()[0]["attempts"] == 1


@pytest.mark.parametrize("has_plan", [False, True])
def test_a_run_that_ended_before_it_queued_anything_may_be_asked_for_again(gateway: Gateway, *, has_plan: bool) -> None:
    key = opened(gateway)
    if has_plan:
        planned(gateway, key)
    with gateway.store.engine.begin() as connection:
        connection.execute(update(tables.creatives).values(asked_run=None))
    assert gateway.post({"creative_id": key}).json()["answer"] == "queued"
    assert gateway.rows()[0]["asked_run"] == 2


def test_a_launched_creative_stands(gateway: Gateway, bench: Bench) -> None:
    key = opened(gateway)
    launched(gateway, bench, key)
    assert gateway.post({"creative_id": key}).json()["answer"] == "finished"
    answer = gateway.post({"creative_id": key, "variations": 8})
    assert answer.status_code == 409
    assert "what they show stands" in answer.json()["error"]
    assert len(gateway.rows(tables.renders)) == 1
    assert gateway.rows()[0]["asked_run"] is None


def test_a_successor_is_made_with_the_options_of_its_parent(gateway: Gateway) -> None:
    key = opened(gateway, variations=9)
    request = Request(1, "act_1000000001", "ad", key, "tired", 0.4, None)
    with gateway.store.engine.begin() as connection:
        child = load_request(connection, open_generation(connection, request))
    assert child.options == Options(variations=9)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "grün".encode().decode("latin-1")])
def test_whoever_cannot_prove_that_they_may_gets_nothing(gateway: Gateway, token: str | None) -> None:
    key = opened(gateway)
    for answer in (gateway.post(asked(variations=9), token), gateway.get(key, token)):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert gateway.rows()[0]["options"] == {"variations": None, "ratios": ["9:16"], "captions": "karaoke"}


def test_a_gateway_without_a_token_takes_no_requests(store: Store) -> None:
    shut = Gateway(store, api_token=None)
    with shut.server:
        for token in (TOKEN, None, ""):
            answer = shut.post(asked(), token)
            assert answer.status_code == 403
            assert "FLYWHEEL_API_TOKEN" in answer.json()["error"]


def test_a_gateway_with_a_token_that_can_be_guessed_does_not_start(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="16 characters"):
        Gateway(store, api_token=SecretStr("short"))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "request: name either a creative_id or a video"),
        ({"creative_id": "c_0123456789ab", "video": SHA}, "request: name either a creative_id or a video"),
        ({"creative_id": "c_0123456789ab", "brief": BRIEF}, "request: a creative has its brief"),
        ({"creative_id": "../../etc"}, "creative_id: "),
        (asked(variations=4), "variations: "),
        (asked(variations=11), "variations: "),
        (asked(variations=True), "variations: "),
        (asked(variations="7"), "variations: "),
        (asked(ratios=[]), "ratios: "),
        (asked(ratios=["9:16", "9:16"]), "ratios: name each ratio once"),
        (asked(ratios=["2:1"]), "ratios.0: "),
        (asked(sepia=True), "sepia: "),
        (asked(brief={"brand": "Bright Cup"}), "brief: product: Field required"),
        (asked(brief={**BRIEF, "offer": "Guaranteed results"}), "brief: brief of 'Bright Cup' makes claims"),
        (asked(brief={**BRIEF, "language": "de"}), "brief: brief of 'Bright Cup' is in 'de'"),
        (asked(brief={**BRIEF, "product": "coffee\nservice"}), "brief: product holds a line break"),
        (asked(account_id="act_2"), "account_id: there is no such account"),
        (asked(video="a\0b"), "video: "),
        (asked(video="\ud800"), "video: "),
        (asked(account_id="a\0b"), "account_id: "),
        (asked(brief={**BRIEF, "\ud800": "x"}), "brief: document: Input should be a valid string"),
        ({"\ud800": 1}, "request: Input should be a valid string"),
        ([], "request: "),
        ("text", "request: "),
    ],
)
def test_a_request_that_cannot_be_used_is_told_why_and_leaves_nothing(
    gateway: Gateway, body: Any, problem: str
) -> None:
    answer = gateway.post(body)
    assert answer.status_code == 422, answer.text
    assert any(told.startswith(problem) for told in answer.json()["problems"]), answer.text
    assert gateway.rows() == []


def test_every_problem_is_told_at_once(gateway: Gateway) -> None:
    answer = gateway.post({"video": SHA, "variations": 1, "ratios": ["x"], "other": 1})
    assert {problem.partition(":")[0] for problem in answer.json()["problems"]} == {
        "variations", "ratios", "ratios.0", "other",
    }  # fmt: skip


@pytest.mark.parametrize("named", ["cd" * 32, "file:///etc/passwd", "http://127.0.0.1:1/v.mp4", "raw.mp4", "%"])
def test_a_video_that_was_never_taken_in_is_not_looked_for(gateway: Gateway, named: str) -> None:
    answer = gateway.post(asked(video=named))
    assert answer.status_code == 404
    assert "drop folder" in answer.json()["error"]
    assert gateway.rows() == []


def test_an_unknown_creative_is_said_to_be_unknown(gateway: Gateway) -> None:
    assert gateway.post({"creative_id": "c_0123456789ab"}).status_code == 404
    for key in ("c_0123456789ab", "x' or 1=1", "%00"):
        assert gateway.get(key).status_code == 404


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_told_so(gateway: Gateway, raw: bytes) -> None:
    answer = gateway.post(raw)
    assert answer.status_code == 400
    assert "body" in answer.json()["error"]


def test_a_body_that_is_too_large_is_not_read_to_its_end(gateway: Gateway) -> None:
    answer = gateway.post(asked(video="v" * 1_100_000))
    assert answer.status_code == 413


def test_with_two_accounts_one_has_to_be_named(gateway: Gateway, account: Account) -> None:
    with gateway.store.engine.begin() as connection:
        save_account(connection, account.model_copy(update={"account_id": "act_1000000002"}), "sandbox")
        save_account(connection, account.model_copy(update={"account_id": "act_1000000003"}), "live")
    assert gateway.post(asked()).json()["problems"] == ["account_id: there are 2 accounts; name one"]
    assert gateway.post(asked(account_id="act_1000000003")).status_code == 422
    assert gateway.post(asked(account_id="act_1000000002")).status_code == 202
    assert [row["account_id"] for row in gateway.rows()] == ["act_1000000002"]
    taken = gateway.post(asked(account_id=account.account_id))
    assert taken.status_code == 409
    assert "another account has creative" in taken.json()["error"]


# --- where it is ----------------------------------------------------------------------------------


def _judged(score: float) -> Verdict:
    blueprint = Blueprint(
        key="v01", hook=Hook(index=0, family="f", text="Tired?"), scene_order=(0,), promise="p", call_to_action="Try",
        brand="b",
    )  # fmt: skip
    return Verdict(blueprint=blueprint, turn=0, score=score, approved=score > 85, votes=())


def test_the_state_follows_the_rows(gateway: Gateway, bench: Bench) -> None:
    key = opened(gateway, ratios=["4:5"])
    fresh = gateway.get(key).json()
    assert fresh == {
        "creative_id": key,
        "stage": "taken in",
        "under_way": True,
        "failure": None,
        "options": {"variations": None, "ratios": ["4:5"], "captions": "karaoke"},
        "found": None,
        "videos": [],
    }
    with gateway.store.engine.begin() as connection:
        save_verdicts(connection, key, [_judged(70)])
    judged = gateway.get(key).json()
    assert (judged["stage"], judged["found"]) == ("judged", "none of 1 drafts passed 85: the best, v01, has 70.0")
    planned(gateway, key)
    done = gateway.get(key).json()
    assert (done["stage"], done["under_way"]) == ("planned", False)
    assert done["videos"] == [
        {
            "variation": "v01",
            "ratio": "9:16",
            "passed": False,
            "faults": ["fps: 25, wanted 30"],
            "seconds": 15.0,
            "size": "1080x1920",
            "uri": "file:///r.mp4",
            "cover_uri": "file:///r.jpg",
            "plan_hash": "p",
        }
    ]
    bench.enqueue(bench.pause(bench.adset("v01", campaign=key)))
    assert gateway.get(key).json()["stage"] == "launched"


# --- starting it ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def ticks(store: Store, account: Account, shared_instance: dg.DagsterInstance) -> Iterator[DropBench]:
    store.settings.drop_path.mkdir(parents=True)
    yield DropBench(store, account, shared_instance)
    for run in shared_instance.get_runs():
        shared_instance.delete_run(run.run_id)
    for key in shared_instance.get_dynamic_partitions("creatives"):
        shared_instance.delete_dynamic_partition("creatives", key)


@pytest.fixture
def sensor() -> dg.SensorDefinition:
    from flywheel_assets.sensors import video_requests

    return video_requests


def _runs(tick: dg.SensorExecutionData) -> list[tuple[str | None, str | None]]:
    return [(request.partition_key, request.run_key) for request in tick.run_requests or []]


def test_what_is_asked_for_is_started_until_its_run_has_ended(
    gateway: Gateway, ticks: DropBench, sensor: dg.SensorDefinition
) -> None:
    assert ticks.tick(sensor).skip_message == "nothing is asked for"
    key = opened(gateway)
    for _ in range(2):  # a tick that did not live to start its run is made good by the next one
        assert _runs(ticks.tick(sensor)) == [(key, f"{key}:1")]
    assert ticks.instance.get_dynamic_partitions("creatives") == [key]
    ran = ticks.start_run("creative_generation", dg.DagsterRunStatus.STARTED, key, f"{key}:1")
    assert ticks.tick(sensor).skip_message == "1 runs are under way"
    assert gateway.get(key).json()["under_way"] is True
    ticks.instance.delete_run(ran)
    lost = ticks.start_run("creative_generation", dg.DagsterRunStatus.FAILURE, key, f"{key}:1")
    ticks.instance.add_run_tags(lost, {"dagster/will_retry": "true"})
    ticks.tick(sensor)
    assert gateway.get(key).json()["under_way"] is True  # Dagster starts it again by itself
    ticks.instance.add_run_tags(lost, {"dagster/will_retry": "false"})
    assert ticks.tick(sensor).skip_message == "nothing is asked for"
    state = gateway.get(key).json()
    assert (state["under_way"], state["failure"]) == (
        False,
        f"run {lost} ended before a stage could say why; ask again",
    )
    assert gateway.post({"creative_id": key}).json()["answer"] == "queued"
    assert gateway.get(key).json()["failure"] is None
    assert _runs(ticks.tick(sensor)) == [(key, f"{key}:2")]


def test_a_run_that_ends_leaves_what_was_asked_for_meanwhile(gateway: Gateway) -> None:
    key = opened(gateway)
    gateway.post({"creative_id": key, "variations": 9})
    for attempt, left in ((1, 2), (2, None)):
        with gateway.store.engine.begin() as connection:
            ended(connection, AskedRun(key, attempt))
        assert gateway.rows()[0]["asked_run"] == left


def test_a_creative_has_one_run_at_a_time(gateway: Gateway, ticks: DropBench, sensor: dg.SensorDefinition) -> None:
    key, other = opened(gateway), opened(gateway, brief={**BRIEF, "call_to_action": "Order a tasting"})
    ran = ticks.start_run("creative_generation", dg.DagsterRunStatus.STARTED, key)
    assert _runs(ticks.tick(sensor)) == [(other, f"{other}:1")]
    ticks.instance.delete_run(ran)
    assert len(_runs(ticks.tick(sensor))) == 2


def test_the_drop_folder_s_sensor_leaves_what_was_asked_for_to_its_own(
    gateway: Gateway, ticks: DropBench, sensor: dg.SensorDefinition
) -> None:
    from flywheel_assets.sensors import uploads

    key = opened(gateway)
    assert _runs(ticks.tick(uploads)) == []
    assert _runs(ticks.tick(sensor)) == [(key, f"{key}:1")]
    ticks.start_run("creative_generation", dg.DagsterRunStatus.SUCCESS, key, f"{key}:1")
    ticks.tick(sensor)
    assert _runs(ticks.tick(uploads)) == []
