"""A stop of spend ends when its pauses have gone out: no outage, refusal, limit or corrected file ends it before."""

from __future__ import annotations

from datetime import timedelta

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
from flywheel_assets.execution import operators
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import account_holds
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock
from tests.stopping import is_stopping, resume, shown, stop_spend

LONGEST = Safety().retry_seconds[-1]
refusals = pytest.mark.parametrize(
    ("error", "rule"),
    [(AuthError("token expired", code=190), "auth"), (PolicyError("restricted", code=368), "policy")],
    ids=["auth", "policy"],
)


# --- outages ---------------------------------------------------------------------------------------


def test_an_outage_of_any_length_only_delays_a_pause(bench: Bench, clock: TwinClock) -> None:
    bench.adset("a")
    stop_spend(bench)
    start = clock.now()
    bench.platform.writes = [Fault(TransientError("down", code=2))] * 20
    assert [step.outcome for step in bench.drain_all()] == ["retried"] * 20 + ["applied"]
    assert clock.now() - start == timedelta(seconds=sum(Safety().retry_seconds) + 15 * LONGEST)
    assert (shown(bench), bench.letters, bench.alerts, is_stopping(bench)) == ("PAUSED", [], [], False)


def test_a_pause_that_is_never_answered_is_sent_until_it_is_in_force(bench: Bench) -> None:
    bench.adset("a")
    stop_spend(bench)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))] * 20
    bench.drain_all()
    assert (shown(bench), len(bench.platform.journal), bench.letters) == ("PAUSED", 21, [])


def test_an_ordinary_pause_still_ends_after_its_six_calls(bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a"), priority=99))
    bench.platform.writes = [Fault(TransientError("down", code=2))] * 20
    bench.drain_all()
    assert (bench.statuses(), len(bench.platform.journal)) == (["dead"], 6)


def test_a_pause_that_can_never_be_made_is_told_to_a_person(bench: Bench) -> None:
    bench.adset("a")
    stop_spend(bench)
    bench.platform.writes = [Fault(PermanentError("no such campaign", code=100))]
    bench.drain()
    assert bench.statuses() == ["dead"]
    (alert,) = bench.alerts
    said = "c1/campaign could not be paused: no such campaign; pause it in the Ads Manager now"
    assert (alert["rule"], alert["reason"], alert["stopped"]) == ("not_paused", said, True)


def test_a_person_who_sends_it_again_makes_the_stop_go_on(bench: Bench) -> None:
    bench.adset("a")
    stop_spend(bench)
    bench.platform.writes = [Fault(PermanentError("no such campaign", code=100))]
    bench.drain_all()
    assert not is_stopping(bench)
    with bench.store.engine.begin() as connection:
        operators.retry(connection, bench.queue[0]["id"], Safety())
    assert is_stopping(bench)
    bench.drain_all()
    assert (shown(bench), is_stopping(bench)) == ("PAUSED", False)


# --- refusals --------------------------------------------------------------------------------------


@refusals
def test_a_refusal_of_a_call_that_was_under_way_does_not_end_the_stop(
    bench: Bench, error: RemoteError, rule: str
) -> None:
    bench.adset("a")
    bench.enqueue(bench.budget(bench.adset("b", campaign="c2"), 5500))
    bench.due()

    def meanwhile(_path: str) -> None:
        bench.platform.inside = None
        stop_spend(bench)

    bench.platform.inside = meanwhile
    bench.platform.writes = [Fault(error)]
    assert bench.claim().see_through().outcome == "deferred"
    assert is_stopping(bench)
    assert [step.outcome for step in bench.drain()] == ["applied", "applied"]
    assert (shown(bench), shown(bench, "c2/campaign"), is_stopping(bench)) == ("PAUSED", "PAUSED", False)
    assert [row["rule"] for row in bench.alerts] == [rule]
    assert bench.account_row()["frozen_reason"] == "spend stopped: too dear"


@refusals
def test_a_pause_that_is_refused_is_told_tried_again_and_holds_up_no_other(
    bench: Bench, clock: TwinClock, error: RemoteError, rule: str
) -> None:
    bench.adset("a")
    bench.adset("a", campaign="c2")
    stop_spend(bench)
    bench.platform.writes = [Fault(error, path=remote("c1/campaign"))] * 2
    assert sorted(step.outcome for step in bench.drain()) == ["applied", "deferred"]
    assert (shown(bench), shown(bench, "c2/campaign"), is_stopping(bench)) == ("ACTIVE", "PAUSED", True)
    assert [row["rule"] for row in bench.alerts] == [rule]
    start = clock.now()
    assert [step.outcome for step in bench.drain_all()] == ["deferred", "applied"]
    assert clock.now() - start == timedelta(seconds=2 * LONGEST)
    assert (shown(bench), is_stopping(bench)) == ("PAUSED", False)


# --- limits ----------------------------------------------------------------------------------------


def test_the_action_kept_for_a_pause_is_not_used_up_by_its_own_tries_that_came_to_nothing(
    bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(14)))
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"] * 14
    stop_spend(bench)
    start = clock.now()
    bench.platform.writes = [Fault(TransientError("busy", code=2)), Fault(AmbiguousOutcome("cut off"))]
    assert [step.outcome for step in bench.drain_all()] == ["retried", "unknown", "retried", "applied"]
    assert clock.now() - start < timedelta(minutes=1)
    assert [row["status"] for row in bench.history[14:]] == ["failed", "not_applied", "applied"]


def test_however_long_the_platform_says_an_account_is_asked_again_after_an_hour(bench: Bench, clock: TwinClock) -> None:
    bench.adset("a")
    bench.enqueue(bench.pause(bench.adset("b", campaign="c2")))
    bench.due()
    bench.platform.writes = [
        Fault(Throttled("slow down", retry_after=timedelta(minutes=999_999), scope="account", code=17))
    ]
    bench.drain()
    stop_spend(bench)
    until = clock.now() + timedelta(hours=1)
    assert [row["until"] for row in bench.rows(account_holds)] == [until]
    clock.move_to(until - timedelta(milliseconds=1))
    assert bench.drain() == []
    clock.move_to(until)
    assert [step.outcome for step in bench.drain()] == ["applied"] * 2
    assert (shown(bench), shown(bench, "c2/campaign")) == ("PAUSED", "PAUSED")


def test_a_person_who_resumes_the_account_lifts_its_hold(bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.due()
    bench.platform.writes = [Fault(Throttled("slow down", retry_after=timedelta(minutes=50), scope="account", code=17))]
    bench.drain()
    resume(bench)
    assert bench.rows(account_holds) == []
    stop_spend(bench)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert shown(bench) == "PAUSED"


def test_our_own_pacing_does_not_open_a_door_that_the_platform_has_closed(bench: Bench, clock: TwinClock) -> None:
    """The pacing lasts longer than the refusal, and would let a safety pause run into it."""
    bench.adset("a")
    first, second = bench.adset("b", campaign="c2"), bench.adset("c", campaign="c3")
    bench.enqueue(bench.pause(first), bench.pause(second))
    bench.due()
    one, two = bench.claim("w1"), bench.claim("w2")
    bench.platform.writes = [Fault(Throttled("slow down", retry_after=timedelta(minutes=4), scope="account", code=17))]
    one.see_through()
    bench.platform.usage = 99.0
    two.see_through()
    bench.platform.usage = None
    stop_spend(bench)
    clock.forward(minutes=4, seconds=-1)
    assert bench.drain() == []
    clock.forward(seconds=1)
    bench.drain_all()
    assert shown(bench) == "PAUSED"


# --- what is believed ------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0, 30, 600])
def test_a_campaign_that_we_paused_is_asked_about_again_however_lately_that_was(
    bench: Bench, clock: TwinClock, minutes: float
) -> None:
    bench.adset("a")
    bench.ask(bench.pause("c1/campaign"))
    bench.platform.put(remote("c1/campaign"), status="ACTIVE")  # a person
    clock.forward(minutes=minutes)
    assert stop_spend(bench).added == 1
    bench.drain()
    assert shown(bench) == "PAUSED"


def test_a_corrected_currency_does_not_stand_against_a_stop(bench: Bench) -> None:
    bench.adset("a")
    bench.configure(currency="EUR")
    stop_spend(bench)
    bench.drain()
    assert (shown(bench), is_stopping(bench)) == ("PAUSED", False)
