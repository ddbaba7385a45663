"""Calls whose outcome nobody knows: read back first, sent again only when nothing landed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    PermanentError,
    TransientError,
)
from flywheel_assets.execution.audit import compare
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

SETTLE = Safety().settle_seconds


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


@pytest.mark.parametrize("edge", ["campaigns", "adsets", "advideos", "adimages", "adcreatives", "ads"])
def test_a_create_whose_answer_was_lost_is_found_by_its_tag_and_not_sent_again(
    bench: Bench, tmp_path: Path, edge: str
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True, path=edge)]
    outcomes = [step.outcome for step in bench.drain_all()]
    assert outcomes.count("unknown") == 1
    assert set(bench.statuses()) == {"applied"}
    assert [row["path"] for row in bench.platform.journal].count(f"act_1/{edge}") == 1
    (found,) = [row for row in bench.history if row["status"] == "reconciled"]
    (made,) = [key for key, known in bench.platform.objects.items() if known["edge"] == edge]
    assert (found["remote_id"], found["error"]["message"]) == (made, "cut off")
    with bench.store.engine.connect() as connection:
        assert compare(connection, bench.platform.journal).gaps == 0


@pytest.mark.parametrize("edge", ["campaigns", "adimages", "ads"])
def test_a_create_that_did_not_land_is_sent_once_more(bench: Bench, tmp_path: Path, edge: str) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), path=edge)]
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    assert [row["applied"] for row in bench.platform.journal if row["path"] == f"act_1/{edge}"] == [False, True]
    assert [row["status"] for row in bench.history if row["status"] != "applied"] == ["not_applied"]


@pytest.mark.parametrize(("landed", "calls"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("kind", ["budget", "status"])
def test_a_budget_or_a_status_is_read_back(bench: Bench, ref: str, kind: str, landed: bool, calls: int) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=landed)]
    bench.enqueue(bench.budget(ref, 5500) if kind == "budget" else bench.pause(ref))
    bench.drain_all()
    assert bench.statuses() == ["applied"]
    assert len(bench.platform.journal) == calls
    assert [row["status"] for row in bench.history] == (["reconciled"] if landed else ["not_applied", "applied"])
    known: dict[str, Any] = next(row for row in bench.rows(ad_objects) if row["ref"] == ref)
    shown = bench.platform.objects[remote(ref)]
    assert (known["daily_budget"], known["status"]) == (shown["daily_budget"], shown["status"])


def test_a_value_that_is_neither_ours_nor_the_one_before_stays(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    worker = bench.executor()
    assert worker.run_one().outcome == "unknown"  # type: ignore[union-attr]  # a change is due
    bench.platform.put(remote(ref), daily_budget=7777)
    clock.forward(seconds=SETTLE)
    (step,) = worker.drain()
    assert (step.outcome, bench.shown_budget(ref), len(bench.platform.journal)) == ("rejected", 7777, 1)
    assert "somebody else changed it during our call" in step.reason
    assert [row["status"] for row in bench.history] == ["conflict"]


def test_a_budget_that_was_taken_away_meanwhile_is_a_conflict_too(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    del bench.platform.objects[remote(ref)]["daily_budget"]
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in worker.drain()] == ["rejected"]


def test_a_call_that_never_lands_goes_up_the_same_ladder_and_dies(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))] * 20
    bench.enqueue(bench.pause(ref))
    start = clock.now()
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ["not_applied"] * 6
    assert len(bench.platform.journal) == 6
    assert bench.statuses() == ["dead"]
    assert (bench.letters[0]["failures"], bench.letters[0]["reason"]) == (
        6,
        "the unanswered call had not landed, 6 times in a row",
    )
    waited = clock.now() - start - 6 * timedelta(seconds=SETTLE)
    assert timedelta(seconds=31 + 3) <= waited <= timedelta(seconds=31 + 18)


def test_reading_back_is_tried_for_ever_and_counts_as_no_failure(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.enqueue(bench.pause(ref))
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    bench.platform.reads = [TransientError("down")] * 20
    steps = bench.drain_all()
    assert [step.outcome for step in steps] == ["retried"] * 20 + ["applied"]
    assert len(bench.platform.journal) == 1
    (row,) = bench.queue
    assert (row["failures"], row["deferrals"]) == (1, 20)


def test_an_unknown_outcome_counts_toward_the_hour_until_it_is_known(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(15)))
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    bench.sql("update pending_ad_changes set not_before = not_before + interval '3 hours' where status = 'unknown'")
    assert [step.outcome for step in worker.drain()] == ["applied"] * 13 + ["deferred"]
    clock.forward(hours=1, seconds=18)
    assert [step.outcome for step in worker.drain()] == ["applied"]


def test_an_outcome_that_can_never_be_read_back_is_a_dead_letter(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.pause(ref))
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    clock.forward(seconds=SETTLE)
    bench.platform.reads = [PermanentError("object does not exist", code=100, subcode=33)]
    assert [step.outcome for step in worker.drain()] == ["dead"]
    assert [row["status"] for row in bench.history] == ["conflict"]  # it may have landed, so "failed" would be a guess
