"""Where the seconds of `flywheel demo` go, how many of them are outside real work, and the memory it takes.

The program runs as a person runs it, three times: *cold* in an empty home, with bytecode still to be compiled; *warm* in
another empty home, with bytecode and files read before; *again* in that second home, where everything is done already.

Real work is what the program's own stages take: taking the upload in, every step of every job, the simulated hours.
Outside it is all the rest of the wall clock, from the start of the process to its end:

* start-up: Python, imports and the sandbox, until the first stage begins.
* database: a cluster and its tables, in an empty home.
* between stages: Dagster's runs and events around the steps, and opening what the simulated days use.
* ending: the summary, and stopping what was started, after the last stage.

Another program on the machine makes all of them longer, and not all alike, so the seconds of the processor, which others
change little, stand beside the wall clock: the program's and its children's, its database's apart. Memory is PSS, in which pages that several processes share count once, summed
over the program, its children and its database twice a second.

    python benchmarks/demo.py [--days 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self

from flywheel_assets.settings import Settings
from flywheel_assets.store.postgres import data_folder

_ROOT = Path(__file__).resolve().parents[1]
_EVERY = 0.5  # seconds
_GOAL = 0.10  # of a warm run


@dataclass(frozen=True)
class Ran:
    """One run: seconds of the wall clock, of the processor, and by stage; megabytes of memory at its highest."""

    wall: float
    cpu: float
    cpu_start_up: float
    cpu_ending: float
    work: dict[str, float]
    outside: dict[str, float]
    pss_mb: float
    pss_database_mb: float

    @property
    def share(self) -> float:
        """Of the wall clock, outside real work."""
        return 1 - sum(self.work.values()) / self.wall


class Memory:
    """Looks at the memory of a process, of its descendants and of its home's database for as long as the block lasts."""

    def __init__(self, pid: int, home: Path) -> None:
        self.peak = self.database = 0.0
        self._pid, self._over = pid, Event()
        # The server leaves the program's tree when it starts, and says here which process it is.
        self._server = data_folder(Settings(home=home, database_url=None)) / "postmaster.pid"
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            ours = sum(map(_pss_mb, _tree(self._pid)))
            first, *_ = [*_lines(self._server), ""]
            database = sum(map(_pss_mb, _tree(int(first)))) if first else 0.0
            if ours + database > self.peak:
                self.peak, self.database = ours + database, database


def _cpu(pid: int) -> float:
    """Seconds of the processor until now, with those of children that ended."""
    told = " ".join(_lines(Path(f"/proc/{pid}/stat"))).rpartition(") ")[2].split()
    return sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK") if told else 0.0


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in " ".join(_lines(task)).split():
            yield from _tree(int(child))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):  # it is not there yet, or no more
        return []


def _pss_mb(pid: int) -> float:
    lines = _lines(Path(f"/proc/{pid}/smaps_rollup"))
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def demo(home: Path, bytecode: Path, days: int) -> Ran:
    """One run of the installed program, and where its time went."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    theirs = ("FLYWHEEL_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")  # the last would leave every run a cold one
    others = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    ours = {"FLYWHEEL_HOME": str(home), "FLYWHEEL_GATEWAY_PORT": str(port), "PYTHONPYCACHEPREFIX": str(bytecode)}
    command = [str(Path(sys.executable).with_name("flywheel")), "demo", "--days", str(days), "--json"]
    before, begun = os.times(), time.monotonic()
    lines: list[tuple[float, float]] = []  # when each came, and the processor's seconds until then
    with (
        tempfile.TemporaryFile("w+") as answer,
        subprocess.Popen(  # noqa: S603 - our own program
            command, env=others | ours, cwd=_ROOT, stdout=answer, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        with Memory(process.pid, home) as memory:
            for line in process.stderr or ():
                lines.append((time.monotonic(), sum(map(_cpu, _tree(process.pid)))))
                print(f"  {line.rstrip()}", file=sys.stderr)
            code, ended = process.wait(), time.monotonic()
        if code:
            raise SystemExit(f"flywheel demo ended with exit code {code}; its lines are above")
        answer.seek(0)
        work: dict[str, float] = json.load(answer)["seconds_by_stage"]
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    (first, cpu_first), (last, cpu_last) = lines[0], lines[-1]
    outside = {"database": work.pop("start")}
    outside["start-up"] = first - begun - outside["database"] - work["upload"]
    outside["ending"] = ended - last
    outside["between stages"] = ended - begun - sum(work.values()) - sum(outside.values())
    return Ran(ended - begun, cpu, cpu_first, max(cpu - cpu_last, 0.0), work, outside, memory.peak, memory.database)


def table(runs: dict[str, Ran]) -> str:
    """A line a stage and a column a run."""
    lines = [f"{'seconds':<28}" + "".join(f"{name:>10}" for name in runs)]

    def add(label: str, values: list[str]) -> None:
        lines.append(f"{label:<28}" + "".join(f"{value:>10}" for value in values))

    for stage in next(iter(runs.values())).work:
        add(stage, [f"{one.work[stage]:.1f}" if stage in one.work else "" for one in runs.values()])
    for name in ("start-up", "database", "between stages", "ending"):
        add(f"outside: {name}", [f"{one.outside[name]:.1f}" for one in runs.values()])
    add("whole", [f"{one.wall:.1f}" for one in runs.values()])
    add("  of the processor", [f"{one.cpu:.1f}" for one in runs.values()])
    add("    until the upload is in", [f"{one.cpu_start_up:.1f}" for one in runs.values()])
    add("    ending", [f"{one.cpu_ending:.1f}" for one in runs.values()])
    add("outside real work", [f"{one.share:.1%}" for one in runs.values()])
    add("memory at its highest", [f"{one.pss_mb:.0f} MB" for one in runs.values()])
    add("  of it the database", [f"{one.pss_database_mb:.0f} MB" for one in runs.values()])
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=3, help="simulated days (default 3, as the demo's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fw-"))
    folder.chmod(0o755)  # because under root the embedded database runs as another user
    load, runs = os.getloadavg()[0], {}
    try:
        for name, home in (("cold", "one"), ("warm", "two"), ("again", "two")):
            print(f"{name}:", file=sys.stderr)
            runs[name] = demo(folder / home, folder / "bytecode", asked.days)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if asked.json:
        print(json.dumps({"load_before": load, "runs": {n: asdict(r) | {"share": r.share} for n, r in runs.items()}}))
    else:
        met = "met" if runs["warm"].share <= _GOAL else "missed"
        print(f"{table(runs)}\nthe goal of at most {_GOAL:.0%} in a warm run is {met}; load before was {load:.1f}")


if __name__ == "__main__":
    main()
