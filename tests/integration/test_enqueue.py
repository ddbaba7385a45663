"""The one way in: what each mode makes of a plan, and what is refused before it is a row."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.changes import AdChange, CreateAdSet, CreateCampaign
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution.enqueue import approve
from flywheel_assets.execution.queue import counts_by_status, is_due
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock

Make = Callable[[Bench], list[AdChange]]


def adset(daily_budget: int) -> CreateAdSet:
    return CreateAdSet(
        name="S",
        campaign="c1/campaign",
        daily_budget=daily_budget,
        optimization_goal="LEAD_GENERATION",
        promoted_object={"page_id": "1000000002"},
        targeting={"geo_locations": {"countries": ["US"]}},
    )


def campaign() -> CreateCampaign:
    return CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())


# --- modes -----------------------------------------------------------------------------------------


def test_observe_records_a_plan_and_never_sends_it(bench: Bench, clock: TwinClock, tmp_path: Path) -> None:
    bench.mode("observe")
    queued = bench.enqueue(*bench.launch(tmp_path))
    clock.forward(hours=24)
    assert (queued.status, queued.added, queued.known) == ("observed", 12, 0)
    assert bench.drain_all() == []
    assert set(bench.statuses()) == {"observed"}
    assert all(row["finished_at"] is not None and row["reasoning"] for row in bench.queue)
    bench.mode("auto")
    assert bench.drain_all() == []
    assert bench.platform.journal == []


def test_approve_mode_sends_nothing_until_a_person_approved_the_plan_by_its_digest(
    bench: Bench, clock: TwinClock, tmp_path: Path
) -> None:
    bench.mode("approve")
    queued = bench.enqueue(*bench.launch(tmp_path))
    clock.forward(hours=1)
    assert bench.drain_all() == []
    assert bench.platform.journal == []
    with bench.store.engine.begin() as connection:
        assert approve(connection, queued.plan_digest) == 12
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    with bench.store.engine.begin() as connection, pytest.raises(ChangeRefused, match="unknown_plan"):
        approve(connection, queued.plan_digest)


def test_approving_one_plan_leaves_the_other_waiting(bench: Bench) -> None:
    bench.mode("approve")
    first, second = bench.adset("a"), bench.adset("b")
    plan = bench.enqueue(bench.budget(first, 5500))
    bench.enqueue(bench.budget(second, 5500))
    with bench.store.engine.begin() as connection:
        approve(connection, plan.plan_digest)
        assert counts_by_status(connection) == {"pending": 1, "proposed": 1}
        assert counts_by_status(connection, plan.plan_digest) == {"pending": 1}


def test_a_digest_nobody_has_seen_approves_nothing(bench: Bench) -> None:
    bench.mode("approve")
    bench.enqueue(bench.budget(bench.adset("a"), 5500))
    with bench.store.engine.begin() as connection, pytest.raises(ChangeRefused, match="unknown_plan"):
        approve(connection, "0" * 64)
    assert bench.statuses() == ["proposed"]


def test_what_was_queued_in_auto_can_be_approved_after_the_account_went_to_approve(
    bench: Bench, clock: TwinClock
) -> None:
    plan = bench.enqueue(bench.budget(bench.adset("a"), 5500))
    bench.mode("approve")
    clock.forward(minutes=1)
    assert bench.drain() == []
    with bench.store.engine.begin() as connection:
        assert approve(connection, plan.plan_digest) == 1
    clock.forward(seconds=18)
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_an_approved_plan_does_not_go_out_in_one_moment(bench: Bench, clock: TwinClock) -> None:
    bench.mode("approve")
    plan = bench.enqueue(*(bench.budget(bench.adset(f"s{number}"), 5500) for number in range(20)))
    approved_at = clock.forward(hours=8)
    with bench.store.engine.begin() as connection:
        approve(connection, plan.plan_digest)
    delays = [row["not_before"] - approved_at for row in bench.queue]
    assert timedelta(seconds=3) <= min(delays) < max(delays) <= timedelta(seconds=18)
    assert len(set(delays)) == 20
    assert {row["approved_at"] for row in bench.queue} == {approved_at}


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        ("one_account", lambda _: []),
        ("one_account", lambda b: [b.pause(b.adset("a")), b.pause(b.adset("b"), account_id="act_2")]),
        ("unknown_account", lambda b: [b.pause(b.adset("a"), account_id="act_2")]),
        ("currency_mismatch", lambda b: [b.budget(b.adset("a"), 5500, currency="EUR")]),
        ("budget_bounds", lambda b: [b.change("c1/a/adset", adset(999))]),
        ("budget_bounds", lambda b: [b.change("c1/a/adset", adset(12001))]),
        ("unknown_object", lambda b: [b.budget("c1/ghost/adset", 5500)]),
        ("unknown_object", lambda b: [b.change("c1/a/adset", adset(5000))]),
        ("wrong_campaign", lambda b: [b.budget(b.adset("a", campaign="c2"), 5500, campaign_ref="c2/a/adset")]),
        ("wrong_campaign", lambda b: [b.budget(b.adset("a"), 5500, campaign_ref=b.adset("b"))]),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_with_its_rule(bench: Bench, rule: str, make: Make) -> None:
    changes = make(bench)
    with pytest.raises(ChangeRefused) as refusal:
        bench.enqueue(*changes)
    assert refusal.value.rule == rule
    assert bench.queue == []


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_only_an_amount_has_a_currency(bench: Bench, status: Any) -> None:
    """After the account file was corrected a campaign must still be stopped, and started again."""
    assert bench.enqueue(bench.status(bench.adset("a"), status, currency="EUR")).added == 1


def test_another_accounts_object_is_refused(bench: Bench) -> None:
    ref = bench.adset("a")
    other = bench.account.model_copy(update={"account_id": "act_2"})
    with bench.store.engine.begin() as connection:
        save_account(connection, other, "sandbox")
    with pytest.raises(ChangeRefused, match="wrong_campaign: it belongs to c1/campaign of act_1000000001"):
        bench.enqueue(bench.pause(ref, account_id="act_2"))


@pytest.mark.parametrize("ended", ["observed", "dead", "cancelled", "expired", "rejected"])
def test_a_change_of_what_will_never_be_made_is_refused(bench: Bench, ended: str) -> None:
    bench.enqueue(bench.change("c1/campaign", campaign()))
    bench.sql("update pending_ad_changes set status = :ended", ended=ended)
    with pytest.raises(ChangeRefused, match=f"c1/campaign: never_made: .* ended as {ended}; launch it again first"):
        bench.enqueue(bench.pause("c1/campaign"))
    assert len(bench.queue) == 1


@pytest.mark.parametrize("status", ["proposed", "pending", "claimed", "executing", "unknown"])
def test_a_change_of_what_is_still_being_made_waits_for_it(bench: Bench, clock: TwinClock, status: str) -> None:
    bench.enqueue(bench.change("c1/campaign", campaign()))
    held = "worker = 'w9', fencing_token = 0, lease_until = clock_timestamp() + interval '1 minute'"
    bench.sql(f"update pending_ad_changes set status = :status, {held}", status=status)  # noqa: S608
    bench.enqueue(bench.pause("c1/campaign"))
    bench.sql("update pending_ad_changes set not_before = flywheel_now() + interval '1 hour' where seq = 1")
    clock.forward(minutes=1)
    assert bench.drain() == []
    assert bench.statuses() == [status, "pending"]


@pytest.mark.parametrize("minor", [1000, 12000])
def test_floor_and_ceiling_themselves_are_allowed(bench: Bench, minor: int) -> None:
    bench.enqueue(bench.change("c1/campaign", campaign()), bench.change("c1/a/adset", adset(minor)))
    assert [row["new_budget"] for row in bench.queue] == [None, minor]


def test_a_plan_with_one_wrong_change_is_refused_whole(bench: Bench) -> None:
    good = bench.change("c1/campaign", campaign())
    with pytest.raises(ChangeRefused, match="budget_bounds: daily budget 999 is outside 1000 to 12000"):
        bench.enqueue(good, bench.change("c1/a/adset", adset(999)))
    assert bench.queue == []
    assert bench.rows(ad_objects) == []


# --- once ------------------------------------------------------------------------------------------


def test_asking_again_adds_nothing_and_does_not_change_what_was_asked(bench: Bench) -> None:
    ref = bench.adset("a")
    change = bench.budget(ref, 5500, idempotency_key="hour-7:c1/a")
    first = bench.enqueue(change)
    again = bench.enqueue(change, bench.budget(ref, 5900, idempotency_key="hour-7:c1/a"))
    assert (first.added, first.known) == (1, 0)
    assert (again.added, again.known) == (0, 2)
    assert [row["new_budget"] for row in bench.queue] == [5500]


def test_many_runs_that_queue_the_same_plan_at_once_queue_it_once(bench: Bench, tmp_path: Path) -> None:
    changes = bench.launch(tmp_path, variations=4)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: bench.enqueue(*changes), range(4)))
    assert sorted(result.added for result in results) == [0, 0, 0, len(changes)]
    assert len(bench.queue) == len(changes)


# --- jitter ----------------------------------------------------------------------------------------


def test_every_change_waits_three_to_eighteen_seconds_of_its_own(bench: Bench) -> None:
    ref = bench.adset("a")
    bench.enqueue(*(bench.budget(ref, 5000 + number) for number in range(200)))
    rows: list[dict[str, Any]] = bench.queue
    delays = [row["jitter_seconds"] for row in rows]
    assert 3 <= min(delays) < 5
    assert 16 < max(delays) <= 18
    for row in rows:
        lateness = row["not_before"] - row["created_at"] - timedelta(seconds=row["jitter_seconds"])
        assert abs(lateness) < timedelta(milliseconds=1)


def test_nothing_is_claimed_before_its_jitter_is_over(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.budget(bench.adset("a"), 5500))
    (row,) = bench.queue
    clock.move_to(row["not_before"] - timedelta(milliseconds=1))
    assert bench.drain() == []
    with bench.store.engine.connect() as connection:
        assert not is_due(connection)
    clock.move_to(row["not_before"])
    with bench.store.engine.connect() as connection:
        assert is_due(connection)
    assert [step.outcome for step in bench.drain()] == ["applied"]
