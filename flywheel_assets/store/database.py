"""The engine, the migrations and the rule that worlds do not mix."""

from __future__ import annotations

import hashlib
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, select, text
from sqlalchemy.engine import URL

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings, World
from flywheel_assets.store.postgres import require_answer, server_url
from flywheel_assets.store.tables import accounts

_PACKAGE = Path(__file__).resolve().parent.parent
_SQL = _PACKAGE / "execution" / "sql"
_MIGRATIONS = _PACKAGE / "store" / "migrations"
_BEARER = "flywheel_now()"  # its comment says what this database was brought up to; gone with it, never stale
_DIGEST_THERE = text(f"select obj_description(to_regprocedure('{_BEARER}'), 'pg_proc')")
_MIGRATION_LOCK = 7_305_411  # any number; the same for all processes that migrate


def open_database(settings: Settings) -> Engine:
    """A migrated database for this process's world. Engines are shared by all who ask for the same one.

    Raises:
        ConfigurationError: no database answers, or it holds open changes of the other world.
    """
    return _engine(server_url(settings), settings.world)


@lru_cache(maxsize=8)
def _engine(url: URL, world: World) -> Engine:
    engine = connect(url, world)
    require_answer(engine)
    migrate(engine)
    with engine.connect() as connection:
        refuse_other_world(connection, world)
    return engine


def connect(url: URL, world: World) -> Engine:
    """An engine whose connections know their world, which `flywheel_now()` insists on.

    An intent has to outlive a crash of the server before its call is made, so commits are waited
    for whatever the server's own setting.
    """
    options = f"-c flywheel.world={world} -c timezone=UTC -c synchronous_commit=on"
    return create_engine(url, connect_args={"options": options}, pool_pre_ping=True)


def migrate(engine: Engine) -> None:
    """Bring schema and stored functions to this version's. Safe to run at once from many processes, also beside workers.

    Functions that are this version's already are left alone: a worker that is about to call one
    would not find it, or find another under its name, while it is being replaced.
    """
    digest = _digest()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if connection.execute(_DIGEST_THERE).scalar_one() == digest:
            return
        config.attributes["connection"] = connection
        _run_files(connection, _SQL / "before")
        command.upgrade(config, "head")
        _run_files(connection, _SQL / "after")
        connection.execute(text(f"comment on function {_BEARER} is '{digest}'"))


def newest_revision() -> str | None:
    """The revision that `migrate` leads to."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _digest() -> str:
    """Of all that `migrate` would run."""
    files = sorted(_SQL.glob("*/*.sql")) + sorted((_MIGRATIONS / "versions").glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _run_files(connection: Connection, folder: Path) -> None:
    """Replace the stored functions that tables need, or that need tables."""
    for path in sorted(folder.glob("*.sql")):
        # Straight to the driver: only without parameters does it leave PL/pgSQL's percent signs alone.
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(path.read_text(encoding="utf-8"))


def refuse_other_world(connection: Connection, world: World) -> None:
    """What was asked for, learned or named in one world means nothing in the other, so they never share a database."""
    account = connection.execute(
        select(accounts.c.account_id, accounts.c.world).where(accounts.c.world != world)
    ).first()
    if account is not None:
        raise ConfigurationError(
            f"this process is {world}, but the database belongs to the {account.world} world (account "
            f"{account.account_id}); set FLYWHEEL_DATABASE_URL or FLYWHEEL_HOME to one of its own"
        )
