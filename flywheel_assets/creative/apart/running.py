"""The parent's side: start the child, listen, and say in one error what became of one that broke."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from typing import IO, Any, Literal

from flywheel_assets.core import errors
from flywheel_assets.creative.apart.child import Progress
from flywheel_assets.creative.apart.limits import Limits

Cause = Literal["time", "memory", "crash", "fault", "killed"]

_CHILD = "flywheel_assets.creative.apart.child"
_LONGEST = 64 * 1024**2  # bytes of one line of an answer; ten minutes of scenes are below one MiB
_LAST = 600  # characters of what it printed that are told
# What the processor or the C library does to a program that went wrong; another signal came from somebody.
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS}


class ChildBroke(errors.FlywheelError):
    """A child ended without an answer.

    Attributes:
        cause: ``time`` or ``memory`` it was not given more of, a ``crash`` of the program, a ``fault`` in its code, or
            ``killed`` by somebody else.
    """

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


def run(task: str, arguments: Mapping[str, Any], limits: Limits, progress: Progress | None = None) -> Any:
    """What a function answers that is called in a process of its own.

    Args:
        task: `package.module:function`; it takes the arguments and somebody to tell its progress.
        arguments: for it; JSON.
        limits: of the process. It is killed with all that it started when the time on the wall is over.
        progress: told what the function tells.

    Raises:
        ChildBroke: there is no answer.
        FlywheelError, OSError: as the function raised it.
    """
    asked = json.dumps({"task": task, "arguments": arguments, "limits": asdict(limits)}).encode()
    with tempfile.TemporaryFile() as printed, _child(printed) as child:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
        with _stopped_after(child, limits.seconds) as late:
            with suppress(BrokenPipeError), child.stdin as question:
                question.write(asked)
            final = _listen(child.stdout, progress)
            child.wait()
        if final is None or "out_of_memory" in final:
            raise _broke(child.returncode, limits, _tail(printed), late=bool(late), full=final is not None)
        return _result(final)


@contextmanager
def _child(printed: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A new process in a group of its own, of which nothing is left behind."""
    with subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
        [sys.executable, "-P", "-m", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=printed,
        start_new_session=True, env=_environment(),
    ) as child:  # fmt: skip
        try:
            yield child
        finally:
            _kill_group(child)


def _environment() -> dict[str, str]:
    """The child imports what we import. Its C library makes few arenas: each reserves 64 MiB of addresses."""
    places = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, "MALLOC_ARENA_MAX": "2"}


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """What it started may live on after it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


@contextmanager
def _stopped_after(child: subprocess.Popen[bytes], seconds: float) -> Iterator[list[bool]]:
    """Kill the child when its time is over; then the list is not empty."""
    late: list[bool] = []

    def stop() -> None:
        late.append(True)
        _kill_group(child)

    timer = Timer(seconds, stop)
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _listen(pipe: IO[bytes], progress: Progress | None) -> dict[str, Any] | None:
    """The last line of the answer; None when the child ended without one, or wrote what is none."""
    while (line := pipe.readline(_LONGEST)).endswith(b"\n"):
        try:
            told = json.loads(line)
        except ValueError:
            return None
        if not isinstance(told, dict):
            return None
        if "progress" not in told:
            return told
        if progress is not None:
            progress(*told["progress"])
    return None


def _result(final: Mapping[str, Any]) -> Any:
    if "rejected" in final:
        raise errors.IntakeRejected(*final["rejected"])
    if "file_error" in final:
        raise OSError(*final["file_error"])
    if "refused" in final:
        name, message = final["refused"]
        kind = getattr(errors, name, errors.FlywheelError)
        raise kind(message)
    return final["result"]


def _broke(code: int, limits: Limits, printed: str, *, late: bool, full: bool) -> ChildBroke:
    """Why there is no answer. ``full`` if it said itself that its memory was."""
    ended = _signal(-code)
    if late or ended == signal.SIGALRM:
        return ChildBroke("time", f"it was not done after {limits.seconds:g} s")
    if ended == signal.SIGXCPU:
        return ChildBroke("time", f"it was not done after {limits.cpu_seconds} s of computing")
    if full or "MemoryError" in printed or "std::bad_alloc" in printed:
        return ChildBroke("memory", f"it needs more than {limits.memory_mb} MiB of memory")
    if ended is None:
        return ChildBroke("fault", f"it ended with {code}: {printed or 'nothing was printed'}")
    if ended in _CRASHES:
        return ChildBroke("crash", f"it crashed with {ended.name}")
    return ChildBroke("killed", f"it was ended from outside with {ended.name}")


def _signal(number: int) -> signal.Signals | None:
    return signal.Signals(number) if number in set(signal.Signals) else None


def _tail(printed: IO[bytes]) -> str:
    """The end of what it printed, in one line."""
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _LAST))
    return " ".join(printed.read().decode(errors="replace").split())
