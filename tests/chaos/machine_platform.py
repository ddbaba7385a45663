"""The fake platform of the state machine: it knows whose audit row each write was made under, and lets others in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

from flywheel_assets.core.errors import AmbiguousOutcome, RemoteError, Throttled, TransientError
from flywheel_assets.execution.platform import VideoStatus
from tests.fakes import FakePlatform

_ILL = (TransientError, AmbiguousOutcome)
Actor = Literal["us", "person"]


class Killed(BaseException):
    """The worker is no more: nothing of it may run on, so no ``except Exception`` may catch this."""


@dataclass(frozen=True)
class Write:
    """One request that reached the platform, or one edit of a person there.

    Attributes:
        number: its place among everything that happened at any platform, reads included.
        seen_at: number of the last read of the object by the worker that wrote; 0 when it did not look.
        before: the object as it was.
        applied: whether it had an effect.
        throttled: whether the platform refused it for their number.
        audit: the open audit row it was made under, with the priority and seq of its change.
    """

    number: int
    at: datetime
    account_id: str
    actor: Actor
    path: str
    params: Mapping[str, Any]
    before: Mapping[str, Any]
    applied: bool
    throttled: bool = False
    seen_at: int = 0
    audit: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Ledger:
    """Everything that happened at all platforms, in one order. The invariants are checked on this.

    Attributes:
        failed_reads: questions that were not answered, throttled ones apart.
        failures: by account, calls and questions that failed in a way that says the platform is ill.
    """

    writes: list[Write] = field(default_factory=list)
    failed_reads: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    numbers: Any = field(default_factory=lambda: count(1))

    def of(self, path: str) -> list[Write]:
        """What was written to one object."""
        return [write for write in self.writes if write.path == path]

    def ours(self) -> list[Write]:
        """What the executor sent."""
        return [write for write in self.writes if write.actor == "us"]

    def edited(self, path: str, after: int = 0) -> bool:
        """Whether a person has edited the object since."""
        return any(write.actor == "person" and write.number > after for write in self.of(path))


@dataclass
class WatchedPlatform(FakePlatform):
    """One ad account whose every move is in the ledger.

    Attributes:
        account_id: whose platform it is.
        ledger: shared by all accounts.
        worker: who is running now.
        audit_of: the audit row under which the running worker writes now; fails when there is not exactly one.
        busy: how often a video will still be called processing.
        meanwhile: told ``read`` or ``write`` before either has its effect; others may act, the worker may die.
    """

    account_id: str = ""
    ledger: Ledger = field(default_factory=Ledger)
    worker: Callable[[], str] = str
    audit_of: Callable[[], Mapping[str, Any]] = dict
    meanwhile: Callable[[Literal["read", "write"]], None] = lambda _: None
    busy: int = 0
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def read(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any]:
        shown = self._asked(lambda: super(WatchedPlatform, self).read(remote_id, fields))
        self._seen[self.worker(), remote_id] = next(self.ledger.numbers)
        self.meanwhile("read")
        return shown

    def find(self, edge: Any, tag: str) -> list[dict[str, Any]]:
        found = self._asked(lambda: super(WatchedPlatform, self).find(edge, tag))
        self.meanwhile("read")
        return found

    def video_status(self, video_id: str) -> VideoStatus:
        ready = super().video_status(video_id)
        self.busy -= 1
        return "processing" if self.busy >= 0 else ready

    def edit(self, remote_id: str, **fields: Any) -> None:
        """A person at work in the platform's own pages."""
        before = dict(self.objects[remote_id])
        self.put(remote_id, **fields)
        number = next(self.ledger.numbers)
        self.ledger.writes.append(
            Write(number, self.now(), self.account_id, "person", remote_id, fields, before, applied=True)
        )

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except RemoteError as error:
            self.ledger.failed_reads += not isinstance(error, Throttled)
            self.ledger.failures[self.account_id] += isinstance(error, _ILL)
            raise

    def _write(self, path: str, params: Mapping[str, Any], effect: Callable[[], dict[str, Any]]) -> None:
        audit = self.audit_of()
        self.meanwhile("write")
        before, rows = deepcopy(self.objects.get(path, {})), len(self.journal)
        throttled = False
        try:
            super()._write(path, params, effect)
        except RemoteError as error:
            throttled = isinstance(error, Throttled)
            self.ledger.failures[self.account_id] += isinstance(error, _ILL)
            raise
        finally:
            if len(self.journal) > rows:
                self._note(self.journal[-1], before, audit, throttled=throttled)

    def _note(
        self, row: Mapping[str, Any], before: Mapping[str, Any], audit: Mapping[str, Any], *, throttled: bool
    ) -> None:
        self.ledger.writes.append(
            Write(
                next(self.ledger.numbers),
                row["at"],
                self.account_id,
                "us",
                row["path"],
                row["params"],
                before,
                row["applied"],
                throttled,
                self._seen.get((self.worker(), row["path"]), 0),
                audit,
            )
        )
