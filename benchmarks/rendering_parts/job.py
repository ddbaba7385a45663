"""One job in a process of its own: its processor seconds, those of its children included, and its largest memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and processor, and bytes of memory that no other process shares (PSS)."""

    wall: float
    worked: float
    memory: int
    told: dict


def run(script: Path, order: dict) -> Cost:
    """Run a script that takes an order as JSON and prints one line of JSON at its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(script), json.dumps(order)], stdout=subprocess.PIPE, text=True
    )
    peak, stop = [0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, stop))
    watcher.start()
    answer, _ = process.communicate()
    stop.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{script.name} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, worked, peak[0], json.loads(answer.splitlines()[-1]))


def _watch(pid: int, peak: list[int], stop: threading.Event) -> None:
    while not stop.wait(_POLL_SECONDS):
        peak[0] = max(peak[0], sum(_pss(one) for one in _family(pid)))


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def order() -> dict:
    """What this process was asked for."""
    return json.loads(sys.argv[1])


def answer(**told: object) -> None:
    """Tell the caller."""
    print(json.dumps(told), flush=True)
    os.sync()
