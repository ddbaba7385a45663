"""A call to Meta is over in its time, however the server spreads its bytes."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from flywheel_assets.clients.meta_deadline import DeadlineAdapter
from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from tests.meta_stand_in import RawServer, client_at, request_of, trickle

BODY = b'{"id": "7", "success": true' + b" " * 200 + b"}"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
# What comes at once, and what comes byte by byte: complete and good after ten seconds, if one waits.
TRICKLES = {
    "status line and headers": (b"", b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200 + b"\r\n" + PLAIN[17:] + BODY),
    "body": (PLAIN, BODY),
    "chunked body": (CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "body until the end of the connection": (b"HTTP/1.0 200 OK\r\n\r\n", BODY),
}


@pytest.mark.parametrize("case", TRICKLES)
def test_a_server_that_trickles_cannot_hold_a_call(case: str) -> None:
    at_once, slowly = TRICKLES[case]

    def talk(connection: socket.socket, stop: threading.Event) -> None:
        request_of(connection)
        connection.sendall(at_once)
        trickle(connection, stop, slowly)

    with RawServer(talk) as server, client_at(server.url, timeout=0.5) as client:
        with pytest.raises(AmbiguousOutcome, match="read back before sending again"):
            client.update("5", {"status": "PAUSED"})
        with pytest.raises(TransientError, match="no answer"):
            client.read("5", ["status"])


def test_a_proxy_that_trickles_cannot_hold_a_call_either() -> None:
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        request_of(connection)
        trickle(connection, stop, PLAIN + BODY)

    with RawServer(talk) as proxy, requests.Session() as session:
        session.mount("http://", DeadlineAdapter(0.5))
        with pytest.raises(requests.RequestException, match="timed out"):
            session.get("http://graph.example/", proxies={"http": proxy.url}, timeout=5)


def test_a_server_that_falls_silent_is_left_long_before_the_exchange_has_to_be_over() -> None:
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        request_of(connection)
        connection.sendall(PLAIN)
        stop.wait(60)

    with RawServer(talk) as server, requests.Session() as session:
        session.mount("http://", DeadlineAdapter(3600, silence=0.2))
        with pytest.raises(requests.RequestException, match="timed out"):
            session.get(server.url, timeout=3600)


def test_a_server_that_hardly_reads_cannot_hold_a_call(tmp_path: Path) -> None:
    image = tmp_path / "cover.jpg"
    image.write_bytes(bytes(16_000_000))

    def talk(connection: socket.socket, stop: threading.Event) -> None:
        while not stop.wait(0.05) and connection.recv(4096):
            pass

    with (
        RawServer(talk) as server,
        client_at(server.url, timeout=0.5) as client,
        pytest.raises(AmbiguousOutcome, match="read back"),
    ):
        client.upload_image(image, "Cover")


def test_every_call_has_its_own_time_and_the_connection_is_kept() -> None:
    connections: list[Any] = []

    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connections.append(connection)
        while request_of(connection) and not stop.wait(0.9):
            connection.sendall(PLAIN + BODY)

    with RawServer(talk) as server, client_at(server.url, timeout=3) as client:
        answers = [client.read("5", ["id"])["id"] for _ in range(4)]
    assert answers == ["7"] * 4
    assert len(connections) == 1


def test_after_a_call_that_was_cut_off_the_next_one_is_answered() -> None:
    calls: list[bytes] = []

    def talk(connection: socket.socket, _: threading.Event) -> None:
        calls.append(request_of(connection))
        if len(calls) == 1:
            connection.sendall(PLAIN + BODY[:10])
            connection.recv(1)  # until the client leaves
        else:
            connection.sendall(PLAIN + BODY)

    with RawServer(talk) as server, client_at(server.url, timeout=1) as client:
        with pytest.raises(TransientError):
            client.read("5", ["id"])
        assert client.read("5", ["id"])["id"] == "7"
