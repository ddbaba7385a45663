"""Two worlds that never mix, and the clock that each of them goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from flywheel_assets.core.errors import ChangeRefused, ConfigurationError
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.clock import business_now, set_twin_clock_flowing, start_twin_clock, twin_clock_stands
from flywheel_assets.store.database import connect
from flywheel_assets.store.store import Store
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock


def test_a_connection_that_does_not_say_its_world_gets_no_time(database_url: URL) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match=r"flywheel\.world is unset"):
        connection.execute(text("select flywheel_now()"))
    engine.dispose()


def test_a_world_that_does_not_exist_gets_no_time(database_url: URL) -> None:
    engine = create_engine(database_url, connect_args={"options": "-c flywheel.world=moon"})
    with engine.connect() as connection, pytest.raises(DBAPIError, match=r"flywheel\.world is moon"):
        connection.execute(text("select flywheel_now()"))
    engine.dispose()


def test_a_sandbox_whose_clock_was_never_set_says_so(database_url: URL) -> None:
    engine = connect(database_url, "sandbox")
    with engine.connect() as connection, pytest.raises(DBAPIError, match="twin's clock is not set"):
        business_now(connection)
    engine.dispose()


def test_the_live_world_goes_by_real_time_whatever_the_twins_clock_shows(clock: TwinClock, database_url: URL) -> None:
    assert clock.now() < datetime.now(UTC) - timedelta(days=59)
    engine = connect(database_url, "live")
    with engine.connect() as connection:
        before = datetime.now(UTC)
        assert before <= business_now(connection) <= datetime.now(UTC)
    engine.dispose()


def test_a_sandbox_starts_in_the_past_and_its_clock_stands_until_it_is_moved(store: Store, clock: TwinClock) -> None:
    start = clock.now()
    age = datetime.now(UTC) - start
    assert timedelta(days=60) <= age < timedelta(days=60, hours=1, minutes=1)
    with store.engine.connect() as connection:
        assert twin_clock_stands(connection)
    assert clock.now() == start
    assert clock.forward(minutes=90) == clock.now() == start + timedelta(minutes=90)


def test_starting_again_does_not_set_the_clock_back(settings: Settings, clock: TwinClock) -> None:
    moved = clock.forward(hours=7)
    Store.open(settings)
    assert clock.now() == moved


def test_the_twins_clock_goes_neither_back_nor_past_real_time(clock: TwinClock) -> None:
    now = clock.now()
    for wrong in (now - timedelta(microseconds=1), datetime.now(UTC) + timedelta(minutes=1)):
        with pytest.raises(ValueError, match="it cannot be moved to"):
            clock.move_to(wrong)
    assert clock.now() == now


def test_a_flowing_clock_keeps_pace_and_stops_where_it_is(store: Store, clock: TwinClock) -> None:
    start = clock.now()
    with store.engine.begin() as connection:
        set_twin_clock_flowing(connection, flowing=True)
    readings = [clock.now() for _ in range(3)]
    assert start < readings[0] < readings[1] < readings[2] < start + timedelta(minutes=1)
    with store.engine.begin() as connection:
        set_twin_clock_flowing(connection, flowing=False)
    assert clock.now() == clock.now() > readings[2]


def test_a_clock_started_in_the_future_reads_real_time(database_url: URL) -> None:
    engine = connect(database_url, "sandbox")
    with engine.begin() as connection:
        start_twin_clock(connection, datetime.now(UTC) + timedelta(days=1))
        assert business_now(connection) <= datetime.now(UTC)
    engine.dispose()


# --- the guard -------------------------------------------------------------------------------------


def test_a_live_process_does_not_start_on_a_database_of_the_sandbox(bench: Bench, settings: Settings) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.drain_all()  # even with nothing open: what exists and was learned there is not of this world
    with pytest.raises(
        ConfigurationError, match=r"this process is live, but the database belongs to the sandbox world"
    ):
        Store.open(settings.model_copy(update={"world": "live"}))


def test_a_sandbox_process_queues_nothing_for_an_account_of_the_live_world(bench: Bench) -> None:
    bench.sql("update accounts set world = 'live'")
    with pytest.raises(ChangeRefused, match="other_world: the account is of the live world, this process of sandbox"):
        bench.enqueue(bench.pause(bench.adset("a")))


def test_a_worker_of_one_world_sees_no_change_of_the_other(bench: Bench, database_url: URL, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    engine = connect(database_url, "live")
    with engine.begin() as connection:
        assert connection.execute(text("select * from claim_pending_ad_change('w')")).all() == []
    engine.dispose()
    clock.forward(minutes=1)
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_an_account_nobody_configured_is_named(store: Store) -> None:
    with store.engine.connect() as connection, pytest.raises(ConfigurationError, match="account act_2 is not known"):
        get_account(connection, "act_2")
