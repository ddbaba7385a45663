"""Small servers for tests of the Meta client: one that answers as told, and one that speaks in bytes."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.sandbox.server import SandboxServer

TOKEN, SECRET = "EAAtoken+/canary", "secret-canary"
PROOF = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()


def client_at(url: str, timeout: float = 5) -> MetaClient:
    return MetaClient("act_1", TOKEN, SECRET, url, timeout)


@contextmanager
def stand_in(answer: Callable[[Request], Any], timeout: float = 5) -> Iterator[MetaClient]:
    """A client of a server that answers every request with one function."""
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    with SandboxServer(app) as server, client_at(server.url + "/", timeout) as client:
        yield client


class RawServer:
    """Hands each connection to ``talk``, which says what goes over the wire; `stop` ends its pauses."""

    def __init__(self, talk: Callable[[socket.socket, threading.Event], None]) -> None:
        self._talk, self.stop = talk, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the client may have left
                self._talk(connection, self.stop)


def request_of(connection: socket.socket) -> bytes:
    """One request with its body; empty when the client closed the connection instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def trickle(connection: socket.socket, stop: threading.Event, data: bytes) -> None:
    """Byte by byte, so that every single read of the client is answered promptly."""
    for byte in data:
        if stop.wait(0.05):
            return
        connection.sendall(bytes([byte]))
