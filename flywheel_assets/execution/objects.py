"""What exists at the platform under which local reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, cast

from flywheel_assets.core.ids import digest
from flywheel_assets.execution.records import Attempt
from flywheel_assets.execution.statements import sql
from flywheel_assets.store.tables import ad_objects


def new_tag(world: str, ref: str) -> str:
    """The token by which an object is found again at the platform; the same for every attempt to make it."""
    return f"fw-{digest([world, ref])[:10]}"


@dataclass(frozen=True)
class Surroundings:
    """What a claimed change speaks of.

    Attributes:
        ids: remote ids of its own object, its campaign and what it refers to, where they exist.
        tag: token in the remote name of its own object.
        unresolved: its attempt whose outcome nobody knows yet.
        was_attempted: whether it was ever sent.
    """

    ids: Mapping[str, str]
    tag: str
    unresolved: Attempt | None
    was_attempted: bool

    @classmethod
    def from_row(cls, row: RowMapping) -> Surroundings:
        """Read what the claim says beside the change itself."""
        attempt = row["attempt_id"]
        before = (row["attempted_id"], row["attempted_from"], row["attempted_budget"], row["attempted_over"] or {})
        return cls(
            ids={ref: remote_id for ref, remote_id in (row["ids"] or {}).items() if remote_id is not None},
            tag=row["tag"],
            unresolved=None if attempt is None else Attempt(attempt, *before),
            was_attempted=row["was_attempted"],
        )


def know(connection: Connection, ref: str, fields: Mapping[str, Any]) -> None:
    """Note fields that a person has set: the next edit is told by them."""
    known = ad_objects.c.known.op("||")(cast(dict(fields), ad_objects.c.known.type))
    connection.execute(ad_objects.update().where(ad_objects.c.ref == ref).values(known=known))


def record(
    connection: Connection,
    ref: str,
    *,
    remote_id: str | None = None,
    status: str | None = None,
    daily_budget: int | None = None,
) -> None:
    """Note what the platform confirmed; None leaves a field as it is."""
    values = {"ref": ref, "remote_id": remote_id, "status": status, "daily_budget": daily_budget}
    connection.execute(sql("record_object"), values)
