"""The twin as an HTTP application: the Graph paths with their faults; `desk` is beside them."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.sandbox.meta.batch import is_batch, serve_batch
from flywheel_assets.sandbox.meta.desk import desk_routes
from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.faults import ENVELOPE, PART, REQUEST, Fault, Faults, refusal_of
from flywheel_assets.sandbox.meta.graph import Answer, note_unanswered, serve
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.wire import Call, read_call

_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


def build_app(state: SandboxMeta) -> Starlette:
    """The application over ``state``. Connection resets need `SandboxServer`, which hands over the means."""
    faults = Faults()
    graph = _Graph(state, faults)
    paths = Route("/{version}/{path:path}", graph.answer, methods=["GET", "POST", "DELETE"])
    return Starlette(routes=[*desk_routes(state, faults), paths])


class _Graph:
    def __init__(self, state: SandboxMeta, faults: Faults) -> None:
        self._state, self._faults = state, faults

    async def answer(self, request: Request) -> Response:
        call = await read_call(request)
        fault = self._faults.take(call, ENVELOPE if is_batch(call) else REQUEST)
        if fault is None:
            return _respond(await run_in_threadpool(self._serve, call))
        return await self._faulty(request, call, fault)

    def _serve(self, call: Call, fault: str | None = None, refusal: GraphError | None = None) -> Answer:
        if is_batch(call) and refusal is None:
            return serve_batch(self._state, call, lambda part: self._faults.take(part, PART), fault=fault)
        return serve(self._state, call, fault=fault, refusal=refusal)

    async def _faulty(self, request: Request, call: Call, fault: Fault) -> Response:
        if fault.kind in {"reset_before", "html_502", "json_500"}:
            return await self._lost_before(request, call, fault)
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        answer = await run_in_threadpool(self._serve, call, fault.kind, refusal_of(fault))
        if fault.kind == "latency_after":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "reset_after":
            _reset(request)
        if fault.kind in {"reset_after", "commit_then_hang"}:
            await _client_gone(request)
        return _respond(answer)

    async def _lost_before(self, request: Request, call: Call, fault: Fault) -> Response:
        answer = Answer(502 if fault.kind == "html_502" else 500, None)
        await run_in_threadpool(note_unanswered, self._state, call, fault.kind, answer)
        if fault.kind == "html_502":
            return HTMLResponse(_BAD_GATEWAY, status_code=answer.status)
        if fault.kind == "reset_before":
            _reset(request)
            await _client_gone(request)
        return JSONResponse({"message": "internal"}, status_code=answer.status)


def _respond(answer: Answer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers)


def _reset(request: Request) -> None:
    request.state.reset()


async def _client_gone(request: Request) -> None:
    """Wait until the client has given up, or the server stops and cancels us."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
