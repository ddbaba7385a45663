"""What acceptance tests share.

| fixture          | scope   | gives                                                                    |
|------------------|---------|--------------------------------------------------------------------------|
| `first_run`      | session | the first ``flywheel demo --days 0 --json`` on an empty home             |
| `launched_home`  | session | that home; its database is stopped until somebody opens it               |
| `untouched_home` | session | a copy of it, taken before anybody else could change it                  |
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.launch import Home, Ran, free_port, new_folder


@pytest.fixture(scope="session")
def _launch() -> Iterator[tuple[Home, Home, Ran]]:
    home = Home(new_folder() / "home", free_port())
    ran = home.demo()
    assert ran.code == 0, ran.stderr
    untouched = home.copy()
    yield home, untouched, ran
    for one in (home, untouched):
        one.remove()


@pytest.fixture(scope="session")
def launched_home(_launch: tuple[Home, Home, Ran]) -> Home:
    return _launch[0]


@pytest.fixture(scope="session")
def untouched_home(_launch: tuple[Home, Home, Ran]) -> Home:
    return _launch[1]


@pytest.fixture(scope="session")
def first_run(_launch: tuple[Home, Home, Ran]) -> Ran:
    return _launch[2]
