"""HubSpot's webhook: prove the sender, store, answer. What the events mean is worked out later.

HubSpot may send an event again after any answer but 2xx, so 401 is for a request that is not
HubSpot's, 400 for a body that no retry mends, and 503 asks for a retry because nothing was stored.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.clients.hubspot_signature import SignatureRefused, verify
from flywheel_assets.gateway.body import parse_json, read_body
from flywheel_assets.revenue.inbox import Stored, store_events
from flywheel_assets.store.store import Store

_LOG = logging.getLogger(__name__)


class HubSpotWebhook:
    """The endpoint.

    Args:
        public_url: where the internet reaches the gateway, without a trailing slash. The address that was
            signed is built from it, because a proxy rewrites the request's own.
    """

    def __init__(self, store: Store, public_url: str, secret: str) -> None:
        self._store, self._public_url, self._secrets = store, public_url, (secret,)

    async def receive(self, request: Request) -> Response:
        """Store a signed batch of events."""
        raw = await read_body(request)
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            address = f"{self._public_url}{request.url.path}{query}"
            verify(self._secrets, request.method, address, raw, request.headers, datetime.now(UTC))
        except SignatureRefused as refused:
            _LOG.warning("%s", refused)
            raise HTTPException(401, str(refused)) from None
        events = parse_json(raw)
        if not isinstance(events, list):
            raise HTTPException(400, "the body must be a JSON list of events")
        stored = await run_in_threadpool(self._keep, events)
        return JSONResponse(vars(stored))

    def _keep(self, events: list[object]) -> Stored:
        with self._store.engine.begin() as connection:
            return store_events(connection, events, "webhook")  # type: ignore[arg-type]  # the inbox checks each element
