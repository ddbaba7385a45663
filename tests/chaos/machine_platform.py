"""The fake platform of the state machine: it knows whose audit row each write was made under, and lets others in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal

from flywheel_assets.core.errors import AmbiguousOutcome, RemoteError, Throttled, TransientError
from flywheel_assets.execution.platform import VideoStatus
from tests.fakes import FakePlatform, Fault

_ILL = (TransientError, AmbiguousOutcome)
Actor = Literal["us", "person"]


class Killed(BaseException):
    """The worker is no more: nothing of it may run on, so no ``except Exception`` may catch this."""


@dataclass(frozen=True)
class Late(Fault):
    """A write that nobody answers and that has its effect only so many business seconds later."""

    seconds: float = 30.0


@dataclass(frozen=True)
class Write:
    """One request that reached the platform, or one edit of a person there.

    Attributes:
        number: its place among everything that happened at any platform, reads included.
        seen_at: number of the last read of the object by the worker that wrote; 0 when it did not look.
        before: the object as it was.
        applied: whether it had an effect.
        throttled: whether the platform refused it for their number.
        late: whether its effect came after its sender had given up.
        lied: whether it had an effect although the answer said that it had none.
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
    late: bool = False
    lied: bool = False
    seen_at: int = 0
    audit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether it made a difference: what sets the value that stands cannot be told from nothing."""
        return self.applied and (not self.before or any(self.before.get(k) != v for k, v in self.params.items()))


@dataclass(frozen=True)
class _Underway:
    """A write that will land."""

    write: Write
    effect: Callable[[], dict[str, Any]]


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
    _underway: list[_Underway] = field(default_factory=list)

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
        self.land()
        before = dict(self.objects[remote_id])
        self.put(remote_id, **fields)
        number = next(self.ledger.numbers)
        self.ledger.writes.append(
            Write(number, self.now(), self.account_id, "person", remote_id, fields, before, applied=True)
        )

    def _asked(self, question: Callable[[], Any]) -> Any:
        self.land()
        try:
            return question()
        except RemoteError as error:
            self.ledger.failed_reads += not isinstance(error, Throttled)
            self.ledger.failures[self.account_id] += isinstance(error, _ILL)
            raise

    def land(self) -> None:
        """What was under way and has arrived by now has its effect."""
        if not self._underway:
            return
        now = self.now()
        while self._underway and self._underway[0].write.at <= now:
            one = self._underway.pop(0)
            before = deepcopy(self.objects.get(one.write.path, {}))
            one.effect()
            number = next(self.ledger.numbers)
            self.ledger.writes.append(replace(one.write, number=number, before=before))

    def _write(self, path: str, params: Mapping[str, Any], effect: Callable[[], dict[str, Any]]) -> None:
        audit = self.audit_of()
        self.meanwhile("write")
        self.land()
        fault = next((one for one in self.writes if path.endswith(one.path)), None)
        note = Write(0, self.now(), self.account_id, "us", path, dict(params), {}, applied=True, audit=audit)
        note = replace(note, seen_at=self._seen.get((self.worker(), path), 0))
        if isinstance(fault, Late):
            self.writes.remove(fault)
            self._send_late(note, effect, fault)
            raise fault.error
        before = deepcopy(self.objects.get(path, {}))
        try:
            super()._write(path, params, effect)
        except RemoteError as error:
            self.ledger.failures[self.account_id] += isinstance(error, _ILL)
            lied = isinstance(error, TransientError) and fault is not None and fault.landed
            note = replace(note, throttled=isinstance(error, Throttled), lied=lied)
            raise
        finally:
            applied = fault is None or fault.landed
            number = next(self.ledger.numbers)
            self.ledger.writes.append(replace(note, number=number, before=before, applied=applied))

    def _send_late(self, note: Write, effect: Callable[[], dict[str, Any]], fault: Late) -> None:
        self.ledger.failures[self.account_id] += isinstance(fault.error, _ILL)
        arrives = replace(note, at=note.at + timedelta(seconds=fault.seconds), late=True)
        self._underway.append(_Underway(arrives, effect))
        self._underway.sort(key=lambda one: one.write.at)
