"""The safe executor on a bad day: retries, throttles, stops, and calls whose outcome nobody knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import (
    AmbiguousOutcome,
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)
from flywheel_assets.execution.audit import applied_effects, gaps, journal_effects
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import Bench, remote, waits
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def status_of(bench: Bench, kind: str) -> str:
    (status,) = {row["status"] for row in bench.queue if row["change_type"] == kind}
    return str(status)


# --- retries and dead letters ----------------------------------------------------------------------


def test_a_failed_call_is_sent_again_after_1_2_4_8_16_seconds_and_then_dies(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.platform.writes = [Fault(TransientError("busy", code=2, trace_id="T"))] * 9
    bench.enqueue(bench.pause(ref))
    clock.forward(minutes=1)
    steps = []
    for seconds in (1, 2, 4, 8, 16):
        (step,) = bench.drain()
        steps += waits([step], clock.now())
        clock.forward(seconds=seconds - 0.001)
        assert bench.drain() == []
        clock.forward(seconds=0.001)
    assert steps == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16)]
    assert [step.outcome for step in bench.drain()] == ["dead"]
    assert len(bench.platform.journal) == 6
    (letter,) = bench.letters
    assert (letter["rule"], letter["reason"], letter["failures"]) == ("TransientError", "busy", 6)
    assert letter["error"] == {"error": "TransientError", "message": "busy", "code": 2, "trace_id": "T"}
    assert [row["status"] for row in bench.history] == ["failed"] * 6
    assert bench.statuses() == ["dead"]
    clock.forward(hours=24)
    assert bench.drain_all() == []


def test_a_call_that_works_at_the_sixth_time_is_applied(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(TransientError("busy"))] * 5
    bench.enqueue(bench.pause(ref))
    assert [step.outcome for step in bench.drain_all()] == ["retried"] * 5 + ["applied"]
    assert bench.letters == []


def test_a_request_that_cannot_work_dies_at_once(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(PermanentError("Invalid parameter", code=100, subcode=33))]
    bench.enqueue(bench.pause(ref))
    assert [step.outcome for step in bench.drain_all()] == ["dead"]
    assert (len(bench.platform.journal), bench.letters[0]["failures"]) == (1, 1)


def test_what_needed_a_dead_change_is_cancelled_and_the_rest_goes_on(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=2))
    bench.enqueue(bench.budget("c1/v0/adset", 9000))
    bench.platform.writes = [Fault(PermanentError("No", code=100), path="adsets")]
    bench.drain_all()
    (dead,) = [row for row in bench.queue if row["status"] == "dead"]
    lost = dead["object_ref"].split("/")[1]
    cancelled = {(row["object_ref"], row["change_type"]) for row in bench.queue if row["status"] == "cancelled"}
    expected = {(f"c1/{lost}/ad", "create_ad"), ("c1/campaign", "set_status")}
    assert cancelled == expected | ({("c1/v0/adset", "set_budget")} if lost == "v0" else set())
    assert all("which could not be made" in row["wait_reason"] for row in bench.queue if row["status"] == "cancelled")
    assert bench.platform.objects[bench.rows(ad_objects, "ref")[0]["remote_id"]]["status"] == "PAUSED"
    assert set(bench.statuses()) == {"applied", "dead", "cancelled"}


def test_without_its_campaign_no_part_of_it_is_built(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=2))
    bench.platform.writes = [Fault(PermanentError("No", code=100), path="campaigns")]
    bench.drain_all()
    by_kind = {row["change_type"]: row["status"] for row in bench.queue}
    assert by_kind == {
        "create_campaign": "dead",
        "create_adset": "cancelled",
        "create_ad": "cancelled",
        "set_status": "cancelled",
        "upload_video": "applied",
        "upload_image": "applied",
        "create_creative": "applied",
    }


def test_a_render_that_is_gone_is_a_dead_letter_and_not_a_crash(bench: Bench, tmp_path: Path) -> None:
    launch = bench.launch(tmp_path, variations=1)
    bench.enqueue(*launch)
    bench.store.blobs.local(launch[1].spec.uri).unlink()  # type: ignore[union-attr]  # the second change is the video
    bench.drain_all()
    assert status_of(bench, "upload_video") == "dead"
    assert status_of(bench, "create_ad") == "cancelled"
    assert "is not in blob storage" in bench.letters[0]["reason"]


# --- videos ----------------------------------------------------------------------------------------


def test_a_video_that_is_still_processed_defers_its_creative_and_is_no_failure(
    bench: Bench, clock: TwinClock, tmp_path: Path
) -> None:
    bench.platform.video = "processing"
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    clock.forward(minutes=1)
    waiting = [step for step in bench.drain() if step.outcome == "deferred"]
    assert [step.change.spec.kind for step in waiting] == ["create_creative"]
    assert waits(waiting, clock.now()) == [timedelta(seconds=30)]
    assert "is still processed" in waiting[0].reason
    bench.platform.video = "ready"
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    assert {row["failures"] for row in bench.queue} == {0}


def test_a_video_the_platform_cannot_process_ends_its_ad(bench: Bench, tmp_path: Path) -> None:
    bench.platform.video = "error"
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    assert (status_of(bench, "create_creative"), status_of(bench, "create_ad")) == ("dead", "cancelled")
    assert "render it again" in bench.letters[0]["reason"]


# --- throttles and stops ---------------------------------------------------------------------------


def throttled(scope: str) -> Throttled:
    return Throttled("slow down", retry_after=timedelta(minutes=7), scope=scope, code=17)


def test_a_throttled_object_waits_as_long_as_it_was_told_and_has_not_failed(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.platform.writes = [Fault(throttled("object"), path=remote(ref))]
    bench.enqueue(bench.pause(ref), bench.pause(bench.adset("b")))
    told_at = clock.forward(minutes=1)
    assert sorted(step.outcome for step in bench.drain()) == ["applied", "deferred"]
    row = bench.queue[0]
    assert (row["status"], row["failures"], row["deferrals"]) == ("pending", 0, 1)
    assert row["not_before"] == told_at + timedelta(minutes=7)
    bench.drain_all()
    assert [row["status"] for row in bench.history if row["object_ref"] == ref] == ["throttled", "applied"]


def test_a_throttled_account_is_left_alone_by_all_its_changes(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(6)))
    bench.platform.writes = [Fault(throttled("account"))]
    told_at = clock.forward(minutes=1)
    assert [step.outcome for step in bench.drain()] == ["deferred"]
    assert len(bench.platform.journal) == 1
    assert {row["not_before"] for row in bench.queue} == {told_at + timedelta(minutes=7)}
    assert {row["wait_reason"] for row in bench.queue} == {"slow down"}
    assert [step.outcome for step in bench.drain_all()] == ["applied"] * 6
    assert {row["failures"] for row in bench.queue} == {0}


@pytest.mark.parametrize("error", [AuthError("token expired", code=190), PolicyError("restricted", code=368)])
@pytest.mark.parametrize("during", ["write", "read"])
def test_a_bad_token_or_a_restricted_account_stops_the_account_and_loses_nothing(
    bench: Bench, clock: TwinClock, error: RemoteError, during: str
) -> None:
    bench.enqueue(*(bench.budget(bench.adset(f"s{number}"), 5500) for number in range(3)))
    bench.platform.reads = [error] if during == "read" else []
    bench.platform.writes = [Fault(error)] if during == "write" else []
    clock.forward(minutes=1)
    (step,) = bench.drain()
    assert step.reason == f"account frozen: {type(error).__name__}: {error}"
    assert len(bench.platform.journal) == (during == "write")
    assert bench.statuses() == ["pending"] * 3
    assert {row["failures"] for row in bench.queue} == {0}
    bench.sql("update accounts set frozen = false, frozen_reason = null")
    assert [one.outcome for one in bench.drain_all()] == ["applied"] * 3


# --- outcomes nobody knows -------------------------------------------------------------------------


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
        assert gaps(applied_effects(connection), journal_effects(bench.platform.journal)) == 0


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
    assert timedelta(seconds=31 + 3) <= clock.now() - start <= timedelta(seconds=31 + 18)


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
    clock.forward(hours=1)
    assert [step.outcome for step in worker.drain()] == ["applied"]


def test_an_outcome_that_can_never_be_read_back_is_a_dead_letter(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.pause(ref))
    clock.forward(minutes=1)
    worker = bench.executor()
    worker.run_one()
    bench.platform.reads = [PermanentError("object does not exist", code=100, subcode=33)]
    assert [step.outcome for step in worker.drain()] == ["dead"]
    assert [row["status"] for row in bench.history] == ["failed"]
