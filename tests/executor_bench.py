"""A safe executor on a bench: a real database, a fake platform, and the few moves its tests make again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, text

from flywheel_assets.core.account import Account, Mode
from flywheel_assets.core.changes import SAFETY_PRIORITY, AdChange, CreateCampaign, SetBudget, SetStatus, Spec, Status
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.enqueue import Enqueued, enqueue
from flywheel_assets.execution.objects import Surroundings
from flywheel_assets.execution.records import ClaimedChange, Step
from flywheel_assets.execution.structure import Variation, changes_of, plan_launch
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.settings import Safety
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import (
    accounts,
    ad_change_history,
    ad_objects,
    alerts,
    breakers,
    dead_letters,
    pending_ad_changes,
)
from tests.fakes import FakePlatform
from tests.together import together

CAMPAIGN = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())


@dataclass(frozen=True)
class Claim:
    """One change in the hands of one worker, between its claim and everything else."""

    executor: SafeExecutor
    change: ClaimedChange
    around: Surroundings

    def see_through(self) -> Step:
        return self.executor._see_through(self.change, self.around)


@dataclass
class Bench:
    """Store, account and platform of one test."""

    store: Store
    account: Account
    platform: FakePlatform
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    # --- the executor -------------------------------------------------------------------------------

    def executor(self, worker: str = "w1", **safety: Any) -> SafeExecutor:
        """A worker of this bench; keywords replace limits. An open breaker lets the next change probe at once."""
        limits = Safety(**({"breaker_seconds": 0.0} | safety))
        return SafeExecutor(self.store.engine, lambda _: self.platform, self.store.blobs, limits, worker)

    def drain(self) -> list[Step]:
        """Everything that is due now, without moving the clock."""
        return list(self.executor().drain())

    def drain_all(self) -> list[Step]:
        """Everything there is, moving the twin's clock as far as needed."""
        return list(drain(self.executor()))

    def claim(self, worker: str = "w1", **safety: Any) -> Claim:
        """What is due first, in the hands of a worker that has not looked at it yet."""
        executor = self.executor(worker, **safety)
        claimed = executor._claim()
        assert claimed is not None, "nothing is due"
        return Claim(executor, *claimed)

    def drain_together(self, **safety: Any) -> list[Step]:
        """Eight workers drain what is due, all starting at once."""
        drained = together(lambda number: list(self.executor(f"w{number}", **safety).drain()))
        return [step for steps in drained for step in steps]

    # --- what is asked for --------------------------------------------------------------------------

    def enqueue(self, *changes: AdChange) -> Enqueued:
        with self.store.engine.begin() as connection:
            return enqueue(connection, changes, Safety())

    def change(self, ref: str, spec: Spec, **more: Any) -> AdChange:
        """A change of an object, under a key of its own; its campaign is the one of its name."""
        fields: dict[str, Any] = {
            "account_id": self.account.account_id,
            "campaign_ref": f"{ref.partition('/')[0]}/campaign",
            "object_ref": ref,
            "spec": spec,
            "idempotency_key": f"{ref}:{spec.kind}:{next(self._numbers)}",
            "reasoning": "because the test says so",
            "requested_by": "test",
            "currency": self.account.currency,
        }
        return AdChange(**(fields | more))

    def budget(self, ref: str, minor: int, **more: Any) -> AdChange:
        return self.change(ref, SetBudget(daily_budget=minor), **more)

    def pause(self, ref: str, **more: Any) -> AdChange:
        return self.status(ref, "PAUSED", **more)

    def status(self, ref: str, status: Status, **more: Any) -> AdChange:
        return self.change(ref, SetStatus(status=status), **more)

    def safety_pause(self, ref: str, **more: Any) -> AdChange:
        return self.pause(ref, priority=SAFETY_PRIORITY, **more)

    def ask(self, change: AdChange, **safety: Any) -> Step:
        """Ask for it, let it be due at once, drain; what became of it."""
        self.enqueue(change)
        self.due(change.object_ref)
        steps = [
            step for step in self.executor(**safety).drain() if step.change.idempotency_key == change.idempotency_key
        ]
        return steps[-1]

    def due(self, ref: str | None = None) -> None:
        """Let everything that waits for a time, or all of one object, be due now."""
        self.sql(
            "update pending_ad_changes set not_before = flywheel_now()"
            " where status in ('pending', 'unknown') and object_ref = coalesce(cast(:ref as text), object_ref)",
            ref=ref,
        )

    def launch(self, folder: Path, variations: int = 2) -> tuple[AdChange, ...]:
        """The changes of a whole campaign, with its files in blob storage."""
        made = [self._variation(folder, f"v{number}") for number in range(variations)]
        plan = plan_launch("c1", made, self.account, brand="Bright Cup", landing_url="https://example.org/offer")
        return changes_of(plan, self.account)

    def _variation(self, folder: Path, key: str) -> Variation:
        video, cover = folder / f"{key}.mp4", folder / f"{key}.jpg"
        video.write_bytes(f"film {key}".encode())
        cover.write_bytes(f"still {key}".encode())
        put = self.store.blobs.put
        return Variation(
            key=key,
            video_uri=put(video).uri,
            cover_uri=put(cover).uri,
            message="Coffee on your desk by nine.",
            title="Order today",
            predicted_ctr=0.02,
        )

    # --- what is there ------------------------------------------------------------------------------

    def adset(self, name: str, budget: int = 5000, campaign: str = "c1") -> str:
        """An ad set that runs already, in a campaign that does too; its reference."""
        campaign_ref, ref = f"{campaign}/campaign", f"{campaign}/{name}/adset"
        self._exists(campaign_ref, "campaign", campaign_ref, None)
        self._exists(ref, "adset", campaign_ref, budget)
        return ref

    def _exists(self, ref: str, kind: str, campaign_ref: str, budget: int | None) -> None:
        row = {"ref": ref, "kind": kind, "campaign_ref": campaign_ref, "tag": f"fw-{ref}", "remote_id": remote(ref)}
        rest = {"world": "sandbox", "account_id": self.account.account_id, "currency": self.account.currency}
        with self.store.engine.begin() as connection:
            if connection.execute(select(ad_objects.c.ref).where(ad_objects.c.ref == ref)).first() is None:
                connection.execute(ad_objects.insert().values(**row, **rest, daily_budget=budget, status="ACTIVE"))
        self.platform.put(remote(ref), status="ACTIVE", **({} if budget is None else {"daily_budget": budget}))

    def mode(self, mode: Mode) -> None:
        """Switch the account's mode, as its owner would in the account file."""
        self.configure(mode=mode)

    def configure(self, **fields: Any) -> None:
        """Change the account as its owner would in the account file."""
        self.account = Account.model_validate(self.account.model_dump() | fields)
        with self.store.engine.begin() as connection:
            save_account(connection, self.account, "sandbox")

    def beside(self, account_id: str) -> Bench:
        """A second account at the same platform, under the same workers. Give its campaigns names of their own."""
        other = Bench(self.store, self.account, self.platform)
        other.configure(account_id=account_id)
        return other

    def sql(self, statement: str, **values: Any) -> None:
        """What an operator or a test does to the rows directly."""
        with self.store.engine.begin() as connection:
            connection.execute(text(statement), values)

    def lose_leases(self) -> None:
        """Let every worker that holds a change be late."""
        self.sql(
            "update pending_ad_changes set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null"
        )

    # --- what became of it --------------------------------------------------------------------------

    def rows(self, table: Table, *order: str) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            found = connection.execute(select(table).order_by(*(table.c[name] for name in order))).mappings()
            return [dict(row) for row in found]

    @property
    def queue(self) -> list[dict[str, Any]]:
        return self.rows(pending_ad_changes, "seq")

    @property
    def history(self) -> list[dict[str, Any]]:
        return self.rows(ad_change_history, "id")

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.rows(dead_letters)

    @property
    def breakers(self) -> list[dict[str, Any]]:
        return self.rows(breakers, "account_id")

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return self.rows(alerts, "id")

    def account_row(self) -> dict[str, Any]:
        return next(row for row in self.rows(accounts) if row["account_id"] == self.account.account_id)

    def known(self, ref: str) -> dict[str, Any]:
        """Our record of one object."""
        return next(row for row in self.rows(ad_objects) if row["ref"] == ref)

    def statuses(self) -> list[str]:
        return [row["status"] for row in self.queue]

    def shown_budget(self, ref: str) -> int:
        """The budget at the platform."""
        return int(self.platform.objects[remote(ref)]["daily_budget"])


def remote(ref: str) -> str:
    """The remote id of an object that `Bench.adset` made."""
    return str(int.from_bytes(ref.encode(), "big") % 10**17)


def waits(steps: Sequence[Step], start: Any) -> list[timedelta]:
    """How long after ``start`` each step asked to be looked at again."""
    return [step.until - start for step in steps if step.until is not None]
