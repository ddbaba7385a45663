"""What was asked for and not sent gives way to what was asked for later; what was sent is found out first."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.execution.enqueue import approve
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def sent(bench: Bench) -> list[Any]:
    """What went out, in its order: the asked budgets or the statuses."""
    asked = {row["id"]: row["spec"] for row in bench.queue}
    specs = [asked[row["change_id"]] for row in bench.history]
    return [spec.get("daily_budget") or spec.get("status") for spec in specs]


# --- what is unsent --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("older", "newer", "statuses"),
    [
        ("auto", "auto", ["superseded", "pending"]),
        ("approve", "approve", ["superseded", "proposed"]),
        ("approve", "auto", ["superseded", "pending"]),
        ("auto", "approve", ["pending", "proposed"]),
        ("auto", "observe", ["pending", "observed"]),
        ("observe", "auto", ["observed", "pending"]),
    ],
)
def test_a_newer_change_that_may_go_or_a_newer_proposal_takes_the_place_of_an_older_one(
    bench: Bench, ref: str, older: Any, newer: Any, statuses: list[str]
) -> None:
    bench.mode(older)
    bench.enqueue(bench.budget(ref, 5100))
    bench.mode(newer)
    bench.enqueue(bench.budget(ref, 5200, reasoning="fresher numbers"))
    assert bench.statuses() == statuses
    first, second = bench.queue
    if first["status"] == "superseded":
        assert first["wait_reason"] == f"superseded by {second['id']}: fresher numbers"
        assert first["finished_at"] is not None


def test_only_a_change_of_the_same_kind_to_the_same_object_is_superseded(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.budget(ref, 5100), bench.pause(ref), bench.budget(bench.adset("b"), 5100))
    bench.enqueue(bench.budget(ref, 5200))
    assert bench.statuses() == ["superseded", "pending", "pending", "pending"]


def test_of_many_in_one_plan_the_last_one_goes(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.enqueue(*(bench.budget(ref, minor) for minor in (5100, 5200, 5300)))
    clock.forward(minutes=1)
    bench.drain()
    assert bench.statuses() == ["superseded", "superseded", "applied"]
    assert sent(bench) == [5300]


def test_asking_again_for_what_was_superseded_does_not_bring_it_back(bench: Bench, ref: str) -> None:
    old = bench.budget(ref, 5100)
    bench.enqueue(old)
    bench.enqueue(bench.budget(ref, 5200))
    assert bench.enqueue(old).known == 1
    assert bench.statuses() == ["superseded", "pending"]


def test_an_approved_proposal_takes_the_place_of_what_was_let_go_before_it(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.mode("approve")
    older = bench.enqueue(bench.budget(ref, 5100))
    with bench.store.engine.begin() as connection:
        approve(connection, older.plan_digest)
    newer = bench.enqueue(bench.budget(ref, 5200))
    assert bench.statuses() == ["pending", "proposed"]  # a proposal alone holds nothing up
    with bench.store.engine.begin() as connection:
        approve(connection, newer.plan_digest)
    assert bench.statuses() == ["superseded", "pending"]
    clock.forward(minutes=1)
    bench.drain()
    assert sent(bench) == [5200]


# --- safety pauses ---------------------------------------------------------------------------------


def test_nothing_less_urgent_takes_the_place_of_a_safety_pause_and_it_goes_first(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.enqueue(bench.safety_pause(ref))
    bench.sql("update pending_ad_changes set not_before = flywheel_now() + interval '30 seconds'")
    bench.enqueue(bench.status(ref, "ACTIVE", priority=99))
    clock.forward(seconds=20)
    assert bench.drain() == []  # due, but behind the pause
    assert bench.statuses() == ["pending", "pending"]
    clock.forward(seconds=10)
    bench.drain()
    assert sent(bench) == ["PAUSED", "ACTIVE"]


def test_a_safety_pause_takes_the_place_of_a_safety_pause_and_of_everything_less(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.status(ref, "ACTIVE"))
    bench.enqueue(bench.safety_pause(ref))
    bench.enqueue(bench.safety_pause(ref))
    assert bench.statuses() == ["superseded", "superseded", "pending"]


def test_a_claimed_safety_pause_is_not_held_up_by_a_later_change(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.safety_pause(ref))
    claim = bench.claim()
    bench.enqueue(bench.status(ref, "ACTIVE"))
    assert claim.see_through().outcome == "applied"
