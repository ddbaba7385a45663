"""Workers whose clocks are hours off: every comparison of times is the database's, so nothing changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.chaos.checkers import violations
from tests.chaos.keeping import kept_if_it_fails
from tests.chaos.nursery import Nursery
from tests.chaos.storm import Plan, heal, job_of, rage
from tests.chaos.test_storm import SEED
from tests.chaos.workers import Job
from tests.chaos.world import World, new_world

_TWO_HOURS = timedelta(hours=2)


def skewed(offset: str) -> dict[str, str]:
    """Environment of a process whose wall clock is wrong by ``offset``; its monotonic clock is right."""
    found = find_spec("libfaketime")
    if found is None or found.origin is None:
        pytest.fail("libfaketime is not installed; it comes with the dev extra")
    library = Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_workers_two_hours_fast_and_slow_change_nothing(database_url: URL, tmp_path: Path) -> None:
    plan = Plan(SEED, kills=30, workers=2, freezes=1)
    with kept_if_it_fails("clocks", plan.seed), new_world(tmp_path, database_url) as world:
        fast, slow = (_job(world, plan, tmp_path / name, name) for name in ("fast", "slow"))
        with Nursery(fast, skewed("+2h")) as early, Nursery(slow, skewed("-2h")) as late:
            started = datetime.now(UTC)
            rage(world, [early, late], plan, tmp_path)
            heal(world, [early, late], plan)
        assert all(told > started + _TWO_HOURS for told in _told(fast))
        assert all(told < datetime.now(UTC) - _TWO_HOURS for told in _told(slow))
        assert violations(world.evidence()) == []


def _job(world: World, plan: Plan, home: Path, prefix: str) -> Job:
    home.mkdir()
    return job_of(world, plan, home, name=prefix)


def _told(job: Job) -> list[datetime]:
    """What time each of the dead thought it was."""
    moments = [datetime.fromisoformat(line.split()[2]) for line in job.deaths.read_text().splitlines()]
    assert moments
    return moments
