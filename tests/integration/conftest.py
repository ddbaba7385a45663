"""What integration tests share: a sandbox's settings, an account and a clock to step, over a database of their own
(`tests/databases.py`).

| fixture           | scope    | gives                                                                    |
|-------------------|----------|--------------------------------------------------------------------------|
| `settings`        | function | sandbox `Settings` for a temporary home and that database                |
| `store`           | function | `Store.open(settings)`; the twin's clock stands 60 days ago              |
| `account`         | function | a small US dollar account in `auto` mode, saved in `store`               |
| `clock`           | function | `TwinClock` of `store`: `now()`, `forward(minutes=5)`, `move_to(instant)` |
| `bench`           | function | a safe executor over all of these and a `FakePlatform`                    |
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from flywheel_assets.core.account import Account
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from tests.databases import DatabaseServer, TwinClock
from tests.executor_bench import Bench
from tests.fakes import FakePlatform

__all__ = ["ACCOUNT", "DatabaseServer", "TwinClock"]  # looked for here by the tests

ACCOUNT = Account(
    account_id="act_1000000001",
    name="Bright Cup",
    mode="auto",
    currency="USD",
    time_zone="America/New_York",
    page_id="1000000002",
    pixel_id="1000000003",
    targeting={"geo_locations": {"countries": ["US"]}},
    daily_plan="250.00",
    ad_set_floor="10.00",
    ad_set_ceiling="120.00",
    daily_cap="100000.00",  # wide: tests put many ad sets into one account; those of the cap set their own
    new_creative_share=0.4,
)


@pytest.fixture
def settings(tmp_path: Path, database_url: URL) -> Settings:
    address = database_url.render_as_string(hide_password=False)
    return Settings(home=tmp_path / "home", world="sandbox", database_url=address)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def account(store: Store) -> Account:
    with store.engine.begin() as connection:
        save_account(connection, ACCOUNT, "sandbox")
    return ACCOUNT


@pytest.fixture
def clock(store: Store) -> TwinClock:
    return TwinClock(store.engine)


@pytest.fixture
def bench(store: Store, account: Account, clock: TwinClock) -> Bench:
    return Bench(store, account, FakePlatform(clock.now))
