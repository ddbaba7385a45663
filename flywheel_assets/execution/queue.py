"""Looking at the queue without touching it."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from flywheel_assets.execution.statements import sql
from flywheel_assets.store.tables import pending_ad_changes


def is_due(connection: Connection) -> bool:
    """Whether a worker would find something to do now: a due change, or one whose worker lost its lease."""
    due = connection.execute(sql("next_due")).scalar_one()
    if due is not None and due <= connection.execute(select(func.flywheel_now())).scalar_one():
        return True
    return connection.execute(sql("any_lost_lease")).scalar_one_or_none() is not None


def is_asked_for(connection: Connection, campaign_ref: str) -> bool:
    """Whether any change of the campaign was ever queued, whatever became of it."""
    queue = pending_ad_changes.c
    return connection.execute(select(queue.id).where(queue.campaign_ref == campaign_ref).limit(1)).first() is not None


def counts_by_status(connection: Connection, plan_digest: str | None = None) -> dict[str, int]:
    """How many changes are in each status, of one plan or of all."""
    queue = pending_ad_changes.c
    query = select(queue.status, func.count().label("number")).group_by(queue.status).order_by(queue.status)
    if plan_digest is not None:
        query = query.where(queue.plan_digest == plan_digest)
    return {row.status: row.number for row in connection.execute(query)}
