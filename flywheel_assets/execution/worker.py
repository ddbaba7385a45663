"""One worker of the queue: claim, look, write the intent, call, write the outcome.

Whatever happens between two of these steps, the next worker finds a row that says what to do:
a claim without intent goes back to the queue, an intent without outcome is read back first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from flywheel_assets.core.changes import CreateCreative, SetBudget, SetStatus
from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    ChangeRefused,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
)
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import objects, outcomes
from flywheel_assets.execution.attempt import LostClaim
from flywheel_assets.execution.calls import EDGES, Call, Files, perform
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.execution.records import Attempt, ClaimedChange, Observed, Resume, Step
from flywheel_assets.execution.statements import sql
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now


@dataclass(frozen=True)
class SafeExecutor:
    """Applies queued changes, one at a time.

    Attributes:
        engine: the database, connected for this process's world.
        platform_for: the client of an account.
        files: blob storage.
        safety: limits.
        worker: name in the audit trail; unique per process.
    """

    engine: Engine
    platform_for: Callable[[str], AdPlatform]
    files: Files
    safety: Safety
    worker: str

    def drain(self, wait_until: Callable[[datetime], bool] | None = None) -> Iterator[Step]:
        """Work until nothing is due.

        Args:
            wait_until: called with the time the next change falls due; True when that time has
                come and the drain shall go on. Without it the drain ends there.
        """
        while True:
            self._tidy()
            while (step := self.run_one()) is not None:
                yield step
            due = self.next_due()
            if due is None or wait_until is None or not wait_until(due):
                return

    def next_due(self) -> datetime | None:
        """Business time at which the next change falls due, None when none is open or all wait for others."""
        with self.engine.connect() as connection:
            due: datetime | None = connection.execute(sql("next_due")).scalar_one()
            return due

    def run_one(self) -> Step | None:
        """Claim the next due change and see it through; None when nothing is due."""
        change = self._claim()
        if change is None:
            return None
        try:
            return self._see_through(change)
        except LostClaim:
            return Step(change, "lost", "the lease ran out; another worker has it")

    def _tidy(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sql("rescue_expired_leases"))
            connection.execute(sql("expire_stale"))

    def _claim(self) -> ClaimedChange | None:
        parameters = {"worker": self.worker, "lease_seconds": self.safety.lease_seconds}
        with self.engine.begin() as connection:
            row = connection.execute(sql("claim"), parameters).mappings().one_or_none()
        return None if row is None else ClaimedChange.from_row(row)

    def _see_through(self, change: ClaimedChange) -> Step:
        platform = self.platform_for(change.account_id)
        with self.engine.connect() as connection:
            unresolved = attempts.open_attempt(connection, change)
            ids = objects.remote_ids(connection, change)
        if unresolved is not None:
            return self._read_back(change, unresolved, platform)
        try:
            observed = self._observe(change, platform, ids)
        except RemoteError as error:
            return self._outcome(change, None, error, "pending")
        if isinstance(observed, Deferral):
            return self._defer(change, observed)
        return self._call(change, observed, platform, ids)

    # --- before the call --------------------------------------------------------------------------

    def _observe(self, change: ClaimedChange, platform: AdPlatform, ids: dict[str, str]) -> Observed | Deferral:
        match change.spec:
            case CreateCreative(video=video) if (status := platform.video_status(ids[video])) != "ready":
                if status == "error":
                    raise PermanentError(f"the platform could not process video {ids[video]}; render it again")
                return self._later(self.safety.video_poll_seconds, f"video {ids[video]} is still processed")
            case SetBudget():
                remote_id = ids[change.object_ref]
                budget = platform.read(remote_id, ["daily_budget"]).get("daily_budget")
                return Observed(remote_id, daily_budget=_minor(budget, change.object_ref))
            case SetStatus():
                remote_id = ids[change.object_ref]
                return Observed(remote_id, status=platform.read(remote_id, ["status"]).get("status"))
            case _:
                return Observed()

    def _later(self, seconds: float, reason: str) -> Deferral:
        with self.engine.connect() as connection:
            return Deferral(business_now(connection) + timedelta(seconds=seconds), reason)

    def _defer(self, change: ClaimedChange, wait: Deferral) -> Step:
        with self.engine.begin() as connection:
            return outcomes.defer(connection, change, wait)

    # --- the call ---------------------------------------------------------------------------------

    def _call(self, change: ClaimedChange, observed: Observed, platform: AdPlatform, ids: dict[str, str]) -> Step:
        try:
            with self.engine.begin() as connection:
                begun = attempts.begin(connection, change, observed, self.safety)
                tag = objects.tag_of(connection, change.object_ref)
        except ChangeRefused as refusal:
            with self.engine.begin() as connection:
                return outcomes.reject(connection, change, refusal)
        if isinstance(begun, Deferral):
            return self._defer(change, begun)
        call = Call(platform, self.files, ids, change.object_ref, tag, begun.target_budget)
        try:
            remote_id = perform(change.spec, call)
        except RemoteError as error:
            return self._outcome(change, begun, error, "pending")
        with self.engine.begin() as connection:
            return outcomes.applied(connection, change, begun, remote_id)

    # --- after it ---------------------------------------------------------------------------------

    def _outcome(self, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, resume: Resume) -> Step:
        """What a failure means: ``attempt`` is the call it ends, ``resume`` how the change goes on if it does."""
        with self.engine.begin() as connection:
            match error:
                case AmbiguousOutcome() if attempt is not None:
                    return outcomes.unknown(connection, change, attempt, error, self.safety)
                case Throttled():
                    return outcomes.throttled(connection, change, attempt, error, resume)
                case AuthError() | PolicyError():
                    return outcomes.stop_account(connection, change, attempt, error, resume)
                case PermanentError():
                    return outcomes.dead(connection, change, attempt, error)
                case _:
                    return outcomes.retry(connection, change, attempt, error, resume, safety=self.safety)

    def _read_back(self, change: ClaimedChange, attempt: Attempt, platform: AdPlatform) -> Step:
        """Find out what an attempt with an unknown outcome did, before anything is sent again."""
        try:
            landed, remote_id = self._landed(change, attempt, platform)
        except PermanentError as error:
            # What it was about cannot be read any more, so nothing can be built on it either.
            return self._outcome(change, attempt, error, "unknown")
        except RemoteError as error:
            return self._outcome(change, None, error, "unknown")
        with self.engine.begin() as connection:
            return outcomes.read_back(
                connection, change, attempt, landed=landed, remote_id=remote_id, safety=self.safety
            )

    def _landed(self, change: ClaimedChange, attempt: Attempt, platform: AdPlatform) -> tuple[bool | None, str | None]:
        """Whether the platform shows our value (True), the one before (False) or a third (None); and a new object's id."""
        if change.spec.kind in EDGES:
            with self.engine.connect() as connection:
                tag = objects.tag_of(connection, change.object_ref)
            found = platform.find(EDGES[change.spec.kind], tag)
            return (True, str(found[0].get("hash") or found[0]["id"])) if found else (False, None)
        if attempt.remote_id is None:
            raise PermanentError(f"{change.object_ref}: the attempt has no remote id to read back")
        if isinstance(change.spec, SetStatus):
            return platform.read(attempt.remote_id, ["status"]).get("status") == change.spec.status, None
        shown = platform.read(attempt.remote_id, ["daily_budget"]).get("daily_budget")
        budget = None if shown is None else int(shown)
        return {attempt.target_budget: True, attempt.previous_budget: False}.get(budget), None


def _minor(budget: Any, ref: str) -> int | None:
    """A daily budget as the platform writes it; None when the object owns none."""
    if budget is None:
        return None
    if not str(budget).isdecimal():
        raise PermanentError(
            f"{ref}: the platform shows a daily budget of {budget!r}, which is no count of minor units"
        )
    return int(budget)
