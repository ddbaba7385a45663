"""Notices over real HTTP: every new alert once, again until it is taken, never in anybody's way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.execution.alerts import Notice, close_alerts, raise_alert, take_notice
from flywheel_assets.monitoring.notices import Posted, post_notices, words
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.settings import Notices, Settings
from flywheel_assets.store.store import Store
from tests.drop_bench import DropBench
from tests.executor_bench import Bench
from tests.meta_stand_in import RawServer

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@dataclass
class Chat:
    """A chat's incoming webhook.

    Attributes:
        answers: HTTP statuses of the next posts; 200 when there is none left.
        heard: the body of every post.
        meanwhile: called while a post is under way.
    """

    answers: list[int] = field(default_factory=list)
    heard: list[Any] = field(default_factory=list)
    meanwhile: Any = None
    url: str = ""

    async def __call__(self, request: Request) -> Response:
        assert request.headers["content-type"] == "application/json"
        self.heard.append(await request.json())
        if self.meanwhile is not None:
            await run_in_threadpool(self.meanwhile)
        status = self.answers.pop(0) if self.answers else 200
        if status == 302:
            return RedirectResponse(self.url, status)
        return PlainTextResponse("ok" if status == 200 else "no", status)

    @property
    def texts(self) -> list[str]:
        return [body["text"] for body in self.heard]


@pytest.fixture
def chat() -> Iterator[Chat]:
    hook = Chat()
    with SandboxServer(Starlette(routes=[Route("/hook/canary", hook.__call__, methods=["POST", "GET"])])) as server:
        hook.url = f"{server.url}/hook/canary"
        yield hook


def at(store: Store, url: str, **notices: Any) -> Settings:
    return store.settings.model_copy(update={"notice_url": SecretStr(url), "notices": Notices(**notices)})


def alert(bench: Bench, rule: str = "overspend", reason: str = "600.00 USD", *, stopped: bool = False) -> bool:
    with bench.store.engine.begin() as connection:
        return raise_alert(connection, bench.account.account_id, rule, reason, stopped=stopped)


def post(bench: Bench, chat: Chat, **notices: Any) -> Posted:
    return post_notices(bench.store.engine, at(bench.store, chat.url, **notices))


def due(bench: Bench) -> None:
    bench.sql("update alerts set notice_retry_real = clock_timestamp() where notice_retry_real is not null")


def wait_left(bench: Bench) -> float:
    with bench.store.engine.connect() as connection:
        left = connection.exec_driver_sql(
            "select extract(epoch from notice_retry_real - clock_timestamp()) from alerts"
        ).scalar_one()
    return float(left)


# --- once ------------------------------------------------------------------------------------------


def test_every_new_alert_is_posted_once_in_the_order_in_which_they_were_opened(bench: Bench, chat: Chat) -> None:
    alert(bench)
    alert(bench, "blind", "8 h of silence", stopped=True)
    assert post(bench, chat) == Posted(2)
    mine = bench.account.account_id
    assert chat.heard == [
        {"text": f"Flywheel sandbox: {mine}: overspend: 600.00 USD"},
        {"text": f"Flywheel sandbox: {mine}: blind (stopped): 8 h of silence"},
    ]
    assert alert(bench) is False
    due(bench)
    assert post(bench, chat) == Posted(0)
    assert len(chat.heard) == 2


def test_an_alert_that_ended_before_anybody_was_told_is_not_posted(bench: Bench, chat: Chat) -> None:
    alert(bench, stopped=True)
    with bench.store.engine.begin() as connection:
        close_alerts(connection, bench.account.account_id)
    assert (post(bench, chat), chat.heard) == (Posted(0), [])


def test_the_same_rule_is_told_again_when_it_is_broken_again(bench: Bench, chat: Chat) -> None:
    for _ in range(2):
        alert(bench, stopped=True)
        post(bench, chat)
        with bench.store.engine.begin() as connection:
            close_alerts(connection, bench.account.account_id)
    assert len(chat.heard) == 2


def test_that_an_open_alert_has_stopped_the_account_since_is_told(bench: Bench, chat: Chat) -> None:
    alert(bench)
    post(bench, chat)
    assert alert(bench, stopped=True)
    assert post(bench, chat) == Posted(1)
    assert ["(stopped)" in text for text in chat.texts] == [False, True]


def test_what_is_stopped_while_its_alert_is_posted_is_told_too(bench: Bench, chat: Chat) -> None:
    alert(bench)
    chat.meanwhile = lambda: alert(bench, stopped=True)
    post(bench, chat, per_round=1)
    chat.meanwhile = None
    assert post(bench, chat) == Posted(1)
    assert ["(stopped)" in text for text in chat.texts] == [False, True]


def test_two_rounds_at_once_post_each_alert_once(bench: Bench, chat: Chat) -> None:
    for number in range(6):
        alert(bench, f"rule {number}")
    start = threading.Barrier(2)

    def one_round(_: int) -> int:
        start.wait()
        return post(bench, chat).told

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(one_round, range(2))) == 6
    assert len(set(chat.texts)) == len(chat.texts) == 6


def test_a_round_posts_its_share_and_the_next_one_the_rest(bench: Bench, chat: Chat) -> None:
    for number in range(3):
        alert(bench, f"rule {number}")
    assert [post(bench, chat, per_round=2).told for _ in range(3)] == [2, 1, 0]


def test_alerts_of_the_other_world_are_not_posted(bench: Bench, chat: Chat) -> None:
    alert(bench)
    bench.sql("update accounts set world = 'live'")
    assert (post(bench, chat), chat.heard) == (Posted(0), [])


# --- until it is taken -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_what_the_webhook_does_not_take_is_tried_again_later(bench: Bench, chat: Chat, status: int) -> None:
    alert(bench)
    chat.answers = [status]
    posted = post(bench, chat)
    assert (posted.told, str(posted.problem).endswith(f"the webhook answered {status}")) == (0, True)
    assert post(bench, chat) == Posted(0), "its time has not come"
    assert 50 < wait_left(bench) <= 60
    due(bench)
    assert post(bench, chat) == Posted(1)
    assert len(chat.heard) == 2


def test_the_waits_double_up_to_the_longest(bench: Bench, chat: Chat) -> None:
    alert(bench)
    chat.answers = [500] * 4
    waits = []
    for _ in range(4):
        post(bench, chat, first_wait_seconds=60, longest_wait_seconds=200)
        waits.append(round(wait_left(bench), -1))
        due(bench)
    assert waits == [60, 120, 200, 200]
    bench.sql("update alerts set notice_tries = 5000")
    assert post(bench, chat) == Posted(1)


def test_one_that_is_never_taken_does_not_stand_before_the_others(bench: Bench, chat: Chat) -> None:
    alert(bench, "one")
    alert(bench, "two")
    chat.answers = [400]
    assert post(bench, chat).told == 0
    assert post(bench, chat) == Posted(1)
    assert "two" in chat.texts[-1]


def test_a_process_that_dies_while_it_posts_loses_nothing(bench: Bench, chat: Chat) -> None:
    alert(bench)
    with bench.store.engine.begin() as connection:
        assert take_notice(connection, Notices()) is not None
    assert post(bench, chat) == Posted(0), "somebody may be posting it"
    due(bench)
    assert post(bench, chat) == Posted(1)


def test_a_webhook_that_is_not_there_is_a_problem_without_its_address(bench: Bench, chat: Chat) -> None:
    alert(bench)
    gone = at(bench.store, "http://127.0.0.1:9/hook/canary")
    posted = post_notices(bench.store.engine, gone)
    assert "the webhook did not answer (ConnectionError)" in str(posted.problem)
    assert "canary" not in str(posted.problem)
    due(bench)
    assert post(bench, chat) == Posted(1)


def test_a_webhook_that_never_answers_costs_no_more_than_its_time(bench: Bench) -> None:
    def silence(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(65_536)
        stop.wait(30)

    alert(bench)
    with RawServer(silence) as silent:
        posted = post_notices(bench.store.engine, at(bench.store, silent.url, timeout_seconds=0.2))
    assert "did not answer" in str(posted.problem)


def test_nobody_who_raises_or_closes_an_alert_waits_for_a_post(bench: Bench, chat: Chat) -> None:
    """They run while the webhook still thinks: were the row locked, neither would come back."""
    alert(bench)

    def others() -> None:
        with bench.store.engine.begin() as connection:
            connection.exec_driver_sql("set local lock_timeout = '5s'")
            raise_alert(connection, bench.account.account_id, "overspend", "more", stopped=True)
            close_alerts(connection, bench.account.account_id)

    chat.meanwhile = others
    assert post(bench, chat) == Posted(1)
    assert [row["closed_at"] is None for row in bench.alerts] == [False]


# --- what and where --------------------------------------------------------------------------------


def test_signs_that_the_format_reserves_are_spelled_out_and_a_long_reason_is_cut() -> None:
    text = words(Notice(1, "act_1", "policy", "<!channel> a & b", stopped=False, tries=1), "live")
    assert text == "Flywheel live: act_1: policy: &lt;!channel&gt; a &amp; b"
    assert len(words(Notice(1, "act_1", "policy", "x" * 9000, stopped=False, tries=1), "live")) == 3000


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://127.0.0.1/canary", "is no http"),
        ("hooks.example.org/canary", "is no http"),
        ("https://hooks.example.org/canary", "the world is sandbox but FLYWHEEL_NOTICE_URL is at hooks.example.org"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_taken(bench: Bench, url: str, said: str) -> None:
    alert(bench)
    with pytest.raises(ConfigurationError, match=said) as refused:
        post_notices(bench.store.engine, at(bench.store, url))
    assert "canary" not in str(refused.value)
    assert bench.alerts[0]["notice_tries"] == 0


# --- the sensor ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@pytest.fixture
def ticks(bench: Bench, instance: dg.DagsterInstance) -> DropBench:
    return DropBench(bench.store, bench.account, instance)


def sensor() -> dg.SensorDefinition:
    from flywheel_assets.sensors import alerts

    return alerts


def test_the_sensor_posts_and_says_so(bench: Bench, chat: Chat, ticks: DropBench) -> None:
    ticks.store = Store(at(bench.store, chat.url), bench.store.engine, bench.store.blobs)
    assert ticks.tick(sensor()).skip_message == "no new alert"
    alert(bench)
    chat.answers = [500]
    assert str(ticks.tick(sensor()).skip_message).startswith("0 alerts posted, then alert 1 of act_")
    due(bench)
    assert ticks.tick(sensor()).skip_message == "1 alerts posted"
    assert ticks.tick(sensor()).run_requests == []


def test_without_an_address_each_alert_stays_a_row_and_is_told_of_once(bench: Bench, ticks: DropBench) -> None:
    assert ticks.tick(sensor()).skip_message == "no new alert"
    alert(bench)
    said = str(ticks.tick(sensor()).skip_message)
    assert said == (
        f"1 new alerts stay rows, as FLYWHEEL_NOTICE_URL is not set: {bench.account.account_id}, overspend: 600.00 USD"
    )
    assert ticks.tick(sensor()).skip_message == "no new alert"
    alert(bench, "blind")
    assert "blind" in str(ticks.tick(sensor()).skip_message)
    assert [row["notice_tries"] for row in bench.alerts] == [0, 0]


def test_what_was_opened_before_there_was_an_address_is_posted_when_there_is_one(
    bench: Bench, chat: Chat, ticks: DropBench
) -> None:
    alert(bench)
    ticks.tick(sensor())
    ticks.store = Store(at(bench.store, chat.url), bench.store.engine, bench.store.blobs)
    assert ticks.tick(sensor()).skip_message == "1 alerts posted"


def test_a_cursor_nobody_can_read_tells_again(bench: Bench, ticks: DropBench) -> None:
    alert(bench)
    ticks.cursor = "{not a number"
    assert "1 new alerts" in str(ticks.tick(sensor()).skip_message)
