"""A breaker per account: a platform that fails five times in a row is left alone, then asked once.

The state is a row, so that all workers share it and none takes it into its grave. Whether an account
may be claimed from is decided in `claim_pending_ad_change`, which also lets the one probe through.
Throttles and refused requests are answers: they prove that the platform listens.
"""

from __future__ import annotations

from sqlalchemy import Connection

from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety


def failed(connection: Connection, account_id: str, reason: str, safety: Safety) -> None:
    """One more failed call; the last one allowed, or any while a probe is under way, opens the breaker."""
    parameters = {
        "account_id": account_id,
        "reason": reason,
        "limit": safety.breaker_failures,
        "seconds": safety.breaker_seconds,
    }
    connection.execute(sql("breaker_failed"), parameters)


def answered(connection: Connection, account_id: str) -> None:
    """The platform answered: the count starts again, an open breaker closes."""
    connection.execute(sql("breaker_answered"), {"account_id": account_id})


def unused(connection: Connection, account_id: str) -> None:
    """The claim ended without a call; if it was the probe, the next one is."""
    connection.execute(sql("breaker_release"), {"account_id": account_id})
