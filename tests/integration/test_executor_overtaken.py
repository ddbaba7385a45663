"""Overtaken while under way: what was claimed, sent or lost when a newer change of its kind was asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome, Throttled, TransientError
from flywheel_assets.execution.enqueue import approve
from tests.executor_bench import Bench, remote
from tests.fakes import Fault


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def sent(bench: Bench) -> list[Any]:
    """What went out, in its order: the asked budgets or the statuses."""
    asked = {row["id"]: row["spec"] for row in bench.queue}
    specs = [asked[row["change_id"]] for row in bench.history]
    return [spec.get("daily_budget") or spec.get("status") for spec in specs]


# --- what is under way -----------------------------------------------------------------------------


def test_a_claimed_change_that_was_overtaken_before_its_intent_is_not_sent(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    claim = bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    bench.due()
    assert bench.statuses() == ["claimed", "pending"]
    assert list(bench.executor("w2").drain()) == []  # the newer one waits until it is known what the older one did
    step = claim.see_through()
    assert (step.outcome, step.reason) == ("superseded", f"superseded by {bench.queue[1]['id']}")
    bench.drain()
    assert sent(bench) == [5200]
    assert bench.statuses() == ["superseded", "applied"]


def test_a_claimed_change_is_not_stopped_by_a_proposal(bench: Bench, ref: str) -> None:
    bench.mode("approve")
    older = bench.enqueue(bench.budget(ref, 5100))
    with bench.store.engine.begin() as connection:
        approve(connection, older.plan_digest)
    bench.due()
    claim = bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    assert claim.see_through().outcome == "applied"
    assert bench.statuses() == ["applied", "proposed"]


@pytest.mark.parametrize(
    ("landed", "went_out", "statuses"),
    [(True, [5100, 5200], ["applied", "applied"]), (False, [5100, 5200], ["superseded", "applied"])],
)
def test_an_unknown_outcome_is_found_out_before_the_newer_change_goes(
    bench: Bench, ref: str, landed: bool, went_out: list[int], statuses: list[str]
) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=landed)]
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    bench.executor().run_one()
    bench.enqueue(bench.budget(ref, 5200))
    assert bench.statuses() == ["unknown", "pending"]
    bench.sql(
        "update pending_ad_changes set not_before = flywheel_now() + interval '1 minute' where status = 'unknown'"
    )
    bench.sql("update pending_ad_changes set not_before = flywheel_now() where status = 'pending'")
    assert bench.drain() == []
    bench.due()
    bench.drain()
    assert sent(bench) == went_out
    assert bench.statuses() == statuses
    assert bench.history[0]["status"] == ("reconciled" if landed else "not_applied")


# --- the race: the older one comes back after the newer one was asked for ----------------------------


def overtaken_during(bench: Bench, ref: str, fault: Exception) -> None:
    """The newer change is asked for while the call of the older one is under way, which then fails."""

    def ask(_path: str) -> None:
        bench.platform.inside = None
        bench.enqueue(bench.budget(ref, 5200))

    bench.platform.inside = ask
    bench.platform.writes = [Fault(fault)]
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()


@pytest.mark.parametrize(
    "fault",
    [TransientError("busy"), Throttled("slow down", retry_after=timedelta(minutes=5), scope="object")],
    ids=["retry", "throttle"],
)
def test_a_change_that_comes_back_after_it_was_overtaken_is_superseded(
    bench: Bench, ref: str, fault: Exception
) -> None:
    overtaken_during(bench, ref, fault)
    (step,) = bench.drain()
    assert (step.outcome, step.reason) == ("superseded", "a later change has taken its place")
    assert bench.statuses() == ["superseded", "pending"]
    bench.drain_all()
    assert sent(bench) == [5100, 5200]
    assert bench.statuses() == ["superseded", "applied"]


def test_a_change_deferred_after_it_was_overtaken_is_superseded(bench: Bench, ref: str) -> None:
    """The stop is asked about before the newer change, so the deferral itself has to look."""
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    claim = bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    bench.sql("update accounts set frozen = true, frozen_reason = 'stop'")
    assert claim.see_through().outcome == "superseded"
    assert bench.statuses() == ["superseded", "pending"]


@pytest.mark.parametrize("meanwhile", ["pending", "applied"])
def test_a_change_rescued_from_a_dead_worker_after_it_was_overtaken_is_superseded(
    bench: Bench, ref: str, meanwhile: str
) -> None:
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    bench.sql("update pending_ad_changes set status = :status where seq = 2", status=meanwhile)
    bench.lose_leases()
    bench.executor("w2").tidy()
    assert bench.statuses() == ["superseded", meanwhile]


@pytest.mark.parametrize("status", ["pending", "claimed", "executing", "unknown", "applied"])
def test_whatever_became_of_a_newer_change_that_was_let_go_the_older_one_never_follows(
    bench: Bench, ref: str, status: str
) -> None:
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    claim = bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    held = "worker = 'w9', fencing_token = 0, lease_until = clock_timestamp() + interval '1 minute'"
    bench.sql(f"update pending_ad_changes set status = :status, {held} where seq = 2", status=status)  # noqa: S608
    assert claim.see_through().outcome == "superseded"
    assert bench.platform.journal == []


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled", "dead", "observed", "proposed"])
def test_a_newer_change_that_never_goes_holds_nothing_up(bench: Bench, ref: str, status: str) -> None:
    bench.enqueue(bench.budget(ref, 5100))
    bench.due()
    claim = bench.claim()
    bench.enqueue(bench.budget(ref, 5200))
    bench.sql("update pending_ad_changes set status = :status where seq = 2", status=status)
    assert claim.see_through().outcome == "applied"
    assert [row["path"] for row in bench.platform.journal] == [remote(ref)]
