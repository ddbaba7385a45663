"""Nothing that a dead worker held, or that time has overtaken, stays open."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from flywheel_assets.core.changes import CREATES
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety


def end_leases(connection: Connection, is_gone: Callable[[str], bool]) -> int:
    """End the leases of workers known to be gone, instead of waiting for them; how many. `tidy` does the rest."""
    gone = [worker for worker in connection.execute(sql("workers_with_leases")).scalars() if is_gone(worker)]
    return connection.execute(sql("end_leases"), {"workers": gone}).rowcount if gone else 0


def tidy(connection: Connection, safety: Safety) -> None:
    """What every worker does before it claims: take back expired leases, end what is stale with everything that was to be built on it."""
    parameters = {"settle_seconds": safety.settle_seconds}
    rescued = connection.execute(sql("rescue_expired_leases"), parameters).scalars().all()
    if rescued:
        connection.execute(sql("supersede"), {"refs": rescued})
    for expired in connection.execute(sql("expire_stale")).all():
        if expired.change_type in CREATES:
            reason = f"needs {expired.object_ref}, whose creation has expired"
            connection.execute(sql("cancel_dependents"), {"object_ref": expired.object_ref, "reason": reason})


def end_stops(connection: Connection) -> None:
    """Close the stops of spend that are through.

    In a transaction of its own: accounts are locked before changes, never after. And locked before it
    is asked: a stop that was just being ordered has to be seen with its pauses.
    """
    connection.execute(sql("lock_stopping_accounts"))
    connection.execute(sql("end_pausing"))
