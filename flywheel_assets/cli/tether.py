"""Programs that end with this process, however it ends: also by SIGKILL, after which nobody could end them.

A small process of its own (this file, run as a program) starts the program in a session of its own and
listens at a pipe whose other end only this process holds. A word in it asks the program to end; its end
kills the whole session. Should that process be killed too, the next start of this installation finds
what is left by a token in its environment (`end_leftovers`): a number of a process may be somebody else's by then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex

import click
import psutil

_TOKEN = "STARTED_BY_FLYWHEEL"  # noqa: S105 - a name in the environment, no secret
_STOP_SECONDS = 20
_GONE_SECONDS = 20


class Tethered:
    """A running program.

    Args:
        command: what to run.
        environment: its variables, to which the token is added.
        folder: its working folder.
        log: file to which it writes.
        token: file that tells the next start which processes are ours.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, folder: Path, log: Path, token: Path
    ) -> None:
        mark = token_hex(16)
        token.write_text(mark, encoding="utf-8")
        listening, self._tether = os.pipe()
        try:
            with log.open("ab") as sink:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", __name__, str(listening), *command],
                    env={**environment, _TOKEN: mark}, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                    pass_fds=[listening], start_new_session=True,
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
        try:
            os.write(self._tether, b".")
        except BrokenPipeError:
            pass
        if self.wait(_STOP_SECONDS) is None:
            click.echo(f"Dagster did not stop within {_STOP_SECONDS} s and is killed", err=True)
        os.close(self._tether)
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()


def end_leftovers(token: Path) -> int:
    """Kill what an earlier `Tethered` left running, which wrote that file; how many processes.

    Only when it was killed together with the process that watched over it is there any.
    """
    if not token.exists():
        return 0
    mark = token.read_text(encoding="utf-8")
    left = [process for process in psutil.process_iter() if mark and _mark_of(process) == mark]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=_GONE_SECONDS)
    token.unlink()
    return len(left)


def _mark_of(process: psutil.Process) -> str | None:
    try:
        environment: dict[str, str] = process.environ()
    except (psutil.Error, OSError):  # it has ended, or it is not ours to look into
        return None
    return environment.get(_TOKEN)


def _watch(listening: int, command: Sequence[str]) -> None:
    """The process between: ends with the program, and kills its session when the pipe ends."""
    program = subprocess.Popen(command)  # noqa: S603 - our own program
    threading.Thread(target=lambda: os._exit(program.wait() & 0xFF), daemon=True).start()
    while os.read(listening, 1):
        program.send_signal(signal.SIGINT)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _watch(int(sys.argv[1]), sys.argv[2:])
