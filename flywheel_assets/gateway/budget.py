"""The budget decision over HTTP, at the brief's path: a request in, budgets out, nothing stored."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.budget import select
from flywheel_assets.gateway.body import parse_json

SELECT_PATH = "/api/ml/battle-hardened/select"
# A thousand ads with four weeks of hours and 25 deals each are about 25 MB.
MAX_BYTES = 64_000_000


async def select_budgets(request: Request) -> Response:
    """Answer 200 with the decision, 400 where the body is no JSON, 422 with every reason where it cannot be decided on."""
    raw = await _whole(request)
    status, answer = await run_in_threadpool(_decided, raw)
    return Response(answer, status, media_type="application/json") if status == 200 else JSONResponse(answer, status)  # noqa: PLR2004


async def _whole(request: Request) -> bytes:
    """Counted while it is read; `gateway.body` stops at a megabyte, which is too little for an account's hours."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BYTES} bytes; ask for one account at a time")
    return bytes(raw)


def _decided(raw: bytes) -> tuple[int, object]:
    from flywheel_assets.budget.request import RequestRefused  # with numpy, which a gateway without decisions spares

    try:
        return 200, select(parse_json(raw)).model_dump_json()
    except RequestRefused as refused:
        return 422, {"error": str(refused), "problems": refused.problems}
