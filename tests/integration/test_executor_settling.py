"""A value that nobody answered may land late: nothing is believed before it has settled, a pause is made again after it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.execution.audit import compare
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock
from tests.stopping import asked, is_stopping, resume, shown, stop_spend

SETTLE = Safety().settle_seconds
SILENCE = Fault(AmbiguousOutcome("no answer"))


@pytest.fixture
def activation(bench: Bench) -> None:
    """The activation of a paused campaign, sent and not answered; it has had no effect yet."""
    bench.adset("a")
    bench.platform.put(remote("c1/campaign"), status="PAUSED")
    bench.sql("update ad_objects set status = 'PAUSED' where ref = 'c1/campaign'")
    bench.enqueue(bench.status("c1/campaign", "ACTIVE"))
    bench.due()
    bench.platform.writes = [SILENCE]
    assert bench.claim().see_through().outcome == "unknown"


def lands(bench: Bench) -> None:
    """The platform carries out the call that was never answered."""
    bench.platform.put(remote("c1/campaign"), status="ACTIVE")


# --- budgets ---------------------------------------------------------------------------------------


def test_a_newer_budget_waits_until_an_unanswered_one_can_land_no_more_and_minds_it(
    bench: Bench, clock: TwinClock
) -> None:
    """Else 41.79 would follow 50.00, and the late 59.29 would be +42 % within minutes."""
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5900))
    bench.due()
    bench.platform.writes = [SILENCE]
    bench.claim().see_through()
    late = bench.history[0]["target_budget"]
    bench.enqueue(bench.budget(ref, 4200))
    clock.forward(seconds=SETTLE - 1)
    assert bench.drain() == []
    bench.platform.put(remote(ref), daily_budget=late)
    clock.forward(seconds=1)
    assert [step.outcome for step in bench.drain()] == ["applied", "applied"]
    assert [row["status"] for row in bench.history] == ["reconciled", "applied"]
    assert late * 0.8 <= bench.shown_budget(ref) < 5000


def test_what_does_not_land_is_known_only_after_it_has_settled(bench: Bench, clock: TwinClock) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5900))
    bench.due()
    bench.platform.writes = [SILENCE]
    start = clock.now()
    bench.drain_all()
    first, second = bench.history
    assert (first["status"], first["finished_at"] - start) == ("not_applied", timedelta(seconds=SETTLE))
    assert (second["status"], bench.statuses()) == ("applied", ["applied"])


# --- a stop of spend -------------------------------------------------------------------------------


@pytest.mark.usefixtures("activation")
def test_a_stop_lasts_until_it_is_known_what_an_unanswered_activation_did(bench: Bench, clock: TwinClock) -> None:
    stop_spend(bench)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert (asked(bench), is_stopping(bench)) == (["ACTIVE", "PAUSED"], True)
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in bench.drain()] == ["superseded"]
    assert (asked(bench), shown(bench), is_stopping(bench)) == (["ACTIVE", "PAUSED"], "PAUSED", False)


@pytest.mark.usefixtures("activation")
def test_a_pause_is_made_again_when_the_activation_it_went_past_lands_after_it(bench: Bench, clock: TwinClock) -> None:
    stop_spend(bench)
    bench.drain()
    lands(bench)
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in bench.drain()] == ["applied", "applied"]
    assert (asked(bench), shown(bench), is_stopping(bench)) == (["ACTIVE", "PAUSED", "PAUSED"], "PAUSED", False)
    assert bench.known("c1/campaign")["status"] == "PAUSED"
    assert [(row["lane"], row["status"]) for row in bench.queue] == [(0, "applied"), (2, "applied"), (2, "applied")]


@pytest.mark.usefixtures("activation")
def test_it_is_made_again_after_the_account_goes_on_too(bench: Bench, clock: TwinClock) -> None:
    """Campaigns that a stop has paused stay paused until somebody starts them."""
    stop_spend(bench)
    bench.drain()
    resume(bench)
    lands(bench)
    clock.forward(seconds=SETTLE)
    bench.drain()
    assert (asked(bench), shown(bench)) == (["ACTIVE", "PAUSED", "PAUSED"], "PAUSED")


@pytest.mark.usefixtures("activation")
def test_without_a_stop_a_late_activation_is_what_was_asked_for(bench: Bench, clock: TwinClock) -> None:
    lands(bench)
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert (asked(bench), shown(bench), bench.statuses()) == (["ACTIVE"], "ACTIVE", ["applied"])


@pytest.mark.usefixtures("activation")
def test_a_pause_that_stops_nothing_urgent_waits_for_the_answer(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.pause("c1/campaign", priority=99))
    clock.forward(seconds=SETTLE - 1)
    assert bench.drain() == []
    lands(bench)
    clock.forward(seconds=1)
    assert [step.outcome for step in bench.drain()] == ["applied", "applied"]
    assert (asked(bench), shown(bench)) == (["ACTIVE", "PAUSED"], "PAUSED")


@pytest.mark.usefixtures("activation")
def test_it_is_not_made_again_once_a_person_has_started_the_campaign(bench: Bench, clock: TwinClock) -> None:
    stop_spend(bench)
    bench.drain()
    resume(bench)
    bench.enqueue(bench.status("c1/campaign", "ACTIVE", idempotency_key="a person starts it"))
    lands(bench)
    clock.forward(seconds=SETTLE)
    bench.drain_all()
    assert (shown(bench), "PAUSED" in asked(bench)[2:]) == ("ACTIVE", False)


def test_what_landed_before_the_pause_went_past_it_is_not_said_to_have_done_nothing(
    bench: Bench, clock: TwinClock
) -> None:
    """PAUSED is shown because of the pause, so it proves nothing about the activation before it."""
    bench.adset("a")
    bench.platform.put(remote("c1/campaign"), status="PAUSED")
    bench.sql("update ad_objects set status = 'PAUSED' where ref = 'c1/campaign'")
    bench.enqueue(bench.status("c1/campaign", "ACTIVE"))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("no answer"), landed=True)]
    bench.claim().see_through()
    stop_spend(bench)
    bench.drain()
    clock.forward(seconds=SETTLE)
    bench.drain()
    assert (asked(bench), shown(bench), is_stopping(bench)) == (["ACTIVE", "PAUSED"], "PAUSED", False)
    assert bench.history[0]["status"] == "conflict"
    with bench.store.engine.connect() as connection:
        found = compare(connection, bench.platform.journal)
    assert (found.gaps, found.overtaken) == (0, Counter([remote("c1/campaign")]))
    assert bench.queue[0]["wait_reason"] == (
        "nobody answered it, and a later change has taken its place: it may have had effect until then"
    )
