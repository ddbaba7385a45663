"""Faults on order: what the next matching calls will suffer."""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.sandbox.meta.wire import Call

Kind = Literal["latency", "commit_then_hang", "reset_before", "reset_after", "html_502", "json_500", "error"]


class Match(BaseModel):
    """Which calls: all of them when nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["GET", "POST"] | None = None
    path_contains: str = ""


class Fault(BaseModel):
    """One fault.

    ``latency`` delays, then all goes well. ``commit_then_hang`` and ``reset_after`` apply the call
    and lose the answer; ``reset_before``, ``html_502``, ``json_500`` and ``error`` do not apply it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Match = Match()
    kind: Kind
    code: int = Field(2, description="Of an `error`.")
    subcode: int | None = Field(None, description="Of an `error`.")
    status: int = Field(
        400, ge=200, le=599, description="HTTP status of an `error`; Meta uses 400, 401, 403, 500 and 200."
    )
    is_transient: bool = Field(default=False, description="What an `error` says of itself.")
    seconds: float = Field(1.0, ge=0, le=60, description="Real seconds of a `latency`.")
    times: int = Field(1, ge=1, description="How many matching calls.")


class Faults:
    """The ordered faults; the first that matches is used up first."""

    def __init__(self) -> None:
        self._lock, self._left = threading.Lock(), list[tuple[Fault, int]]()

    def order(self, faults: list[Fault]) -> None:
        """Replace whatever is still outstanding; an empty list ends all faults."""
        with self._lock:
            self._left = [(fault, fault.times) for fault in faults]

    def take(self, call: Call) -> Fault | None:
        """The fault for this call, if any."""
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if fault.match.method in {None, call.method} and fault.match.path_contains in call.path:
                    self._left[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None
