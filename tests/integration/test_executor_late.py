"""Between claim and call time goes on: what went stale, or whose worker stood still, is not sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flywheel_assets.core.changes import CreateCampaign, UploadImage, UploadVideo
from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from flywheel_assets.execution.attempt import LostClaim
from flywheel_assets.execution.platform import Edge
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import upload_sessions
from tests.executor_bench import Bench, Claim
from tests.fakes import FakePlatform, Fault
from tests.integration.conftest import TwinClock


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


# --- stale -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "outcome"), [(59.999, "applied"), (60, "expired"), (120, "expired")])
def test_what_goes_stale_between_its_claim_and_its_call_is_not_sent(
    bench: Bench, clock: TwinClock, ref: str, seconds: float, outcome: str
) -> None:
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(seconds=60)))
    bench.due()
    claim = bench.claim()
    clock.forward(seconds=seconds)
    assert claim.see_through().outcome == outcome
    assert bench.statuses() == [outcome]
    assert len(bench.platform.journal) == len(bench.history) == (outcome == "applied")
    assert bench.queue[0]["finished_at"] == clock.now()


def test_what_was_sent_in_time_is_read_back_and_settled_after_it_went_stale(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(seconds=60)))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.claim().see_through()
    clock.forward(hours=1)
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_what_was_not_carried_out_is_not_sent_again_after_it_went_stale(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(seconds=60)))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.claim().see_through()
    bench.drain_all()
    assert (bench.statuses(), len(bench.platform.journal)) == (["expired"], 1)
    assert [row["status"] for row in bench.history] == ["not_applied"]


# --- a worker that stands still --------------------------------------------------------------------


def standing_still(bench: Bench, claim: Claim, lease: float) -> Claim:
    """The worker of the claim stops right after its intent, until its lease, ``lease`` seconds, is over."""

    def stand(moment: str) -> None:
        if moment == "K3_intent_written":
            wait_for(lambda: _is_over(bench))

    executor = bench.executor("w1", lease_seconds=lease)
    return replace(claim, executor=replace(executor, at=stand))


def _is_over(bench: Bench) -> bool:
    over = text("select lease_until < clock_timestamp() from pending_ad_changes where status = 'executing'")
    with bench.store.engine.connect() as connection:
        return bool(connection.execute(over).scalar_one())


def wait_for(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


def test_a_worker_that_stood_still_after_its_intent_does_not_send_what_another_may_have(
    bench: Bench, clock: TwinClock
) -> None:
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c1/campaign", spec))
    bench.due()
    claim = standing_still(bench, bench.claim(), lease=0.2)
    with pytest.raises(LostClaim, match="this worker stood still"):
        claim.see_through()
    assert bench.platform.journal == []
    assert [row["status"] for row in bench.history] == ["executing"]
    second = bench.executor("w2")
    list(second.drain())
    clock.forward(seconds=Safety().settle_seconds)
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ["not_applied", "applied"]
    assert len(bench.platform.objects) == 1


@dataclass(frozen=True)
class SlowFiles:
    """Storage that takes so long to hand out a file that the lease is over by then."""

    bench: Bench

    def local(self, uri: str) -> Path:
        wait_for(lambda: _is_over(self.bench))
        return self.bench.store.blobs.local(uri)


@pytest.mark.parametrize("spec", [UploadVideo, UploadImage])
def test_a_file_that_came_too_late_is_not_sent_by_its_worker(
    bench: Bench, clock: TwinClock, tmp_path: Path, spec: type[UploadVideo | UploadImage]
) -> None:
    film = tmp_path / "film.bin"
    film.write_bytes(b"film")
    bench.adset("a")
    bench.enqueue(bench.change("c1/v/file", spec(name="V", uri=bench.store.blobs.put(film).uri)))
    bench.due()
    claim = bench.claim()
    slow = replace(bench.executor("w1", lease_seconds=0.2), files=SlowFiles(bench))
    with pytest.raises(LostClaim, match="this worker stood still"):
        replace(claim, executor=slow).see_through()
    assert (bench.platform.journal, bench.rows(upload_sessions)) == ([], [])
    list(bench.executor("w2").drain())
    clock.forward(seconds=Safety().settle_seconds)
    bench.drain_all()
    assert (bench.statuses(), len(bench.platform.journal)) == (["applied"], 1)


def test_a_search_that_outlasts_the_lease_is_followed_by_no_create(bench: Bench, clock: TwinClock) -> None:
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c1/campaign", spec))
    bench.due()
    bench.platform.writes = [Fault(TransientError("busy"))]
    bench.drain()
    clock.forward(seconds=1)
    claim = bench.claim()
    slow = replace(bench.executor("w1", lease_seconds=0.2), platform_for=lambda _: SlowSearch(bench))
    with pytest.raises(LostClaim, match="this worker stood still"):
        replace(claim, executor=slow).see_through()
    assert len(bench.platform.journal) == 1


class SlowSearch(FakePlatform):
    """The bench's platform, where looking for an object takes until the lease is over."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.platform.now, journal=bench.platform.journal)
        self._bench = bench

    def find(self, edge: Edge, tag: str) -> list[dict[str, Any]]:
        wait_for(lambda: _is_over(self._bench))
        return super().find(edge, tag)


def test_a_worker_that_was_only_slow_sends(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.pause(ref))
    bench.due()
    claim = bench.claim()
    passed: list[str] = []
    slow = replace(claim, executor=replace(claim.executor, at=passed.append))
    assert slow.see_through().outcome == "applied"
    assert "K3_intent_written" in passed
