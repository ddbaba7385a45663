"""Telling a subscriber what changed: signed batches, tried again later, with faults on order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

import requests
from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.sandbox.hubspot.state import Event, SandboxHubSpot

_BATCH = 100
_TRIES = 10  # HubSpot gives up after ten, within a day
_FIRST_WAIT = 60.0  # business seconds, doubled each time: the tenth try comes after 8.5 hours
_PATIENCE = 5.0  # real seconds HubSpot waits for an answer


class WebhookFault(BaseModel):
    """What the next batches suffer.

    ``duplicate`` sends a batch twice, ``drop`` never sends it and tells nobody, ``reorder`` turns
    the order of the next batch that holds at least two events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["duplicate", "reorder", "drop"]
    times: int = Field(1, ge=1, description="How many batches.")


class WebhookFaults:
    """The ordered faults."""

    def __init__(self) -> None:
        self._lock, self._left = threading.Lock(), list[str]()

    def order(self, faults: list[WebhookFault]) -> None:
        """Replace whatever is still outstanding; an empty list ends all faults."""
        with self._lock:
            self._left = [fault.kind for fault in faults for _ in range(fault.times)]

    def take(self, batch: list[Event]) -> str | None:
        """The first fault that can befall this batch."""
        with self._lock:
            for index, kind in enumerate(self._left):
                if kind != "reorder" or len(batch) > 1:
                    return self._left.pop(index)
        return None


@dataclass(frozen=True)
class Sent:
    """Events by what became of them."""

    delivered: int = 0
    failed: int = 0
    dropped: int = 0


class WebhookSender:
    """Sends the outbox of a twin CRM.

    Args:
        url: where events go, as the subscriber knows it: it is part of what is signed.
        secret: the app's client secret.
    """

    def __init__(
        self, state: SandboxHubSpot, url: str, secret: str, faults: WebhookFaults, http: requests.Session
    ) -> None:
        self._state, self._url, self._secret, self._faults, self._http = state, url, secret, faults, http

    def send(self) -> Sent:
        """Send what is due; what fails waits for its next try and counts as failed here."""
        counts = {"delivered": 0, "waiting": 0, "dropped": 0, "given_up": 0}
        while batch := self._state.waiting(_BATCH):
            for event, status in self._send(batch):
                counts[status] += 1
                self._note(event, status)
        return Sent(counts["delivered"], counts["waiting"] + counts["given_up"], counts["dropped"])

    def _send(self, batch: list[Event]) -> list[tuple[Event, str]]:
        fault = self._faults.take(batch)
        if fault == "drop":
            return [(event, "dropped") for event in batch]
        ordered = batch[::-1] if fault == "reorder" else batch
        payload = [{**event.payload, "attemptNumber": event.attempts} for event in ordered]
        accepted = [self._post(payload) for _ in range(2 if fault == "duplicate" else 1)]
        return [(event, self._outcome(event, accepted=any(accepted))) for event in batch]

    def _outcome(self, event: Event, *, accepted: bool) -> str:
        if accepted:
            return "delivered"
        return "waiting" if event.attempts + 1 < _TRIES else "given_up"

    def _post(self, payload: list[dict[str, Any]]) -> bool:
        body, stamp = json.dumps(payload, separators=(",", ":")), str(int(time.time() * 1000))
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Signature-v3": signature(self._secret, "POST", self._url, body, stamp),
            "X-HubSpot-Request-Timestamp": stamp,
        }
        try:
            status = self._http.post(
                self._url, data=body.encode(), headers=headers, timeout=_PATIENCE, allow_redirects=False
            ).status_code
        except requests.RequestException:
            status = None
        self._state.note("out", "POST", self._url, payload, status)
        return status is not None and 200 <= status < 300  # noqa: PLR2004 - success

    def _note(self, event: Event, status: str) -> None:
        due = self._state.now() + _FIRST_WAIT * 2**event.attempts
        self._state.execute(
            "UPDATE events SET status = ?, attempts = attempts + 1, due = ? WHERE id = ?", status, due, event.id
        )


def signature(secret: str, method: str, uri: str, body: str, stamp: str) -> str:
    """HubSpot's v3 signature; ``uri`` needs no decoding because ours carries no query."""
    message = f"{method}{uri}{body}{stamp}".encode()
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
