"""The client against a small CRM over real HTTP, through the vendor's library."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.clients.hubspot import HubSpotClient, StageEntry
from flywheel_assets.core.errors import (
    AuthError,
    ConfigurationError,
    PermanentError,
    RemoteError,
    Throttled,
    TransientError,
)
from flywheel_assets.serving import ThreadServer

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TOKEN = "pat-na1-canary"  # noqa: S105 - a canary that no message may repeat


def written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def an_object(number: int, updated: datetime = START, **properties: str | None) -> dict[str, Any]:
    return {
        "id": str(number),
        "createdAt": written(START),
        "updatedAt": written(updated),
        "archived": False,
        "properties": properties,
    }


@dataclass
class SmallCrm:
    """Deals by id; replies that are queued are given first, whatever was asked."""

    deals: dict[int, dict[str, Any]] = field(default_factory=dict)
    replies: list[Response] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)

    def app(self) -> Starlette:
        routes = [
            Route("/crm/v3/objects/deals/batch/read", self.batch, methods=["POST"]),
            Route("/crm/v3/objects/deals/search", self.search, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def batch(self, request: Request) -> Response:
        body = await self._body(request)
        if self.replies:
            return self.replies.pop(0)
        ids = [int(one["id"]) for one in body["inputs"]]
        found = [self.deals[number] for number in ids if number in self.deals]
        shown = [one if body["propertiesWithHistory"] else {**one, "propertiesWithHistory": None} for one in found]
        answer = {"status": "COMPLETE", "results": shown, "startedAt": written(START), "completedAt": written(START)}
        missing = len(ids) - len(found)
        return JSONResponse(answer | ({"numErrors": missing, "errors": []} if missing else {}), 207 if missing else 200)

    async def search(self, request: Request) -> Response:
        body = await self._body(request)
        if self.replies:
            return self.replies.pop(0)
        (rule,) = body["filterGroups"][0]["filters"]
        assert (rule["propertyName"], rule["operator"]) == ("hs_lastmodifieddate", "GTE")
        assert body["sorts"] == [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
        opens = written(datetime.fromtimestamp(int(rule["value"]) / 1000, UTC))
        found = sorted(
            (one for one in self.deals.values() if one["updatedAt"] >= opens), key=lambda one: one["updatedAt"]
        )
        start, limit = int(body.get("after", 0)), body["limit"]
        assert start + limit <= 10_000
        answer: dict[str, Any] = {"total": len(found), "results": found[start : start + limit]}
        if start + limit < len(found):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return JSONResponse(answer)

    async def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = await request.json()
        self.asked.append((request.url.path, body, request.headers["authorization"]))
        return body


@pytest.fixture
def crm() -> SmallCrm:
    return SmallCrm()


@pytest.fixture
def client(crm: SmallCrm) -> Iterator[HubSpotClient]:
    with ThreadServer(crm.app(), name="small CRM") as server, HubSpotClient(TOKEN, f"{server.url}/", 5) as opened:
        yield opened


def refusal(client: HubSpotClient) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        client.deals([1], ["amount"])
    assert TOKEN not in str(caught.value)
    return caught.value


def test_deals_are_read_a_hundred_at_a_time_with_the_token_as_bearer(client: HubSpotClient, crm: SmallCrm) -> None:
    crm.deals = {number: an_object(number, amount="12.50", deal_currency_code=None) for number in range(1, 251)}
    found = client.deals(range(1, 253), ["amount"])
    assert [deal.id for deal in found] == list(range(1, 251))
    assert found[0].properties == {"amount": "12.50", "deal_currency_code": None}
    assert (found[0].created_at, found[0].created_at.tzinfo) == (START, UTC)
    assert [len(body["inputs"]) for _, body, _ in crm.asked] == [100, 100, 52]
    assert {token for _, _, token in crm.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in repr(client)


def test_stage_histories_are_asked_fifty_at_a_time_and_come_oldest_first(client: HubSpotClient, crm: SmallCrm) -> None:
    moves = [("contractsent", START + timedelta(days=3, milliseconds=7)), ("qualifiedtobuy", START)]
    versions = [{"value": stage, "timestamp": written(at), "sourceType": "CRM_UI"} for stage, at in moves]
    crm.deals = {number: an_object(number) for number in range(1, 61)}
    crm.deals[1] |= {"propertiesWithHistory": {"dealstage": versions}}
    histories = client.stage_histories(range(1, 61))
    assert histories[1] == tuple(StageEntry(stage, at) for stage, at in reversed(moves))
    assert histories[2] == ()
    assert [len(body["inputs"]) for _, body, _ in crm.asked] == [50, 10]


def test_a_search_goes_on_beyond_ten_thousand_results(client: HubSpotClient, crm: SmallCrm) -> None:
    crm.deals = {number: an_object(number, START + timedelta(seconds=number // 3)) for number in range(10_400)}
    found = [deal.id for deal in client.modified_since(START + timedelta(seconds=1), ["amount"])]
    assert sorted(found) == list(range(3, 10_400))


def test_more_deals_in_one_instant_than_a_search_lists_are_refused(client: HubSpotClient, crm: SmallCrm) -> None:
    crm.deals = {number: an_object(number) for number in range(10_001)}
    with pytest.raises(PermanentError, match="more than a search can list"):
        list(client.modified_since(START, []))


def test_throttled_and_failing_answers_are_asked_again(client: HubSpotClient, crm: SmallCrm) -> None:
    crm.deals = {1: an_object(1)}
    crm.replies = [JSONResponse({}, 429, headers={"Retry-After": "0"}), JSONResponse({}, 503)]
    assert [deal.id for deal in client.deals([1], [])] == [1]
    assert len(crm.asked) == 3


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"message": "expired", "correlationId": "c-1"}, AuthError),
        (403, {"message": "scope"}, AuthError),
        (400, {"message": "unknown property"}, PermanentError),
        (500, {"message": "oops"}, TransientError),
    ],
)
def test_a_refusal_becomes_our_error(
    client: HubSpotClient, crm: SmallCrm, status: int, body: dict[str, str], error: type[RemoteError]
) -> None:
    crm.replies = [JSONResponse(body, status)]
    found = refusal(client)
    assert type(found) is error
    assert (found.code, found.trace_id) == (status, body.get("correlationId"))
    assert body["message"] in str(found)


def test_a_limit_that_lasts_says_how_long_to_wait(client: HubSpotClient, crm: SmallCrm) -> None:
    body = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "daily limit"}
    crm.replies = [JSONResponse(body, 429, headers={"Retry-After": "0"}) for _ in range(4)]
    found = refusal(client)
    assert isinstance(found, Throttled)
    assert (found.retry_after, len(crm.asked)) == (timedelta(hours=1), 4)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>maintenance</html>",
        b"{}",
        b"[]",
        json.dumps({"status": "COMPLETE", "results": [{"id": "1"}]}).encode(),
        json.dumps({"status": "COMPLETE", "results": [an_object(1) | {"id": "one"}]}).encode(),
        json.dumps({"status": "COMPLETE", "results": [an_object(1) | {"createdAt": "soon"}]}).encode(),
        json.dumps({"status": "COMPLETE", "results": 7}).encode(),
    ],
)
def test_an_answer_of_another_shape_is_an_error_not_an_absence(
    client: HubSpotClient, crm: SmallCrm, body: bytes
) -> None:
    crm.replies = [Response(body, media_type="application/json")]
    assert "documented shape" in str(refusal(client))


def test_nobody_listening_is_transient() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with HubSpotClient(TOKEN, f"http://127.0.0.1:{port}", 0.2) as client:
        assert isinstance(refusal(client), TransientError)


def test_a_silent_server_is_transient() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = HubSpotClient(TOKEN, address, 0.2)
        assert isinstance(refusal(client), TransientError)
        client.close()


def test_an_empty_token_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="FLYWHEEL_HUBSPOT_ACCESS_TOKEN"):
        HubSpotClient("", None, 5)
