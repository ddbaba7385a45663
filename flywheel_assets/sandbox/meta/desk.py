"""The desk beside the Graph paths: orders of faults, restrictions and edits, and a look at the journal.

Every order replaces the one before of its kind; an empty list ends it. Restrictions are the
account's state and survive a restart; faults and hidden hours are the running server's.
"""

from __future__ import annotations

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.faults import Fault, Faults
from flywheel_assets.sandbox.meta.person import Edit, edit
from flywheel_assets.sandbox.meta.restrictions import Restriction, order_restrictions
from flywheel_assets.sandbox.meta.state import SandboxMeta

_FAULTS = TypeAdapter(list[Fault])
_HOURS = TypeAdapter(list[AwareDatetime])  # starts of the hours that insights leave out until the next order
_RESTRICTIONS = TypeAdapter(list[Restriction])


def desk_routes(state: SandboxMeta, faults: Faults) -> list[Route]:
    """The desk's paths."""
    desk = _Desk(state, faults)
    return [
        Route("/_sandbox/faults", desk.order_faults, methods=["POST"]),
        Route("/_sandbox/hidden_hours", desk.hide_hours, methods=["POST"]),
        Route("/_sandbox/restrictions", desk.restrict, methods=["POST"]),
        Route("/_sandbox/edit", desk.edit, methods=["POST"]),
        Route("/_sandbox/journal", desk.journal),
        Route("/_sandbox/objects", desk.objects),
    ]


class _Desk:
    def __init__(self, state: SandboxMeta, faults: Faults) -> None:
        self._state, self._faults = state, faults

    async def order_faults(self, request: Request) -> Response:
        try:
            orders = _FAULTS.validate_json(await request.body())
        except ValidationError as refused:
            return _not_understood(refused)
        self._faults.order(orders)
        return JSONResponse({"outstanding": len(orders)})

    async def hide_hours(self, request: Request) -> Response:
        try:
            hours = _HOURS.validate_json(await request.body())
        except ValidationError as refused:
            return _not_understood(refused)
        self._state.hidden_hours = frozenset(hour.timestamp() for hour in hours)
        return JSONResponse({"hidden": len(self._state.hidden_hours)})

    async def restrict(self, request: Request) -> Response:
        try:
            orders = _RESTRICTIONS.validate_json(await request.body())
            await run_in_threadpool(order_restrictions, self._state, orders)
        except ValidationError as refused:
            return _not_understood(refused)
        except GraphError as refused:
            return JSONResponse(refused.body("sandbox-desk"), status_code=refused.status)
        return JSONResponse({"restricted": len(orders)})

    async def edit(self, request: Request) -> Response:
        try:
            order = Edit.model_validate_json(await request.body())
        except ValidationError as refused:
            return _not_understood(refused)
        answer = await run_in_threadpool(edit, self._state, order)
        return JSONResponse(answer.body, status_code=answer.status)

    async def journal(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._state.journal))

    async def objects(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._state.objects))


def _not_understood(refused: ValidationError) -> Response:
    return JSONResponse({"errors": refused.errors(include_context=False, include_url=False)}, status_code=422)
