"""What the state machine plays with: two accounts, their platforms, any number of workers, one ledger of all that happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from flywheel_assets.core.changes import SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution import stops
from flywheel_assets.execution.points import Point
from flywheel_assets.execution.records import Step
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from tests.chaos.machine_platform import Killed, Ledger, WatchedPlatform
from tests.chaos.machine_scene import ACCOUNTS, SAFETY, remote, running_objects, set_up
from tests.chaos.machine_stage import Stage

MOST_STEPS = 400  # of one drain; a whole run asks for far fewer changes
_OPEN_AUDIT = text(
    "select history.*, change.seq, change.priority, change.not_before, change.created_at, change.jitter_seconds,"
    " change.expires_at, change.idempotency_key"
    " from ad_change_history as history join pending_ad_changes as change on change.id = history.change_id"
    " where history.worker = :worker and history.status = 'executing'"
)


@dataclass
class World(Stage):
    """One database with everything that acts on it, emptied for every run.

    Attributes:
        at_intent, at_claim: told the name of the worker that has written an intent or claimed.
        armed: what happens at the next passing of a place, once.
        known: by object, the budgets that the executor set, was told of at the start, or has adopted.
        streaks: failed calls in a row, by account, as the steps told them.
        probes: by account, the worker that was let through a half-open breaker.
        sending: workers between intent and effect; a lease outlives a call, so theirs is not lost.
        stopped: accounts whose spend was stopped and that nobody resumed, with the ledger's number of that moment.
    """

    at_intent: Callable[[str], None] = lambda _: None
    at_claim: Callable[[str], None] = lambda _: None
    armed: dict[str, Callable[[], object]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    known: dict[str, set[int]] = field(default_factory=dict)
    streaks: dict[str, int] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    ledger: Ledger = field(default_factory=Ledger)
    platforms: dict[str, WatchedPlatform] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    stopped: dict[str, int] = field(default_factory=dict)
    deaths: int = 0

    @classmethod
    def fresh(cls, store: Store, folder: Path) -> World:
        """The scene from its start, nobody at work yet."""
        world = cls(store, folder)
        for account_id in ACCOUNTS:
            platform = WatchedPlatform(world.now, account_id=account_id, ledger=world.ledger)
            platform.worker, platform.audit_of = world.worker, world.open_audit
            platform.meanwhile = world.meanwhile
            world.platforms[account_id] = platform
        set_up(store)
        world._start_campaigns()
        return world

    def _start_campaigns(self) -> None:
        for ref, budget in running_objects():
            shown = {"status": "ACTIVE"} if budget is None else {"status": "ACTIVE", "daily_budget": budget}
            self.platforms[self.account_of(ref).account_id].put(remote(ref), name=ref, **shown)
            self.known[ref] = set() if budget is None else {budget}

    # --- workers ------------------------------------------------------------------------------------------

    def worker(self) -> str:
        return self.running[-1] if self.running else ""

    def run(self, work: Callable[[SafeExecutor], Iterable[Step]]) -> list[Step]:
        """A new worker at work, until it has finished or died."""
        name, steps = f"w{next(self._numbers)}", []
        executor = SafeExecutor(self.store.engine, self.platforms.__getitem__, self.store.blobs, SAFETY, name, self._at)
        self.running.append(name)
        try:
            for step in work(executor):
                steps.append(step)
                self._saw(step)
                assert _turns(steps) < MOST_STEPS, f"I13: the queue goes round in circles: {step.reason}"
        except Killed:
            self.deaths += 1
            self.streaks.clear()  # what it still wrote of its last call, nobody has told us
        finally:
            self.running.pop()
            self.sending.discard(name)
        return steps

    def run_one(self) -> list[Step]:
        return self.run(lambda executor: [step for step in [executor.run_one()] if step is not None])

    def _at(self, point: Point) -> None:
        worker = self.worker()
        if point == "K1_claimed":
            self.at_claim(worker)
        if point == "K3_intent_written":
            self.at_intent(worker)
            self.sending.add(worker)
        if point in ("K5_answered", "K7_outcome_written"):
            self.sending.discard(worker)
        self.meanwhile(point)

    def meanwhile(self, place: str) -> None:
        """Whatever is to happen at this place, once."""
        action = self.armed.pop(place, None)
        if action is not None:
            action()

    def lose_leases(self) -> None:
        """Every worker that holds a change is late, those apart whose call is under way."""
        self.sql(
            "update pending_ad_changes set lease_until = clock_timestamp() - interval '1 second'"
            " where lease_until is not null and worker <> all(:sending)",
            sending=sorted(self.sending),
        )

    # --- others -------------------------------------------------------------------------------------------

    def transaction(self, work: Callable[..., Any], *arguments: Any) -> Any:
        with self.store.engine.begin() as connection:
            return work(connection, *arguments)

    def edit(self, ref: str, **fields: Any) -> None:
        """A person changes an object in the platform's own pages, if there is one."""
        remote_id = self.remote_id(ref)
        if remote_id is not None:
            self.platforms[self.account_of(ref).account_id].edit(remote_id, **fields)

    def edit_budget(self, ref: str, share: float) -> None:
        """To an amount that no other edit has, so that it can be told where a budget came from."""
        remote_id = self.remote_id(ref)
        if remote_id is not None:
            shown = self.platforms[self.account_of(ref).account_id].objects[remote_id]["daily_budget"]
            self.edit(ref, daily_budget=int(shown * share) + next(self._numbers))

    def stop_spend(self, account_id: str) -> None:
        stopped = self.transaction(stops.stop_spend, account_id, "the machine says so", "machine", SAFETY)
        self.queued += stopped.added
        self.stopped.setdefault(account_id, next(self.ledger.numbers))

    def resume(self, account_id: str) -> None:
        self.stopped.pop(account_id, None)
        self.transaction(stops.resume, account_id)
        self.streaks.pop(account_id, None)
        self.probes.pop(account_id, None)

    def cool_down(self, *account_ids: str) -> None:
        """The time for which an open breaker leaves its account alone, and a probe its lease, are over."""
        for account_id in account_ids:
            self.sql(
                "update breakers set retry_real = clock_timestamp() - interval '1 second'"
                " where account_id = :account_id and retry_real is not null",
                account_id=account_id,
            )
            self.probes.pop(account_id, None)

    def approve_all(self, approve: Callable[..., Any]) -> None:
        """A person lets every plan go that waits for one."""
        waiting = (
            "select distinct plan_digest from pending_ad_changes where status in ('proposed', 'pending')"
            " and approved_at is null and world = 'sandbox' order by 1"
        )
        for (plan,) in self.sql(waiting):
            with suppress(ChangeRefused):  # one plan's approval has superseded the other
                self.transaction(approve, plan)

    def heal(self) -> None:
        """No more faults, nobody meddles, every stop is lifted, and there is room for what waits for the daily cap."""
        self.armed.clear()
        self.lose_leases()
        for account_id, platform in self.platforms.items():
            platform.writes, platform.reads, platform.busy = [], [], 0
            self.resume(account_id)
            roomy = ACCOUNTS[account_id].model_copy(update={"daily_cap": "10000.00"})
            self.transaction(save_account, roomy, "sandbox")

    def open_audit(self) -> dict[str, Any]:
        """The audit row of the call that the running worker makes."""
        with self.store.engine.connect() as connection:
            found = connection.execute(_OPEN_AUDIT, {"worker": self.worker()}).mappings().all()
        assert len(found) == 1, f"a call under {len(found)} open audit rows of {self.worker()}: I2"
        return dict(found[0])

    def _saw(self, step: Step) -> None:
        self.steps.append(step)
        account_id, ref = step.change.account_id, step.change.object_ref
        if step.outcome in ("applied", "rejected") or "had not landed" in step.reason:
            self.streaks[account_id] = 0
        elif step.outcome in ("unknown", "retried"):
            self.streaks[account_id] = self.streaks.get(account_id, 0) + 1
        elif step.outcome == "dead":
            self.streaks[account_id] = 0
        if step.outcome == "rejected" and isinstance(step.change.spec, SetBudget):
            remote_id = self.remote_id(ref)
            if remote_id is not None:
                self.known.setdefault(ref, set()).add(self.platforms[account_id].objects[remote_id]["daily_budget"])


def _turns(steps: Sequence[Step]) -> int:
    """Those apart that look every five minutes, for as long as it takes, whether a person has made room under the cap."""
    return sum("daily cap" not in step.reason for step in steps)
