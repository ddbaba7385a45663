"""What stops spend does not depend on answers: a pause is sent although nobody knows what there is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome, PermanentError, Throttled, TransientError
from flywheel_assets.execution.undo import undo
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock
from tests.stopping import is_stopping, resume, shown, stop_spend


@pytest.mark.parametrize(
    "error", [TransientError("reads are down", code=2), PermanentError("unsupported request", code=100)]
)
def test_a_pause_is_sent_although_the_platform_answers_no_question(bench: Bench, error: Exception) -> None:
    bench.adset("a")
    stop_spend(bench)
    bench.platform.reads = [error] * 99
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert (shown(bench), len(bench.platform.journal)) == ("PAUSED", 1)


def test_a_pause_sent_so_can_be_taken_back_like_any_other(bench: Bench) -> None:
    bench.adset("a")
    stopped = stop_spend(bench)
    bench.platform.reads = [TransientError("reads are down", code=2)]
    bench.drain()
    resume(bench)
    with bench.store.engine.begin() as connection:
        undo(connection, stopped.plan_digest, Safety(), "test")
    bench.drain_all()
    assert shown(bench) == "ACTIVE"


def test_a_question_that_is_throttled_is_not_passed_by(bench: Bench, clock: TwinClock) -> None:
    """A call would be throttled too, and count."""
    bench.adset("a")
    stop_spend(bench)
    bench.platform.reads = [Throttled("slow down", retry_after=timedelta(minutes=1), scope="account", code=17)]
    assert [step.outcome for step in bench.drain()] == ["deferred"]
    clock.forward(minutes=1)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert len(bench.platform.journal) == 1


def test_an_unanswered_pause_is_made_whatever_somebody_else_did_meanwhile(bench: Bench) -> None:
    bench.adset("a")
    stop_spend(bench)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.claim().see_through()
    bench.platform.put(remote("c1/campaign"), status="WITH_ISSUES")
    bench.drain_all()
    assert (shown(bench), bench.statuses(), is_stopping(bench)) == ("PAUSED", ["applied"], False)
