"""Budgets through the safe executor: fuzzed, held to the velocity rule, never against a person's edit."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.execution.records import Step
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def ask(bench: Bench, clock: TwinClock, ref: str, minor: int, **safety: Any) -> Step:
    """Ask for a budget and see it through, a minute later."""
    bench.enqueue(bench.budget(ref, minor))
    clock.forward(minutes=1)
    (step,) = bench.executor(**safety).drain()
    return step


def test_the_amount_sent_is_the_asked_one_within_three_percent_and_the_audit_says_so(
    bench: Bench, clock: TwinClock
) -> None:
    sent = []
    for number in range(12):
        ref = bench.adset(f"s{number}")
        ask(bench, clock, ref, 5000 if number % 2 else 5500)
        row = bench.history[-1]
        asked = row["requested_budget"]
        assert 0.97 * asked - 1 < row["actual_budget"] < 1.03 * asked + 1
        assert row["actual_budget"] == row["target_budget"] == bench.shown_budget(ref)
        assert row["adjustments"] == [f"fuzzed {asked} to {row['actual_budget']}"]
        sent.append(row["actual_budget"] / asked)
    assert len({round(share, 4) for share in sent}) > 6


@pytest.mark.parametrize(
    ("current", "asked", "set_to"),
    [(5000, 12000, 6000), (5000, 1000, 4000), (1100, 500, 1000), (11000, 13000, 12000), (333, 9999, 1000)],
    ids=["a fifth up", "a fifth down", "floor", "ceiling", "below the floor"],
)
def test_velocity_floor_and_ceiling_hold_after_the_fuzz(
    bench: Bench, clock: TwinClock, current: int, asked: int, set_to: int
) -> None:
    ref = bench.adset("a", budget=current)
    step = ask(bench, clock, ref, asked)
    if current == 333:
        assert step.outcome == "deferred"
        assert step.reason == "no budget between 1000 and 12000 keeps the 20 % rule yet"
        assert bench.shown_budget(ref) == 333
    else:
        assert (step.outcome, bench.shown_budget(ref)) == ("applied", set_to)
        assert f"to {set_to}: allowed now is" in bench.history[-1]["adjustments"][-1]


def test_a_fifth_in_six_hours_and_not_a_fifth_per_change(bench: Bench, clock: TwinClock, ref: str) -> None:
    assert ask(bench, clock, ref, 12000).outcome == "applied"
    refused = ask(bench, clock, ref, 12000)
    assert refused.outcome == "rejected"
    assert "nothing_left: the budget stays 6000" in refused.reason
    clock.forward(hours=5, minutes=57)
    assert ask(bench, clock, ref, 12000).outcome == "rejected"
    assert ask(bench, clock, ref, 12000).outcome == "applied"
    assert [row["actual_budget"] for row in bench.history] == [6000, 7200]
    assert bench.history[1]["finished_at"] - bench.history[0]["finished_at"] == timedelta(hours=6)


def test_any_history_of_requests_keeps_the_velocity_rule_at_the_platform(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    draw = rng("velocity", 7)
    faults = [
        Fault(TransientError("busy")),
        Fault(AmbiguousOutcome("cut off")),
        Fault(AmbiguousOutcome("cut off"), landed=True),
    ]
    in_force: list[tuple[datetime, datetime, int]] = []
    since, held = clock.now(), 5000
    for _ in range(30):
        bench.enqueue(bench.budget(ref, int(draw.uniform(500, 15000))))
        clock.forward(minutes=float(draw.uniform(1, 90)))
        if draw.uniform() < 0.3:
            bench.platform.writes = [faults[int(draw.integers(3))]]
        bench.drain_all()
        if bench.shown_budget(ref) != held:
            in_force.append((since, clock.now(), held))
            since, held = clock.now(), bench.shown_budget(ref)
    in_force.append((since, clock.now(), held))
    assert len(in_force) > 10
    for (_, until, one), (begun, _, other) in combinations(in_force, 2):
        if begun - until < timedelta(hours=6):
            assert 0.8 * one <= other <= 1.2 * one


def test_every_attempt_of_a_change_sends_the_same_amount(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(TransientError("busy")), Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.budget(ref, 5500))
    bench.drain_all()
    assert len(bench.platform.journal) == 3
    assert len({row["params"]["daily_budget"] for row in bench.platform.journal}) == 1
    assert len({row["target_budget"] for row in bench.history}) == 1
    assert [row["status"] for row in bench.history] == ["failed", "not_applied", "applied"]


def test_an_amount_once_settled_is_not_raised_when_the_limits_give_way(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    """Else an attempt that landed unseen and its repetition would ask for two different amounts."""
    ask(bench, clock, ref, 5500)
    clock.forward(hours=5)
    bench.platform.writes = [Fault(TransientError("busy"))]
    assert ask(bench, clock, ref, 12000).outcome == "retried"
    clock.forward(hours=2)
    bench.drain()
    assert [row["params"]["daily_budget"] for row in bench.platform.journal[1:]] == [6000, 6000]


def test_an_owners_new_ceiling_binds_an_amount_that_was_settled_before_it(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.platform.writes = [Fault(TransientError("busy"))]
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    bench.drain()
    bench.account = bench.account.model_copy(update={"ad_set_ceiling": "51.00"})
    bench.mode("auto")
    bench.drain_all()
    assert bench.shown_budget(ref) == 5100


def test_a_persons_edit_wins(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=9000)
    step = ask(bench, clock, ref, 5500)
    assert step.outcome == "rejected"
    assert "edited_elsewhere: 5000 when we last knew, 9000 now; that edit stays" in step.reason
    assert (bench.shown_budget(ref), bench.platform.journal, bench.history) == (9000, [], [])


def test_an_object_without_a_budget_of_its_own_is_refused(bench: Bench, clock: TwinClock, ref: str) -> None:
    del bench.platform.objects[remote(ref)]["daily_budget"]
    step = ask(bench, clock, ref, 5500)
    assert (step.outcome, bench.platform.journal) == ("rejected", [])
    assert "no_budget" in step.reason


def test_a_change_that_would_change_nothing_is_not_sent(bench: Bench, clock: TwinClock, ref: str) -> None:
    step = ask(bench, clock, ref, 5000, fuzz=0)
    assert (step.outcome, bench.platform.journal) == ("rejected", [])
    assert "nothing_left" in step.reason


def test_after_an_accepted_edit_too_large_for_the_rule_we_wait_until_it_has_left_the_window(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    ask(bench, clock, ref, 5500)
    accepted_at = clock.now()
    bench.platform.put(remote(ref), daily_budget=9000)
    bench.sql("update ad_objects set daily_budget = 9000 where ref = :ref", ref=ref)
    assert ask(bench, clock, ref, 9500).outcome == "deferred"
    steps = bench.drain_all()
    assert {step.outcome for step in steps[:-1]} == {"deferred"}
    assert steps[-1].outcome == "applied"
    assert timedelta(hours=6) <= clock.now() - accepted_at < timedelta(hours=7, minutes=5)
    assert bench.shown_budget(ref) > 9000


def test_what_stood_before_a_conflict_still_binds_after_it(bench: Bench, clock: TwinClock, ref: str) -> None:
    """Our 5500 and the 5000 before it were in force within the window, whatever a person made of it then."""
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    bench.platform.put(remote(ref), daily_budget=5800)
    assert next(worker.drain()).outcome == "rejected"
    assert [row["status"] for row in bench.history] == ["conflict"]
    bench.sql("update ad_objects set daily_budget = 5800 where ref = :ref", ref=ref)
    ask(bench, clock, ref, 12000)
    assert bench.shown_budget(ref) == 6000
