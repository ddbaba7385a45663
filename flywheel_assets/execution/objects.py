"""What exists at the platform under which local reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, cast

from flywheel_assets.core.ids import digest
from flywheel_assets.execution.calls import references
from flywheel_assets.execution.records import Attempt, ClaimedChange
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


def surroundings(connection: Connection, change: ClaimedChange) -> Surroundings:
    """Everything that has to be known before the platform is asked anything."""
    refs = {change.object_ref, change.campaign_ref, *references(change.spec)}
    rows = connection.execute(sql("surroundings"), {"change_id": change.id, "refs": sorted(refs)}).all()
    first = rows[0]
    unresolved = None
    if first.attempt_id is not None:
        before = first.previous or {}
        unresolved = Attempt(first.attempt_id, first.attempted_id, first.previous_budget, first.target_budget, before)
    return Surroundings(
        ids={row.ref: row.remote_id for row in rows if row.remote_id is not None},
        tag=next(row.tag for row in rows if row.ref == change.object_ref),
        unresolved=unresolved,
        was_attempted=first.was_attempted,
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
