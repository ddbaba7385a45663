"""The safe executor on a bad day: retries, dead letters, videos that are not ready, throttles and stops."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flywheel_assets.core.errors import (
    AuthError,
    PermanentError,
    PolicyError,
    RemoteError,
    Throttled,
    TransientError,
)
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


def test_what_the_platform_refuses_at_random_is_sent_three_times_and_then_dies(bench: Bench, tmp_path: Path) -> None:
    flaky = TransientError("Adcreative Create Failed", flaky=True, code=100, subcode=1487390)
    bench.platform.writes = [Fault(flaky, path="adcreatives")] * 9
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    outcomes = [step.outcome for step in bench.drain_all() if step.change.spec.kind == "create_creative"]
    assert outcomes == ["retried", "retried", "dead"]
    (letter,) = bench.letters
    assert (letter["failures"], letter["error"]["subcode"]) == (3, 1487390)


def test_the_third_call_of_what_is_refused_at_random_may_work(bench: Bench, tmp_path: Path) -> None:
    bench.platform.writes = [Fault(TransientError("Adcreative Create Failed", flaky=True), path="adcreatives")] * 2
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    assert (set(bench.statuses()), bench.letters) == ({"applied"}, [])


def test_a_refusal_at_random_after_three_other_failures_is_the_last_call(bench: Bench, ref: str) -> None:
    flaky, busy = Fault(TransientError("at random", flaky=True)), Fault(TransientError("busy"))
    bench.platform.writes = [busy, busy, busy, flaky, busy]
    bench.enqueue(bench.pause(ref))
    assert [step.outcome for step in bench.drain_all()] == ["retried", "retried", "retried", "dead"]


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


@pytest.mark.parametrize("edge", ["adcreatives", "ads", "adimages"])
def test_a_person_is_told_of_a_launch_that_cannot_be_completed(bench: Bench, tmp_path: Path, edge: str) -> None:
    """Its campaign stays paused with whatever else is in it; nothing of the account is stopped for that."""
    bench.enqueue(*bench.launch(tmp_path, variations=2))
    bench.platform.writes = [Fault(PermanentError("bad picture", code=100), path=edge)]
    bench.drain_all()
    (dead,) = [row for row in bench.queue if row["status"] == "dead"]
    (alert,) = bench.alerts
    assert (alert["rule"], alert["stopped"], alert["closed_at"]) == ("launch_incomplete", False, None)
    said = f"{dead['object_ref']} could not be made: bad picture; what was to be built on it is cancelled"
    assert alert["reason"] == said
    assert not bench.account_row()["frozen"]


def test_a_change_that_makes_nothing_dies_without_an_alert(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(PermanentError("Invalid parameter", code=100))]
    bench.enqueue(bench.pause(ref))
    bench.drain_all()
    assert (bench.statuses(), bench.alerts) == (["dead"], [])


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
    assert bench.executor().next_due() == told_at + timedelta(minutes=7)
    clock.forward(minutes=6, seconds=59)
    assert bench.drain() == []
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
