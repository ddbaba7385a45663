"""Bodies from strangers: counted while they are read, never trusted to say their own length."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BYTES = 1_000_000  # a full batch of 100 webhook events is about 40 kB


async def read_body(request: Request) -> bytes:
    """The raw body.

    Raises:
        HTTPException: 413 as soon as more than a megabyte has come.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BYTES} bytes")
    return bytes(raw)


def parse_json(raw: bytes) -> Any:
    """The body as JSON.

    Raises:
        HTTPException: 400 with the reason.
    """
    try:
        return json.loads(raw)
    except RecursionError:
        raise HTTPException(400, "the body is not JSON we read: nested too deeply") from None
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
