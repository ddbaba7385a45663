"""The budget decision over HTTP, at the brief's path: a request in, budgets out, nothing stored."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.budget import select
from flywheel_assets.gateway.body import Room, parse_json

SELECT_PATH = "/api/ml/battle-hardened/select"
_MEGABYTE = 1_000_000


class SelectBudgets:
    """The endpoint.

    Args:
        megabytes: of bodies that may be read, or wait for their decision, at a time.
    """

    def __init__(self, megabytes: int) -> None:
        remedy = "ask for one account at a time, or raise FLYWHEEL_SELECT_MEGABYTES"
        self._room = Room(megabytes * _MEGABYTE, remedy)
        # Decisions compete for one interpreter: two at once take as long as one after the other, and twice the memory.
        self._turn = asyncio.Semaphore(1)

    async def answer(self, request: Request) -> Response:
        """200 with the decision, 400 where the body is no JSON, 422 with every reason where it cannot be decided on."""
        async with self._room.read(request) as raw, self._turn:
            return await run_in_threadpool(_decided, raw)


def _decided(raw: bytearray) -> Response:
    from flywheel_assets.budget.request import RequestRefused  # with numpy, which a gateway without decisions spares

    try:
        return Response(select(parse_json(raw)).model_dump_json(), media_type="application/json")
    except RequestRefused as refused:
        return JSONResponse({"error": str(refused), "problems": refused.problems}, 422)
