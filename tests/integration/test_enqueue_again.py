"""Asked for again: what was never sent may be, under the rules of the day; what was sent, or is open, is the same change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flywheel_assets.core.changes import AdChange, CreateAdSet, CreateCampaign
from flywheel_assets.core.errors import ChangeRefused, PermanentError, TransientError
from tests.executor_bench import Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock
from tests.stopping import resume, shown, stop_spend


def launch(bench: Bench, name: str, *budgets: int) -> list[AdChange]:
    """A campaign with ad sets, as far as the daily plan is concerned."""
    campaign = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    adset = CreateAdSet(
        name="S",
        campaign=f"{name}/campaign",
        daily_budget=1000,
        optimization_goal="LEAD_GENERATION",
        promoted_object={"page_id": "1000000002"},
        targeting={"geo_locations": {"countries": ["US"]}},
    )
    specs = [adset.model_copy(update={"daily_budget": minor}) for minor in budgets]
    adsets = [bench.change(f"{name}/a{number}/adset", spec) for number, spec in enumerate(specs)]
    return [bench.change(f"{name}/campaign", campaign), *adsets]


def test_a_launch_that_was_only_observed_is_launched_when_it_is_asked_for_again(bench: Bench, tmp_path: Path) -> None:
    changes = bench.launch(tmp_path)
    bench.mode("observe")
    bench.enqueue(*changes)
    again = bench.enqueue(*changes)
    assert (again.status, again.added, again.known) == ("observed", 0, len(changes))
    bench.mode("auto")
    queued = bench.enqueue(*changes)
    assert (queued.status, queued.added, queued.known) == ("pending", len(changes), 0)
    assert {(row["status"], row["finished_at"]) for row in bench.queue} == {("pending", None)}
    bench.drain_all()
    assert (set(bench.statuses()), len(bench.queue)) == ({"applied"}, len(changes))


def test_what_was_observed_and_is_asked_for_again_waits_for_its_person_in_approve_mode(bench: Bench) -> None:
    change = bench.budget(bench.adset("a"), 5500)
    bench.mode("observe")
    bench.enqueue(change)
    bench.mode("approve")
    assert bench.enqueue(change).status == "proposed"
    assert bench.drain_all() == []
    assert [(row["status"], row["approved_at"]) for row in bench.queue] == [("proposed", None)]


@pytest.mark.parametrize("ended", ["expired", "cancelled"])
def test_what_ended_unsent_and_is_asked_for_again_is_new(bench: Bench, clock: TwinClock, ended: str) -> None:
    change = bench.budget(bench.adset("a"), 5500)
    bench.enqueue(change)
    gone = "status = :ended, finished_at = flywheel_now(), wait_reason = 'gone', failures = 2, deferrals = 3"
    bench.sql(f"update pending_ad_changes set {gone}", ended=ended)  # noqa: S608
    clock.forward(hours=1)
    assert bench.enqueue(change).added == 1
    (row,) = bench.queue
    assert (row["status"], row["wait_reason"], row["failures"], row["deferrals"]) == ("pending", None, 0, 0)
    assert timedelta(seconds=3) <= row["not_before"] - clock.now() <= timedelta(seconds=18)
    bench.drain_all()
    assert bench.statuses() == ["applied"]


@pytest.mark.parametrize("status", ["proposed", "pending", "unknown", "applied", "rejected", "superseded", "dead"])
def test_what_is_open_or_ended_otherwise_stays_as_it_is(bench: Bench, status: str) -> None:
    change = bench.budget(bench.adset("a"), 5500)
    bench.enqueue(change)
    bench.sql("update pending_ad_changes set status = :status", status=status)
    before = bench.queue
    assert bench.enqueue(change).known == 1
    assert bench.queue == before


@pytest.mark.parametrize("ended", ["expired", "cancelled"])
def test_what_was_ever_sent_is_not_asked_for_a_second_time(bench: Bench, ended: str) -> None:
    change = bench.budget(bench.adset("a"), 5500)
    bench.enqueue(change)
    bench.platform.writes = [Fault(TransientError("busy"))]
    bench.due()
    bench.drain()
    bench.sql("update pending_ad_changes set status = :ended", ended=ended)
    assert bench.enqueue(change).known == 1
    assert bench.statuses() == [ended]


def test_what_is_asked_for_again_must_fit_into_the_daily_plan_like_any_other(bench: Bench) -> None:
    """Observed launches take nothing of the plan, so any number of them fit beside each other."""
    first, second = (launch(bench, name, 7500, 7500) for name in ("c1", "c2"))
    bench.mode("observe")
    bench.enqueue(*first)
    bench.enqueue(*second)
    bench.mode("auto")
    bench.enqueue(*first)
    with pytest.raises(ChangeRefused, match="over_daily_plan: 15000 a day for new ad sets beside 15000 in use"):
        bench.enqueue(*second)


def test_what_is_asked_for_again_comes_after_what_was_asked_for_meanwhile(bench: Bench) -> None:
    ref = bench.adset("a")
    observed = bench.budget(ref, 5100)
    bench.mode("observe")
    bench.enqueue(observed)
    bench.mode("auto")
    bench.enqueue(bench.budget(ref, 5200))
    bench.enqueue(observed)
    assert {row["new_budget"]: row["status"] for row in bench.queue} == {5100: "pending", 5200: "superseded"}


def test_another_change_that_was_sent_does_not_stand_against_it(bench: Bench, clock: TwinClock) -> None:
    assert bench.ask(bench.budget(bench.adset("b"), 5500)).outcome == "applied"
    change = bench.budget(bench.adset("a"), 5500, expires_at=clock.now() + timedelta(seconds=1))
    bench.enqueue(change)
    clock.forward(minutes=1)
    bench.drain()
    assert bench.statuses() == ["applied", "expired"]
    assert bench.enqueue(change.model_copy(update={"expires_at": None})).added == 1


def test_a_launch_whose_creation_failed_may_be_asked_for_again_and_stays_as_it_is(bench: Bench, tmp_path: Path) -> None:
    """A run that is repeated is no error; what died is sent again by a person, with what was to be built on it."""
    changes = bench.launch(tmp_path)
    bench.enqueue(*changes)
    bench.platform.writes = [Fault(PermanentError("bad picture", code=100), path="adcreatives")]
    bench.drain_all()
    before = bench.statuses()
    assert sorted(set(before)) == ["applied", "cancelled", "dead"]
    again = bench.enqueue(*changes)
    assert (again.added, again.known, bench.statuses()) == (0, len(changes), before)


def test_an_activation_that_a_stop_came_after_is_not_brought_back_by_a_repeated_run(bench: Bench) -> None:
    bench.adset("a")
    activation = bench.status("c1/campaign", "ACTIVE")
    assert bench.ask(activation).outcome == "cancelled"  # it was active already
    stop_spend(bench)
    bench.drain()
    resume(bench)
    assert bench.enqueue(activation).known == 1
    bench.drain_all()
    assert (shown(bench), bench.statuses()) == ("PAUSED", ["cancelled", "applied"])
