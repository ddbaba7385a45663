"""What every resource starts from: the settings of this process with the overrides of the definitions."""

import json
import os
import socket
from functools import cache
from pathlib import Path
from typing import get_args

from pydantic import Field, SecretStr

from flywheel_assets.settings import Settings

SETTINGS = Field("{}", description="Settings that differ from this process's environment, as JSON; secrets never.")


def installation(overrides: str) -> Settings:
    """The settings of this process, with a resource's overrides; a secret comes from the process alone."""
    given = {name: value for name, value in json.loads(overrides).items() if not is_secret(name)}
    return Settings(**given)


def is_secret(setting: str) -> bool:
    """Whether a setting is kept out of what Dagster stores and shows."""
    field = Settings.model_fields.get(setting)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def worker_name() -> str:
    """Host, process and when it was started: no two workers have one name, not even one after the other."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether a worker was a process of this machine and runs no more; of others nothing is known.

    Others are also those of a container with the same host name, and of this machine before it was started
    again, which nothing tells from another one of its name: their leases run out.
    """
    host, _, process = worker.partition(":")
    pid, _, started = process.partition(":")
    where, _, ticks = started.rpartition("-")
    if host != socket.gethostname() or where != _where() or not (pid.isdecimal() and ticks.isdecimal()):
        return False
    try:
        found = _ticks(int(pid))
    except PermissionError:  # there is one, into which we may not look
        return False
    # Without /proc it is a time by the clock, which may be read a second apart.
    return found is None or abs(found - int(ticks)) > (0 if where else 1)


def _started(pid: int) -> str:
    return "-".join(filter(None, (_where(), str(_ticks(pid)))))


@cache
def _where() -> str:
    """Within what numbers and start times of processes are comparable: one start of the machine, one container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return ""


def _ticks(pid: int) -> int | None:
    """When it was started, None if it runs no more: since the machine was, since the clock may be set meanwhile."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not _where():
            return int(process.create_time())
        # The name, which comes before, is in brackets and may hold anything.
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        )
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    except psutil.AccessDenied as error:
        raise PermissionError(pid) from error
