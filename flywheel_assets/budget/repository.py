"""Allocations in the database: replaced whole, read back as they were decided."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from flywheel_assets.budget.changes import key_prefix
from flywheel_assets.budget.types import Allocation, Recommendation
from flywheel_assets.store.tables import budget_allocations, budget_recommendations, pending_ad_changes

_HEAD = ("account_id", "hour", "policy", "wanted", "planned", "currency", "summary", "decided")


def save_allocation(connection: Connection, allocation: Allocation) -> None:
    """Make it the only one of its account and hour."""
    for table in (budget_recommendations, budget_allocations):
        mine = (table.c.account_id == allocation.account_id, table.c.hour == allocation.hour)
        connection.execute(table.delete().where(*mine))
    head = {name: getattr(allocation, name) for name in _HEAD}
    connection.execute(budget_allocations.insert().values(head))
    if allocation.recommendations:
        whose = {"account_id": allocation.account_id, "hour": allocation.hour}
        rows = [whose | line.model_dump() for line in allocation.recommendations]
        connection.execute(budget_recommendations.insert(), rows)


def load_allocation(connection: Connection, account_id: str, hour: datetime) -> Allocation | None:
    """The decision of an account and hour; None when none was made."""
    head, lines = budget_allocations.c, budget_recommendations.c
    row = connection.execute(
        select(budget_allocations).where(head.account_id == account_id, head.hour == hour)
    ).one_or_none()
    if row is None:
        return None
    fields = [lines[name] for name in Recommendation.model_fields]
    query = select(*fields).where(lines.account_id == account_id, lines.hour == hour).order_by(lines.ad_id)
    return Allocation(
        recommendations=tuple(Recommendation(**found) for found in connection.execute(query).mappings()),
        **{name: getattr(row, name) for name in _HEAD},
    )


def is_queued(connection: Connection, account_id: str, hour: datetime) -> bool:
    """Whether a change of the decision was handed to the executor."""
    key = pending_ad_changes.c.idempotency_key
    query = select(key).where(key.startswith(key_prefix(account_id, hour), autoescape=True)).limit(1)
    return connection.execute(query).first() is not None
