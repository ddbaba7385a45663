"""The account's daily cap: all budgets in force together never exceed it, whoever raises what at the same moment."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from flywheel_assets.core.changes import CreateAdSet
from flywheel_assets.core.errors import AmbiguousOutcome
from tests.executor_bench import Bench, remote, waits
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


def in_force(bench: Bench) -> int:
    """What the platform may spend per day."""
    shown = bench.platform.objects.values()
    return sum(int(one["daily_budget"]) for one in shown if "daily_budget" in one and one["status"] == "ACTIVE")


def capped(bench: Bench, cap: str, *budgets: int) -> list[str]:
    """Ad sets under a cap."""
    bench.configure(daily_cap=cap)
    return [bench.adset(f"s{number}", budget=budget) for number, budget in enumerate(budgets)]


def new_adset(bench: Bench, minor: int) -> Any:
    spec = CreateAdSet(
        name="S",
        campaign="c1/campaign",
        daily_budget=minor,
        optimization_goal="LEAD_GENERATION",
        promoted_object={"page_id": "1000000002"},
        targeting={"geo_locations": {"countries": ["US"]}},
    )
    return bench.change("c1/new/adset", spec)


# --- raises and cuts -------------------------------------------------------------------------------


def test_a_raise_is_clamped_to_the_room_under_the_cap_and_the_audit_says_so(bench: Bench) -> None:
    ref, _ = capped(bench, "104.00", 5000, 5000)
    assert bench.ask(bench.budget(ref, 6000)).outcome == "applied"
    assert bench.shown_budget(ref) == 5400
    assert bench.history[-1]["adjustments"][-1].endswith("allowed now is 4000 to 6000, and the daily cap leaves 5400")
    assert in_force(bench) == 10_400


def test_a_raise_without_room_waits_until_others_were_cut(bench: Bench, clock: TwinClock) -> None:
    ref, other = capped(bench, "100.00", 5000, 5000)
    step = bench.ask(bench.budget(ref, 5500, priority=1), fuzz=0)
    assert (step.outcome, bench.platform.journal) == ("deferred", [])
    assert step.reason == "daily cap: it leaves 5000 to this budget of 5000; waits for others to be cut"
    (after,) = waits([step], clock.now() + timedelta(minutes=5))
    assert timedelta(seconds=3) <= after <= timedelta(seconds=18)
    assert bench.ask(bench.budget(other, 4600), fuzz=0).outcome == "applied"
    bench.due()
    bench.executor(fuzz=0).run_one()
    assert (bench.shown_budget(ref), bench.shown_budget(other), in_force(bench)) == (5400, 4600, 10_000)


def test_a_cut_needs_no_room(bench: Bench) -> None:
    ref, _ = capped(bench, "50.00", 5000, 5000)
    assert bench.ask(bench.budget(ref, 4500), fuzz=0).outcome == "applied"
    assert bench.shown_budget(ref) == 4500


def test_without_a_cap_of_its_own_the_plan_and_a_tenth_is_the_accounts_cap(bench: Bench) -> None:
    (ref, _, _) = capped(bench, "1.00", 9000, 9000, 9000)
    bench.configure(daily_cap=None)  # the plan is 250.00
    assert bench.ask(bench.budget(ref, 10_000)).outcome == "applied"
    assert (bench.shown_budget(ref), in_force(bench)) == (9500, 27_500)


def test_only_the_own_accounts_running_ad_sets_count(bench: Bench) -> None:
    ref, paused, deleted = capped(bench, "60.00", 5000, 5000, 5000)
    bench.sql("update ad_objects set status = 'PAUSED' where ref = :ref", ref=paused)
    bench.sql("update ad_objects set effective_status = 'DELETED' where ref = :ref", ref=deleted)
    bench.beside("act_2").adset("a", campaign="d1")
    assert bench.ask(bench.budget(ref, 6000), fuzz=0).outcome == "applied"
    assert bench.shown_budget(ref) == 6000


def test_a_persons_larger_budget_elsewhere_counts_as_soon_as_it_was_seen(bench: Bench) -> None:
    ref, theirs = capped(bench, "104.00", 5000, 5000)
    drift = """update ad_objects set drift = '{"daily_budget": {"ours": 5000, "theirs": 5300}}' where ref = :ref"""
    bench.sql(drift, ref=theirs)
    bench.ask(bench.budget(ref, 6000), fuzz=0)
    assert bench.shown_budget(ref) == 5100


# --- what starts to spend --------------------------------------------------------------------------


@pytest.mark.parametrize(("cap", "outcome"), [("99.99", "deferred"), ("100.00", "applied")])
def test_a_new_ad_set_waits_until_it_fits(bench: Bench, cap: str, outcome: str) -> None:
    capped(bench, cap, 5000)
    step = bench.ask(new_adset(bench, 5000))
    assert step.outcome == outcome
    assert len(bench.platform.journal) == (outcome == "applied")


@pytest.mark.parametrize(("cap", "outcome"), [("99.99", "deferred"), ("100.00", "applied")])
def test_an_ad_set_that_is_to_run_again_waits_until_it_fits(bench: Bench, cap: str, outcome: str) -> None:
    ref, _ = capped(bench, cap, 5000, 5000)
    bench.sql("update ad_objects set status = 'PAUSED' where ref = :ref", ref=ref)
    bench.platform.put(remote(ref), status="PAUSED")
    step = bench.ask(bench.status(ref, "ACTIVE"))
    assert step.outcome == outcome
    assert in_force(bench) == (10_000 if outcome == "applied" else 5000)


def test_a_pause_needs_no_room(bench: Bench) -> None:
    ref, _ = capped(bench, "1.00", 5000, 5000)
    assert bench.ask(bench.pause(ref)).outcome == "applied"


# --- what nobody knows -----------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "larger"), [(6000, 6000), (4000, 5000)])
@pytest.mark.parametrize("landed", [True, False])
def test_an_unknown_outcome_counts_with_the_larger_amount(bench: Bench, asked: int, larger: int, landed: bool) -> None:
    unclear, ref = capped(bench, "120.00", 5000, 5000)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=landed)]
    bench.enqueue(bench.budget(unclear, asked))
    bench.due()
    bench.executor(fuzz=0).run_one()
    bench.sql("update pending_ad_changes set not_before = not_before + interval '1 hour' where status = 'unknown'")
    bench.configure(daily_cap=f"{(larger + 5500) / 100:.2f}")
    bench.ask(bench.budget(ref, 6000), fuzz=0)
    assert bench.shown_budget(ref) == 5500


def test_a_new_ad_set_and_a_reactivation_count_while_nobody_knows_whether_they_landed(bench: Bench) -> None:
    ref, again = capped(bench, "1000.00", 5000, 4000)
    bench.sql("update ad_objects set status = 'PAUSED' where ref = :ref", ref=again)
    bench.platform.put(remote(again), status="PAUSED")
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))] * 2
    bench.enqueue(new_adset(bench, 3000), bench.status(again, "ACTIVE"))
    bench.due()
    worker = bench.executor(breaker_failures=9)
    outcomes = [step.outcome for step in (worker.run_one(), worker.run_one()) if step is not None]
    assert outcomes == ["unknown", "unknown"]
    bench.sql("update pending_ad_changes set not_before = not_before + interval '1 hour' where status = 'unknown'")
    bench.configure(daily_cap="125.00")
    bench.ask(bench.budget(ref, 6000), fuzz=0)
    assert bench.shown_budget(ref) == 5500


# --- at the same moment ----------------------------------------------------------------------------


@pytest.mark.parametrize("also", ["raises", "new ad set"])
def test_the_last_room_is_taken_once_however_many_workers_and_campaigns_reach_for_it(bench: Bench, also: str) -> None:
    refs = [bench.adset("a", campaign=f"c{number}") for number in range(1, 9)]
    bench.configure(daily_cap="420.00")  # room for two of the eight raises
    bench.platform.inside = lambda _: time.sleep(0.003)
    bench.enqueue(*(bench.budget(ref, 6000) for ref in refs))
    if also == "new ad set":
        bench.sql("update accounts set config = jsonb_set(config, '{daily_plan}', '\"1000.00\"')")
        bench.enqueue(new_adset(bench, 1500))
    bench.due()
    steps = bench.drain_together()
    assert {step.outcome for step in steps} == {"applied", "deferred"}
    assert 40_000 < in_force(bench) <= 42_000
