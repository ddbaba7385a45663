"""Rows of the queue as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from flywheel_assets.core.changes import ACCOUNT_LEVEL, SAFETY_PRIORITY, SetStatus, Spec

Outcome = Literal[
    "applied", "deferred", "retried", "unknown", "rejected", "dead", "cancelled", "superseded", "expired", "lost"
]
Scope = Literal["campaign", "account"]
# How a change goes on when it is given back: sent again, or read back first.
Resume = Literal["pending", "unknown"]

_SPEC: TypeAdapter[Spec] = TypeAdapter(Spec)


@dataclass(frozen=True)
class ClaimedChange:
    """A change in the hands of one worker."""

    id: UUID
    fencing_token: int
    account_id: str
    campaign_ref: str
    object_ref: str
    spec: Spec
    new_budget: int | None
    target_budget: int | None
    currency: str
    idempotency_key: str
    failures: int
    deferrals: int
    priority: int
    approved_at: datetime | None
    undo_of: UUID | None

    @classmethod
    def from_row(cls, row: RowMapping) -> ClaimedChange:
        """Read a row of `claim_pending_ad_change`."""
        fields = {name: row[name] for name in cls.__annotations__ if name != "spec"}
        return cls(spec=_SPEC.validate_python(row["spec"]), **fields)

    @property
    def scope(self) -> Scope:
        """Whose hourly limit the change counts toward."""
        return "account" if self.spec.kind in ACCOUNT_LEVEL else "campaign"

    @property
    def is_safety_pause(self) -> bool:
        """Whether it may use what is kept for stopping spend."""
        pauses = isinstance(self.spec, SetStatus) and self.spec.status == "PAUSED"
        return pauses and self.priority >= SAFETY_PRIORITY


@dataclass(frozen=True)
class Observed:
    """What the platform said just before the call.

    Attributes:
        remote_id: of the object that is to be changed; None when it is to be made.
        daily_budget: minor units, where the change is about a budget.
        fields: the fields that the change would overwrite.
    """

    remote_id: str | None = None
    daily_budget: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """Why a change ends without a call.

    Attributes:
        adopt_budget: a person's budget, minor units, that is the known one from now on.
        adopt_status: likewise.
        adopt_fields: a person's targeting or name, likewise.
    """

    status: Literal["rejected", "cancelled", "superseded", "expired"]
    reason: str
    adopt_budget: int | None = None
    adopt_status: str | None = None
    adopt_fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """One intent row: a call that may now be made."""

    id: int
    remote_id: str | None
    previous_budget: int | None
    target_budget: int | None
    previous: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What became of one claimed change."""

    change: ClaimedChange
    outcome: Outcome
    reason: str
    until: datetime | None = None


def describe(error: Exception) -> dict[str, Any]:
    """An error as the audit keeps it: class, message, the platform's numbers."""
    fields = {name: getattr(error, name, None) for name in ("code", "subcode", "trace_id")}
    return {"error": type(error).__name__, "message": str(error), **{k: v for k, v in fields.items() if v is not None}}
