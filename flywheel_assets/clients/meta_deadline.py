"""One time limit for a whole HTTP exchange: connect, send, headers and body together.

requests' timeouts hold for each read, so a server that trickles bytes holds a call for as long as
it likes, and a worker's lease runs out with a write under way. Here every single operation on the
socket gets what is left of the exchange's time. Resolving the host's name is counted but cannot be
cut short, and a connect is bounded per address by the connect timeout.
"""

from __future__ import annotations

import io
import math
import socket
import time
from http.client import HTTPResponse
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager

_PIECE = 16 * 1024  # one TLS record: the timeout of a TLS socket holds for each


class Deadline:
    """When the exchange that is under way must be over, in real time."""

    def __init__(self, seconds: float, silence: float = math.inf) -> None:
        self._seconds, self._silence = seconds, silence
        self._end = time.monotonic() + seconds

    def restart(self) -> None:
        """A new exchange begins."""
        self._end = time.monotonic() + self._seconds

    def left(self) -> float:
        """Seconds that one operation may take, more than zero.

        Raises:
            TimeoutError: none are left; requests reports it as it reports a silent server.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the exchange took longer than {self._seconds:g} s")
        return min(left, self._silence)


class DeadlineAdapter(HTTPAdapter):
    """Sends each request, and reads its answer, within ``seconds`` in all. For one thread.

    Args:
        seconds: longest time of an exchange.
        silence: longest time within it that nothing comes.
    """

    def __init__(self, seconds: float, silence: float = math.inf) -> None:
        self._deadline = Deadline(seconds, silence)
        self._pools = _pools(self._deadline)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As requests does, with our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        """As requests does, with our connections; a SOCKS proxy has connections of its own kind."""
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Begin the exchange's time and send."""
        self._deadline.restart()
        return super().send(request, *args, **kwargs)


class _Remaining(io.RawIOBase):
    """A socket's incoming bytes; no wait for them outlasts the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Readable:
    """The one thing `http.client` asks of a socket it reads an answer from."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Remaining(self._sock, self._deadline))


def _pools(deadline: Deadline) -> dict[str, type]:
    """Connection pools whose connections obey ``deadline``."""

    class Plain(HTTPConnection):
        def send(self, data: Any) -> None:
            _send(super().send, self, deadline, data)

    class Secure(HTTPSConnection):
        def send(self, data: Any) -> None:
            _send(super().send, self, deadline, data)

    def answer(sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        return HTTPResponse(_Readable(sock, deadline), *args, **kwargs)  # type: ignore[arg-type]  # it asks for makefile only

    Plain.response_class = Secure.response_class = staticmethod(answer)  # type: ignore[assignment]  # called like the class

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _send(send: Any, connection: HTTPConnection, deadline: Deadline, data: bytes) -> None:
    """Piece by piece, each with the time that is left."""
    view = memoryview(data)
    for start in range(0, len(view), _PIECE):
        deadline.left()
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(deadline.left())
        send(view[start : start + _PIECE])
