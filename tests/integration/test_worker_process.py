"""`flywheel worker` as a process of its own: it ends on request, outlives its database, leaves no riddle when killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
import requests
from sqlalchemy.exc import OperationalError

from flywheel_assets.cli.worker import EndRequest, Worker
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.execution.audit import compare
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.settings import Safety
from flywheel_assets.store.clock import set_twin_clock_flowing
from tests.executor_bench import Bench
from tests.integration.conftest import DatabaseServer, TwinClock

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

_PATIENCE = 60.0  # seconds until something that has to happen counts as never happening


class Process:
    """A running worker and the lines it has said."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        program = str(Path(sys.executable).with_name("flywheel"))
        self._process = subprocess.Popen(
            [program, "worker", *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._said: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.put(line.rstrip())

    def says(self, part: str) -> str:
        """Wait for a line with these words."""
        try:
            while True:
                self.lines.append(self._said.get(timeout=_PATIENCE))
                if part in self.lines[-1]:
                    return self.lines[-1]
        except Empty:
            pytest.fail(f"the worker never said {part!r}, but: {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ends(self) -> int:
        """Its exit code, and everything it said."""
        code = self._process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        while not self._said.empty():
            self.lines.append(self._said.get())
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.ends()
        assert self._process.stderr is not None
        self._process.stderr.close()


class Scene:
    """A twin with a launched campaign of three ad sets, and workers beside it."""

    def __init__(self, bench: Bench, url: str, state: SandboxMeta, stack: ExitStack) -> None:
        self.bench, self._url, self._state, self._stack = bench, url, state, stack

    def launch(self, folder: Path) -> None:
        self.bench.enqueue(*self.bench.launch(folder, variations=3))
        with MetaAccounts(self.bench.store.settings.model_copy(update={"meta_graph_url": self._url})) as platforms:
            store = self.bench.store
            list(drain(SafeExecutor(store.engine, platforms, store.blobs, Safety(), "launch")))
        assert set(self.bench.statuses()) == {"applied"}

    def worker(self, *arguments: str, **more: str) -> Process:
        settings = self.bench.store.settings
        ours = {
            "FLYWHEEL_HOME": str(settings.root),
            "FLYWHEEL_DATABASE_URL": str(settings.database_url),
            "FLYWHEEL_META_GRAPH_URL": self._url,
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("FLYWHEEL_")}
        process = Process(others | ours | more, *arguments)
        self._stack.callback(process.kill)
        return process

    def order(self, kind: str, **more: Any) -> None:
        """What the next write suffers."""
        fault = {"kind": kind, "match": {"method": "POST", "path_contains": ""}, **more}
        requests.post(f"{self._url}/_sandbox/faults", json=[fault], timeout=5).raise_for_status()

    def pauses(self, number: int) -> list[dict[str, Any]]:
        """Pauses of so many ad sets, due now, one after the other."""
        self.bench.enqueue(*(self.bench.pause(f"c1/v{index}/adset") for index in range(number)))
        self.bench.sql(
            "update pending_ad_changes set not_before = flywheel_now() - interval '1 minute' + seq * interval '1 second'"
            " where status = 'pending'"
        )
        return self.bench.queue[-number:]

    def until(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait for something that another process does."""
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"it never happened that {what}: {self.statuses()}"
            threading.Event().wait(0.05)

    def statuses(self) -> list[str]:
        """Of the changes after the launch."""
        return [row["status"] for row in self.bench.queue if row["requested_by"] == "test"]

    def gaps(self) -> int:
        with self.bench.store.engine.connect() as connection:
            return compare(connection, self._state.journal()).gaps

    def writes(self) -> int:
        return sum(row["method"] == "POST" for row in self._state.journal())


@pytest.fixture
def scene(bench: Bench, clock: TwinClock, tmp_path: Path) -> Iterator[Scene]:
    state = SandboxMeta(tmp_path / "meta.sqlite", {bench.account.account_id: bench.account.currency}, clock.now)
    with SandboxServer(build_app(state)) as server, ExitStack() as stack:
        made = Scene(bench, server.url, state, stack)
        made.launch(tmp_path)
        clock.forward(minutes=10)  # the launch has used up the twin's quota
        yield made
    state.close()


def test_asked_to_end_in_a_slow_call_it_writes_the_outcome_and_claims_nothing_else(scene: Scene) -> None:
    scene.pauses(3)
    scene.order("latency", seconds=3)
    worker = scene.worker()
    scene.until("a call is under way", lambda: scene.statuses() == ["executing", "pending", "pending"])
    worker.signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert scene.statuses() == ["applied", "pending", "pending"]
    assert all(row["fencing_token"] is None for row in scene.bench.queue[-2:])
    assert scene.bench.history[-1]["status"] == "applied"
    assert scene.gaps() == 0
    assert worker.lines[-1].endswith(" ends")


def test_killed_in_a_call_it_leaves_what_the_next_worker_reads_back(scene: Scene, clock: TwinClock) -> None:
    before = scene.writes()
    scene.pauses(2)
    scene.order("commit_then_hang")
    worker = scene.worker()
    scene.until("the call has landed", lambda: scene.writes() == before + 1)
    worker.signal(signal.SIGKILL)
    assert worker.ends() == -signal.SIGKILL
    assert scene.statuses() == ["executing", "pending"]
    scene.bench.lose_leases()
    assert scene.worker("--once").ends() == 0
    assert scene.statuses() == ["unknown", "applied"]  # what landed late would be taken for lost
    clock.forward(seconds=Safety().settle_seconds)
    assert scene.worker("--once").ends() == 0
    assert scene.statuses() == ["applied", "applied"]
    assert [row["status"] for row in scene.bench.history[-2:]] == ["reconciled", "applied"]
    assert scene.writes() == before + 2
    assert scene.gaps() == 0


def test_it_sees_what_is_queued_later_and_falls_due_later_still(scene: Scene, clock: TwinClock) -> None:
    worker = scene.worker()
    worker.says(" starts in the sandbox world")
    scene.bench.enqueue(scene.bench.pause("c1/v0/adset"))
    clock.forward(seconds=18)  # the longest jitter
    worker.says("applied ")
    worker.signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert scene.statuses() == ["applied"]
    (row,) = [row for row in scene.bench.history if row["reasoning"] == "because the test says so"]
    assert row["started_at"] >= scene.bench.queue[-1]["not_before"]


def test_two_workers_have_names_of_their_own_and_share_the_queue(scene: Scene) -> None:
    scene.pauses(3)
    first, second = scene.worker("--once"), scene.worker("--once")
    assert (first.ends(), second.ends()) == (0, 0), first.lines + second.lines
    assert scene.statuses() == ["applied"] * 3
    assert scene.gaps() == 0
    names = {line.split("worker ")[1].split()[0] for one in (first, second) for line in one.lines if " starts " in line}
    assert len(names) == 2


def test_a_lost_database_is_told_in_one_line_and_waited_for(
    scene: Scene, database_server: DatabaseServer, settings: Any
) -> None:
    name = scene.bench.store.engine.url.database
    worker = scene.worker()
    worker.says(" starts in the sandbox world")
    database_server.run(f'alter database "{name}" with allow_connections false')
    end_all = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"  # noqa: S608 - our name
    database_server.run(end_all)
    assert "trying again in 1 s" in worker.says("OperationalError")
    worker.says("trying again in 2 s")
    database_server.run(f'alter database "{name}" with allow_connections true')
    scene.pauses(1)
    worker.says("applied ")
    worker.signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert scene.statuses() == ["applied"]
    assert all(line[:4].isdigit() for line in worker.lines)  # each a line of the log, none of a traceback
    assert str(settings.database_url) not in "".join(worker.lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_ends_a_wait_and_is_given_back_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with EndRequest.listening() as end:
        assert not end.wait(0)
        alarm = threading.Timer(0.05, os.kill, (os.getpid(), number))
        alarm.start()
        assert end.wait(_PATIENCE)
        assert end.wait(_PATIENCE)  # once asked, nothing is waited for any more
        alarm.join()
    assert signal.getsignal(number) is before


class Impatient(EndRequest):
    """Waits for nothing, notes for how long it should have, and asks to end after so many waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = waits

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.made = len(self.waits) == self._most
        return self.made


@dataclass(frozen=True)
class Faltering(SafeExecutor):
    """An executor whose database is gone at the given tidyings."""

    fails: Sequence[bool] = ()
    seen: Iterator[int] = field(default_factory=count)

    def tidy(self) -> None:
        if self.fails[next(self.seen)]:
            raise OperationalError("select 1", {"reasoning": "hush"}, Exception("server closed\nprobably"))


@pytest.mark.parametrize(("due_in", "waits"), [(4, 4), (3600, 5), (-1, 5)])
def test_on_a_clock_that_flows_it_waits_for_what_falls_due_next_but_never_for_long(
    bench: Bench, due_in: float, waits: float
) -> None:
    with bench.store.engine.begin() as connection:
        set_twin_clock_flowing(connection, flowing=True)
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.sql(
        "update pending_ad_changes set not_before = flywheel_now() + make_interval(secs => :seconds)", seconds=due_in
    )
    with closing(Impatient(waits=1)) as end:
        Worker(bench.executor(), end).run()
    assert 0 < end.waits[0] <= waits
    assert bench.statuses() == ["applied" if due_in < 0 else "pending"]


def test_a_drain_that_fails_is_tried_again_ever_more_slowly_until_it_goes_well(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ours = bench.executor()
    fails = [True] * 7 + [False, True]
    faltering = Faltering(ours.engine, ours.platform_for, ours.files, ours.safety, "w1", fails=fails)
    with closing(Impatient(waits=len(fails))) as end:
        Worker(faltering, end).run()
    assert end.waits == [1, 2, 4, 8, 16, 30, 30, 5, 1]  # with nothing to do it looks again after five seconds
    told = [record.getMessage() for record in caplog.records if record.name == "flywheel.worker"]
    assert told[0] == "OperationalError: server closed; trying again in 1 s"
    assert not any("hush" in line or "\n" in line for line in told)
