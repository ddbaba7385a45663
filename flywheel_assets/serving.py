"""An HTTP application on loopback, served from a background thread of this process."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from flywheel_assets.core.errors import Busy, ConfigurationError

_HOST = "127.0.0.1"
_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


class PromptProtocol(H11Protocol):
    """Answers at once: asyncio turns Nagle's algorithm off for its own listeners only, not for ours, and then every answer waits 40 ms."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows the type in the same way
        """Set the socket up."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class ThreadServer:
    """Serves an application for the length of a ``with`` block.

    Args:
        port: 0 takes a free one; `url` says which.
        name: what the messages call it, e.g. ``gateway``.
        protocol: uvicorn's HTTP protocol class.
    """

    def __init__(
        self, app: ASGIApp, port: int = 0, *, name: str, protocol: type[PromptProtocol] = PromptProtocol
    ) -> None:
        config = uvicorn.Config(
            app,
            http=protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # request lines carry tokens
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._port, self._name = port, name
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base address, without a trailing slash.

        Raises:
            ConfigurationError: the server is not running.
        """
        if self._socket is None:
            raise ConfigurationError(f"the {self._name} server is not running; use it in a with block")
        return f"http://{_HOST}:{self._port}"

    def __enter__(self) -> Self:
        try:
            self._socket = socket.create_server((_HOST, self._port))
        except OSError as taken:
            raise Busy(
                f"{self._name} port {self._port} cannot be opened ({os.strerror(taken.errno or 0)}); stop the other server or set another port"
            ) from taken
        self._port = self._socket.getsockname()[1]
        listener = [self._socket]
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=listener), name=self._name, daemon=True)
        self._thread.start()
        self._wait_until_ready(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _wait_until_ready(self, thread: threading.Thread) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.__exit__()
                raise ConfigurationError(f"the {self._name} server did not start on port {self._port}")
            time.sleep(0.01)
