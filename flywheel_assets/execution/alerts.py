"""What a person has to look at. One open alert an account and rule: what goes on is not told again every minute."""

from __future__ import annotations

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.store.tables import alerts


def raise_alert(connection: Connection, account_id: str, rule: str, reason: str, *, stopped: bool) -> bool:
    """Open an alert unless one of the same rule is open; whether it is new.

    Args:
        connection: the transaction of whatever gave rise to it.
        account_id: whose it is.
        rule: short stable name, e.g. ``auth``, ``overspend``.
        reason: entity, numbers and what to do, in a sentence.
        stopped: whether the account's calls or its spend were stopped because of it.
    """
    row = {"account_id": account_id, "rule": rule, "reason": reason, "stopped": stopped}
    statement = insert(alerts).values(row)
    known = statement.on_conflict_do_update(
        index_elements=["account_id", "rule"],
        index_where=alerts.c.closed_at.is_(None),
        set_={"stopped": alerts.c.stopped | statement.excluded.stopped},
        where=statement.excluded.stopped & ~alerts.c.stopped,
    )
    return connection.execute(known).rowcount > 0


def close_alerts(connection: Connection, account_id: str) -> int:
    """A person has dealt with what stopped the account; how many alerts that ends."""
    closed = alerts.update().where(alerts.c.account_id == account_id, alerts.c.stopped, alerts.c.closed_at.is_(None))
    return connection.execute(closed.values(closed_at=func.flywheel_now())).rowcount


def open_alerts(connection: Connection) -> list[dict[str, object]]:
    """Every open alert, oldest first."""
    query = select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]
