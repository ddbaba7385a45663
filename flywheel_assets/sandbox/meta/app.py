"""The twin as an HTTP application: the Graph paths, and a small desk to order faults and read the journal."""

from __future__ import annotations

import asyncio

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.faults import Fault, Faults
from flywheel_assets.sandbox.meta.graph import Answer, note_unanswered, serve
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.meta.wire import Call, read_call

_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_ORDERS = TypeAdapter(list[Fault])
_HOURS = TypeAdapter(list[AwareDatetime])  # starts of the hours that insights leave out until the next order


def build_app(state: SandboxMeta) -> Starlette:
    """The application over ``state``. Connection resets need `SandboxServer`, which hands over the means."""
    twin = _Twin(state)
    return Starlette(
        routes=[
            Route("/_sandbox/faults", twin.order_faults, methods=["POST"]),
            Route("/_sandbox/hidden_hours", twin.hide_hours, methods=["POST"]),
            Route("/_sandbox/journal", twin.journal),
            Route("/_sandbox/objects", twin.objects),
            Route("/{version}/{path:path}", twin.graph, methods=["GET", "POST", "DELETE"]),
        ]
    )


class _Twin:
    def __init__(self, state: SandboxMeta) -> None:
        self._state, self._faults = state, Faults()

    async def order_faults(self, request: Request) -> Response:
        try:
            orders = _ORDERS.validate_json(await request.body())
        except ValidationError as refused:
            return JSONResponse({"errors": refused.errors(include_context=False, include_url=False)}, status_code=422)
        self._faults.order(orders)
        return JSONResponse({"outstanding": len(orders)})

    async def hide_hours(self, request: Request) -> Response:
        try:
            hours = _HOURS.validate_json(await request.body())
        except ValidationError as refused:
            return JSONResponse({"errors": refused.errors(include_context=False, include_url=False)}, status_code=422)
        self._state.hidden_hours = frozenset(hour.timestamp() for hour in hours)
        return JSONResponse({"hidden": len(self._state.hidden_hours)})

    async def journal(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._state.journal))

    async def objects(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._state.objects))

    async def graph(self, request: Request) -> Response:
        call = await read_call(request)
        fault = self._faults.take(call)
        if fault is None:
            return _respond(await run_in_threadpool(serve, self._state, call))
        return await self._faulty(request, call, fault)

    async def _faulty(self, request: Request, call: Call, fault: Fault) -> Response:
        if fault.kind in {"reset_before", "html_502", "json_500"}:
            return await self._lost_before(request, call, fault)
        refusal = None
        if fault.kind == "error":
            refusal = GraphError(
                "Ordered by the sandbox",
                code=fault.code,
                subcode=fault.subcode,
                status=fault.status,
                transient=fault.is_transient,
            )
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        answer = await run_in_threadpool(serve, self._state, call, fault=fault.kind, refusal=refusal)
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
