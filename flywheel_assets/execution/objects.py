"""What exists at the platform under which local reference."""

from __future__ import annotations

from sqlalchemy import Connection, select

from flywheel_assets.core.ids import digest
from flywheel_assets.execution.calls import references
from flywheel_assets.execution.records import ClaimedChange
from flywheel_assets.execution.statements import sql
from flywheel_assets.store.tables import ad_objects


def new_tag(world: str, ref: str) -> str:
    """The token by which an object is found again at the platform; the same for every attempt to make it."""
    return f"fw-{digest([world, ref])[:10]}"


def tag_of(connection: Connection, ref: str) -> str:
    """The tag of a planned object."""
    return str(connection.execute(select(ad_objects.c.tag).where(ad_objects.c.ref == ref)).scalar_one())


def remote_ids(connection: Connection, change: ClaimedChange) -> dict[str, str]:
    """Remote ids of the objects a change speaks of, where they exist."""
    refs = (change.object_ref, *references(change.spec))
    known = select(ad_objects.c.ref, ad_objects.c.remote_id).where(
        ad_objects.c.ref.in_(refs), ad_objects.c.remote_id.is_not(None)
    )
    return {row.ref: row.remote_id for row in connection.execute(known)}


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
