"""Bodies from strangers: counted while they are read, never trusted to say their own length."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BYTES = 1_000_000  # a full batch of 100 webhook events is about 40 kB

# A slow line needs about ten seconds for a thousand ads; whoever takes longer holds room that others wait for.
_READ_SECONDS = 120.0
_RETRY_SECONDS = "10"
# Empty lists cost 24 times their text in memory, numbers at most ten times. The densest request that means
# something, ads with a single hour, has a list or object in 22 bytes; four weeks of hours have one in 700.
_BYTES_A_CONTAINER = 16


async def read_body(request: Request, limit: int = MAX_BYTES, remedy: str = "send less at a time") -> bytes:
    """The raw body.

    Raises:
        HTTPException: 413 as soon as more than ``limit`` bytes have come.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        _check_size(len(raw), limit, remedy)
    return bytes(raw)


class Room:
    """The bytes that all bodies of one kind may hold together, from their first byte until they are answered.

    One body may take all of it. What comes when nothing is left is asked to come again, so that many large
    bodies at once take no more memory than one.
    """

    def __init__(self, size: int, remedy: str) -> None:
        self._size, self._remedy = size, remedy
        self._taken = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """The raw body, whose bytes stay taken until the block ends.

        Raises:
            HTTPException: 413 when it is larger than the room, 503 when others fill it, 408 when it takes too long.
        """
        raw = bytearray()
        try:
            await self._fill(raw, request)
            yield raw
        finally:
            self._taken -= len(raw)

    async def _fill(self, raw: bytearray, request: Request) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                async for chunk in request.stream():
                    _check_size(len(raw) + len(chunk), self._size, self._remedy)
                    self._check_others(len(chunk))
                    raw += chunk
                    self._taken += len(chunk)
        except TimeoutError:
            raise HTTPException(408, f"the body took longer than {_READ_SECONDS:.0f} seconds; send it again") from None

    def _check_others(self, more: int) -> None:
        if self._taken + more > self._size:
            reason = "other requests fill the memory that is set aside for them; send it again"
            raise HTTPException(503, reason, headers={"Retry-After": _RETRY_SECONDS})


def parse_json(raw: bytes | bytearray) -> Any:
    """The body as JSON.

    Raises:
        HTTPException: 400 with the reason.
    """
    containers = raw.count(b"[") + raw.count(b"{")
    if containers * _BYTES_A_CONTAINER > MAX_BYTES + len(raw):  # a small body may be as empty as it likes
        raise HTTPException(
            400, f"the body has {containers} lists and objects in {len(raw)} bytes: nearly all are empty"
        )
    try:
        return json.loads(raw)
    except RecursionError:
        raise HTTPException(400, "the body is not JSON we read: nested too deeply") from None
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None


def _check_size(size: int, limit: int, remedy: str) -> None:
    if size > limit:
        raise HTTPException(413, f"the body is larger than {limit} bytes; {remedy}")
