"""Disk, ports and programs."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flywheel_assets.core.errors import FlywheelError
from flywheel_assets.monitoring.doctor.findings import Finding
from flywheel_assets.rendering import ffmpeg
from flywheel_assets.settings import Settings

_GIB = 1024**3
_LEAST = 2 * _GIB  # a database, one video with its segments and ten variations
_TESTED = ("Linux", "x86_64")


def disk(settings: Settings) -> Iterator[Finding]:
    """Room where state is kept, and the right to write there."""
    here = next(folder for folder in (settings.root, *settings.root.parents) if folder.exists())
    free = shutil.disk_usage(here).free
    found = f"{free / _GIB:.1f} GB free at {here}"
    enough = free >= _LEAST
    yield Finding("disk", "ok" if enough else "fault", found, "" if enough else f"make room for {_LEAST / _GIB:.0f} GB")
    if not os.access(here, os.W_OK | os.X_OK):
        yield Finding("home", "fault", f"{here} cannot be written to", "change its rights, or set FLYWHEEL_HOME")


def ports(settings: Settings) -> Iterator[Finding]:
    """The loopback ports that `flywheel up` takes."""
    wanted = {
        "UI's port": ("FLYWHEEL_UI_PORT", settings.ui_port),
        "gateway port": ("FLYWHEEL_GATEWAY_PORT", settings.gateway_port),
    }
    if settings.world == "sandbox":
        wanted["twin's port"] = ("FLYWHEEL_SANDBOX_PORT", settings.sandbox_port)
        wanted["twin CRM's port"] = ("FLYWHEEL_SANDBOX_HUBSPOT_PORT", settings.sandbox_hubspot_port)
    for name, (variable, port) in wanted.items():
        if _is_free(port):
            yield Finding(name, "ok", f"{port} is free")
        else:
            yield Finding(name, "lacks", f"{port} is in use", f"fine while `flywheel up` runs; else set {variable}")


def programs(settings: Settings) -> Iterator[Finding]:
    """What is run beside Python."""
    del settings
    here = (platform.system(), platform.machine())
    found = f"Python {platform.python_version()} on {' '.join(here)}"
    tested = here == _TESTED
    yield Finding(
        "machine", "ok" if tested else "lacks", found, "" if tested else f"tested on {' '.join(_TESTED)} only"
    )
    try:
        yield Finding("ffmpeg", "ok", ffmpeg.version().split(" Copyright", maxsplit=1)[0])
    except (FlywheelError, OSError, RuntimeError) as error:
        yield Finding("ffmpeg", "fault", str(error), "install imageio-ffmpeg again")
    npm = shutil.which("npm")
    if npm is None:
        yield Finding("npm", "lacks", "not installed", "only `flywheel fetch-weights` and `fetch-fonts` ask for it")
    else:
        yield Finding("npm", "ok", str(Path(npm)))


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
