"""A person's edits win: the change is refused once, what the person set is known from then on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import budget_edits
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

SETTLE = Safety().settle_seconds


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def edits(bench: Bench) -> list[tuple[str, int, int]]:
    return [(row["object_ref"], row["ours"], row["theirs"]) for row in bench.rows(budget_edits, "id")]


# --- budgets ---------------------------------------------------------------------------------------


def test_a_persons_budget_stays_and_is_the_known_one_from_then_on(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.sql(
        """update ad_objects set drift = '{"daily_budget": {"ours": 5000, "theirs": 5600}}' where ref = :ref""", ref=ref
    )
    bench.platform.put(remote(ref), daily_budget=5600)
    step = bench.ask(bench.budget(ref, 5300))
    assert step.outcome == "rejected"
    assert step.reason == f"{ref}: edited_elsewhere: 5000 when we last knew, 5600 now; that edit stays"
    assert (bench.shown_budget(ref), bench.platform.journal, bench.history) == (5600, [], [])
    assert edits(bench) == [(ref, 5000, 5600)]
    assert [row["found_at"] for row in bench.rows(budget_edits)] == [clock.now()]
    assert (bench.known(ref)["daily_budget"], bench.known(ref)["drift"]) == (5600, None)


def test_the_next_change_starts_from_the_persons_budget_and_minds_what_stood_before_it(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    """5000 stood until the edit was found, so for six hours nothing above 6000 may; then 5600 is all that stood."""
    bench.platform.put(remote(ref), daily_budget=5600)
    assert bench.ask(bench.budget(ref, 12000)).outcome == "rejected"
    found_at = clock.now()
    clock.forward(minutes=1)
    assert bench.ask(bench.budget(ref, 12000)).outcome == "applied"
    assert (bench.history[-1]["previous_budget"], bench.shown_budget(ref)) == (5600, 6000)
    assert edits(bench) == [(ref, 5000, 5600)]  # refused once, not every time
    clock.move_to(found_at + timedelta(hours=6))
    assert bench.ask(bench.budget(ref, 12000)).outcome == "applied"
    assert bench.shown_budget(ref) == 6720


def test_after_an_edit_too_large_for_the_rule_we_wait_until_what_stood_before_has_left_the_window(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.platform.put(remote(ref), daily_budget=9000)
    assert bench.ask(bench.budget(ref, 5500)).outcome == "rejected"
    opens = clock.now() + timedelta(hours=6)
    clock.forward(minutes=1)
    waiting = bench.ask(bench.budget(ref, 9500))
    assert (waiting.outcome, bench.platform.journal) == ("deferred", [])
    assert waiting.reason == f"the 20 % rule keeps the budget at 9000; room at {opens:%H:%M:%S}"
    assert waiting.until is not None
    assert timedelta(seconds=3) <= waiting.until - opens <= timedelta(seconds=18)
    clock.move_to(waiting.until)
    bench.drain()
    assert bench.statuses() == ["rejected", "applied"]
    assert bench.shown_budget(ref) > 9000


def test_a_raise_never_cuts_what_a_person_raised(bench: Bench, clock: TwinClock, ref: str) -> None:
    """5000 stood within the window, so the rule would have 6000 at most; but nobody asked for less than the 6200 there are."""
    bench.platform.put(remote(ref), daily_budget=6200)
    assert bench.ask(bench.budget(ref, 9000)).outcome == "rejected"
    found_at = clock.now()
    clock.forward(minutes=1)
    waiting = bench.ask(bench.budget(ref, 9000))
    assert (waiting.outcome, bench.shown_budget(ref), bench.platform.journal) == ("deferred", 6200, [])
    clock.move_to(found_at + timedelta(hours=6))
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert bench.shown_budget(ref) == 7440


def test_what_a_conflict_hid_is_adopted_with_it_and_what_stood_before_it_still_binds(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    """Our 5500 and the 5000 before it were in force within the window, whatever a person made of it then."""
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    bench.executor().run_one()
    bench.platform.put(remote(ref), daily_budget=5800)
    clock.forward(seconds=SETTLE)
    assert [step.outcome for step in bench.drain()] == ["rejected"]
    assert [row["status"] for row in bench.history] == ["conflict"]
    assert (bench.known(ref)["daily_budget"], edits(bench)) == (5800, [(ref, 5000, 5800)])
    assert bench.ask(bench.budget(ref, 12000)).outcome == "applied"  # refused once, not twice
    assert (bench.history[-1]["previous_budget"], bench.shown_budget(ref)) == (5800, 6000)


def test_a_budget_nobody_has_known_yet_is_nobodys_edit(bench: Bench, ref: str) -> None:
    bench.sql("update ad_objects set daily_budget = null")
    assert bench.ask(bench.budget(ref, 5500)).outcome == "applied"
    assert edits(bench) == []


# --- statuses --------------------------------------------------------------------------------------


def test_a_persons_status_stays_and_is_the_known_one_from_then_on(bench: Bench, ref: str) -> None:
    bench.sql("update ad_objects set status = 'PAUSED' where ref = :ref", ref=ref)
    bench.platform.put(remote(ref), status="ARCHIVED")
    step = bench.ask(bench.status(ref, "ACTIVE"))
    assert step.outcome == "rejected"
    assert step.reason == f"{ref}: edited_elsewhere: PAUSED when we last knew, ARCHIVED now; that edit stays"
    assert (bench.platform.journal, bench.known(ref)["status"]) == ([], "ARCHIVED")
    assert bench.ask(bench.status(ref, "ACTIVE")).outcome == "applied"  # asked for again by somebody who knows


def test_a_safety_pause_goes_whatever_a_person_made_of_the_status(bench: Bench, ref: str) -> None:
    bench.platform.put(remote(ref), status="WITH_ISSUES")
    assert bench.ask(bench.safety_pause(ref)).outcome == "applied"
    assert bench.platform.objects[remote(ref)]["status"] == "PAUSED"
    assert [row["previous"] for row in bench.history] == [{"status": "WITH_ISSUES"}]


@pytest.mark.parametrize("safety", [False, True])
def test_what_a_person_has_paused_already_is_not_paused_again(bench: Bench, ref: str, safety: bool) -> None:
    bench.platform.put(remote(ref), status="PAUSED")
    step = bench.ask(bench.safety_pause(ref) if safety else bench.pause(ref))
    assert (step.outcome, step.reason) == ("cancelled", f"{ref} is PAUSED already")
    assert (bench.platform.journal, bench.history, bench.known(ref)["status"]) == ([], [], "PAUSED")
