"""What a child process may use: a child of ours bounds itself before it opens a file, a program of others is started so."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass

_MIB = 1024**2
# A process that handles the first signal of the processor clock has this long until it is killed.
_GRACE = 5
_PR_SET_PDEATHSIG = 1
_NAMES = {resource.RLIMIT_CPU: "cpu", resource.RLIMIT_AS: "as", resource.RLIMIT_FSIZE: "fsize"}


@dataclass(frozen=True)
class Limits:
    """The most that a process may use; 0 means that this one is not limited.

    Attributes:
        seconds: of the clock on the wall.
        cpu_seconds: of all its threads together.
        memory_mb: of addresses, MiB; what is mapped and never touched counts.
        file_mb: size of the largest file it writes, MiB.
    """

    seconds: float
    cpu_seconds: int
    memory_mb: int
    file_mb: int

    def resources(self) -> dict[int, tuple[int, int]]:
        """Soft and hard bounds, as the system takes them; one that this process has already and is narrower stands."""
        wanted = {
            resource.RLIMIT_CPU: (self.cpu_seconds, self.cpu_seconds + _GRACE),
            resource.RLIMIT_AS: (self.memory_mb * _MIB,) * 2,
            resource.RLIMIT_FSIZE: (self.file_mb * _MIB,) * 2,
        }
        return {which: both for which, both in wanted.items() if both[0] > 0 and _narrows(which, both[1])}


def _narrows(which: int, hard: int) -> bool:
    now = resource.getrlimit(which)
    return all(each == resource.RLIM_INFINITY or hard <= each for each in now)


def limit_self(limits: Limits) -> None:
    """Bound this process for good, leave no core file, and end it with its parent or when its time is over.

    The parent watches the clock too. The alarm is for the parent that was killed where the system cannot tell.
    """
    for which, both in {**limits.resources(), resource.RLIMIT_CORE: (0, 0)}.items():
        with suppress(ValueError):  # macOS does not bound addresses; a lower bound than ours stands
            resource.setrlimit(which, both)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + _GRACE if limits.seconds else 0)
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def bounded(limits: Limits) -> tuple[str, ...]:
    """What to put before the command of a program of others, so that it starts bounded; nothing where there is no such means.

    Its time on the wall is for whoever waits for it.
    """
    found = shutil.which("prlimit")
    if found is None:
        return ()
    return (found, *(f"--{_NAMES[which]}={soft}:{hard}" for which, (soft, hard) in limits.resources().items()), "--")


def seal() -> None:
    """From here on this process can open nothing: no file, no pipe, no connection. What is open stays usable."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
