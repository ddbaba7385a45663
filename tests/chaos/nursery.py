"""Where workers are born: a process that has imported everything and holds no thread, connection or client.

It reads a `Job` as one line, keeps as many workers alive as that says, and gives each a fate: a
seeded point at which it will die. ``heal`` on a line of its own replaces all of them by workers that
live; the end of the input ends everything.
"""

from __future__ import annotations

import gc
import io
import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from types import TracebackType
from typing import Self

from tests.chaos.workers import POINTS, Fate, Job, report_trouble, work

_LOOK = 0.005  # real seconds between two looks for dead workers
_NTH = 4  # a worker dies at the 1st to 4th passing of its point
_NAPPERS = 0.15  # of all workers, which lose a lease and live on before they die
# What a worker would import at its first call.
_HEAVY = ("facebook_business.api", "facebook_business.session", "psycopg2.extras", "sqlalchemy.dialects.postgresql")
_PATIENCE = 20.0


class Nursery:
    """The nursery of one storm, as seen by the test: started on entry, ended with all its workers on exit."""

    def __init__(self, job: Job, environment: Mapping[str, str] | None = None) -> None:
        self._job, self._environment = job, dict(environment or {})
        self._process: subprocess.Popen[str] | None = None

    def heal(self) -> None:
        """From now on no worker dies."""
        self._tell("heal")

    def deaths(self) -> Counter[str]:
        """Workers that met their fate, by point."""
        return deaths(self._job)

    def trouble(self) -> str:
        """What went wrong in workers, or in the nursery itself; empty when nothing did."""
        text = self._job.trouble.read_text() if self._job.trouble.exists() else ""
        gone = self._process is None or self._process.poll() is not None
        return text + ("the nursery itself has ended\n" if gone else "")

    def __enter__(self) -> Self:
        # One thread in each: numpy's own would not survive the fork.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **self._environment}
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment)
        self._tell(self._job.model_dump_json())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(_PATIENCE)

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the nursery is not running; use it in a with block")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


class _Brood:
    """The workers that live now."""

    def __init__(self, job: Job) -> None:
        self._job, self._random = job, random.Random(job.seed)  # noqa: S311 - dice, no secret
        self._alive: dict[int, str] = {}
        self._number = 0
        self.fatal = True

    def fill(self) -> None:
        """Bury the dead and bear as many."""
        while self._alive and (pid := os.waitpid(-1, os.WNOHANG)[0]):
            del self._alive[pid]
        while len(self._alive) < self._job.workers:
            self._bear()

    def end(self) -> None:
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
        while self._alive:
            del self._alive[os.waitpid(-1, 0)[0]]

    def _bear(self) -> None:
        self._number += 1
        name = f"{self._job.name}{self._number}"
        fate = self._fate(name) if self.fatal else None
        pid = os.fork()
        if pid == 0:
            _live(self._job, name, fate)
        self._alive[pid] = name

    def _fate(self, name: str) -> Fate | None:
        """As the script says; without one, the fewer died at a point, the likelier it is chosen."""
        job, died = self._job, deaths(self._job)
        if job.script is not None:
            written = job.script[died.total() : died.total() + 1]
            return Fate(written[0], 1, sys.maxsize, job.deaths, name) if written else None
        weights = [1 / (1 + died[point]) for point in POINTS]
        (point,) = self._random.choices(POINTS, weights)
        nap = 1.3 * job.safety.lease_seconds if self._random.random() < _NAPPERS else 0.0
        return Fate(point, self._random.randint(1, _NTH), job.patience, job.deaths, name, nap)


def deaths(job: Job) -> Counter[str]:
    """Workers that met their fate, by point."""
    text = job.deaths.read_text() if job.deaths.exists() else ""
    return Counter(line.split()[0] for line in text.splitlines())


def _live(job: Job, name: str, fate: Fate | None) -> None:
    try:
        work(job, name, fate)
    except BaseException:  # noqa: BLE001 - a child must not go on as the nursery, whatever happened
        report_trouble(job, name)
    finally:
        os._exit(1)


def main() -> None:
    """Run until the input ends."""
    for name in _HEAVY:
        import_module(name)
    # Unbuffered: a line that lay in a buffer would never wake the select below.
    orders = io.FileIO(sys.stdin.fileno())
    brood = _Brood(Job.model_validate_json(orders.readline()))
    gc.freeze()
    while True:
        brood.fill()
        if select.select([orders], [], [], _LOOK)[0]:
            if orders.readline().strip() != b"heal":
                break
            brood.fatal = False
            brood.end()
    brood.end()


if __name__ == "__main__":
    main()
