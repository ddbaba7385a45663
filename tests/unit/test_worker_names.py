"""Whether a worker is gone is known of this machine's processes only, and of the very process, not of its number."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flywheel_assets.resources.base import is_gone, worker_name

_HOST, _PID = socket.gethostname(), os.getpid()


def test_this_process_is_not_gone() -> None:
    assert worker_name().startswith(f"{_HOST}:{_PID}:")
    assert not is_gone(worker_name())


def test_a_process_that_has_ended_is_gone() -> None:
    says = "from flywheel_assets.resources.base import worker_name; print(worker_name(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", says], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        name = process.stdout.readline().decode().strip()
        assert not is_gone(name)
        process.communicate(b"\n", timeout=60)
    assert is_gone(name)


def test_a_process_whose_number_was_given_to_another_is_gone() -> None:
    before, _, _ticks = worker_name().rpartition("-")
    assert is_gone(f"{before}-1")


def test_a_name_holds_nothing_that_moves_when_the_clock_is_set() -> None:
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    assert worker_name() == f"{_HOST}:{_PID}:{boot}-{Path('/proc/self/ns/pid').stat().st_ino}-{ticks}"


@pytest.mark.parametrize("part", [0, 1], ids=["another start of the machine", "another container"])
def test_of_a_namesake_nothing_is_known(part: int) -> None:
    parts = worker_name().rpartition(":")[2].split("-")
    parts[part], parts[2] = "0", "1"
    assert not is_gone(f"{_HOST}:{_PID}:{'-'.join(parts)}")


@pytest.mark.parametrize(
    "name",
    ["elsewhere:1:1", f"{_HOST}:{_PID}", f"{_HOST}:4194305:", f"{_HOST}:x:1", "test", ""],
    ids=[
        "elsewhere",
        "no start",
        "empty start",
        "no number",
        "no parts",
        "nothing",
    ],  # every run has a number of its own
)
def test_of_others_nothing_is_known(name: str) -> None:
    assert not is_gone(name)
