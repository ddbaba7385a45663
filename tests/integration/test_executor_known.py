"""What is known of an object: what a person has set since counts, what we wrote ends what was seen before it."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel_assets.core.changes import AdChange, SetName, SetTargeting
from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.execution.in_force import load_objects
from flywheel_assets.execution.reconciled import refresh
from flywheel_assets.execution.refusing import committed
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

US = {"geo_locations": {"countries": ["US"]}}
ADULTS = {**US, "age_min": 18}


@pytest.fixture
def ref(bench: Bench) -> str:
    made = bench.adset("a")
    bench.platform.put(remote(made), targeting=US, name="Old [fw-c1/a/adset]")
    return made


def look(bench: Bench) -> None:
    refresh(bench.store.engine, lambda _: bench.platform, "sandbox")


def planned(bench: Bench) -> int:
    with bench.store.engine.connect() as connection:
        return committed(connection, bench.account.account_id)


# --- targeting and name ----------------------------------------------------------------------------

CASES: dict[str, tuple[str, Any, Any, Any]] = {  # the field, what we set, what a person makes of it, what we want next
    "targeting": (
        "targeting",
        SetTargeting(targeting=ADULTS),
        {**ADULTS, "age_min": 25, "age_max": 40},
        SetTargeting(targeting={**US, "age_min": 21}),
    ),
    "name": ("name", SetName(name="Ours"), "Theirs [fw-c1/a/adset]", SetName(name="New")),
    "name without our tag": ("name", SetName(name="Ours"), "Theirs", SetName(name="New")),
}
cases = pytest.mark.parametrize("case", CASES)


def asks(bench: Bench, ref: str, case: str) -> tuple[AdChange, dict[str, Any], AdChange]:
    field, ours, theirs, wanted = CASES[case]
    return bench.change(ref, ours), {field: theirs}, bench.change(ref, wanted)


@cases
def test_a_persons_edit_since_ours_stays_and_is_the_known_one_from_then_on(bench: Bench, ref: str, case: str) -> None:
    ours, theirs, wanted = asks(bench, ref, case)
    bench.ask(ours)
    bench.platform.put(remote(ref), **theirs)
    step = bench.ask(wanted)
    (field,) = theirs
    said = f"{ref}: edited_elsewhere: a person has changed its {field} since we last did; that edit stays"
    assert (step.outcome, step.reason) == ("rejected", said)
    assert (bench.platform.objects[remote(ref)][field], len(bench.platform.journal)) == (theirs[field], 1)
    assert bench.ask(asks(bench, ref, case)[2]).outcome == "applied"  # by somebody who knows


@cases
def test_without_an_edit_the_next_change_goes(bench: Bench, ref: str, case: str) -> None:
    ours, _, wanted = asks(bench, ref, case)
    assert [bench.ask(one).outcome for one in (ours, wanted)] == ["applied", "applied"]


def test_what_the_platform_filled_in_is_nobodys_edit(bench: Bench, ref: str) -> None:
    ours, _, wanted = asks(bench, ref, "targeting")
    bench.ask(ours)
    bench.platform.put(remote(ref), targeting={**ADULTS, "age_max": 65})
    assert bench.ask(wanted).outcome == "applied"


@cases
def test_what_we_have_never_set_is_nobodys_edit(bench: Bench, ref: str, case: str) -> None:
    assert bench.ask(asks(bench, ref, case)[2]).outcome == "applied"


@cases
def test_what_a_person_set_during_a_call_of_ours_is_known_from_then_on(
    bench: Bench, clock: TwinClock, ref: str, case: str
) -> None:
    ours, theirs, wanted = asks(bench, ref, case)
    bench.enqueue(ours)
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.claim().see_through()
    bench.platform.put(remote(ref), **theirs)
    clock.forward(seconds=Safety().settle_seconds)
    assert [step.outcome for step in bench.drain()] == ["rejected"]
    assert bench.ask(wanted).outcome == "applied"  # refused once, not twice


# --- budgets and statuses --------------------------------------------------------------------------


def test_a_budget_that_a_person_set_during_a_call_of_ours_is_known_from_then_on(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    bench.enqueue(bench.budget(ref, 5500))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.claim().see_through()
    bench.platform.put(remote(ref), daily_budget=5200)
    clock.forward(seconds=Safety().settle_seconds)
    bench.drain()
    assert (bench.statuses(), bench.known(ref)["daily_budget"]) == (["rejected"], 5200)
    assert bench.ask(bench.budget(ref, 5600)).outcome == "applied"


def test_an_ad_set_that_a_person_has_switched_on_again_counts_toward_the_cap(bench: Bench, ref: str) -> None:
    other = bench.adset("b")
    bench.configure(daily_cap="100.00", daily_plan="100.00")
    bench.ask(bench.pause(ref))
    bench.platform.put(remote(ref), status="ACTIVE", effective_status="ACTIVE")
    look(bench)
    assert bench.ask(bench.budget(other, 5999)).outcome == "deferred"
    assert bench.shown_budget(ref) + bench.shown_budget(other) == 10_000
    assert planned(bench) == 10_000


def test_what_a_person_took_back_before_we_wrote_does_not_count_any_more(bench: Bench, ref: str) -> None:
    """Their 10.00 was seen and taken back; it must not hide the 59.29 that we have set since."""
    other = bench.adset("b")
    bench.configure(daily_cap="115.00", daily_plan="100.00")
    bench.platform.put(remote(ref), daily_budget=1000)
    look(bench)
    assert bench.known(ref)["drift"]["daily_budget"]["theirs"] == 1000
    bench.platform.put(remote(ref), daily_budget=5000)
    assert bench.ask(bench.budget(ref, 5900)).outcome == "applied"
    assert bench.known(ref)["drift"] is None
    bench.ask(bench.budget(other, 6200))
    assert bench.shown_budget(ref) + bench.shown_budget(other) <= 11_500


def test_a_status_that_we_wrote_ends_what_was_seen_of_a_person_before_it(bench: Bench, ref: str) -> None:
    campaign = "c1/campaign"
    bench.platform.put(remote(campaign), status="PAUSED")
    look(bench)
    bench.platform.put(remote(campaign), status="ACTIVE")
    bench.ask(bench.pause(campaign))
    bench.ask(bench.status(campaign, "ACTIVE"))
    with bench.store.engine.connect() as connection:
        assert load_objects(connection, bench.account.account_id).can_spend(ref)


def test_a_write_leaves_what_was_seen_of_other_fields(bench: Bench, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=1000)
    look(bench)
    bench.ask(bench.pause(ref))
    assert list(bench.known(ref)["drift"]) == ["daily_budget"]


# --- the plan --------------------------------------------------------------------------------------


def test_the_ad_sets_of_a_paused_campaign_leave_the_plan_to_others_until_it_is_to_run_again(
    bench: Bench, ref: str
) -> None:
    campaign = "c1/campaign"
    assert planned(bench) == 5000
    bench.ask(bench.pause(campaign))
    bench.platform.put(remote(ref), effective_status="CAMPAIGN_PAUSED")
    bench.platform.put(remote(campaign), effective_status="PAUSED")
    look(bench)
    assert planned(bench) == 0
    bench.enqueue(bench.status(campaign, "ACTIVE"))
    assert planned(bench) == 5000
    bench.due()
    bench.drain()
    assert planned(bench) == 5000
