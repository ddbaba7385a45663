"""The stage of a storm: a database, the sandbox platform over real HTTP, two accounts, and campaigns that run already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import requests
from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import AdChange
from flywheel_assets.execution import stops
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.statements import sql
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.settings import Safety, Settings
from flywheel_assets.store.clock import advance_twin_clock, business_now
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts, ad_objects, pending_ad_changes
from tests.chaos.campaigns import ACCOUNTS, AD_SETS, ad_set_ref, campaign_ref, settle
from tests.chaos.evidence import ENDED, Evidence, Freeze, collect

SAFETY = Safety(
    lease_seconds=1.2,  # real: how long a dead worker's change stays unseen
    http_timeout_seconds=0.8,
    breaker_seconds=0.3,
)
_HOUR = timedelta(hours=1)
_LOST_DATABASE = 20.0  # real seconds that a crash of the database may last
T = TypeVar("T")


@dataclass
class World:
    """Everything a storm acts on, and the few things a supervisor does to it.

    Attributes:
        budgets: daily budgets before the storm, by remote id.
        asked: changes that were added to the queue.
    """

    store: Store
    state: SandboxMeta
    url: str
    safety: Safety = SAFETY
    budgets: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    freezes: list[Freeze] = field(default_factory=list)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """One transaction, tried again while the database cannot be reached."""
        return _patiently(lambda: self._transact(work))

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self.store.engine.begin() as connection:
            return work(connection)

    def enqueue(self, changes: Sequence[AdChange]) -> None:
        """Ask for changes, account by account."""
        for account_id in sorted({change.account_id for change in changes}):
            mine = [change for change in changes if change.account_id == account_id]
            self.asked += self.transact(partial(self._enqueue, mine))

    def _enqueue(self, changes: Sequence[AdChange], connection: Connection) -> int:
        # The clock is held, so that all rows are asked for at one and the same time.
        connection.execute(sql("lock_twin_clock"))
        return enqueue(connection, changes, self.safety).added

    def forward(self, seconds: float) -> None:
        """Let that much business time pass."""
        self.transact(
            lambda connection: advance_twin_clock(connection, business_now(connection) + timedelta(seconds=seconds))
        )

    def let_time_pass(self, seconds: float) -> None:
        """So much business time, and more where nothing falls due before: then to where something does."""
        self.transact(partial(_pass, seconds))

    def now(self) -> datetime:
        """Business time."""
        return self.transact(business_now)

    def open_changes(self) -> int:
        """Changes that have not come to their end."""
        queue = pending_ad_changes.c
        query = select(func.count()).where(queue.status.not_in(ENDED))
        return int(self.transact(lambda connection: connection.execute(query).scalar_one()))

    def work_at_hand(self) -> int:
        """Open changes that wait for no more than an hour."""
        queue = pending_ad_changes.c
        soon = queue.not_before < func.flywheel_now() + _HOUR
        query = select(func.count()).where(queue.status.not_in(ENDED), soon)
        return int(self.transact(lambda connection: connection.execute(query).scalar_one()))

    def open_rows(self) -> list[str]:
        """Those, as a person who looks for the reason wants to see them."""
        columns = ("change_type", "object_ref", "status", "not_before", "depends_on", "lease_until", "wait_reason")
        queue = pending_ad_changes.c
        query = select(*(queue[name] for name in columns)).where(queue.status.not_in(ENDED)).order_by(queue.seq)
        rows = self.transact(lambda connection: connection.execute(query).all())
        return [f"now {self.now()}", *(" ".join(map(str, row)) for row in rows)]

    def remote_ids(self, account: Account) -> list[str]:
        """Ids of the ad sets of the account's first campaign."""
        refs = [ad_set_ref(campaign_ref(account, 0), number) for number in range(AD_SETS)]
        query = select(ad_objects.c.remote_id).where(ad_objects.c.ref.in_(refs)).order_by(ad_objects.c.ref)
        return list(self.transact(lambda connection: connection.execute(query).scalars().all()))

    def order(self, *faults: dict[str, Any]) -> None:
        """What the next matching calls to the platform will suffer."""
        requests.post(f"{self.url}/_sandbox/faults", json=list(faults), timeout=10).raise_for_status()

    @contextmanager
    def frozen(self, account_id: str) -> Iterator[None]:
        """The account is frozen inside; when exactly is noted for the checkers."""
        self.transact(lambda connection: stops.freeze(connection, account_id, "the storm says so"))
        since = self._real_now()
        yield
        until = self._real_now()
        self.resume(account_id)
        self.freezes.append(Freeze(account_id, since, until))

    def stop_spend(self, account_id: str) -> None:
        """Pause all campaigns, then freeze."""
        stop = stops.stop_spend
        queued = self.transact(lambda connection: stop(connection, account_id, "storm", "test", self.safety))
        self.asked += queued.added

    def resume(self, account_id: str) -> None:
        """Lift whatever stands."""
        self.transact(lambda connection: stops.resume(connection, account_id))

    def frozen_accounts(self) -> list[str]:
        """Accounts that are frozen now."""
        query = select(accounts.c.account_id).where(accounts.c.frozen)
        return list(self.transact(lambda connection: connection.execute(query).scalars().all()))

    def _real_now(self) -> datetime:
        query = text("select clock_timestamp()")
        moment: datetime = self.transact(lambda connection: connection.execute(query).scalar_one())
        return moment

    def evidence(self) -> Evidence:
        """Both sides as they are now."""
        return collect(
            self.store.engine,
            self.state,
            budgets=self.budgets,
            asked=self.asked,
            safety=self.safety,
            freezes=self.freezes,
        )


@contextmanager
def new_world(folder: Path, database: URL) -> Iterator[World]:
    """A settled world on an empty database; the platform listens as long as the block lasts."""
    address = database.render_as_string(hide_password=False)
    store = Store.open(Settings(home=folder / "home", world="sandbox", database_url=address))
    currencies = {account.account_id: account.currency for account in ACCOUNTS}
    state = SandboxMeta(folder / "meta.sqlite", currencies, lambda: _patiently(lambda: _read_clock(store)))
    with SandboxServer(build_app(state)) as server:
        world = World(store, state, server.url)
        world.budgets = world.transact(lambda connection: settle(connection, state))
        yield world
    state.close()
    store.engine.dispose()


def _pass(seconds: float, connection: Connection) -> None:
    connection.execute(sql("lock_twin_clock"))
    now, due = business_now(connection), connection.execute(sql("next_due")).scalar_one()
    advance_twin_clock(connection, max(now, due or now) + timedelta(seconds=seconds))


def _read_clock(store: Store) -> datetime:
    with store.engine.connect() as connection:
        return business_now(connection)


def _patiently(work: Callable[[], T]) -> T:
    """The platform and the supervisor outlive a crash of the database; the executor has to by itself."""
    deadline = time.monotonic() + _LOST_DATABASE
    while True:
        try:
            return work()
        except DBAPIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
