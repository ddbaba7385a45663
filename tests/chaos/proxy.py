"""A fault proxy: an HTTP/1.1 hop on loopback that spoils chosen requests on their way to the platform or back.

| fault       | the platform  | the client                                                        |
|-------------|---------------|-------------------------------------------------------------------|
| `delay`     | gets it later | gets the answer; the landing happens even when it has given up    |
| `hold`      | gets it at `Proxy.release_held`        | hears nothing; it has given up by then   |
| `reset`     | never gets it | sees its connection reset                                         |
| `swallow`   | carries it out| sees its connection reset instead of the answer                   |
| `cut`       | carries it out| gets the first bytes of the answer and then the end of the stream |
| `duplicate` | gets it twice | gets the first answer                                             |
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeVar

Kind = Literal["delay", "hold", "reset", "swallow", "cut", "duplicate"]
_END_OF_HEAD = b"\r\n\r\n"
T = TypeVar("T")
_PATIENCE = 30.0


@dataclass(frozen=True)
class Spoil:
    """What the next request suffers that has every needle in its bytes.

    Attributes:
        needles: of the request line, the headers or the body.
        skip: so many matching requests pass unharmed first.
        seconds: of a `delay`.
        size: bytes of the answer that a `cut` lets through.
    """

    kind: Kind
    needles: tuple[str, ...]
    skip: int = 0
    seconds: float = 0.0
    size: int = 40


class Proxy:
    """Runs in a thread of its own for the length of a ``with`` block; every connection carries one request."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._spoils: list[Spoil] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._released = asyncio.Event()
        self.url = ""
        self.met: list[Kind] = []

    def order(self, *spoils: Spoil) -> None:
        """Replace what is outstanding; each is met by one request, the first that matches first."""
        self._do(self._order(spoils))

    def release_held(self) -> None:
        """Let every held request go on, and wait until the platform has answered all that are under way."""
        self._do(self._release())

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _order(self, spoils: tuple[Spoil, ...]) -> None:
        self._spoils, self.met = list(spoils), []
        self._released.clear()

    async def _release(self) -> None:
        self._released.set()
        await asyncio.gather(*self._tasks)
        self._released.clear()

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: when the client is gone, what it sent still has to reach the platform.
        task = self._loop.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if request := await _message(reader):
                spoil = self._take(request)
                answer = await self._forward(_closing(request), spoil)
                _answer(writer, answer, spoil)
        finally:
            await _closed(writer)

    def _take(self, request: bytes) -> Spoil | None:
        for index, spoil in enumerate(self._spoils):
            if all(needle.encode() in request for needle in spoil.needles):
                if spoil.skip:
                    self._spoils[index] = replace(spoil, skip=spoil.skip - 1)
                    return None
                self.met.append(self._spoils.pop(index).kind)
                return spoil
        return None

    async def _forward(self, request: bytes, spoil: Spoil | None) -> bytes:
        kind = spoil.kind if spoil else None
        if kind == "reset":
            return b""
        if spoil and kind == "delay":
            await asyncio.sleep(spoil.seconds)
        if kind == "hold":
            await self._released.wait()
        answer = await self._exchange(request)
        if kind == "duplicate":
            await self._exchange(request)
        return answer

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            await _closed(writer)


def _answer(writer: asyncio.StreamWriter, answer: bytes, spoil: Spoil | None) -> None:
    match spoil:
        case Spoil(kind="reset" | "swallow" | "hold"):
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST, not FIN
            writer.transport.abort()
        case Spoil(kind="cut", size=size):
            writer.write(answer[:size])
        case _:
            writer.write(answer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):  # the other side may be gone
        await writer.wait_closed()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One whole request; empty when the client only opened and closed."""
    try:
        head = await reader.readuntil(_END_OF_HEAD)
        return head + await reader.readexactly(_length(head))
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _closing(request: bytes) -> bytes:
    """One request a connection: then the end of the answer is the end of the stream."""
    head, _, body = request.partition(_END_OF_HEAD)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + _END_OF_HEAD + body
