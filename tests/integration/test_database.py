"""The database: what the migrations build, starting at once from many processes, where an embedded server lies."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL

from flywheel_assets.core.errors import ConfigurationError, NoAnswer
from flywheel_assets.creative import repository
from flywheel_assets.settings import Settings
from flywheel_assets.store.database import _MIGRATIONS, _SQL, _run_files, connect, migrate
from flywheel_assets.store.postgres import data_folder, server_url
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import METADATA
from tests.integration.conftest import DatabaseServer

# Everything that makes two schemas behave alike, one line a fact.
_FACTS = """
select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || case when a.attnotnull then ' not null' else '' end || a.attidentity::text
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
       || coalesce(' -- ' || col_description(c.oid, a.attnum), '')
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
  from pg_constraint where connamespace = 'public'::regnamespace
union all
select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union all
select 'sequence ' || relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'
"""


def _facts(connection: Connection) -> set[str]:
    return {fact for fact in connection.execute(text(_FACTS)).scalars() if "alembic_version" not in fact}


@pytest.fixture
def engine(database_url: URL) -> Iterator[Engine]:
    opened = connect(database_url, "sandbox")
    yield opened
    opened.dispose()


@pytest.fixture
def empty(database_server: DatabaseServer) -> Iterator[Engine]:
    """A database nobody has migrated."""
    url = database_server.template.set(database="test_empty")
    database_server.run("create database test_empty template template1")
    opened = connect(url, "sandbox")
    yield opened
    opened.dispose()
    database_server.drop(url)


# --- the schema -----------------------------------------------------------------------------------


def test_the_migrations_leave_nothing_to_migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_migrations_build_what_the_tables_say_down_to_the_checks(engine: Engine, empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("create extension vector"))
        _run_files(connection, _SQL / "before")
        METADATA.create_all(connection)
        meant = _facts(connection)
    with engine.connect() as connection:
        built = _facts(connection)
    assert len(meant) > 100
    assert {"missing": sorted(meant - built), "unmeant": sorted(built - meant)} == {"missing": [], "unmeant": []}


def test_migrating_again_keeps_what_is_there(engine: Engine) -> None:
    with engine.begin() as connection:
        before = _facts(connection)
        connection.execute(text("insert into twin_clock (id, reads, rate) values (1, clock_timestamp(), 0)"))
    migrate(engine)
    with engine.connect() as connection:
        assert _facts(connection) == before
        assert connection.execute(text("select count(*) from twin_clock")).scalar_one() == 1


# Every stored function under the number by which a running worker's connection knows it.
_FUNCTIONS = """
select p.oid, p.proname, p.xmin::text from pg_proc p
where p.pronamespace = 'public'::regnamespace
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
order by p.oid
"""


def test_a_start_beside_running_workers_leaves_them_their_functions(engine: Engine) -> None:
    with engine.connect() as connection:
        before = connection.execute(text(_FUNCTIONS)).all()
    assert {"claim_pending_ad_change", "land", "flywheel_now"} <= {row.proname for row in before}
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text(_FUNCTIONS)).all() == before


def test_the_functions_of_another_version_are_replaced(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("comment on function flywheel_now() is 'another version'"))
        (land,) = connection.execute(
            text("select oid::regprocedure::text from pg_proc where proname = 'land'")
        ).scalars()
        connection.execute(text(f"drop function {land}"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("select to_regprocedure(:land) is not null"), {"land": land}).scalar_one()


def test_a_migration_that_fails_leaves_nothing_behind(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("create table dead_letters (in_the_way int)"))
    with pytest.raises(Exception, match="dead_letters"):
        migrate(empty)
    assert inspect(empty).get_table_names() == ["dead_letters"]


def test_scenes_from_before_fades_were_known_count_as_whole(empty: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with empty.begin() as connection:
        _run_files(connection, _SQL / "before")
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("set session_replication_role = replica"))  # the row alone, without its creative
        connection.execute(text("insert into scenes values ('c_1', 0, 0, 90, 0, 3)"))
    migrate(empty)
    with empty.connect() as connection:
        (scene,) = repository.load_scenes(connection, "c_1")
    assert (scene.clean_frames, scene.clean_start, scene.clean_end) == ((0, 90), 0, 3)


def test_four_processes_may_start_on_an_empty_database_at_once(empty: Engine) -> None:
    address = empty.url.render_as_string(hide_password=False)
    program = (
        "import sys; from pathlib import Path; from flywheel_assets.settings import Settings;"
        "from flywheel_assets.store.database import open_database; sys.stdin.read(1);"
        f"open_database(Settings(home=Path('/nowhere'), world='sandbox', database_url={address!r}))"
    )
    command = [sys.executable, "-c", program]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    ended = [process.communicate(b"\n")[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], ended
    with empty.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert connection.execute(text("select version_num from alembic_version")).scalars().all() == ["0005"]


# --- which server ---------------------------------------------------------------------------------


def test_dagsters_database_lies_beside_ours_under_its_name(settings: Settings, database_server: DatabaseServer) -> None:
    ours, theirs = server_url(settings), server_url(settings, "dagster")
    try:
        assert theirs.database == f"{ours.database}_dagster"
        assert theirs.set(database=ours.database) == ours
        assert server_url(settings, "dagster") == theirs
    finally:
        database_server.drop(theirs)


def test_stores_of_one_database_share_their_connections(settings: Settings, store: Store) -> None:
    assert Store.open(settings).engine is store.engine


@pytest.mark.parametrize(
    "address",
    ["nonsense", "mysql://root@localhost/flywheel", "sqlite:///state.db", "://x", "postgresql://me@host:port/ads"],
)
def test_an_address_that_is_not_postgres_is_refused_without_repeating_it(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationError, match="FLYWHEEL_DATABASE_URL") as caught:
        server_url(Settings(home=tmp_path, database_url=address))
    assert address not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://flywheel:hush@127.0.0.1:1/ads", "127.0.0.1:1/ads: "),
        ("postgresql://flywheel@127.0.0.1:1/ads?password=hush", "127.0.0.1:1/ads: "),
        ("postgresql://127.0.0.1:1/ads?user=me&password=hush&sslpassword=hush", "127.0.0.1:1/ads: "),
        ("postgresql:///ads?host=/nowhere&password=hush", "/ads?host=%2Fnowhere: "),
        ("postgresql://flywheel@127.0.0.1:1/ads?pasword=hush", 'invalid connection option "pasword"'),
    ],
    ids=["before the host", "as an option", "as two options", "beside a socket", "misspelt"],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path, address: str, told: str) -> None:
    with pytest.raises(NoAnswer, match=r"^no database at .*mend FLYWHEEL_DATABASE_URL") as caught:
        Store.open(Settings(home=tmp_path, database_url=address))
    assert told in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder below which everybody may look."""
    with tempfile.TemporaryDirectory(prefix="fw-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_the_embedded_data_lies_in_an_open_home(folder: Path) -> None:
    assert data_folder(Settings(home=folder / "home")) == folder / "home" / "postgres"


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o744, 0o750])
def test_root_leaves_a_closed_folder_closed_and_keeps_the_data_elsewhere(folder: Path, mode: int) -> None:
    closed = folder / "private"
    closed.mkdir()
    closed.chmod(mode)
    one, two = (data_folder(Settings(home=closed / name)) for name in ("one", "two"))
    if os.geteuid() == 0:
        assert closed not in one.parents
        assert one != two
        assert data_folder(Settings(home=closed / "one")) == one
    else:
        assert (one, two) == (closed / "one" / "postgres", closed / "two" / "postgres")
    assert closed.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", ["my videos", "it's", "a;b", "$HOME", "a&b"])
def test_a_home_the_embedded_server_cannot_start_in_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="set FLYWHEEL_HOME to another folder, or FLYWHEEL_DATABASE_URL"):
        server_url(Settings(home=folder / name, database_url=None))
    assert list(folder.iterdir()) == []


def test_an_embedded_server_that_does_not_start_names_its_log(folder: Path) -> None:
    data = folder / "home" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n", encoding="utf-8")  # looks like a server's data, and is not
    with pytest.raises(ConfigurationError, match=r"does not start in .*/home/postgres; see .*/home/postgres/log"):
        server_url(Settings(home=folder / "home", database_url=None))
