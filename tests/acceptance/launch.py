"""The installed program on a home of its own, and what is left to read when it has ended."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from flywheel_assets.cli.installation import write_dagster_home
from flywheel_assets.settings import Settings
from flywheel_assets.store.postgres import data_folder
from flywheel_assets.store.store import Store
from tests.databases import stop

ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 540.0


@dataclass(frozen=True)
class Ran:
    """One ended run of the program, and what of it was still there right afterwards."""

    code: int
    stdout: str
    stderr: str
    left_running: tuple[str, ...]
    server_left: bool

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object it printed; anything beside it is refused."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


@dataclass(frozen=True)
class Home:
    """One installation. The ads of a launch lead through its gateway's port, so it keeps the same one."""

    root: Path
    port: int

    @property
    def account_file(self) -> Path:
        """The sample's account, unless somebody wrote one into this home."""
        own = self.root / "account.yaml"
        return own if own.exists() else ROOT / "samples" / "account.yaml"

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.root,
            world="sandbox",
            database_url=None,
            gateway_port=self.port,
            account_file=self.account_file,
        )

    def demo(self) -> Ran:
        """``flywheel demo --days 0 --json`` as a person runs it, from the repository's root."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(("FLYWHEEL_", "DAGSTER_"))}
        ours = {"FLYWHEEL_HOME": str(self.root), "FLYWHEEL_GATEWAY_PORT": str(self.port)}
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("flywheel")), "demo", "--days", "0", "--json"],
            env=others | ours,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST,
        )
        server_left = (data_folder(self.settings) / "postmaster.pid").exists()
        return Ran(ran.returncode, ran.stdout, ran.stderr, _processes_of(self.root), server_left)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Its database, started for as long as the block lasts."""
        opened = Store.open(self.settings)
        try:
            yield opened
        finally:
            opened.engine.dispose()
            stop(data_folder(self.settings))

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Its Dagster instance; the store must be open."""
        with dg.DagsterInstance.from_config(str(write_dagster_home(self.settings))) as instance:
            yield instance

    def copy(self) -> Home:
        """The same installation a second time, as it is now. Nothing may run in it; files keep their owners."""
        other = new_folder() / "home"
        subprocess.run(["cp", "-a", str(self.root), str(other)], check=True)
        return Home(other, self.port)

    def remove(self) -> None:
        shutil.rmtree(self.root.parent)


def new_folder() -> Path:
    """Short, because a long path moves the server's socket; open to all, because under root it runs as another user."""
    folder = Path(tempfile.mkdtemp(prefix="fw-"))
    folder.chmod(0o755)
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _processes_of(root: Path) -> tuple[str, ...]:
    """Command lines of processes that were started for this home or name it, but not of this one."""
    return tuple(
        command.replace("\0", " ")
        for folder in Path("/proc").glob("[0-9]*")
        if int(folder.name) != os.getpid()
        and str(root) in (command := _read(folder / "cmdline")) + _read(folder / "environ")
    )


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:  # it ended while we looked, or it is not ours
        return ""
