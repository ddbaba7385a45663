"""One transaction that holds a lock, and somebody who waits for it: races, one moment at a time and on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.executor_bench import Bench

# Whoever waits in turn for a lock of the blocked one gives up, if the database does not end it before.
_PATIENT = "set local lock_timeout = '5s'"


@contextmanager
def holding(bench: Bench, lock: str, other: Callable[[], Any]) -> Iterator[tuple[Connection, Future[Any]]]:
    """A transaction that has taken ``lock``, while ``other`` waits for it in a thread; committed after the block."""
    with ThreadPoolExecutor(1) as pool:
        with bench.store.engine.begin() as connection:
            connection.execute(text(_PATIENT))
            connection.execute(text(lock))
            future = pool.submit(other)
            wait_until_blocked(bench)
            yield connection, future
        future.result(30)


def wait_until_blocked(bench: Bench) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    for _ in range(500):
        with bench.store.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    pytest.fail("nothing waited for the lock")
