"""``flywheel worker``: a drain of the queue that goes on, beside Dagster's job or without it."""

from __future__ import annotations

import logging
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import Self

import click
from sqlalchemy.exc import DBAPIError

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.tables import counted
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.records import Step
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.resources.base import worker_name
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.store import Store

_LOOK_SECONDS = 5.0  # what somebody else queues is seen after this at the latest
_SHORTEST_SECONDS = 0.2  # a change that is due, but that another worker holds or a breaker keeps
_RETRY_SECONDS = (1.0, 30.0)  # first and longest wait after a drain that failed

_log = logging.getLogger("flywheel.worker")


class EndRequest:
    """Whether SIGTERM or SIGINT has asked this process to end; a wait for it can be told from a wait for time.

    A pipe and not a `threading.Event`: a handler runs in the thread that waits, and an event's lock
    is not made for that.
    """

    def __init__(self) -> None:
        self.made = False
        self._read, self._write = os.pipe()

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[Self]:
        """Within the block both signals make the request instead of ending the process."""
        request = cls()
        with closing(request):
            before = {number: signal.signal(number, request._make) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield request
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def wait(self, seconds: float) -> bool:
        """Let that much real time pass, or less once the request is made; whether it is."""
        if not self.made:
            select.select([self._read], [], [], seconds)
        return self.made

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._read)
        os.close(self._write)

    def _make(self, _number: int, _frame: FrameType | None) -> None:
        self.made = True
        os.write(self._write, b".")


@dataclass
class Worker:
    """Sees due changes through, one after the other, until it is asked to end.

    A change under way is always finished: its call ends, its outcome is written. Whatever fails
    beside that, the database first of all, is told in one line and tried again.
    """

    executor: SafeExecutor
    end: EndRequest
    tell: Callable[[Step], None] = field(default_factory=lambda: _tell)

    def run(self) -> None:
        """Work until asked to end."""
        shortest, longest = _RETRY_SECONDS
        retry = shortest
        while not self.end.made:
            try:
                self.drain()
                wait = self._until_next()
            except Exception as error:  # noqa: BLE001 - a worker that is down applies nothing, also tomorrow
                _log.error("%s; trying again in %.0f s", in_one_line(error), retry)
                wait, retry = retry, min(2 * retry, longest)
            else:
                retry = shortest
            self.end.wait(wait)

    def drain(self, moving_clock: timedelta | None = None) -> int:
        """Everything that is due now; how many changes were looked at.

        With ``moving_clock`` a twin's clock that stands is moved so far at most, for retries and
        limits that would never be over otherwise.
        """
        if moving_clock is None:
            return self._told(self._due())
        with self.executor.engine.connect() as connection:
            until = business_now(connection) + moving_clock
        return self._told(drain(self.executor, until))

    def _due(self) -> Iterator[Step]:
        self.executor.tidy()
        while not self.end.made and (step := self.executor.run_one()) is not None:
            yield step

    def _told(self, steps: Iterator[Step]) -> int:
        """Take step after step until asked to end; the next claim is made only when the next step is asked for."""
        number = 0
        while not self.end.made and (step := next(steps, None)) is not None:
            self.tell(step)
            number += 1
        return number

    def _until_next(self) -> float:
        """Real seconds until something may be due. A twin's clock that stands is moved by others: look again."""
        due = self.executor.next_due()
        if due is None:
            return _LOOK_SECONDS
        with self.executor.engine.connect() as connection:
            seconds = (due - business_now(connection)).total_seconds()
        return min(max(seconds, _SHORTEST_SECONDS), _LOOK_SECONDS)


@click.command()
@click.option("--once", is_flag=True, help="Apply what is due now, then end; for a cron job.")
@json_option("one object for each change that was looked at, as it comes,")
def worker(once: bool, as_json: bool) -> None:
    """Apply queued changes as they fall due.

    Within all limits, until Ctrl-C or SIGTERM. Any number of workers may run, here or on other machines, beside Dagster's own drain: a change
    is held by one of them at a time, and what a dead one held is taken over when its lease ends.
    Asked to end, a worker finishes the call that is under way, starts no other, and exits with 0.
    One line a change goes to stderr. In a sandbox the twin has to run (`flywheel up`).
    """
    settings = read_settings()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    _log.setLevel(logging.INFO)
    with EndRequest.listening() as end, MetaAccounts(settings) as platforms:
        here = Worker(executor_of(settings, platforms), end, _tell_program if as_json else _tell)
        _log.info("worker %s starts in the %s world", here.executor.worker, settings.world)
        if once:
            _log.info("%s looked at, nothing else is due", counted(here.drain(), "change"))
        else:
            here.run()
        _log.info("worker %s ends", here.executor.worker)


def executor_of(settings: Settings, platforms: MetaAccounts) -> SafeExecutor:
    """The executor of this process."""
    store = Store.open(settings)
    return SafeExecutor(store.engine, platforms, store.blobs, settings.safety, worker_name())


def in_one_line(error: Exception) -> str:
    """What a log needs of an error: class and first line; of the database's neither statement nor values."""
    told = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = str(told).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _tell(step: Step) -> None:
    until = "" if step.until is None else f" (until {step.until:%Y-%m-%d %H:%M:%S} UTC)"
    change = step.change
    _log.info("%s %s %s %s: %s%s", step.outcome, str(change.id)[:8], change.spec.kind, change.object_ref, step.reason, until)  # fmt: skip


def _tell_program(step: Step) -> None:
    change = step.change
    told = {"change_id": change.id, "outcome": step.outcome, "change_type": change.spec.kind}
    show_json({**told, "object_ref": change.object_ref, "reason": step.reason, "until": step.until})
