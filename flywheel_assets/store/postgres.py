"""Which Postgres we talk to: the one named by ``FLYWHEEL_DATABASE_URL``, else an embedded one."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

from flywheel_assets.core.errors import ConfigurationError, NoAnswer
from flywheel_assets.settings import Settings
from flywheel_assets.store.embedded import embedded_uri, is_running

_POSTGRES = ("postgresql", "postgres")
_WHERE = ("host", "hostaddr", "port", "dbname")  # options that say where a database is
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

    Raises:
        ConfigurationError: the address given is not one of Postgres, or nothing answers there.
    """
    given = _given(settings.database_url) if settings.database_url else make_url(embedded_uri(data_folder(settings)))
    main = (given.database if settings.database_url else None) or FLYWHEEL_DATABASE
    name = main if database == FLYWHEEL_DATABASE else f"{main}_{database}"
    url = given.set(drivername="postgresql+psycopg2", database=name)
    if name != main or settings.database_url is None:
        _create_database(url, maintenance="postgres" if settings.database_url is None else main)
    return url


def server_runs(settings: Settings) -> bool:
    """Whether the embedded server is there; of one given by address nothing is said before it is asked."""
    return settings.database_url is not None or is_running(data_folder(settings))


def _given(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        url = None
    if url is None or url.drivername.partition("+")[0] not in _POSTGRES:
        # The address may hold a password, so it is not repeated.
        raise ConfigurationError("FLYWHEEL_DATABASE_URL is not of the form postgresql://user@host/database")
    return url


def require_answer(engine: Engine) -> None:
    """Connect once.

    Raises:
        NoAnswer: nothing answers, it does not let us in, or libpq does not know an option of the address.
    """
    try:
        engine.connect().close()
    except (OperationalError, ProgrammingError) as error:
        said = " ".join(str(error.orig).split())
        step = "start Postgres there, or mend FLYWHEEL_DATABASE_URL"
        raise NoAnswer(f"no database at {shown(engine.url)}: {said}", next_step=step) from None


def shown(url: URL) -> str:
    """What anybody may see of an address: a password, or the path of a key, can stand in it as an option too."""
    where = {name: value for name, value in url.query.items() if name in _WHERE}
    return URL.create(url.drivername, None, None, url.host, url.port, url.database, where).render_as_string()


def _create_database(url: URL, maintenance: str) -> None:
    engine = create_engine(url.set(database=maintenance), isolation_level="AUTOCOMMIT")
    require_answer(engine)
    with engine.connect() as connection:
        known = connection.execute(text("select 1 from pg_database where datname = :name"), {"name": url.database})
        if known.first() is None:
            quoted = engine.dialect.identifier_preparer.quote_identifier(str(url.database))
            connection.execute(text(f"create database {quoted}"))
    engine.dispose()


def _open_to_all(folder: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH
    return folder.stat().st_mode & wanted == wanted
