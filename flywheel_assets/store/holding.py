"""At most one `up` or `demo` on a database, from whatever home or machine: the runs of one are orphans to the next."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from flywheel_assets.core.errors import Busy
from flywheel_assets.store.postgres import require_answer

_NAME_LENGTH = 63  # bytes that Postgres keeps of a connection's name
# A machine that has gone without a word holds it for a minute, not for the system's two hours.
_KEEPALIVES = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
_TAKE = text("select pg_try_advisory_lock(hashtextextended('flywheel works here', 0))")
_HOLDER = text(
    "select application_name || ', since ' || to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'"
    " from pg_locks join pg_stat_activity using (pid)"
    " where locktype = 'advisory' and granted and pg_locks.database = "
    "(select oid from pg_database where datname = current_database())"
    " and application_name like 'flywheel on %'"
)


@contextmanager
def held_alone(url: URL, home: str) -> Iterator[None]:
    """Hold the database by a connection of its own, which ends however this process ends.

    Raises:
        Busy: another one holds it.
    """
    # No rollback at the end: the server may have been killed, and then there is nobody to ask.
    engine = create_engine(
        url,
        poolclass=NullPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args={"application_name": _own_name(home), "options": _KEEPALIVES},
    )
    require_answer(engine)
    with engine.connect() as connection:
        if not connection.execute(_TAKE).scalar_one():
            raise _busy(connection, url)
        yield


def _own_name(home: str) -> str:
    name = f"flywheel on {socket.gethostname()} in {home}"
    return name.encode("ascii", "replace").decode()[:_NAME_LENGTH]


def _busy(connection: Connection, url: URL) -> Busy:
    holder = connection.execute(_HOLDER).scalars().first() or "one that has just ended or does not say its name"
    return Busy(
        f"another flywheel works on the database {url.database} ({holder})",
        next_step="stop it, or set FLYWHEEL_DATABASE_URL to a database of its own",
    )
