"""Any order of requests, faults, deaths, edits and stops: the invariants hold, and in the end everything has ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.engine import URL

from flywheel_assets.core.changes import SetBudget, SetStatus
from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts
from tests.chaos.machine import ExecutorMachine
from tests.chaos.machine_checks import check_everything
from tests.chaos.machine_platform import Late
from tests.chaos.machine_scene import remote
from tests.chaos.machine_world import World
from tests.fakes import Fault

_SHRINK = () if os.environ.get("FLYWHEEL_CHAOS_RAW") else (Phase.shrink,)  # raw: the first failure as it came, at once
_LONG = os.environ.get("FLYWHEEL_CHAOS_EXAMPLES")  # a number of runs, with new randomness each time
_PROFILE = settings(
    max_examples=int(_LONG or 60),
    stateful_step_count=40,
    derandomize=_LONG is None,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, *_SHRINK),
)


@pytest.fixture
def chaos_store(tmp_path: Path, database_url: URL) -> Store:
    address = database_url.render_as_string(hide_password=False)
    return Store.open(Settings(home=tmp_path / "home", world="sandbox", database_url=address))


@pytest.mark.timeout(0 if _LONG else 600)
def test_whatever_happens_the_invariants_hold_and_in_the_end_everything_has_ended(
    chaos_store: Store, tmp_path: Path
) -> None:
    run_state_machine_as_test(lambda: ExecutorMachine(World.fresh(chaos_store, tmp_path)), settings=_PROFILE)


def test_a_budget_of_ours_that_a_person_overwrote_at_once_still_binds_what_follows(
    chaos_store: Store, tmp_path: Path
) -> None:
    """It stood at the platform for a moment, although no attempt was ever called applied."""
    world, ref = World.fresh(chaos_store, tmp_path), "c1/a/adset"
    world.platforms["act_1"].writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    world.ask(world.change(ref, SetBudget(daily_budget=9000)))
    world.forward(20)
    world.run_one()
    world.edit(ref, daily_budget=5900)
    world.forward(100)
    world.run(lambda executor: executor.drain())
    for _ in range(2):  # the first may only find the person's edit
        world.ask(world.change(ref, SetBudget(daily_budget=1000)))
        world.forward(20)
        world.run(lambda executor: executor.drain())
    budgets = [write.params["daily_budget"] for write in world.ledger.of(remote(ref))]
    assert budgets == [6000, 5900, 4800]


def test_an_activation_that_lands_after_the_pause_that_overtook_it_does_not_outlast_a_stop(
    chaos_store: Store, tmp_path: Path
) -> None:
    """Neither of the two is answered, and the activation lands between the pause and the look at it."""
    world, ref = World.fresh(chaos_store, tmp_path), "c1/campaign"
    world.ask(world.change(ref, SetStatus(status="PAUSED")))
    world.forward(20)
    world.run_one()
    cut = AmbiguousOutcome("cut off")
    world.platforms["act_1"].writes = [Late(cut, seconds=30), Fault(cut)]
    world.ask(world.change(ref, SetStatus(status="ACTIVE")))
    world.forward(20)
    world.run_one()
    world.stop_spend("act_1")
    world.armed["K8_reading_back"] = lambda: world.forward(31)
    for _ in range(3):
        world.run(lambda executor: executor.drain())
        world.forward(100)
    check_everything(world)
    assert world.platforms["act_1"].objects[remote(ref)]["status"] == "PAUSED"
    assert not world.rows(accounts)[0]["pausing"]
