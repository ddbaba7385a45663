"""The Meta client against the running twin, and against a server that answers badly on purpose."""

from __future__ import annotations

import hashlib
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    ConfigurationError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)
from flywheel_assets.core.uploads import UploadSession
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from tests.meta_stand_in import PROOF, SECRET, TOKEN, stand_in

CAMPAIGN = {
    "name": "Coffee c7f3a91b",
    "objective": "OUTCOME_LEADS",
    "status": "PAUSED",
    "special_ad_categories": [],
    "is_adset_budget_sharing_enabled": False,
}


class World:
    """A twin, its clock and a client."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 2, 8, tzinfo=UTC)
        self.state = SandboxMeta(folder / "meta.sqlite", {"act_1": "EUR"}, lambda: self.now)
        self.server = SandboxServer(build_app(self.state))

    def client(self, timeout: float = 20) -> MetaClient:
        return MetaClient("act_1", TOKEN, SECRET, self.server.url, timeout)

    def order(self, kind: str, **more: Any) -> None:
        answer = requests.post(f"{self.server.url}/_sandbox/faults", json=[{"kind": kind, **more}], timeout=5)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    with world.server:
        yield world
    world.state.close()


@pytest.fixture
def client(world: World) -> Iterator[MetaClient]:
    with world.client() as client:
        yield client


def adset(campaign: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "Set c7f3a91b",
        "campaign_id": campaign,
        "billing_event": "IMPRESSIONS",
        "optimization_goal": "OFFSITE_CONVERSIONS",
        "targeting": {"geo_locations": {"countries": ["DE"]}},
        "promoted_object": {"pixel_id": "5", "custom_event_type": "LEAD"},
        "daily_budget": 5000,
        "status": "ACTIVE",
        **more,
    }


def creative(video: str, image: str) -> dict[str, Any]:
    button = {"type": "LEARN_MORE", "value": {"link": "https://example.org/"}}
    data = {"video_id": video, "image_hash": image, "message": "m", "title": "t", "call_to_action": button}
    return {"name": "Creative c7f3a91b", "object_story_spec": {"page_id": "77", "video_data": data}}


def media(folder: Path, size: int = 2_500_000) -> tuple[Path, Path]:
    video, image = folder / "v.mp4", folder / "cover.jpg"
    video.write_bytes(bytes(itertools.islice(itertools.cycle(range(251)), size)))
    image.write_bytes(b"\xff\xd8\xff cover")
    return video, image


def test_the_whole_structure_is_built_paused_and_then_activated(
    world: World, client: MetaClient, tmp_path: Path
) -> None:
    video, image = media(tmp_path)
    campaign = client.create("campaigns", CAMPAIGN)
    adset_id = client.create("adsets", adset(campaign))
    video_id, image_hash = client.upload_video(video, "Video c7f3a91b"), client.upload_image(image, "Cover c7f3a91b")
    assert client.video_status(video_id) == "processing"
    with pytest.raises(Throttled) as early:
        client.create("adcreatives", creative(video_id, image_hash))
    assert (early.value.scope, early.value.subcode) == ("object", 1885252)

    world.now += timedelta(seconds=61)
    assert client.video_status(video_id) == "ready"
    creative_id = client.create("adcreatives", creative(video_id, image_hash))
    ad = client.create(
        "ads",
        {"name": "Ad c7f3a91b", "adset_id": adset_id, "creative": {"creative_id": creative_id}, "status": "ACTIVE"},
    )
    assert client.read(ad, ["effective_status"])["effective_status"] == "CAMPAIGN_PAUSED"
    assert client.read(adset_id, ["effective_status"])["effective_status"] == "CAMPAIGN_PAUSED"
    client.update(campaign, {"status": "ACTIVE"})
    assert client.read(ad, ["effective_status", "adset_id", "campaign_id", "creative"]) == {
        "id": ad,
        "effective_status": "ACTIVE",
        "adset_id": adset_id,
        "campaign_id": campaign,
        "creative": {"id": creative_id},
    }
    stored = next(item for item in world.state.objects() if item["id"] == video_id)
    assert stored["data"]["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    writes = [row for row in world.state.journal() if row["method"] == "POST" and row["applied"]]
    phases = [row["params"].get("upload_phase") for row in writes if row["path"].endswith("advideos")]
    assert phases == ["start", "transfer", "transfer", "transfer", "finish"]
    assert [row["path"].split("/")[-1] for row in writes if "upload_phase" not in row["params"]] == [
        "campaigns", "adsets", "adimages", "adcreatives", "ads", campaign
    ]  # fmt: skip


def test_everything_is_found_by_its_tag_and_nothing_else(world: World, client: MetaClient, tmp_path: Path) -> None:
    video, image = media(tmp_path, 10)
    found = {"campaigns": client.create("campaigns", CAMPAIGN)}
    client.create("campaigns", {**CAMPAIGN, "name": "Coffee of somebody else"})
    found["adsets"] = client.create("adsets", adset(found["campaigns"]))
    found["advideos"] = client.upload_video(video, "Video c7f3a91b")
    image_hash = client.upload_image(image, "Cover c7f3a91b")
    world.now += timedelta(minutes=2)
    found["adcreatives"] = client.create("adcreatives", creative(found["advideos"], image_hash))
    for edge, remote_id in found.items():
        assert [row["id"] for row in client.find(edge, "c7f3a91b")] == [remote_id]  # type: ignore[arg-type]  # keys are edges
        assert client.find(edge, "C7F3A91B") == []  # type: ignore[arg-type]  # keys are edges
    images = client.find("adimages", "c7f3a91b")
    assert [(row["hash"], row["name"]) for row in images] == [(image_hash, "Cover c7f3a91b")]
    assert client.find("ads", "c7f3a91b") == []


def test_find_reads_every_page(client: MetaClient) -> None:
    made = [client.create("campaigns", {**CAMPAIGN, "name": f"n{i} tag"}) for i in range(103)]
    assert [row["id"] for row in client.find("campaigns", "tag")] == made[::-1]


def test_money_comes_back_as_text_and_absent_values_are_absent(client: MetaClient) -> None:
    campaign = client.create("campaigns", CAMPAIGN)
    row = client.read(client.create("adsets", adset(campaign)), ["daily_budget", "lifetime_budget", "targeting"])
    assert row["daily_budget"] == "5000"
    assert "lifetime_budget" not in row
    assert row["targeting"] == {"geo_locations": {"countries": ["DE"]}}


def test_the_log_tells_our_changes_from_a_persons(world: World, client: MetaClient) -> None:
    before = world.now
    adset_id = client.create("adsets", adset(client.create("campaigns", CAMPAIGN)))
    world.now += timedelta(minutes=1)
    client.update(adset_id, {"daily_budget": 5500})
    world.now += timedelta(minutes=1)
    edit = {"id": adset_id, "fields": {"daily_budget": 6000}}
    assert requests.post(f"{world.server.url}/_sandbox/edit", json=edit, timeout=5).status_code == 200

    log = [one for one in client.activities(before, world.now) if one.event_type == "update_ad_set_budget"]
    assert [(one.object_id, one.old, one.new) for one in log] == [
        (adset_id, "5000", "5500"),
        (adset_id, "5500", "6000"),
    ]
    assert log[0].application_id != log[1].application_id
    assert [one.at for one in log] == [world.now - timedelta(minutes=1), world.now]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1).filter(lambda text: text.isprintable() and text.strip() == text))
def test_any_name_round_trips(client: MetaClient, name: str) -> None:
    remote_id = client.create("campaigns", {**CAMPAIGN, "name": name})
    assert client.read(remote_id, ["name"])["name"] == name
    assert remote_id in {row["id"] for row in client.find("campaigns", name)}


@pytest.mark.parametrize(
    ("fault", "on_write", "on_read"),
    [
        ({"kind": "reset_before"}, AmbiguousOutcome, TransientError),
        ({"kind": "reset_after"}, AmbiguousOutcome, TransientError),
        ({"kind": "commit_then_hang"}, AmbiguousOutcome, TransientError),
        ({"kind": "html_502"}, AmbiguousOutcome, TransientError),
        ({"kind": "json_500"}, AmbiguousOutcome, TransientError),
        ({"kind": "error", "code": 2, "status": 500}, AmbiguousOutcome, TransientError),
        ({"kind": "error", "code": 2, "is_transient": True}, TransientError, TransientError),
        ({"kind": "error", "code": 190, "subcode": 463, "status": 401}, AuthError, AuthError),
        ({"kind": "error", "code": 368}, PolicyError, PolicyError),
        ({"kind": "error", "code": 4, "subcode": 1504022}, Throttled, Throttled),
        ({"kind": "error", "code": 100, "status": 200}, PermanentError, PermanentError),
    ],
)
def test_every_fault_leaves_as_its_typed_error(
    world: World, fault: dict[str, Any], on_write: type[RemoteError], on_read: type[RemoteError]
) -> None:
    with world.client(timeout=0.5) as client:
        campaign = client.create("campaigns", CAMPAIGN)
        world.order(**fault)
        with pytest.raises(RemoteError) as write:
            client.update(campaign, {"status": "ACTIVE"})
        world.order(**fault)
        with pytest.raises(RemoteError) as read:
            client.read(campaign, ["status"])
        assert (type(write.value), type(read.value)) == (on_write, on_read)
        applied = fault["kind"] in {"reset_after", "commit_then_hang"}
        assert client.read(campaign, ["status"])["status"] == ("ACTIVE" if applied else "PAUSED")
    row = next(row for row in world.state.journal() if row["fault"] and row["method"] == "POST")
    assert (row["fault"], row["applied"]) == (fault["kind"], applied)


def test_a_slow_answer_within_the_timeout_is_an_answer(world: World, client: MetaClient) -> None:
    world.order("latency", seconds=0.2)
    assert client.create("campaigns", CAMPAIGN).isdigit()


def test_a_create_without_an_answer_is_found_afterwards(world: World) -> None:
    with world.client(timeout=0.5) as client:
        world.order("commit_then_hang", match={"method": "POST", "path_contains": "campaigns"})
        with pytest.raises(AmbiguousOutcome, match="read back before sending again"):
            client.create("campaigns", CAMPAIGN)
        (row,) = client.find("campaigns", "c7f3a91b")
        assert client.read(row["id"], ["name"])["name"] == CAMPAIGN["name"]


def test_usage_is_read_from_the_last_answer(world: World, client: MetaClient) -> None:
    assert client.usage is None
    client.create("campaigns", CAMPAIGN)
    assert client.usage == pytest.approx(100 * 3 / 9000, abs=0.01)
    world.order("html_502")
    with pytest.raises(TransientError):
        client.read("act_1", ["currency"])
    assert client.usage is None
    client.read("act_1", ["currency"])
    assert client.usage is not None
    world.order("reset_before")
    with pytest.raises(TransientError):
        client.read("act_1", ["currency"])
    assert client.usage is None


def test_a_refused_connection_was_never_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        MetaClient("act_1", TOKEN, None, f"http://127.0.0.1:{port}", 2) as client,
        pytest.raises(TransientError, match="was not sent"),
    ):
        client.create("campaigns", CAMPAIGN)


# --- answers that the twin does not give -----------------------------------------------------------


@pytest.fixture
def against() -> Iterator[Callable[[Callable[[Request], Any]], MetaClient]]:
    """A client of a server that answers every request with one hand-written function."""
    with ExitStack() as running:
        yield lambda answer: running.enter_context(stand_in(answer))


@pytest.mark.parametrize(
    "answer",
    [
        Response("Service Unavailable", 503),
        Response("", 200),
        Response("[1]", 200, media_type="application/json"),
        HTMLResponse("<html>", 200),
        JSONResponse({"success": False}),
        JSONResponse({"error": "words"}),
        JSONResponse({"something": "else"}),
        RedirectResponse("/elsewhere", 302),
    ],
    ids=lambda answer: f"{answer.status_code} {bytes(answer.body)[:20]!r}",
)
def test_nothing_but_a_confirmation_confirms_a_write(against: Any, answer: Response) -> None:
    async def fixed(_: Request) -> Response:
        return answer

    client = against(fixed)
    with pytest.raises(AmbiguousOutcome):
        client.update("5", {"status": "PAUSED"})
    with pytest.raises(AmbiguousOutcome):
        client.create("ads", {"name": "a"})


def test_every_call_is_signed_and_a_read_names_its_fields(against: Any) -> None:
    async def echo(request: Request) -> Response:
        query = dict(request.query_params)
        return JSONResponse({"path": request.url.path, "name": "Grüße 東京", **query}, media_type="text/javascript")

    assert against(echo).read("5", ["name", "status"]) == {
        "path": "/v26.0/5/",
        "name": "Grüße 東京",
        "fields": "name,status",
        "access_token": TOKEN,
        "appsecret_proof": PROOF,
    }


def test_an_unclear_chunk_is_safe_to_start_again_but_an_unclear_finish_is_not(world: World, tmp_path: Path) -> None:
    video, _ = media(tmp_path, 10)
    with world.client(timeout=0.5) as client:
        world.order("reset_after")
        with pytest.raises(TransientError):
            client.upload_video(video, "Video c7f3a91b")
        assert client.find("advideos", "c7f3a91b") == []
        finish: Any = {"kind": "reset_after", "match": {"path_contains": "advideos"}, "times": 1}
        slow: Any = {"kind": "latency", "seconds": 0, "times": 2, "match": {"path_contains": "advideos"}}
        requests.post(f"{world.server.url}/_sandbox/faults", json=[slow, finish], timeout=5)
        with pytest.raises(AmbiguousOutcome):
            client.upload_video(video, "Video c7f3a91b")
        assert len(client.find("advideos", "c7f3a91b")) == 1


def test_an_upload_that_stopped_goes_on_in_another_client(world: World, tmp_path: Path) -> None:
    video, _ = media(tmp_path)
    kept: list[UploadSession] = []

    def keep(session: UploadSession) -> None:
        kept.append(session)
        if session.next_byte > 0:
            raise KeyboardInterrupt

    with world.client() as first, pytest.raises(KeyboardInterrupt):
        first.upload_video(video, "Video c7f3a91b", progress=keep)
    with world.client() as second:
        assert second.upload_video(video, "Video c7f3a91b", resume=kept[-1]) == kept[-1].video_id
        assert [row["id"] for row in second.find("advideos", "c7f3a91b")] == [kept[-1].video_id]
    (stored,) = (item for item in world.state.objects() if item["kind"] == "advideo")
    assert stored["data"]["sha256"] == hashlib.sha256(video.read_bytes()).hexdigest()
    sent = [row["params"] for row in world.state.journal() if row["path"].endswith("advideos") and row["applied"]]
    phases = [(params["upload_phase"], params.get("start_offset")) for params in sent if "upload_phase" in params]
    assert phases == [
        ("start", None), ("transfer", "0"), ("transfer", "1048576"), ("transfer", "2097152"), ("finish", None)
    ]  # fmt: skip


def test_an_empty_or_missing_file_is_not_sent(client: MetaClient, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(PermanentError, match="missing or empty"):
        client.upload_video(tmp_path / "empty.mp4", "V")
    with pytest.raises(PermanentError, match="missing or empty"):
        client.upload_image(tmp_path / "none.jpg", "I")


@pytest.mark.parametrize("status", ["encoding", None])
def test_an_unknown_video_status_is_not_taken_for_ready(against: Any, status: str | None) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"id": "5", "status": {"video_status": status}})

    with pytest.raises(TransientError, match="not one we know"):
        against(answer).video_status("5")


def test_an_expired_video_is_an_error(against: Any) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"id": "5", "status": {"video_status": "expired"}})

    assert against(answer).video_status("5") == "error"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"data": [], "paging": {"cursors": {"after": "x"}, "next": "?"}}, "page 2 repeats"),
        ({"data": [], "paging": {"next": "?"}}, "page 1 repeats or names no way on"),
        ({"data": [], "paging": {"cursors": {"before": "x"}, "next": "?"}}, "no way on"),
        ({"something": "else"}, "not a list"),
        ({"data": None}, "not a list"),
    ],
)
def test_a_list_that_is_not_read_to_its_end_is_no_list(against: Any, answer: dict[str, Any], reason: str) -> None:
    async def fixed(_: Request) -> Response:
        return JSONResponse(answer)

    with pytest.raises(TransientError, match=reason):
        against(fixed).find("ads", "tag")


@pytest.mark.parametrize("remote_id", ["", "5/../6", "me", "5?ids=6"])
def test_only_an_id_is_put_into_a_path(client: MetaClient, remote_id: str) -> None:
    with pytest.raises(PermanentError, match="not a remote id"):
        client.update(remote_id, {"status": "PAUSED"})


@pytest.mark.parametrize(
    ("account", "token", "url"),
    [("1", TOKEN, None), ("act_1", "", None), ("act_1", TOKEN, "ftp://x"), ("act_1", TOKEN, "127.0.0.1:80")],
)
def test_a_wrong_configuration_is_refused_before_the_first_call(account: str, token: str, url: str | None) -> None:
    with pytest.raises(ConfigurationError):
        MetaClient(account, token, None, url, 5)
