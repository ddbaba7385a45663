"""One worker process of a storm: a safe executor that dies by SIGKILL where its fate says."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.execution.points import Point, pass_by
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.settings import Safety
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.database import connect
from tests.chaos.wire import tell_before_the_answer

POINTS: tuple[Point, ...] = get_args(Point)
# Passed also by a worker that finds nothing to do; no reason to think that one has been busy.
_IDLE = frozenset({"K0_before_claim_commits", "K2_waiting", "K10_rescuing"})
_BETWEEN_TRANSACTIONS = frozenset({"K1_claimed", "K3_intent_written", "K4_request_sent", "K5_answered"})
_REST = 0.01  # real seconds between two looks at an empty queue


class Job(BaseModel):
    """What every worker of one storm is told.

    Attributes:
        database: address of the storm's database.
        graph_url: the platform, or the proxy before it.
        home: folder of `deaths` and `trouble`.
        blobs: where the stored files are.
        workers: processes at a time.
        seed: of who dies where.
        name: what the workers' names begin with.
        script: where the first workers die, one after the other; then all live. Without it the seed decides.
        patience: busy points after which a worker that never met its own dies anyway.
        lossy: whether the database may cut connections; else losing one is trouble.
    """

    model_config = ConfigDict(frozen=True)

    database: str
    graph_url: str
    home: Path
    blobs: str
    safety: Safety
    workers: int
    seed: int
    name: str = "w"
    script: tuple[Point, ...] | None = None
    patience: int = 30
    lossy: bool = False

    @property
    def deaths(self) -> Path:
        """One line a worker that met its fate: point, name, and what time that worker thought it was."""
        return self.home / "deaths.txt"

    @property
    def lost(self) -> Path:
        """One line a lost connection."""
        return self.home / "lost.txt"

    @property
    def trouble(self) -> Path:
        """Tracebacks of workers that failed by themselves; there must be none."""
        return self.home / "trouble.txt"


@dataclass
class Fate:
    """A hook that ends its own process at the ``nth`` passing of ``point``, or at any once patience is over.

    Attributes:
        nap: real seconds for which the worker stands still once before, where it holds no transaction: as long
            as it takes to lose its lease, so that it goes on with a change that is somebody else's by then.
    """

    point: Point
    nth: int
    patience: int
    deaths: Path
    name: str
    nap: float = 0.0

    def __call__(self, point: Point) -> None:
        if self.nap and point in _BETWEEN_TRANSACTIONS:
            time.sleep(self.nap)
            self.nap = 0.0
        self.nth -= point == self.point
        self.patience -= point not in _IDLE
        if self.nth <= 0 or (self.patience <= 0 and point not in _IDLE):
            append(self.deaths, f"{point} {self.name} {datetime.now(UTC).isoformat()}\n")
            os.kill(os.getpid(), signal.SIGKILL)


def work(job: Job, name: str, fate: Fate | None) -> None:
    """Drain the queue for ever; the process is ended from outside or by its fate."""
    engine = connect(make_url(job.database), "sandbox")
    at: Callable[[Point], None] = fate or pass_by
    executor = SafeExecutor(engine, _Platforms(job, at), Blobs(job.blobs, job.home), job.safety, name, at)
    while True:
        try:
            for _ in executor.drain():
                pass
        except DBAPIError as error:
            _go_on(job, engine, error)
        time.sleep(_REST)


def _go_on(job: Job, engine: Engine, error: DBAPIError) -> None:
    """A lost connection is made anew; everything else is a fault of ours."""
    if not job.lossy or not (error.connection_invalidated or "connect" in str(error.orig)):
        raise error
    append(job.lost, f"{datetime.now(UTC).isoformat()} {' '.join(str(error.orig).split())}\n")
    engine.dispose()


def report_trouble(job: Job, name: str) -> None:
    """Keep the traceback of the error that is being handled."""
    append(job.trouble, f"--- {name}\n{traceback.format_exc()}\n")


def append(path: Path, text: str) -> None:
    """One write, so that lines of several processes do not mix; it is in the file when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, text.encode())
    os.close(handle)


class _Platforms:
    """The client of each account, which tells when a request has left and its answer has not come."""

    def __init__(self, job: Job, at: Callable[[Point], None]) -> None:
        self._job, self._at, self._clients = job, at, dict[str, MetaClient]()

    def __call__(self, account_id: str) -> MetaClient:
        if account_id not in self._clients:
            timeout = self._job.safety.http_timeout_seconds
            client = MetaClient(account_id, "sandbox", None, self._job.graph_url, timeout)
            tell_before_the_answer(client, lambda: self._at("K4_request_sent"))
            self._clients[account_id] = client
        return self._clients[account_id]
