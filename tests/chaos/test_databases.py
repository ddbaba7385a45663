"""The database loses connections, and all of them at once; workers connect again and what they held is taken up."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from random import Random

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from tests.chaos.checkers import violations
from tests.chaos.keeping import kept_if_it_fails
from tests.chaos.nursery import Nursery
from tests.chaos.storm import Plan, heal, job_of, rage
from tests.chaos.test_storm import SEED
from tests.chaos.world import World, new_world
from tests.databases import DatabaseServer

# Those of the workers; one that is in the middle of something first.
_BACKENDS = text(
    "select pid from pg_stat_activity where datname = current_database() and application_name = 'worker' "
    "order by state = 'idle', random()"
)
_TERMINATE = text("select pg_terminate_backend(:pid)")


class Cutter:
    """Ends connections of workers while a storm goes on."""

    def __init__(self, world: World, share: float) -> None:
        self.world, self.cut, self._share = world, 0, share

    def __call__(self, dice: Random) -> None:
        if dice.random() < self._share:
            self.cut += self.world.transact(_terminate_one)


class Crasher:
    """Kills a backend process, upon which the server drops everybody and recovers; a few times in one storm."""

    def __init__(self, world: World, times: int, share: float) -> None:
        self.world, self.left, self._share = world, times, share

    def __call__(self, dice: Random) -> None:
        pid = self.world.transact(_busy_backend)
        if self.left and pid is not None and dice.random() < self._share:
            os.kill(pid, signal.SIGKILL)
            self.left -= 1


def test_lost_connections_in_a_storm_change_nothing(database_url: URL, tmp_path: Path) -> None:
    plan = Plan(SEED, kills=20, freezes=0)
    with (
        kept_if_it_fails("databases", plan.seed),
        new_world(tmp_path, database_url) as world,
        Nursery(job_of(world, plan, tmp_path, lossy=True)) as nursery,
    ):
        cutter = Cutter(world, share=0.5)
        rage(world, [nursery], plan, tmp_path, cutter)
        heal(world, [nursery], plan)
        assert cutter.cut > 10
        assert violations(world.evidence()) == []


def test_crashes_of_the_whole_database_change_nothing(
    database_server: DatabaseServer, database_url: URL, tmp_path: Path
) -> None:
    # Other tests do without; here a commit that the server forgets would be a call that nobody knows of.
    database_server.run(f'alter database "{database_url.database}" set synchronous_commit = on')
    plan = Plan(SEED, kills=20, freezes=0)
    with (
        kept_if_it_fails("databases", plan.seed),
        new_world(tmp_path, database_url) as world,
        Nursery(job_of(world, plan, tmp_path, lossy=True)) as nursery,
    ):
        crasher = Crasher(world, times=3, share=0.1)
        try:
            rage(world, [nursery], plan, tmp_path, crasher)
            heal(world, [nursery], plan)
        finally:
            database_server.admin.dispose()  # its connections are gone too
        assert crasher.left == 0
        assert violations(world.evidence()) == []


def _busy_backend(connection: Connection) -> int | None:
    pid: int | None = connection.execute(_BACKENDS).scalars().first()
    return pid


def _terminate_one(connection: Connection) -> int:
    pid = _busy_backend(connection)
    return int(pid is not None and connection.execute(_TERMINATE, {"pid": pid}).scalar_one())
