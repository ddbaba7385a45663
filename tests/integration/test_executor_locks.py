"""What waits for what: the moments that decide whether two workers can both be right, one at a time and on purpose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from flywheel_assets.execution import attempt as attempts
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.records import Attempt, Observed, Step
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock
from tests.locking import holding

ACTIVE = Observed(fields={"status": "ACTIVE"})
IMPATIENT = "set local lock_timeout = '200ms';"


def test_a_claim_does_not_wait_for_another_claim_and_gets_another_change(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")), bench.pause(bench.adset("b")))
    clock.forward(minutes=1)
    claim = text("select object_ref from claim_pending_ad_change('w')")
    engine = bench.store.engine
    with engine.begin() as one, engine.begin() as two, engine.begin() as three:
        two.execute(text(IMPATIENT))
        claimed = {one.execute(claim).scalar_one(), two.execute(claim).scalar_one()}
        assert claimed == {"c1/a/adset", "c1/b/adset"}
        assert three.execute(claim).all() == []


def test_a_freeze_waits_for_an_intent_that_is_being_written(bench: Bench, clock: TwinClock) -> None:
    """So that once the freeze has returned, every intent is either on record or will see it."""
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    change = bench.claim().change
    freeze = "update accounts set frozen = true, frozen_reason = 'stop'"
    with bench.store.engine.begin() as connection:
        attempts.begin(connection, change, ACTIVE, Safety())
        with pytest.raises(OperationalError, match="lock timeout"):
            bench.sql(f"{IMPATIENT} {freeze}")


def test_an_intent_waits_for_a_freeze_that_is_being_written_and_obeys_it(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    freeze = "update accounts set frozen = true, frozen_reason = 'stop'"
    with holding(bench, freeze, bench.executor().run_one) as (_, future):
        assert bench.platform.journal == []
    step: Step = future.result()
    assert (step.outcome, step.reason) == ("deferred", "account act_1000000001 is frozen: stop")
    assert bench.platform.journal == bench.history == []


LOCK_CAMPAIGN = "select ref from ad_objects where ref = 'c1/campaign' for update"


def test_what_time_it_is_is_asked_after_the_campaigns_lock_was_won(bench: Bench, clock: TwinClock) -> None:
    """A reading from before the wait would count yesterday's hour."""
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    with holding(bench, LOCK_CAMPAIGN, bench.executor().run_one):
        later = clock.forward(hours=1)
    assert [row["started_at"] for row in bench.history] == [later]


def test_a_lease_that_runs_out_while_its_worker_waits_for_the_lock_is_lost(bench: Bench, clock: TwinClock) -> None:
    """The transaction began before the lease ended; its own start time would still find it valid."""
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    with holding(bench, LOCK_CAMPAIGN, bench.executor().run_one) as (_, future):
        bench.sql("update pending_ad_changes set lease_until = clock_timestamp()")
    assert future.result().outcome == "lost"
    assert bench.platform.journal == bench.history == []


def test_two_drains_at_once_do_not_set_the_clock_back(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    far = clock.now() + timedelta(hours=5)
    moved = "update twin_clock set reads = reads + interval '5 hours'"
    with holding(bench, moved, lambda: list(drain(bench.executor()))):
        pass
    assert clock.now() == far


@pytest.mark.parametrize(("used", "outcome"), [(14, Deferral), (13, Attempt)])
def test_room_is_counted_under_the_same_lock_as_the_intent_is_written(
    bench: Bench, clock: TwinClock, used: int, outcome: type
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(used + 1)))
    clock.forward(minutes=1)
    worker = bench.executor()
    for _ in range(used):
        worker.run_one()
    change = bench.claim().change
    with bench.store.engine.begin() as connection:
        begun = attempts.begin(connection, change, ACTIVE, Safety())
        with pytest.raises(OperationalError, match="lock timeout"):
            bench.sql(f"{IMPATIENT} {LOCK_CAMPAIGN}")
    assert isinstance(begun, outcome)
