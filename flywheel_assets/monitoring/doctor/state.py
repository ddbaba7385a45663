"""The database: whether it answers, whether it is this version's, whose world it holds."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, inspect, text

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.monitoring.doctor.findings import Finding
from flywheel_assets.settings import Settings
from flywheel_assets.store.database import connect, newest_revision, refuse_other_world
from flywheel_assets.store.postgres import data_folder, require_answer, server_url, shown

_MEND = "start Postgres, or mend FLYWHEEL_DATABASE_URL"


def database(settings: Settings) -> Iterator[Finding]:
    """An embedded server that has never run is not started for this."""
    if settings.database_url is None and not (data_folder(settings) / "PG_VERSION").exists():
        yield Finding("database", "ok", f"not made yet; the first start makes it in {data_folder(settings)}")
        return
    try:
        engine = connect(server_url(settings), settings.world)
    except ConfigurationError as error:
        yield Finding("database", "fault", str(error), _MEND)
        return
    try:
        yield from _opened(engine, settings)
    finally:
        engine.dispose()


def _opened(engine: Engine, settings: Settings) -> Iterator[Finding]:
    try:
        require_answer(engine)
    except ConfigurationError as error:
        yield Finding("database", "fault", str(error), _MEND)
        return
    where = data_folder(settings) if settings.database_url is None else shown(engine.url)
    with engine.connect() as connection:
        version = connection.execute(text("show server_version")).scalar_one()
        yield Finding("database", "ok", f"Postgres {version} at {where}")
        if not inspect(connection).has_table("alembic_version"):
            yield Finding("migrations", "ok", "empty; the first start makes the tables")
            return
        here = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
        newest = newest_revision()
        remedy = "" if here == newest else "the next start brings it up; take a backup first"
        yield Finding("migrations", "ok" if here == newest else "lacks", f"at {here}, newest {newest}", remedy)
        try:
            refuse_other_world(connection, settings.world)
        except ConfigurationError as error:
            yield Finding("database's world", "fault", str(error), "one database serves one world")
