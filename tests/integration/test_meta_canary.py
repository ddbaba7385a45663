"""Nothing secret leaves the Meta client: not in an error, not in a repr, not in a log at DEBUG."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.clients.meta_accounts import refuse_outside
from flywheel_assets.core.errors import ConfigurationError, RemoteError
from tests.meta_stand_in import PROOF, SECRET, TOKEN, RawServer, client_at, request_of, stand_in

EMAIL = "jane.doe+ads@canary-mail.example"
CANARIES = (TOKEN, quote_plus(TOKEN), "EAAtoken", SECRET, PROOF, EMAIL, quote_plus(EMAIL), "canary-mail")
TELLTALE = f"Malformed token {TOKEN} ({quote_plus(TOKEN)}) of {EMAIL}, proof {PROOF}, app secret {SECRET}"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")  # HubSpot's client turns it down for the whole process
    yield caplog
    assert not leaks(caplog.text)


def leaks(*texts: str) -> list[str]:
    return [canary for text in texts for canary in CANARIES if canary in text]


def told_by(error: BaseException) -> list[str]:
    """Everything that a log, a debugger or an error report shows of an error and of all that hangs on it."""
    texts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        texts += [str(seen), repr(seen), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return texts


def every_call(client: MetaClient, folder: Path) -> list[Callable[[], Any]]:
    video = folder / "v.mp4"
    video.write_bytes(b"0123456789")
    return [
        lambda: client.update("5", {"name": EMAIL}),
        lambda: client.create("campaigns", {"name": EMAIL}),
        lambda: client.read("5", ["name"]),
        lambda: client.find("campaigns", EMAIL),
        lambda: client.upload_video(video, EMAIL),
        lambda: client.upload_image(video, EMAIL),
    ]


ENVELOPE = {"message": TELLTALE, "error_user_msg": EMAIL, "error_user_title": TOKEN, "fbtrace_id": TOKEN}
ANSWERS = {
    "an error object for each class": [
        JSONResponse({"error": {**ENVELOPE, "code": code}}, status_code=400) for code in (4, 190, 368, 100, 2)
    ],
    "details below the error object": [
        JSONResponse({"error": {**ENVELOPE, "code": 100, "error_data": {"blame": [[TELLTALE]]}}}, status_code=400),
        JSONResponse({"error": {"code": 6000, "error_subcode": 1363037, "error_data": TELLTALE}}, status_code=400),
    ],
    "bodies without one": [
        HTMLResponse(TELLTALE, 502),
        JSONResponse({"error": TELLTALE}),
        JSONResponse({"success": False, "message": TELLTALE}),
        JSONResponse([TELLTALE]),
        Response("[" * 100_000, 200),
        Response("", 302, headers={"Location": f"/?access_token={quote_plus(TOKEN)}"}),
    ],
}


@pytest.mark.parametrize("case", ANSWERS)
def test_no_answer_makes_an_error_that_tells(case: str, logged: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    current: list[Response] = []

    async def answer(_: Request) -> Response:
        return current[0]

    with stand_in(answer) as client:
        for reply in ANSWERS[case]:
            current[:] = [reply]
            for call in every_call(client, tmp_path):
                with pytest.raises(RemoteError) as raised:
                    call()
                assert leaks(*told_by(raised.value)) == []
                assert raised.value.__context__ is None
            assert leaks(repr(client._transport.exchange("GET", ("5", "")))) == []
    assert "access_token=***" in logged.text  # the requests were logged, so the filter was at work


@pytest.mark.parametrize("end", ["reset", "silence", "garbage", "odd header"])
@pytest.mark.usefixtures("logged")
def test_no_silence_makes_an_error_that_tells(end: str, tmp_path: Path) -> None:
    def talk(connection: socket.socket, _: threading.Event) -> None:
        request_of(connection)
        if end == "silence":
            connection.recv(1)  # until the client gives up
        elif end == "garbage":
            connection.sendall(f"{TELLTALE}\r\n\r\n".encode())
        elif end == "odd header":  # urllib3 warns of it and quotes the address
            connection.sendall(b"HTTP/1.1 500 x\r\nfirst: 1\r\nno colon here\r\nContent-Length: 0\r\n\r\n")

    with RawServer(talk) as server, client_at(server.url, timeout=0.3) as client:
        for call in every_call(client, tmp_path):
            with pytest.raises(RemoteError) as raised:
                call()
            assert leaks(*told_by(raised.value)) == []


@pytest.mark.usefixtures("logged")
def test_a_refused_connection_does_not_tell(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with client_at(url) as client:
        for call in every_call(client, tmp_path):
            with pytest.raises(RemoteError) as raised:
                call()
            assert leaks(*told_by(raised.value)) == []


def test_what_goes_well_is_logged_without_secrets(logged: pytest.LogCaptureFixture) -> None:
    async def answer(_: Request) -> Response:
        return JSONResponse({"id": "5", "name": "n", "success": True, "data": []})

    with stand_in(answer) as client:
        client.update("5", {"name": EMAIL})
        client.find("campaigns", EMAIL)
        assert leaks(repr(client), str(client), repr(client._transport), repr(client.read("5", ["name"]))) == []
    assert logged.text.count("appsecret_proof=***") == 3
    assert "filtering=***" in logged.text  # an address that is searched for


@pytest.mark.parametrize(
    "make",
    [
        lambda: MetaClient(TOKEN, "act_1", None, None, 5),
        lambda: MetaClient("act_1", TOKEN, SECRET, f"https://graph.example/?access_token={TOKEN}", 5),
        lambda: MetaClient("act_1", TOKEN, SECRET, f"https://me:{SECRET}@graph.example", 5),
        lambda: refuse_outside(f"https://me:{SECRET}@graph.example/?access_token={TOKEN}", "FLYWHEEL_META_GRAPH_URL"),
    ],
)
def test_a_setting_in_the_wrong_place_is_not_quoted(make: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make()
    assert leaks(*told_by(raised.value)) == []
