"""Meta's error model, row by row: what each answer means for a write and for a read, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)
from tests.meta_stand_in import stand_in


def graph(code: int, subcode: int | None = None, *, status: int = 400, **more: Any) -> Response:
    headers = more.pop("headers", None)
    error = {"message": "words", "type": "OAuthException", "code": code, "error_subcode": subcode, **more}
    return JSONResponse({"error": error}, status_code=status, headers=headers)


def usage(minutes: int, tier: str = "development_access") -> dict[str, str]:
    entry = {"type": "ads_management", "call_count": 100, "estimated_time_to_regain_access": minutes}
    return {"X-Business-Use-Case-Usage": json.dumps({"1": [{**entry, "ads_api_access_tier": tier}]})}


@dataclass
class Stage:
    client: MetaClient
    answers: list[Response] = field(default_factory=list)

    def errors(self, answer: Response) -> tuple[RemoteError, RemoteError]:
        """What a write and then a read raise."""
        self.answers[:] = [answer, answer]
        with pytest.raises(RemoteError) as write:
            self.client.update("5", {"status": "PAUSED"})
        with pytest.raises(RemoteError) as read:
            self.client.read("5", ["status"])
        assert self.answers == []  # each was sent once: nothing is repeated inside the client
        return write.value, read.value


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    answers: list[Response] = []

    async def answer(_: Request) -> Response:
        return answers.pop(0)

    with stand_in(answer) as client:
        yield Stage(client, answers)


MINUTE = timedelta(minutes=1)
THROTTLES = [
    (graph(613, 1487632), "object", 60 * MINUTE),  # the ad set's budget changes
    (graph(17, 1487632), "object", 60 * MINUTE),  # the same in older answers
    (graph(613, 1487632, headers=usage(75)), "object", 75 * MINUTE),
    (graph(17, 2446079), "account", 5 * MINUTE),  # the account's score
    (graph(17, 2446079, headers=usage(0, "standard_access")), "account", MINUTE),
    (graph(17, 2446079, headers=usage(3, "standard_access")), "account", 3 * MINUTE),
    (graph(613, 1487742), "account", 5 * MINUTE),
    (graph(613, 5044001), "account", 5 * MINUTE),  # writes per second
    (graph(613, 1487225), "account", 5 * MINUTE),  # pace of ad creation
    (graph(80004, 2446079, headers=usage(23)), "account", 23 * MINUTE),
    (graph(80000, 2446079, headers=usage(2)), "account", 5 * MINUTE),
    *[(graph(code), "account", 5 * MINUTE) for code in (32, 80001, 80002, 80003, 80005, 80006, 80008, 80009, 80014)],
    (graph(4, 1504022), "app", 5 * MINUTE),
    (graph(4, 1504039, headers=usage(11)), "app", 11 * MINUTE),
    (graph(4, status=403, is_transient=True), "app", 5 * MINUTE),  # Meta calls throttles transient
    (graph(17, status=500), "account", 5 * MINUTE),  # a throttle says that nothing was done, whatever the status
    (Response("", 429), "account", 5 * MINUTE),
    (Response("", 429, headers={"Retry-After": "1200"}), "account", 20 * MINUTE),
]


@pytest.mark.parametrize(("answer", "scope", "wait"), THROTTLES)
def test_a_throttle_waits_for_its_scope_and_is_no_failure(
    stage: Stage, answer: Response, scope: str, wait: timedelta
) -> None:
    for error in stage.errors(answer):
        assert isinstance(error, Throttled)
        assert (error.scope, error.retry_after) == (scope, wait)


# Answers that mean the same for a write and a read.
SAME = [
    *[(graph(code), TransientError) for code in (1, 2, 104, 960)],
    (graph(1, 99), TransientError),
    (graph(5000, is_transient=True), TransientError),
    (
        graph(100, 1487390, is_transient=False),
        TransientError,
    ),  # "Adcreative Create Failed": passes when sent again, half the time
    (graph(6000, 1363037), TransientError),  # a chunk to be sent again
    *[(graph(190, subcode, status=401), AuthError) for subcode in (None, 458, 460, 463, 467)],
    *[(graph(code, status=403), AuthError) for code in (10, 102, 200, 272, 294, 299)],
    (graph(190, status=500, is_transient=True), AuthError),
    (graph(368), PolicyError),
    (graph(368, 1346003, status=500), PolicyError),
    *[(graph(100, subcode), PermanentError) for subcode in (None, 33, 1885272, 1885261, 1885621, 1443226)],
    (graph(2635), PermanentError),
    (graph(100, status=200), PermanentError),  # an error in a 200
]
# Answers that leave a write open: it must be read back before it is sent again.
OPEN = [
    graph(1, status=500),
    graph(2, status=500, is_transient=True),
    graph(100, 33, status=500),
    graph(100, 1487390, status=503),
    JSONResponse({"something": "else"}, 500),  # the SDK takes this for a success
    Response("", 500),
    Response("Service Unavailable", 503),
    HTMLResponse("<html>Bad Gateway</html>", 502),  # the SDK raises TypeError
    HTMLResponse("<html>Bad Request</html>", 400),
    HTMLResponse("<html>", 200),
    JSONResponse({"success": False}),
    JSONResponse({"error": None}),
]


@pytest.mark.parametrize(("answer", "kind"), SAME)
def test_a_clear_answer_means_the_same_for_a_write_and_a_read(
    stage: Stage, answer: Response, kind: type[RemoteError]
) -> None:
    assert [type(error) for error in stage.errors(answer)] == [kind, kind]


@pytest.mark.parametrize("answer", OPEN, ids=lambda answer: f"{answer.status_code} {bytes(answer.body)[:60]!r}")
def test_an_unclear_answer_leaves_a_write_open_and_a_read_to_be_repeated(stage: Stage, answer: Response) -> None:
    assert [type(error) for error in stage.errors(answer)] == [AmbiguousOutcome, TransientError]
