"""What is made once: found again after a lost answer however late it lands, and never waited for in vain."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from flywheel_assets.core.changes import CreateCampaign
from flywheel_assets.core.errors import AmbiguousOutcome
from tests.executor_bench import Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

SETTLE = 90


class Killed(BaseException):
    """The end of a worker in the middle of a call."""


def due_campaign(bench: Bench) -> None:
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c1/campaign", spec))
    bench.due()


def lands(bench: Bench) -> None:
    """A call that was cut off long ago has its effect after all."""
    (row,) = bench.platform.journal
    bench.platform.put("120200000000099999", **row["params"], edge="campaigns")
    row.update(applied=True, answer={"id": "120200000000099999"})


# --- late landings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["the answer was lost", "the worker died"])
def test_a_create_is_looked_for_only_when_it_must_have_landed_and_then_not_made_twice(
    bench: Bench, clock: TwinClock, how: str
) -> None:
    due_campaign(bench)
    if how == "the worker died":
        bench.platform.writes = [Fault(Killed())]
        with pytest.raises(Killed):
            bench.drain()
        bench.lose_leases()
        bench.executor("w2").tidy()
    else:
        bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
        assert [step.outcome for step in bench.drain()] == ["unknown"]
    assert bench.statuses() == ["unknown"]
    assert [row["not_before"] for row in bench.queue] == [clock.now() + timedelta(seconds=SETTLE)]
    clock.forward(seconds=SETTLE - 0.001)
    assert bench.drain() == []
    lands(bench)
    clock.forward(seconds=0.001)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["status"] for row in bench.history] == ["reconciled"]
    assert len(bench.platform.journal) == len(bench.platform.objects) == 1
    assert bench.known("c1/campaign")["remote_id"] == "120200000000099999"


@pytest.mark.parametrize(("safety", "seconds"), [(False, SETTLE), (True, 0)], ids=["pause", "safety pause"])
def test_what_only_sets_a_value_settles_too_unless_it_stops_spend(
    bench: Bench, clock: TwinClock, safety: bool, seconds: float
) -> None:
    """To send a safety pause twice is harmless, to wait with it is not."""
    bench.platform.writes = [Fault(Killed())]
    ref = bench.adset("a")
    bench.enqueue(bench.safety_pause(ref) if safety else bench.pause(ref))
    bench.due()
    with pytest.raises(Killed):
        bench.drain()
    bench.lose_leases()
    bench.executor("w2").tidy()
    until = clock.now() + timedelta(seconds=seconds)
    assert [(row["status"], row["not_before"]) for row in bench.queue] == [("unknown", until)]


def test_a_create_that_died_before_its_intent_waits_for_nothing(bench: Bench, clock: TwinClock) -> None:
    due_campaign(bench)
    bench.claim()
    bench.lose_leases()
    bench.executor("w2").tidy()
    assert [(row["status"], row["not_before"]) for row in bench.queue] == [("pending", clock.now())]


def test_a_reader_that_dies_too_does_not_lose_what_is_unknown(bench: Bench, clock: TwinClock) -> None:
    due_campaign(bench)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.drain()
    clock.forward(seconds=SETTLE)
    bench.claim("w2")
    lands(bench)
    bench.lose_leases()
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ["reconciled"]
    assert len(bench.platform.journal) == 1


# --- the lease -------------------------------------------------------------------------------------


def test_the_lease_starts_anew_with_the_call_however_long_the_look_before_it_took(bench: Bench) -> None:
    due_campaign(bench)
    claim = bench.claim()
    bench.sql("update pending_ad_changes set lease_until = clock_timestamp() + interval '20 seconds'")
    left: list[timedelta] = []

    def look(_path: str) -> None:
        with bench.store.engine.connect() as connection:
            query = text("select lease_until - clock_timestamp() from pending_ad_changes")
            left.append(connection.execute(query).scalar_one())

    bench.platform.inside = look
    assert claim.see_through().outcome == "applied"
    assert timedelta(seconds=60) < left[0] <= timedelta(seconds=90)


# --- what is too late to be made -------------------------------------------------------------------


def test_an_expired_create_cancels_what_was_to_be_built_on_it(bench: Bench, clock: TwinClock, tmp_path: Path) -> None:
    launch = bench.launch(tmp_path, variations=2)
    soon = clock.now() + timedelta(seconds=1)
    bench.enqueue(
        *(one.model_copy(update={"expires_at": soon}) if one.object_ref == "c1/v0/creative" else one for one in launch)
    )
    bench.drain_all()
    by_status: dict[str, set[tuple[str, str]]] = {}
    for row in bench.queue:
        by_status.setdefault(row["status"], set()).add((row["object_ref"], row["change_type"]))
    assert by_status.pop("expired") == {("c1/v0/creative", "create_creative")}
    assert by_status.pop("cancelled") == {("c1/v0/ad", "create_ad"), ("c1/campaign", "set_status")}
    assert set(by_status) == {"applied"}
    assert {row["wait_reason"] for row in bench.queue if row["status"] == "cancelled"} == {
        "needs c1/v0/creative, whose creation has expired"
    }


def test_an_expired_change_of_what_exists_cancels_nothing(bench: Bench, clock: TwinClock) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(seconds=1)), bench.pause(ref))
    clock.forward(minutes=1)
    bench.drain()
    assert bench.statuses() == ["expired", "applied"]


def test_a_create_under_way_does_not_expire(bench: Bench, clock: TwinClock) -> None:
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c1/campaign", spec, expires_at=clock.now() + timedelta(seconds=30)))
    bench.enqueue(bench.status("c1/campaign", "ACTIVE"))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.drain_all()
    assert bench.statuses() == ["applied", "applied"]
