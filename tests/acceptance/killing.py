"""The installed program on a home, watched from outside and killed at a moment that is seen, not guessed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from flywheel_assets.store.embedded import is_running
from flywheel_assets.store.postgres import data_folder
from tests.acceptance.launch import ROOT, Home, free_port

_LONGEST = 240.0
_LOOK = 0.1
# Two variations in half the size: what is killed here is the way through, not what it makes.
_SMALL = {
    "FLYWHEEL_CREATIVE__DRAFTS": "2",
    "FLYWHEEL_CREATIVE__MIN_VARIATIONS": "2",
    "FLYWHEEL_CREATIVE__MAX_VARIATIONS": "2",
    "FLYWHEEL_RENDERING__WIDTH": "540",
    "FLYWHEEL_RENDERING__HEIGHT": "960",
}


@dataclass
class Program:
    """One run of it, in a session of its own: its group is it and what it starts, Dagster and Postgres apart."""

    process: subprocess.Popen[bytes]
    said: Path

    @property
    def stdout(self) -> str:
        return self.said.with_suffix(".out").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self.said.with_suffix(".err").read_text(encoding="utf-8")

    def kill(self, *, group: bool = False) -> None:
        if group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait(_LONGEST)

    def until(self, seen: Callable[[], Any], what: str) -> Any:
        """Wait until something is seen, which must be while the program runs; what was seen."""
        deadline = time.monotonic() + _LONGEST
        while not (found := seen()):
            assert self.process.poll() is None, f"ended before {what}:\n{self.stderr}"
            assert time.monotonic() < deadline, f"no {what} within {_LONGEST:.0f} s:\n{self.stderr}"
            time.sleep(_LOOK)
        return found

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(_LONGEST)

    def children(self, name: str) -> list[psutil.Process]:
        """Descendants with that word in their command."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if name in command_of(one)]


@dataclass
class Stage:
    """A home, the ports of its platform, and everything that was run in it."""

    home: Home
    video: Path
    ports: dict[str, str] = field(default_factory=lambda: {name: str(free_port()) for name in ("meta", "crm", "ui")})
    _running: list[Program] = field(default_factory=list)

    def demo(self, days: int) -> Program:
        return self._start("demo", "--days", str(days), "--video", str(self.video), "--json")

    def up(self) -> Program:
        return self._start("up", "--port", self.ports["ui"])

    def _start(self, *arguments: str) -> Program:
        others = {name: value for name, value in os.environ.items() if not name.startswith(("FLYWHEEL_", "DAGSTER_"))}
        ours = {
            "TMPDIR": str(self.temporary),
            "FLYWHEEL_HOME": str(self.home.root),
            "FLYWHEEL_GATEWAY_PORT": str(self.home.port),
            "FLYWHEEL_SANDBOX_PORT": self.ports["meta"],
            "FLYWHEEL_SANDBOX_HUBSPOT_PORT": self.ports["crm"],
        }
        self.temporary.mkdir(exist_ok=True)
        said = self.home.root.parent / f"run{len(self._running)}"
        with _opened(said, ".out") as out, _opened(said, ".err") as err:
            process = subprocess.Popen(
                [str(Path(sys.executable).with_name("flywheel")), *arguments],
                env=others | _SMALL | ours, cwd=ROOT, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        self._running.append(Program(process, said))
        return self._running[-1]

    def end(self) -> None:
        """Whatever a failed test left running."""
        for one in self._running:
            if one.process.poll() is None:
                one.kill(group=True)
        for process in left_in(self.home):
            process.kill()
        psutil.wait_procs(left_in(self.home), timeout=_LONGEST)

    # --- looking ----------------------------------------------------------------------------------

    @property
    def temporary(self) -> Path:
        """Where its programs put what is to be forgotten."""
        return self.home.root.parent / "tmp"

    @property
    def data(self) -> Path:
        return data_folder(self.home.settings)

    def engine(self, database: str = "flywheel") -> Engine:
        """Its running server, asked without becoming one of those who need it."""
        address = f"postgresql+psycopg2://postgres:@/{database}?host={self._socket()}"
        return create_engine(address, poolclass=NullPool)

    def _socket(self) -> str:
        return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[4]

    def rows(self, query: str, database: str = "flywheel") -> list[Any]:
        """What a query finds; nothing while there is no such server, database or table."""
        if not is_running(self.data):
            return []
        try:
            with closing(self.engine(database).connect()) as connection:
                return list(connection.execute(text(query)))
        except (DBAPIError, IndexError, FileNotFoundError):
            return []

    def number(self, query: str, database: str = "flywheel") -> int:
        """How many rows a table or join holds; 0 where there is none."""
        rows = self.rows(f"select count(*) from {query}", database)  # noqa: S608 - a test's own words
        return int(rows[0][0]) if rows else 0

    def step_begun(self, step: str) -> bool:
        """Whether Dagster's log knows that a step began in the run that goes on."""
        events = f"event_logs join runs using (run_id) where step_key = '{step}' and status = 'STARTED'"
        return self.number(f"{events} and dagster_event_type = 'STEP_START'", "flywheel_dagster") > 0

    @contextmanager
    def closed(self, table: str) -> Iterator[Callable[[], bool]]:
        """Nobody writes to a table within the block; gives whether somebody waits for it."""
        with self.engine().connect() as connection, connection.begin():
            connection.execute(text(f"lock table {table} in share mode"))
            waiting = f"pg_locks where not granted and relation = '{table}'::regclass"
            yield lambda: self.number(waiting) > 0


def left_in(home: Home) -> list[psutil.Process]:
    """Processes that were started for a home or name it."""
    return [one for one in psutil.process_iter() if one.pid != os.getpid() and str(home.root) in _words(one)]


def command_of(process: psutil.Process) -> str:
    """Its command; empty when it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _words(process: psutil.Process) -> str:
    try:
        return " ".join([*process.cmdline(), *process.environ().values()])
    except (psutil.Error, OSError):
        return ""


def answer_of(program: Program) -> Mapping[str, Any]:
    """The JSON object a demo printed."""
    found: Mapping[str, Any] = json.loads(program.stdout)
    return found


def _opened(said: Path, suffix: str) -> IO[bytes]:
    return said.with_suffix(suffix).open("wb")
