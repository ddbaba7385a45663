"""The stage of the state machine: its database and its clock, and how changes are asked for on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import SAFETY_PRIORITY, AdChange, Spec
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution.enqueue import Enqueued, enqueue
from flywheel_assets.execution.structure import Variation, changes_of, plan_launch
from flywheel_assets.store.clock import advance_twin_clock, business_now
from flywheel_assets.store.store import Store
from tests.chaos.machine_scene import CAMPAIGNS, ONE, SAFETY, campaign_of

# What was only recorded, or ended unsent, may be asked for again under its key.
_KNOWN_KEYS = (
    "select change.idempotency_key, change.status in ('observed', 'expired', 'cancelled') and not exists ("
    "  select from ad_change_history as sent where sent.change_id = change.id"
    ") from pending_ad_changes as change where change.idempotency_key = any(:keys)"
)


@dataclass
class Stage:
    """One database.

    Attributes:
        asked: changes that were not refused.
        queued: rows that were added for them.
    """

    store: Store
    folder: Path
    asked: list[AdChange] = field(default_factory=list)
    queued: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # --- time, rows ---------------------------------------------------------------------------------

    def now(self) -> datetime:
        with self.store.engine.connect() as connection:
            return business_now(connection)

    def forward(self, seconds: float) -> None:
        with self.store.engine.begin() as connection:
            advance_twin_clock(connection, business_now(connection) + timedelta(seconds=seconds))

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """What an operator, or the passing of real time, does to the rows."""
        with self.store.engine.begin() as connection:
            done = connection.execute(text(statement), values)
            return list(done) if done.returns_rows else []

    def rows(self, table: Any, *order: Any) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table).order_by(*order)).mappings()]

    # --- asking for changes ---------------------------------------------------------------------------

    def change(self, ref: str, spec: Spec, **more: Any) -> AdChange:
        """A change under a key of its own."""
        fields: dict[str, Any] = {
            "account_id": self.account_of(ref).account_id,
            "campaign_ref": campaign_of(ref),
            "object_ref": ref,
            "spec": spec,
            "idempotency_key": f"{ref}:{spec.kind}:{next(self._numbers)}",
            "reasoning": "because the machine says so",
            "requested_by": "machine",
            "currency": "USD",
        }
        return AdChange(**(fields | more))

    def launch(self) -> tuple[AdChange, ...]:
        """Every change of a new campaign with one variation, in the first account."""
        video, cover = self.folder / "v0.mp4", self.folder / "v0.jpg"
        video.write_bytes(b"film")
        cover.write_bytes(b"still")
        put = self.store.blobs.put
        text_of = {"message": "Coffee on your desk by nine.", "title": "Order today", "predicted_ctr": 0.02}
        made = Variation(key="v0", video_uri=put(video).uri, cover_uri=put(cover).uri, **text_of)
        plan = plan_launch("new", [made], ONE, brand="Bright Cup", landing_url="https://example.org/offer")
        return changes_of(plan, ONE)

    def ask(self, *changes: AdChange) -> Enqueued | None:
        """Queue them; None when they are refused.

        I21: added are those that were not asked for before, and at most those that have ended and were never sent.
        """
        known = {row[0]: row[1] for row in self.sql(_KNOWN_KEYS, keys=[change.idempotency_key for change in changes])}
        try:
            with self.store.engine.begin() as connection:
                queued = enqueue(connection, changes, SAFETY)
        except ChangeRefused:
            return None
        new = [change for change in changes if change.idempotency_key not in known]
        again = queued.added - len(new)
        assert 0 <= again <= self._may_reopen(changes, known), f"I21: {again} changes were queued again: {known}"
        self.asked += new
        self.queued += len(new)
        return queued

    def _may_reopen(self, changes: Sequence[AdChange], known: dict[str, bool]) -> int:
        """How many of those that had ended unsent may be open again: none in observe mode, safety pauses apart."""
        account_id = changes[0].account_id
        ((mode,),) = self.sql("select mode from accounts where account_id = :account_id", account_id=account_id)
        return sum(
            known.get(change.idempotency_key, False) and (mode != "observe" or change.priority >= SAFETY_PRIORITY)
            for change in changes
        )

    def account_of(self, ref: str) -> Account:
        return CAMPAIGNS.get(campaign_of(ref), ONE)

    def remote_id(self, ref: str) -> str | None:
        """The platform's id of an object, whoever made it."""
        found = self.sql("select remote_id from ad_objects where ref = :ref", ref=ref)
        return found[0][0] if found else None
