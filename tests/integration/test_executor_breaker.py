"""The breaker: a platform that fails five times in a row is left alone by all workers of the account, then asked once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, RemoteError, Throttled, TransientError
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.settings import Safety
from flywheel_assets.store.store import Store
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

LONG: dict[str, Any] = {"breaker_seconds": 3600.0}
BUSY = Fault(TransientError("busy"))
THROTTLE = Throttled("slow down", retry_after=timedelta(minutes=1), scope="object")


def state(bench: Bench) -> tuple[str, int]:
    (row,) = bench.breakers
    return row["state"], row["failures"]


def due_pauses(bench: Bench, count: int) -> list[str]:
    refs = [bench.adset(f"s{number}") for number in range(count)]
    bench.enqueue(*(bench.pause(ref) for ref in refs))
    bench.due()
    return refs


def opened(bench: Bench, *faults: Fault) -> None:
    """Five failures of one change each; its time is over, so a probe may go. ``faults`` are what comes next."""
    due_pauses(bench, 5)
    bench.platform.writes = [BUSY] * 5
    list(bench.executor(**LONG).drain())
    assert state(bench) == ("open", 5)
    bench.sql("delete from ad_change_history; delete from pending_ad_changes")
    bench.platform.journal.clear()
    bench.platform.writes = list(faults)
    wait_is_over(bench)


def wait_is_over(bench: Bench) -> None:
    bench.sql("update breakers set retry_real = clock_timestamp() - interval '1 second'")


# --- opening ---------------------------------------------------------------------------------------


def test_five_failures_in_a_row_over_different_changes_open_it_and_nothing_is_claimed_while_it_is_open(
    bench: Bench, clock: TwinClock
) -> None:
    due_pauses(bench, 8)
    bench.platform.writes = [BUSY] * 5
    worker = bench.executor(**LONG)
    assert [step.outcome for step in worker.drain()] == ["retried"] * 5
    assert state(bench) == ("open", 5)
    assert [row["reason"] for row in bench.breakers] == ["busy"]
    clock.forward(hours=2)  # it waits in real time
    assert worker.next_due() is None
    assert worker.run_one() is None
    assert len(bench.platform.journal) == 5
    assert bench.statuses() == ["pending"] * 8
    wait_is_over(bench)
    assert [step.outcome for step in worker.drain()] == ["applied"] * 8


def test_it_is_open_for_as_long_as_the_setting_says(bench: Bench) -> None:
    due_pauses(bench, 5)
    bench.platform.writes = [BUSY] * 5
    list(bench.executor(breaker_seconds=240.0).drain())
    with bench.store.engine.connect() as connection:
        left = connection.exec_driver_sql("select retry_real - clock_timestamp() from breakers").scalar_one()
    assert timedelta(seconds=200) < left <= timedelta(seconds=240)


def test_an_answer_between_two_failures_starts_the_count_again(bench: Bench) -> None:
    due_pauses(bench, 9)
    refs = [remote(row["object_ref"]) for row in bench.queue]
    bench.platform.writes = [Fault(TransientError("busy"), path=ref) for ref in refs if ref != refs[4]]
    outcomes = [step.outcome for step in bench.executor(**LONG).drain()]
    assert outcomes == ["retried"] * 4 + ["applied"] + ["retried"] * 4
    assert state(bench) == ("closed", 4)


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (TransientError("busy"), ("open", 5)),
        (AmbiguousOutcome("cut off"), ("open", 5)),
        (THROTTLE, ("closed", 4)),
        (PermanentError("wrong", code=100), ("closed", 0)),
        (PermanentError("the file is gone"), ("closed", 4)),
    ],
    ids=["failed", "unanswered", "throttled", "refused", "hopeless before it was sent"],
)
def test_what_counts_as_a_failure(bench: Bench, error: RemoteError, counted: tuple[str, int]) -> None:
    due_pauses(bench, 5)
    bench.platform.writes = [BUSY] * 4 + [Fault(error)]
    worker = bench.executor(**LONG)
    for _ in range(5):
        worker.run_one()
    assert state(bench) == counted


def test_questions_that_fail_count_too(bench: Bench) -> None:
    due_pauses(bench, 5)
    bench.platform.reads = [TransientError("down")] * 5
    list(bench.executor(**LONG).drain())
    assert (state(bench), bench.platform.journal) == (("open", 5), [])


def test_other_accounts_go_on(bench: Bench) -> None:
    opened(bench)
    bench.sql("update breakers set retry_real = clock_timestamp() + interval '1 hour'")
    due_pauses(bench, 2)
    other = bench.beside("act_2")
    other.enqueue(other.pause(other.adset("a", campaign="d1")))
    bench.due()
    assert [step.change.object_ref for step in bench.executor(**LONG).drain()] == ["d1/a/adset"]
    assert state(bench) == ("open", 5)


def test_it_outlives_the_worker_and_its_engine(bench: Bench) -> None:
    due_pauses(bench, 6)
    bench.platform.writes = [BUSY] * 5
    list(bench.executor(**LONG).drain())
    bench.store.engine.dispose()
    again = Store.open(bench.store.settings)
    worker = SafeExecutor(again.engine, lambda _: bench.platform, again.blobs, Safety(**LONG), "w9")
    assert list(worker.drain()) == []
    again.engine.dispose()
    assert len(bench.platform.journal) == 5


# --- the probe -------------------------------------------------------------------------------------


def test_of_many_workers_exactly_one_probes_and_its_failure_opens_it_again(bench: Bench) -> None:
    opened(bench, *[BUSY] * 9)
    due_pauses(bench, 8)
    bench.platform.inside = lambda _: time.sleep(0.05)  # so that the others look while the probe is under way
    steps = bench.drain_together(**LONG)
    assert [step.outcome for step in steps] == ["retried"]
    assert len(bench.platform.journal) == 1
    assert state(bench) == ("open", 6)
    assert list(bench.executor(**LONG).drain()) == []


def test_while_a_probe_is_under_way_nobody_else_goes(bench: Bench) -> None:
    opened(bench)
    due_pauses(bench, 3)
    claim = bench.claim("w1", **LONG)
    assert state(bench) == ("half_open", 5)
    assert bench.executor("w2", **LONG).run_one() is None
    assert claim.see_through().outcome == "applied"
    assert state(bench) == ("closed", 0)
    assert [step.outcome for step in bench.executor("w2", **LONG).drain()] == ["applied"] * 2


def test_a_probe_whose_worker_died_is_given_up_after_its_lease(bench: Bench) -> None:
    opened(bench)
    due_pauses(bench, 2)
    bench.claim("w1", **LONG)
    bench.lose_leases()
    second = bench.executor("w2", **LONG)
    assert list(second.drain()) == []
    wait_is_over(bench)
    assert [step.outcome for step in second.drain()] == ["applied"] * 2
    assert state(bench) == ("closed", 0)


@pytest.mark.parametrize("ending", ["cancelled", "rejected", "deferred", "superseded", "throttled"])
def test_a_probe_that_ends_without_an_answer_hands_the_probe_on(bench: Bench, ending: str) -> None:
    opened(bench)
    first, second = bench.adset("a"), bench.adset("b")
    asked: dict[str, Any] = {"priority": 1}
    bench.enqueue(bench.pause(first, **asked), bench.pause(second))
    bench.due()
    if ending in {"cancelled", "rejected"}:
        bench.platform.put(remote(first), status="PAUSED" if ending == "cancelled" else "WITH_ISSUES")
    if ending == "throttled":
        bench.platform.writes = [Fault(THROTTLE)]
    claim = bench.claim("w1", **LONG)
    if ending == "deferred":
        bench.sql("update accounts set frozen = true, frozen_reason = 'stop'")
    if ending == "superseded":
        bench.enqueue(bench.pause(first, **asked))
    assert claim.see_through().outcome == ("deferred" if ending == "throttled" else ending)
    assert state(bench) == ("open", 5)
    bench.sql("update accounts set frozen = false, frozen_reason = null")
    list(bench.executor("w2", **LONG).drain())
    assert [row["status"] for row in bench.queue if row["object_ref"] == second] == ["applied"]
    assert state(bench) == ("closed", 0)


def test_a_refused_request_proves_that_the_platform_listens(bench: Bench) -> None:
    opened(bench, Fault(PermanentError("wrong", code=100)))
    due_pauses(bench, 2)
    worker = bench.executor(**LONG)
    worker.run_one()
    assert state(bench) == ("closed", 0)
    assert [step.outcome for step in worker.drain()] == ["applied"]


def test_a_request_that_was_hopeless_before_it_was_sent_proves_nothing_and_hands_the_probe_on(bench: Bench) -> None:
    opened(bench, Fault(PermanentError("the file is gone")))
    due_pauses(bench, 2)
    worker = bench.executor(**LONG)
    worker.run_one()
    assert state(bench) == ("open", 5)
    assert [step.outcome for step in worker.drain()] == ["applied"]
