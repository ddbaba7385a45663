"""Does the audit trail tell the whole truth? Our history held against the platform's own journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, select

from flywheel_assets.store.tables import ad_change_history


def applied_effects(connection: Connection, object_prefix: str = "") -> Counter[str]:
    """Remote ids of every attempt the audit calls applied, with how often."""
    history = ad_change_history.c
    rows = select(history.remote_id).where(
        history.status.in_(("applied", "reconciled")), history.object_ref.startswith(object_prefix, autoescape=True)
    )
    return Counter(str(remote_id) for remote_id in connection.execute(rows).scalars())


def gaps(audited: Counter[str], journal: Iterable[str]) -> int:
    """Effects that one side has and the other has not; 0 when they agree."""
    effects = Counter(journal)
    return (audited - effects).total() + (effects - audited).total()
