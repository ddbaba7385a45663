"""Budgets through the safe executor: fuzzed, held to the velocity rule, to the object's bounds and Meta's own pace."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome, Throttled, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.execution.records import Step
from tests.executor_bench import Bench, remote, waits
from tests.fakes import Fault, most_in_any_hour
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
    [
        (5000, 12000, 6000),
        (5000, 1000, 4000),
        (1100, 500, 1000),
        (11000, 13000, 12000),
        (333, 9999, 399),
        (20000, 100, 16000),
    ],
    ids=["a fifth up", "a fifth down", "floor", "ceiling", "from below the floor", "from above the ceiling"],
)
def test_velocity_floor_and_ceiling_hold_after_the_fuzz(
    bench: Bench, clock: TwinClock, current: int, asked: int, set_to: int
) -> None:
    ref = bench.adset("a", budget=current)
    step = ask(bench, clock, ref, asked)
    assert (step.outcome, bench.shown_budget(ref)) == ("applied", set_to)
    assert f"to {set_to}: allowed now is" in bench.history[-1]["adjustments"][-1]


def test_a_fifth_in_six_hours_and_not_a_fifth_per_change(bench: Bench, clock: TwinClock, ref: str) -> None:
    assert ask(bench, clock, ref, 12000).outcome == "applied"
    opens = clock.now() + timedelta(hours=6)
    waiting = ask(bench, clock, ref, 12000)
    assert waiting.outcome == "deferred"
    assert waiting.reason == f"the 20 % rule keeps the budget at 6000; room at {opens:%H:%M:%S}"
    (first,) = waits([waiting], opens)
    clock.move_to(opens - timedelta(milliseconds=1))
    bench.due()
    (again,) = bench.drain()
    assert again.outcome == "deferred"
    (second,) = waits([again], opens)
    assert all(timedelta(seconds=3) <= after <= timedelta(seconds=18) for after in (first, second))
    assert first != second
    clock.move_to(opens)
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["actual_budget"] for row in bench.history] == [6000, 7200]
    assert bench.history[1]["finished_at"] - bench.history[0]["finished_at"] == timedelta(hours=6)
    assert [(row["failures"], row["deferrals"]) for row in bench.queue] == [(0, 0), (0, 2)]


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


def test_a_change_that_would_change_nothing_is_not_sent(bench: Bench, clock: TwinClock, ref: str) -> None:
    step = ask(bench, clock, ref, 5000, fuzz=0)
    assert (step.outcome, bench.platform.journal) == ("cancelled", [])
    assert step.reason == f"{ref}: the budget is 5000 already"


def test_a_budget_at_its_own_ceiling_is_not_asked_for_again_and_again(bench: Bench, clock: TwinClock) -> None:
    ref = bench.adset("a", budget=12000)
    step = ask(bench, clock, ref, 15000)
    assert (step.outcome, bench.platform.journal) == ("cancelled", [])
    assert step.reason == f"{ref}: the budget stays 12000: allowed now is 9600 to 12000"


# --- how often -------------------------------------------------------------------------------------


def test_three_changes_of_one_budget_an_hour_and_the_fourth_is_told_when(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    for minor in (5100, 5200, 5100):
        assert ask(bench, clock, ref, minor, fuzz=0).outcome == "applied"
    other = bench.adset("b")
    assert ask(bench, clock, other, 5100).outcome == "applied"
    opens = bench.history[0]["finished_at"] + timedelta(hours=1)
    waiting = ask(bench, clock, ref, 5200, fuzz=0)
    assert waiting.outcome == "deferred"
    assert waiting.reason == f"budget of {ref}: 3 of 3 actions used in the last hour; room at {opens:%H:%M:%S}"
    (after,) = waits([waiting], opens)
    assert timedelta(seconds=3) <= after <= timedelta(seconds=18)
    assert bench.ask(bench.status(ref, "PAUSED")).outcome == "applied"  # it is the budget that waits, not the ad set
    clock.move_to(opens)
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_no_sliding_hour_holds_more_than_three_changes_of_a_budget(bench: Bench, clock: TwinClock, ref: str) -> None:
    draw = rng("owner", 5)
    for _ in range(40):
        bench.enqueue(bench.budget(ref, int(draw.uniform(4500, 5500))))
        clock.forward(minutes=float(draw.uniform(1, 20)))
        if draw.uniform() < 0.2:
            bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=bool(draw.integers(2)))]
        bench.drain()
    bench.drain_all()
    assert most_in_any_hour([row["at"] for row in bench.platform.journal]) == 3


def test_a_budget_the_platform_has_blocked_waits_for_an_hour_and_so_does_a_new_change_of_it(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    """Others change budgets too: the platform knows of more changes than we do."""
    hour = timedelta(hours=1)
    refusal = Throttled("blocked", retry_after=timedelta(minutes=1), scope="object", code=613, subcode=1487632)
    bench.platform.writes = [Fault(refusal)]
    assert ask(bench, clock, ref, 5100).outcome == "deferred"
    opens = clock.now() + hour
    new = ask(bench, clock, ref, 5200)
    assert (new.outcome, new.reason) == ("deferred", f"budget of {ref}: the platform has blocked it for an hour")
    (after,) = waits([new], opens)
    assert timedelta(seconds=3) <= after <= timedelta(seconds=18)
    assert ask(bench, clock, bench.adset("b"), 5200).outcome == "applied"
    clock.move_to(opens - timedelta(milliseconds=1))
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["deferred"]
    clock.move_to(opens)
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["path"] for row in bench.platform.journal].count(remote(ref)) == 2
    assert {row["failures"] for row in bench.queue} == {0}


def test_another_throttle_of_an_object_does_not_block_its_budget(bench: Bench, clock: TwinClock, ref: str) -> None:
    busy = Throttled("busy", retry_after=timedelta(minutes=30), scope="object", code=613, subcode=1)
    bench.platform.writes = [Fault(busy)]
    assert ask(bench, clock, ref, 5100).outcome == "deferred"
    assert ask(bench, clock, ref, 5200).outcome == "applied"
