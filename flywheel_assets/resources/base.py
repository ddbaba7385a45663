"""What every resource starts from: the settings of this process with the overrides of the definitions."""

import json
import os
import socket
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
    """Host, process and the second it was started: no two workers have one name, not even one after the other."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether a worker was a process of this machine and runs no more; of other machines nothing is known."""
    host, _, process = worker.partition(":")
    pid, _, started = process.partition(":")
    if host != socket.gethostname() or not (pid.isdecimal() and started.isdecimal()):
        return False
    found = _started(int(pid))
    # The system counts from its own start, whose time may be read a second apart.
    return found is None or abs(found - int(started)) > 1


def _started(pid: int) -> int | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.NoSuchProcess:
        return None
