"""Programs that end with this process, however it ends: also by SIGKILL, after which nobody could end them.

A small process of its own (this file, run as a program) starts the program in a session of its own and
listens at a pipe whose other end only this process holds. A word in it asks the program to end; its end
kills the whole session. Should that process be killed too, the next start of this installation finds what
is left by the temporary folder that only it was given (`end_leftovers`): the number of a process may be
somebody else's by then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import psutil

from flywheel_assets.core.errors import Busy

_STOP_SECONDS = 20
_GONE_SECONDS = 20
_QUIET_LOOKS = 2  # between two processes, one that starts another and ends is not seen


class Tethered:
    """A running program and all that it starts.

    Args:
        command: what to run.
        environment: its variables; its temporary folder is one of its own.
        folder: its working folder.
        log: file to which it writes.
        note: file that names the temporary folder until everything has ended.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, folder: Path, log: Path, note: Path
    ) -> None:
        self._note, temporary = note, tempfile.mkdtemp(prefix="flywheel-")
        note.write_text(temporary, encoding="utf-8")
        listening, self._tether = os.pipe()
        try:
            with log.open("ab") as sink:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", __name__, str(listening), *command],
                    env={**environment, "TMPDIR": temporary}, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink,
                    stderr=sink, pass_fds=[listening], start_new_session=True,
                )  # fmt: skip
        finally:
            os.close(listening)

    def wait(self, seconds: float) -> int | None:
        """Its exit code once it has ended, None when it has not within that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ask it to end, as Ctrl-C would; what is left of its session after that is killed."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._tether, b".")
        if self.wait(_STOP_SECONDS) is None:
            click.echo(f"Dagster did not stop within {_STOP_SECONDS} s and is killed", err=True)
        os.close(self._tether)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        end_leftovers(self._note)


def end_leftovers(note: Path) -> int:
    """Kill what a `Tethered` with that note left running, and take its temporary folder away; how many processes.

    Raises:
        Busy: some do not end; the note stays for the next who tries.
    """
    if not note.exists():
        return 0
    temporary = note.read_text(encoding="utf-8")
    ended = _kill_all(temporary) if temporary else 0
    if temporary:
        shutil.rmtree(temporary, ignore_errors=True)
    note.unlink(missing_ok=True)
    return ended


def _kill_all(temporary: str) -> int:
    """What has that temporary folder, and what that starts while the processes are gone through."""
    ended: set[psutil.Process] = set()
    deadline, quiet = time.monotonic() + _GONE_SECONDS, 0
    while quiet < _QUIET_LOOKS:
        found = _killed(temporary)
        quiet = 0 if found else quiet + 1
        ended.update(found)
        _, left = psutil.wait_procs(found, timeout=max(0.0, deadline - time.monotonic()))
        if found and time.monotonic() > deadline:
            numbers = ", ".join(str(process.pid) for process in left or found)
            raise Busy(
                f"programs that an earlier flywheel up started do not end within {_GONE_SECONDS} s (process {numbers})",
                next_step="stop them by hand, or start the machine again",
            )
    return len(ended)


def _killed(temporary: str) -> list[psutil.Process]:
    """One look; the newest first, and each killed as it is found, because a moment later it may have started another."""
    found = []
    for pid in reversed(psutil.pids()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if _temporary_of(process) == temporary:
                process.kill()
                found.append(process)
    return found


def _temporary_of(process: psutil.Process) -> str | None:
    try:
        environment: dict[str, str] = process.environ()
    except (psutil.Error, OSError):  # it has ended, or it is not ours to look into
        return None
    return environment.get("TMPDIR")


def _watch(listening: int, command: Sequence[str]) -> None:
    """The process between: ends with the program, and kills its session when the pipe ends."""
    program = subprocess.Popen(command)  # noqa: S603 - our own program
    threading.Thread(target=lambda: os._exit(program.wait() & 0xFF), daemon=True).start()
    while os.read(listening, 1):
        program.send_signal(signal.SIGINT)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), sys.argv[2:])
