"""Workers that die, hang or come back late: nothing is lost, nothing is sent twice, a late answer is worthless."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.execution.attempt import LostClaim, begin, still_alive
from flywheel_assets.execution.audit import compare
from flywheel_assets.execution.limits import Deferral
from flywheel_assets.execution.outcomes import defer
from flywheel_assets.execution.queue import is_due
from flywheel_assets.execution.records import Observed
from flywheel_assets.execution.tidying import end_leases
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import CAMPAIGN, Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

SETTLE = Safety().settle_seconds


class Killed(BaseException):
    """The end of a worker in the middle of a call."""


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def due_budget(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)


def due_campaign(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.change("c1/campaign", CAMPAIGN))
    clock.forward(minutes=1)


def no_gaps(bench: Bench) -> bool:
    with bench.store.engine.connect() as connection:
        return compare(connection, bench.platform.journal).gaps == 0


def test_a_claim_is_nobody_elses_while_its_lease_lasts(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    bench.claim("w1")
    assert list(bench.executor("w2").drain()) == []
    clock.forward(hours=24)
    assert list(bench.executor("w2").drain()) == []  # leases are real time; the twin's clock moves none of them


def test_a_worker_known_to_be_gone_is_not_waited_for(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    bench.claim("w1")
    with bench.store.engine.begin() as connection:
        assert end_leases(connection, lambda worker: worker == "w2") == 0
    assert list(bench.executor("w2").drain()) == []
    with bench.store.engine.begin() as connection:
        assert end_leases(connection, lambda worker: worker == "w1") == 1
        assert end_leases(connection, lambda worker: worker == "w1") == 0
    assert [step.outcome for step in bench.executor("w2").drain()] == ["applied"]


def test_a_worker_that_dies_before_its_intent_leaves_the_change_to_the_next(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    due_budget(bench, clock, ref)
    late = bench.claim("w1")
    bench.lose_leases()
    with bench.store.engine.connect() as connection:
        assert is_due(connection)
    second = bench.executor("w2")
    second.tidy()
    (row,) = bench.queue
    assert (row["status"], row["wait_reason"]) == ("pending", "worker w1 lost its lease while claimed")
    assert [step.outcome for step in second.drain()] == ["applied"]
    with pytest.raises(LostClaim):
        late.see_through()
    assert [row["worker"] for row in bench.history] == ["w2"]
    assert len(bench.platform.journal) == 1


@pytest.mark.parametrize(("landed", "statuses"), [(True, ["reconciled"]), (False, ["not_applied", "applied"])])
def test_a_worker_that_dies_in_its_call_is_read_back(
    bench: Bench, clock: TwinClock, landed: bool, statuses: list[str]
) -> None:
    due_campaign(bench, clock)
    bench.platform.writes = [Fault(Killed(), landed=landed)]
    with pytest.raises(Killed):
        bench.drain()
    assert bench.statuses() == ["executing"]
    assert bench.drain() == []
    bench.lose_leases()
    second = bench.executor("w2")
    second.tidy()
    assert bench.statuses() == ["unknown"]
    bench.drain_all()
    assert bench.statuses() == ["applied"]
    assert [row["status"] for row in bench.history] == statuses
    assert len(bench.platform.objects) == 1
    assert no_gaps(bench)


def test_a_worker_that_dies_after_its_call_is_read_back(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    bench.sql("create function die() returns trigger language plpgsql as $$ begin raise 'killed'; end $$")
    bench.sql("create trigger die before update on ad_change_history for each row execute function die()")
    with pytest.raises(Exception, match="killed"):
        bench.drain()
    bench.sql("drop trigger die on ad_change_history")
    bench.lose_leases()
    bench.drain_all()
    assert [row["status"] for row in bench.history] == ["reconciled"]
    assert len(bench.platform.journal) == 1
    assert bench.statuses() == ["applied"]


def test_a_late_answer_writes_nothing(bench: Bench, clock: TwinClock) -> None:
    """The first worker hangs in its call; the second takes over, waits until it must have landed, finds nothing, sends.

    The first call lands after all: that a lease outlives the HTTP timeout is what keeps this from happening.
    """
    due_campaign(bench, clock)
    second = bench.executor("w2")
    taken: list[str] = []

    def hang(_path: str) -> None:
        bench.platform.inside = None
        bench.lose_leases()
        assert list(second.drain()) == []
        clock.forward(seconds=90)
        taken.extend(step.outcome for step in second.drain())
        clock.forward(seconds=1)
        taken.extend(step.outcome for step in second.drain())

    bench.platform.inside = hang
    (step,) = bench.executor("w1").drain()
    assert (step.outcome, step.reason) == ("lost", "the lease ran out; another worker has it")
    assert taken == ["retried", "applied"]
    assert [(row["worker"], row["status"]) for row in bench.history] == [("w1", "not_applied"), ("w2", "applied")]
    made_by_second = bench.platform.journal[0]["answer"]["id"]
    assert [row["remote_id"] for row in bench.rows(ad_objects)] == [made_by_second]


def test_a_stale_token_opens_nothing(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    stale = bench.claim("w1").change
    bench.lose_leases()
    bench.executor("w2").tidy()
    fresh = bench.claim("w2")
    assert fresh.change.fencing_token > stale.fencing_token
    before = bench.queue
    with pytest.raises(LostClaim), bench.store.engine.begin() as connection:
        begin(connection, stale, Observed(), Safety())
    with pytest.raises(LostClaim), bench.store.engine.begin() as connection:
        defer(connection, stale, Deferral(clock.now() + timedelta(hours=1), "too late"), Safety())
    assert bench.queue == before
    assert fresh.see_through().outcome == "applied"


def test_a_call_under_way_is_kept_alive_by_its_holder_only(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    bench.platform.inside = lambda _: bench.lose_leases()
    stale = bench.claim("w1")
    with pytest.raises(LostClaim):
        stale.see_through()
    with pytest.raises(LostClaim), bench.store.engine.begin() as connection:
        still_alive(connection, stale.change, Safety())  # late, though nobody has taken over yet
    bench.platform.inside = None
    bench.executor("w2").tidy()
    clock.forward(seconds=SETTLE)
    fresh = bench.claim("w2")
    before = bench.queue
    with pytest.raises(LostClaim), bench.store.engine.begin() as connection:
        still_alive(connection, stale.change, Safety())
    assert bench.queue == before
    assert fresh.see_through().outcome == "applied"


def test_a_lease_that_ran_out_is_lost_even_before_anybody_took_over(bench: Bench, clock: TwinClock, ref: str) -> None:
    due_budget(bench, clock, ref)
    bench.platform.inside = lambda _: bench.lose_leases()
    (step,) = bench.executor("w1").drain()
    assert step.outcome == "lost"
    bench.platform.inside = None
    second = bench.executor("w2")
    assert list(second.drain()) == []
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in second.drain()] == ["applied"]
    assert [row["status"] for row in bench.history] == ["reconciled"]
    assert len(bench.platform.journal) == 1


def test_an_unknown_outcome_stays_unknown_when_the_worker_that_reads_it_back_dies(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    """Else the change could expire with its call never accounted for."""
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(minutes=5)))
    clock.forward(minutes=1)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.executor("w1").run_one()
    clock.forward(seconds=SETTLE)
    bench.claim("w1")
    bench.lose_leases()
    clock.forward(hours=1)
    second = bench.executor("w2")
    second.tidy()
    assert bench.statuses() == ["unknown"]
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in second.drain()] == ["applied"]
    assert [row["status"] for row in bench.history] == ["reconciled"]


def test_a_change_that_kills_every_worker_ends_in_the_dead_letters(bench: Bench, clock: TwinClock) -> None:
    due_campaign(bench, clock)
    for _ in range(6):
        bench.platform.writes = [Fault(Killed())]
        with pytest.raises(Killed):
            bench.drain_all()
        bench.lose_leases()
    bench.drain_all()
    assert bench.statuses() == ["dead"]
    assert [row["status"] for row in bench.history] == ["not_applied"] * 6
    assert bench.letters[0]["failures"] == 6
