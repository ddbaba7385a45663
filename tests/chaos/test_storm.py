"""Workers die by the hundred, at every named point; what the platform's journal shows is as if none had.

``FLYWHEEL_CHAOS_KILLS`` says how many die in all, in rounds on a database of their own; each round
has its own seed, counted from ``FLYWHEEL_CHAOS_SEED``. A round that fails leaves its seed and what
was found in ``.flywheel-chaos/``, and is tried first until it passes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from flywheel_assets.execution.points import Point
from tests.chaos.campaigns import ACCOUNTS
from tests.chaos.checkers import fullest_hours, violations
from tests.chaos.evidence import Evidence
from tests.chaos.keeping import kept_if_it_fails, kept_seeds
from tests.chaos.nursery import Nursery
from tests.chaos.storm import Plan, await_deaths, await_quiet, heal, job_of, rage
from tests.chaos.wishes import Wishes
from tests.chaos.workers import POINTS
from tests.chaos.world import new_world

KILLS = int(os.environ.get("FLYWHEEL_CHAOS_KILLS", "200"))
SEED = int(os.environ.get("FLYWHEEL_CHAOS_SEED", "20261123"))
_A_STORM = 100  # kills; fewer are a shower for trying things out, which need not have met everything
_A_ROUND = 250  # kills; more would outrun the sixty days that the twin's clock has left


def rounds(kills: int, seed: int, kept: Sequence[int]) -> list[Plan]:
    """The kills in equal rounds; before them the seeds that failed and have not passed since."""
    number = -(-kills // _A_ROUND)
    plans = [Plan(seed + index, kills // number + (index < kills % number)) for index in range(number)]
    return [*(Plan(old, _A_ROUND) for old in kept), *(plan for plan in plans if plan.seed not in kept)]


@pytest.mark.parametrize("plan", rounds(KILLS, SEED, kept_seeds("storm")), ids=lambda plan: f"seed-{plan.seed}")
def test_after_a_storm_of_kills_every_change_was_applied_once_or_never(
    plan: Plan, database_url: URL, tmp_path: Path
) -> None:
    with (
        kept_if_it_fails("storm", plan.seed),
        new_world(tmp_path, database_url) as world,
        Nursery(job_of(world, plan, tmp_path)) as nursery,
    ):
        died = rage(world, [nursery], plan, tmp_path)
        heal(world, [nursery], plan)
        evidence = world.evidence()
        assert violations(evidence) == []
        if plan.kills >= _A_STORM:
            assert_it_blew(evidence)
            assert set(died) == set(POINTS)


def assert_it_blew(evidence: Evidence) -> None:
    """A calm would pass every checker: what a storm is meant to provoke has to have happened."""
    changes = Counter(row["status"] for row in evidence.queue)
    assert all(changes[status] for status in ("applied", "superseded", "cancelled", "dead", "expired")), changes
    attempts = Counter(row["status"] for row in evidence.history)
    assert all(attempts[status] for status in ("applied", "reconciled", "not_applied", "failed")), attempts
    assert {one.kind for one in evidence.effects} == {row["change_type"] for row in evidence.queue}
    assert {one.account for one in evidence.effects} == {account.account_id for account in ACCOUNTS}
    room = evidence.safety.actions_per_campaign_hour - evidence.safety.pause_reserve
    assert max(fullest_hours(evidence).values()) >= room
    assert evidence.freezes


@pytest.mark.parametrize("point", POINTS)
def test_one_death_at_each_point_leaves_a_row_that_says_what_to_do(
    point: Point, database_url: URL, tmp_path: Path
) -> None:
    # Reading back needs an outcome that nobody knows yet: somebody has to die before.
    script = ("K4_request_sent", point) if point == "K8_reading_back" else (point,)
    plan = Plan(SEED, len(script), workers=1)
    with (
        new_world(tmp_path, database_url) as world,
        Nursery(job_of(world, plan, tmp_path, script=script)) as nursery,
    ):
        world.enqueue(Wishes(world, tmp_path, plan.dice).few())
        await_quiet(world, [nursery], plan)
        await_deaths(nursery, Counter(script), plan)
        assert nursery.deaths() == Counter(script)
        evidence = world.evidence()
        assert violations(evidence) == []
        assert {row["status"] for row in evidence.queue} >= {"applied", "dead"}
