"""What is started on a tether ends with its starter, and what outlives the tether is told from all other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flywheel_assets.cli.tether import Tethered, end_leftovers

_START = """
import os, sys
from pathlib import Path
from flywheel_assets.cli.tether import Tethered
home = Path(sys.argv[1])
program = [sys.executable, "-c", sys.argv[2]]
Tethered(program, os.environ, folder=home, log=home / "log", note=home / "note")
sys.stdin.read()
"""
# Starts another one, says both numbers, and stays whatever it is asked for.
_STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
other.stdout.readline()
with open("started.part", "w") as file:
    file.write(f"{os.getpid()} {other.pid}")
os.rename("started.part", "started")
signal.pause()
"""
_OBEDIENT = """
import signal
try:
    print("ready", flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("asked", flush=True)
"""
# Ends when it is asked to, without the other one, which has a session of its own.
_LEAVING = """
import contextlib, signal, subprocess
other = subprocess.Popen(["sleep", "300"], start_new_session=True)
with contextlib.suppress(KeyboardInterrupt):
    print(other.pid, flush=True)
    signal.pause()
"""
# Starts another every 2 ms, each in a session of its own; after 30 s they say that nobody ended them.
_BUSY = """
import os, sys, time
for number in range(1000):
    if not os.fork():
        os.setsid()
        break
    if number == 20:
        print("busy", flush=True)
    time.sleep(0.002)
time.sleep(30)
os.write(int(sys.argv[1]), b"reached the end")
"""
_PATIENCE = 60.0


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", _START, str(tmp_path), _STUBBORN], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()
    end_leftovers(tmp_path / "note")


def _started(folder: Path, starter: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The program, what it started, and the process between."""
    while not (folder / "started").exists():
        assert starter.poll() is None
        time.sleep(0.01)
    program, other = (psutil.Process(int(pid)) for pid in (folder / "started").read_text().split())
    return [program, other, program.parent()]


def test_a_killed_starter_takes_everything_with_it(tmp_path: Path, starter: subprocess.Popen[bytes]) -> None:
    started = _started(tmp_path, starter)
    starter.kill()
    assert psutil.wait_procs(started, timeout=_PATIENCE)[1] == []


def test_what_outlives_the_process_between_is_found_by_its_note(
    tmp_path: Path, starter: subprocess.Popen[bytes]
) -> None:
    program, other, between = _started(tmp_path, starter)
    between.suspend()
    starter.kill()
    between.kill()
    assert psutil.wait_procs([between], timeout=_PATIENCE)[1] == []
    temporary = Path((tmp_path / "note").read_text())
    assert temporary.is_dir()
    assert program.is_running()
    assert end_leftovers(tmp_path / "note") == 2
    assert psutil.wait_procs([program, other, between], timeout=_PATIENCE)[1] == []
    assert not temporary.exists()
    assert end_leftovers(tmp_path / "note") == 0


def test_what_is_started_while_the_others_are_killed_is_ended_too(tmp_path: Path) -> None:
    alive, held = os.pipe()  # ends when nobody holds its other end
    (tmp_path / "note").write_text(str(tmp_path / "temporary"))
    command, own = [sys.executable, "-c", _BUSY, str(held)], {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(command, env=own, pass_fds=[held], stdout=subprocess.PIPE) as process:
        os.close(held)
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        assert end_leftovers(tmp_path / "note") > 20
    with os.fdopen(alive, "rb") as pipe:
        assert pipe.read() == b""
    assert not (tmp_path / "note").exists()


def test_what_left_the_session_ends_with_the_program(tmp_path: Path) -> None:
    said = tmp_path / "log"
    program = Tethered([sys.executable, "-c", _LEAVING], os.environ, folder=tmp_path, log=said, note=tmp_path / "note")
    while not said.read_text().endswith("\n"):
        assert program.wait(0.01) is None
    other = psutil.Process(int(said.read_text()))
    program.end()
    assert psutil.wait_procs([other], timeout=_PATIENCE)[1] == []
    assert not (tmp_path / "note").exists()


def test_processes_of_others_are_let_alone(tmp_path: Path) -> None:
    """A note that was not written to its end names nobody, and nobody's folder is not taken for theirs."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": ""}) as other:
        for said in ("", str(tmp_path / "of nobody")):
            (tmp_path / "note").write_text(said)
            assert end_leftovers(tmp_path / "note") == 0
            assert not (tmp_path / "note").exists()
        assert other.poll() is None


def test_asked_to_end_a_program_ends_by_itself(tmp_path: Path) -> None:
    said = tmp_path / "log"
    program = Tethered([sys.executable, "-c", _OBEDIENT], os.environ, folder=tmp_path, log=said, note=tmp_path / "note")
    while "ready" not in said.read_text():
        assert program.wait(0.01) is None
    program.end()
    assert said.read_text() == "ready\nasked\n"
    assert not (tmp_path / "note").exists()
