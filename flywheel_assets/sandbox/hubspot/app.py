"""The twin CRM as an HTTP application, with a small desk to order webhook faults and read the journal."""

from __future__ import annotations

import json
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.sandbox.hubspot import objects
from flywheel_assets.sandbox.hubspot.objects import CrmError, bad
from flywheel_assets.sandbox.hubspot.state import Kind, SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookFault, WebhookFaults

_ORDERS = TypeAdapter(list[WebhookFault])
_PROPERTIES = TypeAdapter(dict[str, str])
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


def build_app(state: SandboxHubSpot, faults: WebhookFaults) -> Starlette:
    """The application over ``state``; ``faults`` are those that the `WebhookSender` obeys."""
    twin = _Twin(state, faults)
    return Starlette(
        routes=[
            Route("/_sandbox/faults", twin.order_faults, methods=["POST"]),
            Route("/_sandbox/journal", twin.journal),
            Route("/crm/v3/{path:path}", twin.crm, methods=["GET", "POST", "PATCH"]),
        ]
    )


class _Twin:
    def __init__(self, state: SandboxHubSpot, faults: WebhookFaults) -> None:
        self._state, self._faults = state, faults

    async def order_faults(self, request: Request) -> Response:
        try:
            orders = _ORDERS.validate_json(await request.body())
        except ValidationError as refused:
            return JSONResponse({"errors": refused.errors(include_context=False, include_url=False)}, status_code=422)
        self._faults.order(orders)
        return JSONResponse({"outstanding": len(orders)})

    async def journal(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._state.journal))

    async def crm(self, request: Request) -> Response:
        raw = await request.body()
        status, answer = await run_in_threadpool(self._serve, request, raw)
        return JSONResponse(answer, status_code=status)

    def _serve(self, request: Request, raw: bytes) -> tuple[int, dict[str, Any]]:
        body: Any = None
        try:
            _check_token(request)
            body = _json(raw)
            parts = tuple(part for part in request.path_params["path"].split("/") if part)
            status, answer = _route(self._state, request.method, parts, body, request.query_params)
        except CrmError as refused:
            status, answer = refused.status, refused.body()
        self._state.note("in", request.method, request.url.path, body, status)
        return status, answer


def _route(
    state: SandboxHubSpot, method: str, parts: tuple[str, ...], body: dict[str, Any], query: QueryParams
) -> tuple[int, dict[str, Any]]:
    match (method, *parts):
        case ("GET", "pipelines", "deals"):
            return 200, objects.pipelines()
        case ("POST", "objects", name, "search"):
            return 200, objects.search(state, _kind(name), body)
        case ("POST", "objects", name, "batch", "read"):
            return objects.batch_read(state, _kind(name), body)
        case ("POST", "objects", name):
            return 201, objects.shown(state, state.create(_kind(name), _properties(body)))
        case ("PATCH", "objects", name, number):
            found = objects.find(state, _kind(name), number)
            return 200, objects.shown(state, state.change(found.id, _properties(body)))
        case ("GET", "objects", name, number):
            found = objects.find(state, _kind(name), number)
            histories = _names(query, "propertiesWithHistory")
            return 200, objects.shown(state, found, _names(query, "properties"), histories)
    raise CrmError(404, "OBJECT_NOT_FOUND", f"the sandbox has no {method} /crm/v3/{'/'.join(parts)}")


def _check_token(request: Request) -> None:
    if not request.headers.get("authorization", "").startswith("Bearer "):
        raise CrmError(
            401, "INVALID_AUTHENTICATION", "Authentication credentials not found; send an access token as bearer"
        )


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw or b"{}")
    except ValueError:
        raise bad("Invalid input JSON") from None
    if not isinstance(value, dict):
        raise bad("the body must be a JSON object")
    return value


def _kind(name: str) -> Kind:
    if name not in _KINDS:
        raise CrmError(404, "OBJECT_NOT_FOUND", f"the sandbox has no objects of type {name}")
    return _KINDS[name]


def _properties(body: dict[str, Any]) -> dict[str, str]:
    try:
        return _PROPERTIES.validate_python(body.get("properties"))
    except ValidationError:
        raise bad("properties must map names to strings") from None


def _names(query: QueryParams, name: str) -> list[str]:
    """Repeated or with commas, as clients differ."""
    return [part for value in query.getlist(name) for part in value.split(",") if part]
