"""What stops or slows an account: a bad token, a restriction, a throttle, a quota that runs out. And only that account."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flywheel_assets.core.errors import AuthError, PolicyError, RemoteError, Throttled
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import account_holds
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

ERRORS = [(AuthError("token expired", code=190), "auth"), (PolicyError("restricted", code=368), "policy")]
errors = pytest.mark.parametrize(("error", "rule"), ERRORS, ids=["auth", "policy"])


@pytest.fixture
def other(bench: Bench) -> Bench:
    """A second account with a change that is due."""
    made = bench.beside("act_2")
    made.enqueue(made.pause(made.adset("a", campaign="d1")))
    bench.due()
    return made


def due_pauses(bench: Bench, count: int) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(count)))
    bench.due()


# --- token and policy ------------------------------------------------------------------------------


@errors
@pytest.mark.parametrize("during", ["write", "read"])
def test_the_account_is_frozen_one_alert_is_raised_and_nothing_goes_round_and_round(
    bench: Bench, clock: TwinClock, error: RemoteError, rule: str, during: str
) -> None:
    due_pauses(bench, 3)
    bench.platform.reads = [error] * 9 if during == "read" else []
    bench.platform.writes = [Fault(error)] * 9 if during == "write" else []
    steps = bench.drain()
    assert [step.outcome for step in steps] == ["deferred"]
    clock.forward(hours=1)
    assert bench.drain_all() == []
    reason = f"{type(error).__name__}: {error}"
    account = bench.account_row()
    assert (account["frozen"], account["frozen_reason"]) == (True, reason)
    (alert,) = bench.alerts
    assert (alert["account_id"], alert["rule"], alert["reason"]) == (bench.account.account_id, rule, reason)
    assert (alert["stopped"], alert["closed_at"]) == (True, None)
    assert len(bench.platform.journal) == (during == "write")
    assert [(row["status"], row["failures"]) for row in bench.queue] == [("pending", 0)] * 3


@errors
def test_the_other_account_goes_on(bench: Bench, other: Bench, error: RemoteError, rule: str) -> None:
    due_pauses(bench, 1)
    bench.platform.writes = [Fault(error, path=remote("c1/s0/adset"))]
    bench.drain()
    assert [(row["object_ref"], row["status"]) for row in bench.queue] == [
        ("d1/a/adset", "applied"),
        ("c1/s0/adset", "pending"),
    ]
    assert [(row["account_id"], row["rule"]) for row in bench.alerts] == [(bench.account.account_id, rule)]
    assert not other.account_row()["frozen"]


def test_what_goes_wrong_again_before_a_person_has_looked_is_the_same_alert(bench: Bench, clock: TwinClock) -> None:
    due_pauses(bench, 1)
    bench.platform.writes = [Fault(error) for error, _ in ERRORS] * 2
    for _ in range(4):
        assert [step.outcome for step in bench.drain()] == ["deferred"]
        assert bench.queue[0]["not_before"] == clock.now() + timedelta(seconds=Safety().retry_seconds[-1])
        bench.sql("update accounts set frozen = false, frozen_reason = null")
        bench.due()
    assert [row["rule"] for row in bench.alerts] == ["auth", "policy"]
    bench.sql("update alerts set closed_at = flywheel_now()")
    bench.platform.writes = [Fault(ERRORS[0][0])]
    bench.drain()
    assert [row["rule"] for row in bench.alerts] == ["auth", "policy", "auth"]


def test_eight_workers_that_meet_the_same_bad_token_raise_one_alert(bench: Bench) -> None:
    for number in range(8):
        bench.enqueue(bench.pause(bench.adset("a", campaign=f"c{number}")))
    bench.due()
    bench.platform.writes = [Fault(ERRORS[0][0])] * 99
    steps = bench.drain_together()
    assert {step.outcome for step in steps} == {"deferred"}
    assert [row["rule"] for row in bench.alerts] == ["auth"]
    assert bench.statuses() == ["pending"] * 8


# --- throttles -------------------------------------------------------------------------------------


def holds(bench: Bench) -> list[tuple[str, datetime, str]]:
    return [(row["account_id"], row["until"], row["reason"]) for row in bench.rows(account_holds, "account_id")]


def throttle(scope: str) -> Fault:
    return Fault(Throttled("slow down", retry_after=timedelta(minutes=7), scope=scope, code=4))


@pytest.mark.usefixtures("other")
@pytest.mark.parametrize(
    ("scope", "held", "whose"),
    [("object", 1, []), ("account", 3, ["act_1000000001"]), ("app", 4, ["act_1000000001", "act_2"])],
    ids=["object", "account", "app"],
)
def test_who_waits_for_a_throttle_depends_on_whom_it_is_for(
    bench: Bench, clock: TwinClock, scope: str, held: int, whose: list[str]
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}"), priority=1) for number in range(3)))
    bench.due()
    bench.platform.writes = [throttle(scope)]
    until = clock.now() + timedelta(minutes=7)
    worker = bench.executor()
    list(worker.drain())
    assert bench.statuses().count("pending") == held
    assert len(bench.platform.journal) == 1 + 4 - held
    assert holds(bench) == [(account, until, "slow down") for account in whose]
    assert worker.next_due() == until
    clock.move_to(until - timedelta(milliseconds=1))
    assert list(worker.drain()) == []
    clock.move_to(until)
    assert [step.outcome for step in worker.drain()] == ["applied"] * held
    assert {row["failures"] for row in bench.queue} == {0}
    assert set(bench.statuses()) == {"applied"}  # the other account's too


def test_what_is_asked_for_while_an_account_is_throttled_waits_too_be_it_a_safety_pause(
    bench: Bench, clock: TwinClock
) -> None:
    due_pauses(bench, 1)
    bench.platform.writes = [throttle("account")]
    until = clock.now() + timedelta(minutes=7)
    bench.drain()
    bench.enqueue(bench.pause(bench.adset("later")), bench.safety_pause(bench.adset("urgent")))
    clock.forward(minutes=1)
    assert bench.drain() == []
    clock.move_to(until)
    assert [step.outcome for step in bench.drain()] == ["applied"] * 3


def test_a_shorter_throttle_does_not_cut_a_longer_one_short(bench: Bench, clock: TwinClock) -> None:
    due_pauses(bench, 2)
    first, second = bench.claim("w1"), bench.claim("w2")
    until = clock.now() + timedelta(minutes=7)
    bench.platform.writes = [
        throttle("account"),
        Fault(Throttled("briefly", retry_after=timedelta(seconds=5), scope="account")),
    ]
    first.see_through()
    second.see_through()
    assert holds(bench) == [(bench.account.account_id, until, "slow down")]
    clock.forward(seconds=30)
    assert bench.drain() == []


def test_what_waits_longer_already_is_not_called_earlier(bench: Bench, clock: TwinClock) -> None:
    due_pauses(bench, 2)
    bench.sql("update pending_ad_changes set not_before = flywheel_now() + interval '1 hour' where seq = 2")
    later = bench.queue[1]["not_before"]
    bench.platform.writes = [throttle("account")]
    bench.drain()
    clock.forward(minutes=7)
    assert [step.change.object_ref for step in bench.drain()] == ["c1/s0/adset"]
    assert bench.queue[1]["not_before"] == later


# --- usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "seconds"), [(None, 0), (79.9, 0), (80.0, 15), (94.9, 15), (95.0, 300), (120.0, 300)]
)
@pytest.mark.usefixtures("other")
def test_an_account_slows_down_before_the_platform_does_it(
    bench: Bench, clock: TwinClock, usage: float | None, seconds: int
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}"), priority=1) for number in range(3)))
    bench.due()
    bench.platform.usage = usage
    worker = bench.executor()
    worker.run_one()
    bench.platform.usage = None
    until = clock.now() + timedelta(seconds=seconds)
    if seconds:
        reason = f"{usage:.0f} % of the platform's quota is used; the account waits {seconds} s"
        assert holds(bench) == [(bench.account.account_id, until, reason)]
        assert [step.change.account_id for step in worker.drain()] == ["act_2"]  # its own quota is another
        clock.move_to(until - timedelta(milliseconds=1))
        assert list(worker.drain()) == []
        clock.move_to(until)
        assert [step.outcome for step in worker.drain()] == ["applied"] * 2
    else:
        assert holds(bench) == []
        assert [step.outcome for step in worker.drain()] == ["applied"] * 3
    assert {row["failures"] for row in bench.queue} == {0}


def test_our_own_pacing_does_not_hold_up_what_stops_spend(bench: Bench) -> None:
    bench.platform.usage = 99.0
    bench.enqueue(bench.pause(bench.adset("a"), priority=99), *(bench.safety_pause(bench.adset(n)) for n in "bcd"))
    bench.due()
    applied = [step.change.object_ref for step in bench.drain()]
    assert applied == ["c1/b/adset", "c1/c/adset", "c1/d/adset"]
    assert bench.statuses() == ["pending", "applied", "applied", "applied"]
