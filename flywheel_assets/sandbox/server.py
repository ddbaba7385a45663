"""A twin on loopback, whose requests can cut their own connection."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.types import ASGIApp

from flywheel_assets.serving import PromptProtocol, ThreadServer


class _Resettable(PromptProtocol):
    """Lets a request cut its own connection: the application finds ``reset`` in the request's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows the type in the same way
        super().connection_made(transport)
        raw = transport.get_extra_info("socket")

        def reset() -> None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST, not FIN
            transport.abort()

        self.app_state = {**self.app_state, "reset": reset}


class SandboxServer(ThreadServer):
    """Serves a twin for the length of a ``with`` block."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        super().__init__(app, port, name="sandbox", protocol=_Resettable)
