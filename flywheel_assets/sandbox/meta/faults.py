"""Faults on order: what the next matching calls will suffer."""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.wire import Call

Kind = Literal[
    "latency",
    "latency_after",
    "commit_then_hang",
    "reset_before",
    "reset_after",
    "html_502",
    "json_500",
    "error",
    "not_executed",
    "report_failed",
    "report_skipped",
]
_REPORTS: frozenset[Kind] = frozenset({"report_failed", "report_skipped"})
# Whole requests can be cut or delayed; within a batch, a sub-request can only be refused or left out.
ENVELOPE: frozenset[Kind] = frozenset(
    {"latency", "latency_after", "commit_then_hang", "reset_before", "reset_after", "html_502", "json_500", "error"}
)
REQUEST: frozenset[Kind] = ENVELOPE | _REPORTS
PART: frozenset[Kind] = _REPORTS | {"error", "not_executed"}


class Match(BaseModel):
    """Which calls: all of them when nothing is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["GET", "POST"] | None = None
    path_contains: str = ""


class Fault(BaseModel):
    """One fault.

    ``latency`` delays before the call is applied, ``latency_after`` afterwards, and all goes well. ``commit_then_hang`` and ``reset_after`` apply the call
    and lose the answer; ``reset_before``, ``html_502``, ``json_500`` and ``error`` do not apply it.
    ``not_executed`` leaves a sub-request of a batch out, a `null` in the answer; ``report_failed`` and
    ``report_skipped`` let an asynchronous report begin and end badly.
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
    estimated_time_to_regain_access: int | None = Field(
        None, ge=0, description="Minutes that the usage headers of an `error` tell; None leaves them as they are."
    )
    seconds: float = Field(1.0, ge=0, le=60, description="Real seconds of a latency.")
    times: int = Field(1, ge=1, description="How many matching calls.")


class Faults:
    """The ordered faults; the first that matches is used up first."""

    def __init__(self) -> None:
        self._lock, self._left = threading.Lock(), list[tuple[Fault, int]]()

    def order(self, faults: list[Fault]) -> None:
        """Replace whatever is still outstanding; an empty list ends all faults."""
        with self._lock:
            self._left = [(fault, fault.times) for fault in faults]

    def take(self, call: Call, kinds: frozenset[Kind]) -> Fault | None:
        """The fault for this call, if any; faults of other kinds stay outstanding."""
        with self._lock:
            for index, (fault, left) in enumerate(self._left):
                if fault.kind in kinds and _hits(fault, call):
                    self._left[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None


def refusal_of(fault: Fault) -> GraphError | None:
    """What an ``error`` answers; None for the other kinds."""
    if fault.kind != "error":
        return None
    return GraphError(
        "Ordered by the sandbox",
        code=fault.code,
        subcode=fault.subcode,
        status=fault.status,
        transient=fault.is_transient,
        regain=fault.estimated_time_to_regain_access,
    )


def _hits(fault: Fault, call: Call) -> bool:
    if fault.kind in _REPORTS and (call.method, call.parts[-1:]) != ("POST", ("insights",)):
        return False
    return fault.match.method in {None, call.method} and fault.match.path_contains in call.path
