"""One worker of the queue: claim, look, write the intent, call, write the outcome.

Whatever happens between two of these steps, the next worker finds a row that says what to do:
a claim without intent goes back to the queue, an intent without outcome is read back first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    ConfigurationError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
)
from flywheel_assets.core.uploads import UploadSession
from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution import failures, outcomes, uploads
from flywheel_assets.execution.attempt import LostClaim
from flywheel_assets.execution.calls import EDGES, Call, Files, Upload, perform
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.looking import Landing, NotReady, landed, look_for, observe
from flywheel_assets.execution.objects import Surroundings
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.execution.points import Hook, pass_by
from flywheel_assets.execution.records import Attempt, ClaimedChange, Ending, Observed, Resume, Step
from flywheel_assets.execution.statements import sql
from flywheel_assets.execution.tidying import end_stops, tidy
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import business_now

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SafeExecutor:
    """Applies queued changes, one at a time.

    Attributes:
        engine: the database, connected for this process's world.
        platform_for: the client of an account.
        files: blob storage.
        safety: limits.
        worker: name in the audit trail; unique per process.
        at: told of every named moment at which a worker may die; for tests.
    """

    engine: Engine
    platform_for: Callable[[str], AdPlatform]
    files: Files
    safety: Safety
    worker: str
    at: Hook = pass_by

    def drain(self, wait_until: Callable[[datetime], bool] | None = None) -> Iterator[Step]:
        """Work until nothing is due.

        Args:
            wait_until: called with the time the next change falls due; True when that time has
                come and the drain shall go on. Without it the drain ends there.
        """
        while True:
            self.tidy()
            while (step := self.run_one()) is not None:
                yield step
            due = self.next_due()
            self.at("K2_waiting")
            if due is None or wait_until is None or not wait_until(due):
                self.tidy()  # a stop of spend whose last pause has gone out is over now, not with the next drain
                return

    def next_due(self) -> datetime | None:
        """Business time at which the next change falls due, None when none is open or all wait for others."""
        with self.engine.connect() as connection:
            due: datetime | None = connection.execute(sql("next_due")).scalar_one()
            return due

    def tidy(self) -> None:
        """Take back what dead workers held, end what is stale."""
        with self.engine.begin() as connection:
            tidy(connection, self.safety)
            self.at("K10_rescuing")
        with self.engine.begin() as connection:
            end_stops(connection)

    def run_one(self) -> Step | None:
        """Claim the next due change and see it through; None when nothing is due."""
        claimed = self._claim()
        if claimed is None:
            return None
        self.at("K1_claimed")
        change, around = claimed
        try:
            return self._handled(change, around)
        except LostClaim:
            return Step(change, "lost", "the lease ran out; another worker has it")

    def _handled(self, change: ClaimedChange, around: Surroundings) -> Step:
        """What became of the change; one that nobody can handle must not stop all others."""
        try:
            return self._see_through(change, around)
        except (LostClaim, ConfigurationError, SQLAlchemyError):
            raise  # the change is well; it is we who cannot go on
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this change's
            _log.exception("change %s", change.id)
            with self.engine.begin() as connection:
                return failures.unexpected(connection, change, error)

    def _claim(self) -> tuple[ClaimedChange, Surroundings] | None:
        parameters = {"worker": self.worker, "lease_seconds": self.safety.lease_seconds}
        while True:
            with self.engine.begin() as connection:
                row = connection.execute(sql("claim"), parameters).mappings().one_or_none()
                if row is None:
                    return None
                try:
                    change = ClaimedChange.from_row(row)
                except ValidationError as error:
                    failures.unreadable(connection, dict(row), error)
                    continue
                around = Surroundings.from_row(row)
                self.at("K0_before_claim_commits")
            return change, around

    def _see_through(self, change: ClaimedChange, around: Surroundings) -> Step:
        platform = self.platform_for(change.account_id)
        if around.unresolved is not None:
            return self._read_back(change, around.unresolved, platform, around.tag)
        try:
            observed = observe(change, platform, around.ids)
        except NotReady as busy:
            return self._defer(change, self.safety.video_poll_seconds, str(busy))
        except RemoteError as error:
            if not change.is_safety_pause or isinstance(error, Throttled | AuthError | PolicyError):
                return self._outcome(change, None, error, "pending")
            # What stops spend is sent although nobody answers questions: to pause what is paused is harmless.
            observed = Observed(around.ids[change.object_ref])
        began = time.monotonic()
        begun = self._begin(change, observed)
        if isinstance(begun, Step):
            return begun
        self.at("K3_intent_written")

        def held() -> None:
            if time.monotonic() - began > self.safety.lease_seconds:
                raise LostClaim(f"change {change.id}: this worker stood still; another one may have it")

        return self._call(change, begun, platform, around, held)

    def _defer(self, change: ClaimedChange, seconds: float, reason: str) -> Step:
        with self.engine.begin() as connection:
            wait = Deferral(business_now(connection) + timedelta(seconds=seconds), reason)
            return outcomes.defer(connection, change, wait, self.safety)

    def _begin(self, change: ClaimedChange, observed: Observed) -> Attempt | Step:
        """The intent, or what became of the change without one, in one transaction."""
        with self.engine.begin() as connection:
            begun = attempts.begin(connection, change, observed, self.safety)
            match begun:
                case Deferral():
                    return outcomes.defer(connection, change, begun, self.safety)
                case Ending():
                    return outcomes.end(connection, change, begun)
            return begun

    # --- the call ---------------------------------------------------------------------------------

    def _call(
        self,
        change: ClaimedChange,
        attempt: Attempt,
        platform: AdPlatform,
        around: Surroundings,
        held: Callable[[], None],
    ) -> Step:
        upload = self._upload(change)
        call = Call(
            platform, self.files, around.ids, change.object_ref, around.tag, attempt.target_budget, upload, held
        )
        try:
            # Sent before: the platform may have made it and still have answered with an error.
            if around.was_attempted and change.spec.kind in EDGES:
                found = look_for(change, platform, around.tag)
                if found.ours:
                    return self._found(change, attempt, found)
            remote_id = perform(change.spec, call)
        except RemoteError as error:
            return self._outcome(change, attempt, error, "pending")
        self.at("K5_answered")
        with self.engine.begin() as connection:
            step = outcomes.applied(connection, change, attempt, remote_id)
            outcomes.pace(connection, change, platform.usage, self.safety)
            self.at("K6_before_outcome_commits")
        self.at("K7_outcome_written")
        return step

    def _upload(self, change: ClaimedChange) -> Upload:
        """What a long upload needs to go on where it was cut off, and to keep its lease meanwhile."""

        def note(session: UploadSession) -> None:
            with self.engine.begin() as connection:
                attempts.still_alive(connection, change, self.safety)
                uploads.save(connection, change.id, session)
            self.at("K4_request_sent")

        if change.spec.kind != "upload_video":
            return Upload(None, note)
        with self.engine.connect() as connection:
            return Upload(uploads.load(connection, change.id), note)

    # --- after it ---------------------------------------------------------------------------------

    def _outcome(self, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, resume: Resume) -> Step:
        """What a failure means: ``attempt`` is the call it ends, ``resume`` how the change goes on if it does."""
        with self.engine.begin() as connection:
            step = self._failed(connection, change, attempt, error, resume)
            if step.outcome == "dead":
                self.at("K9_before_burial_commits")
            return step

    def _failed(
        self, connection: Connection, change: ClaimedChange, attempt: Attempt | None, error: RemoteError, resume: Resume
    ) -> Step:
        match error:
            case AmbiguousOutcome() if attempt is not None:
                return failures.unknown(connection, change, attempt, error, self.safety)
            case Throttled():
                return failures.throttled(connection, change, attempt, error, resume)
            case AuthError() | PolicyError():
                return failures.stop_account(connection, change, attempt, error, resume, safety=self.safety)
            case PermanentError():
                # What cannot be read back any more may have landed, and nothing can be built on it either.
                ended_as = "conflict" if resume == "unknown" else "failed"
                return failures.dead(connection, change, attempt, error, ended_as=ended_as)
            case _:
                return failures.retry(connection, change, attempt, error, resume, safety=self.safety)

    def _read_back(self, change: ClaimedChange, attempt: Attempt, platform: AdPlatform, tag: str) -> Step:
        """Find out what an attempt with an unknown outcome did, before anything is sent again."""
        self.at("K8_reading_back")
        try:
            found = landed(change, attempt, platform, tag)
        except PermanentError as error:
            return self._outcome(change, attempt, error, "unknown")
        except RemoteError as error:
            return self._outcome(change, None, error, "unknown")
        return self._found(change, attempt, found)

    def _found(self, change: ClaimedChange, attempt: Attempt, found: Landing) -> Step:
        with self.engine.begin() as connection:
            return outcomes.read_back(connection, change, attempt, found, self.safety)
