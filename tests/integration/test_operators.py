"""What a person does with the queue: find, reject, send again, take back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flywheel_assets.core.changes import AdChange, SetName, SetStatus, SetTargeting
from flywheel_assets.core.errors import ChangeRefused, PermanentError
from flywheel_assets.execution import operators, stops
from flywheel_assets.execution.enqueue import approve
from flywheel_assets.execution.operators import Rejected, Retried
from flywheel_assets.execution.story import story
from flywheel_assets.execution.undo import Undone, undo
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


class Operator:
    """A person at a bench, naming changes by their place in the queue."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def id(self, place: int) -> UUID:
        return UUID(str(self._bench.queue[place]["id"]))

    def reject(self, digest: str) -> Rejected:
        with self._bench.store.engine.begin() as connection:
            return operators.reject(connection, digest, "not now")

    def retry(self, place: int) -> Retried:
        with self._bench.store.engine.begin() as connection:
            return operators.retry(connection, self.id(place), Safety())

    def undo(self, what: int | str) -> Undone:
        with self._bench.store.engine.begin() as connection:
            return undo(connection, self.id(what) if isinstance(what, int) else what, Safety(), "test")

    def story(self, place: int) -> dict[str, Any]:
        with self._bench.store.engine.connect() as connection:
            return story(connection, self.id(place))

    def plans(self) -> list[dict[str, Any]]:
        with self._bench.store.engine.connect() as connection:
            return [dict(row) for row in operators.plans(connection)]


@pytest.fixture
def operator(bench: Bench) -> Operator:
    return Operator(bench)


def by_object(bench: Bench) -> dict[str, str]:
    """Status of the newest change of each object and kind."""
    return {f"{row['object_ref']} {row['change_type']}": row["status"] for row in bench.queue}


def rule(act: Callable[[], object]) -> str:
    """The rule by which something is refused, and that nothing changed."""
    with pytest.raises(ChangeRefused) as refusal:
        act()
    return refusal.value.rule


# --- names -------------------------------------------------------------------------------------------


def test_a_change_and_a_plan_are_found_by_the_first_characters_of_their_name(bench: Bench, operator: Operator) -> None:
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    with bench.store.engine.connect() as connection:
        assert operators.find_change(connection, str(operator.id(0))[:6].upper()) == operator.id(0)
        assert operators.find_plan(connection, plan[:6]) == plan


@pytest.mark.parametrize(
    ("prefix", "refused"), [("", "unknown"), ("abc", "unknown"), ("____", "unknown"), ("0a0a", "ambiguous")]
)
def test_a_name_that_is_too_short_of_nothing_or_of_several_is_refused(bench: Bench, prefix: str, refused: str) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.enqueue(bench.pause(bench.adset("b")))
    bench.sql("update pending_ad_changes set plan_digest = '0a0a' || plan_digest, id = cast(overlay(cast(id as text) placing '0a0a' from 1) as uuid)")  # fmt: skip
    with bench.store.engine.connect() as connection:
        assert rule(lambda: operators.find_change(connection, prefix)) == f"{refused}_change"
        assert rule(lambda: operators.find_plan(connection, prefix)) == f"{refused}_plan"


# --- reject ------------------------------------------------------------------------------------------


def test_rejecting_a_plan_ends_its_unsent_changes_and_nothing_of_another(
    bench: Bench, operator: Operator, tmp_path: Path
) -> None:
    bench.mode("approve")
    plan = bench.enqueue(*bench.launch(tmp_path, variations=1)).plan_digest
    bench.enqueue(bench.budget(bench.adset("other", campaign="c2"), 5500, campaign_ref="c2/campaign"))
    assert operator.reject(plan) == Rejected(7, 0, {})
    assert bench.statuses() == ["rejected"] * 7 + ["proposed"]
    assert {row["wait_reason"] for row in bench.queue[:7]} == {"rejected: not now"}
    assert rule(lambda: operator.reject(plan)) == "nothing_to_reject"


def test_what_was_to_be_built_on_a_rejected_plan_is_cancelled_with_it(
    bench: Bench, operator: Operator, tmp_path: Path
) -> None:
    plan = bench.enqueue(*bench.launch(tmp_path, variations=1)).plan_digest
    bench.enqueue(bench.budget("c1/v0/adset", 5000))
    assert operator.reject(plan) == Rejected(7, 1, {})
    assert bench.statuses()[-1] == "cancelled"
    assert bench.drain_all() == []
    assert bench.platform.journal == []


def test_what_was_applied_before_stays_and_is_told(bench: Bench, operator: Operator, clock: TwinClock) -> None:
    first, second = bench.adset("a"), bench.adset("b")
    plan = bench.enqueue(bench.pause(first), bench.pause(second)).plan_digest
    bench.sql("update pending_ad_changes set not_before = 'infinity' where object_ref = :ref", ref=second)
    clock.forward(seconds=20)
    bench.drain()
    assert operator.reject(plan) == Rejected(1, 0, {"applied": 1})
    assert bench.statuses() == ["applied", "rejected"]


# --- retry -------------------------------------------------------------------------------------------


def test_a_dead_change_goes_out_again_with_all_that_was_cancelled_because_of_it(
    bench: Bench, operator: Operator, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=2))
    bench.platform.writes.append(Fault(PermanentError("no such objective"), path="/campaigns"))
    bench.drain_all()
    assert by_object(bench)["c1/campaign create_campaign"] == "dead"
    cancelled = bench.statuses().count("cancelled")
    assert cancelled == 5  # two ad sets, two ads, the activation
    done = operator.retry(0)
    assert (done.status, done.restored) == ("pending", cancelled)
    assert bench.letters == []
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    assert [row["attempt"] for row in bench.history if row["change_type"] == "create_campaign"] == [1, 2]


def test_of_two_that_died_the_first_retry_brings_back_only_what_wants_for_nothing_else(
    bench: Bench, operator: Operator, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes += [
        Fault(PermanentError("no"), path="/adsets"),
        Fault(PermanentError("no"), path="/advideos"),
    ]
    bench.drain_all()
    ids = {row["change_type"]: place for place, row in enumerate(bench.queue)}
    assert operator.retry(ids["upload_video"]).restored == 1  # the creative; the ad wants for its ad set too
    assert rule(lambda: operator.retry(ids["create_ad"])) == "needs_other"
    assert operator.retry(ids["create_adset"]).restored == 2
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}


def test_a_retry_starts_anew_with_a_jitter_of_its_own(bench: Bench, operator: Operator, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.platform.writes.append(Fault(PermanentError("no")))
    bench.drain_all()
    (before,) = bench.queue
    assert before["failures"] == 1
    done = operator.retry(0)
    (after,) = bench.queue
    low, high = Safety().jitter_seconds
    assert low <= after["jitter_seconds"] <= high
    assert after["jitter_seconds"] != before["jitter_seconds"]
    waits = done.not_before - clock.now() - timedelta(seconds=after["jitter_seconds"])
    assert abs(waits) < timedelta(milliseconds=1)
    assert (after["failures"], after["finished_at"], after["wait_reason"]) == (0, None, None)


def test_a_rejected_plans_change_waits_for_approval_again_in_approve_mode(bench: Bench, operator: Operator) -> None:
    bench.mode("approve")
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    operator.reject(plan)
    assert operator.retry(0).status == "proposed"
    bench.drain_all()
    assert bench.platform.journal == []
    with bench.store.engine.begin() as connection:
        assert approve(connection, plan) == 1
    bench.drain_all()
    assert bench.statuses() == ["applied"]


def test_a_safety_pause_is_sent_again_without_jitter(bench: Bench, operator: Operator, clock: TwinClock) -> None:
    bench.adset("a")
    bench.platform.writes.append(Fault(PermanentError("no")))
    with bench.store.engine.begin() as connection:
        stops.stop_spend(connection, bench.account.account_id, "why", "test", Safety())
    bench.drain()
    bench.mode("observe")
    assert operator.retry(0).not_before == clock.now()


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("status = 'applied'", "applied"),
        ("status = 'observed'", "observed"),
        ("status = 'superseded'", "superseded"),
        ("status = 'expired'", "expired"),
        ("status = 'pending'", "open"),
        ("status = 'unknown'", "open"),
        ("status = 'dead', expires_at = flywheel_now()", "expired"),
    ],
)
def test_what_cannot_be_sent_again_is_refused_with_the_reason(
    bench: Bench, operator: Operator, change: str, refused: str
) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.sql(f"update pending_ad_changes set {change}")  # noqa: S608 - written above
    before = bench.queue
    assert rule(lambda: operator.retry(0)) == refused
    assert bench.queue == before


def test_an_old_change_is_not_sent_on_top_of_a_later_one(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500))
    bench.sql("update pending_ad_changes set status = 'cancelled'")
    bench.enqueue(bench.budget(ref, 5200))
    assert rule(lambda: operator.retry(0)) == "superseded"
    bench.drain_all()
    assert rule(lambda: operator.retry(0)) == "superseded"


def test_in_observe_mode_nothing_is_sent_again(bench: Bench, operator: Operator) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.sql("update pending_ad_changes set status = 'rejected'")
    bench.mode("observe")
    assert rule(lambda: operator.retry(0)) == "observe_mode"
    assert bench.statuses() == ["rejected"]


@pytest.mark.parametrize("ended", [True, False])
def test_an_activation_that_a_stop_took_the_place_of_does_not_come_back(
    bench: Bench, operator: Operator, clock: TwinClock, tmp_path: Path, ended: bool
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.platform.writes.append(Fault(PermanentError("no"), path="/ads"))
    bench.drain_all()
    ids = {row["change_type"]: place for place, row in enumerate(bench.queue)}
    clock.forward(hours=2)
    with bench.store.engine.begin() as connection:
        stops.stop_spend(connection, bench.account.account_id, "why", "test", Safety())
    if ended:
        bench.drain()
    assert (bench.queue[-1]["lane"], bench.queue[-1]["status"]) == (2, "cancelled" if ended else "pending")
    with bench.store.engine.begin() as connection:
        stops.resume(connection, bench.account.account_id)
    assert operator.retry(ids["create_ad"]).restored == 0
    bench.drain_all()
    assert by_object(bench)["c1/v0/ad create_ad"] == "applied"
    campaign = next(one for one in bench.platform.objects.values() if one.get("edge") == "campaigns")
    assert campaign["status"] == "PAUSED"


# --- undo of one -------------------------------------------------------------------------------------


def applied(bench: Bench, *changes: AdChange) -> str:
    """Queue as one plan, apply, the plan's digest."""
    plan = bench.enqueue(*changes).plan_digest
    bench.drain_all()
    return plan


def test_a_budget_goes_back_to_what_it_was_as_a_new_change(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a", 5000)
    applied(bench, bench.budget(ref, 5400))
    done = operator.undo(0)
    assert (done.queued.added, done.notes, done.left) == (1, (), ())
    bench.drain_all()
    first, second = bench.queue
    assert (second["new_budget"], second["undo_of"], second["requested_by"]) == (5000, first["id"], "test")
    assert bench.shown_budget(ref) == 5000  # an undo is not fuzzed
    assert len(bench.history) == 2


@pytest.mark.parametrize(
    ("spec", "before", "after"),
    [
        (SetStatus(status="PAUSED"), {"status": "ACTIVE"}, {"status": "ACTIVE"}),
        (
            SetTargeting(targeting={"geo_locations": {"countries": ["CA"]}}),
            {"targeting": {"geo_locations": {"countries": ["US"]}}},
            {"targeting": {"geo_locations": {"countries": ["US"]}}},
        ),
        (SetName(name="Autumn"), {"name": "Summer [fw-c1/a/adset]"}, {"name": "Summer [fw-c1/a/adset]"}),
    ],
)
def test_status_targeting_and_name_go_back_to_what_the_platform_showed_before(
    bench: Bench, operator: Operator, spec: Any, before: dict[str, Any], after: dict[str, Any]
) -> None:
    ref = bench.adset("a")
    bench.platform.put(remote(ref), **before)
    applied(bench, bench.change(ref, spec))
    (field,) = before
    assert bench.platform.objects[remote(ref)][field] != before[field]
    operator.undo(0)
    bench.drain_all()
    assert bench.platform.objects[remote(ref)][field] == after[field]
    assert bench.statuses() == ["applied", "applied"]


def test_an_undo_can_itself_be_undone(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a")
    applied(bench, bench.pause(ref))
    operator.undo(0)
    bench.drain_all()
    operator.undo(1)
    bench.drain_all()
    assert bench.platform.objects[remote(ref)]["status"] == "PAUSED"


def test_an_undo_is_queued_once_and_again_only_if_it_failed(bench: Bench, operator: Operator) -> None:
    applied(bench, bench.pause(bench.adset("a")))
    operator.undo(0)
    assert rule(lambda: operator.undo(0)) == "undone_before"
    bench.platform.writes.append(Fault(PermanentError("no")))
    bench.drain_all()
    assert bench.statuses() == ["applied", "dead"]
    assert operator.undo(0).queued.added == 1
    bench.drain_all()
    assert bench.statuses() == ["applied", "dead", "applied"]
    assert rule(lambda: operator.undo(0)) == "undone_before"


def test_an_object_that_was_changed_since_is_not_turned_back_under_the_later_change(
    bench: Bench, operator: Operator
) -> None:
    ref = bench.adset("a")
    applied(bench, bench.pause(ref))
    applied(bench, bench.change(ref, SetStatus(status="ACTIVE")))
    with pytest.raises(ChangeRefused, match=f"changed_since: change {operator.id(1)} of the same kind"):
        operator.undo(0)
    applied(bench, bench.budget(ref, 5200))
    assert operator.undo(1).queued.added == 1  # a change of another kind stands in nobody's way


@pytest.mark.parametrize("status", ["pending", "proposed", "rejected", "dead", "superseded"])
def test_only_what_was_applied_can_be_undone(bench: Bench, operator: Operator, status: str) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.sql("update pending_ad_changes set status = :status", status=status)
    assert rule(lambda: operator.undo(0)) == "not_applied"
    assert len(bench.queue) == 1


def test_what_is_not_known_from_before_is_not_guessed(bench: Bench, operator: Operator) -> None:
    applied(bench, bench.pause(bench.adset("a")))
    bench.sql("update ad_change_history set previous = null")
    assert rule(lambda: operator.undo(0)) == "unknown_before"
    bench.sql("""update ad_change_history set previous = '{"status": "ARCHIVED"}'""")
    assert rule(lambda: operator.undo(0)) == "unknown_before"


def test_a_budget_that_may_not_go_the_whole_way_back_is_told(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a", 5000)
    applied(bench, bench.budget(ref, 4000))
    reached = bench.shown_budget(ref)
    done = operator.undo(0)
    (note,) = done.notes
    assert f"back to 50.00 USD is more than the 20 % rule allows now; it goes to {reached * 1.2 / 100:.2f} USD" in note
    bench.drain()
    bench.sql("update pending_ad_changes set not_before = flywheel_now()")
    bench.drain()
    assert bench.shown_budget(ref) <= reached * 1.2
    assert bench.shown_budget(ref) > reached


def test_an_undo_waits_for_a_person_like_any_change_in_approve_mode(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a")
    applied(bench, bench.pause(ref))
    bench.mode("approve")
    done = operator.undo(0)
    assert done.queued.status == "proposed"
    assert bench.drain_all() == []


# --- undo of a plan ----------------------------------------------------------------------------------


def test_undoing_a_launch_pauses_what_it_made_and_tells_what_stays(
    bench: Bench, operator: Operator, tmp_path: Path
) -> None:
    plan = applied(bench, *bench.launch(tmp_path, variations=2))
    done = operator.undo(plan)
    assert done.changes[0].object_ref == "c1/campaign"  # the activation was last
    assert {change.object_ref for change in done.changes} == {
        "c1/campaign", "c1/v0/adset", "c1/v1/adset", "c1/v0/ad", "c1/v1/ad",
    }  # fmt: skip
    assert len(done.left) == 6
    assert all("spends_nothing" in line for line in done.left)
    bench.drain_all()
    made = [one for one in bench.platform.objects.values() if one["edge"] in ("campaigns", "adsets", "ads")]
    assert {one["status"] for one in made} == {"PAUSED"}
    assert rule(lambda: operator.undo(plan)) == "nothing_to_undo"


def test_undoing_a_stop_starts_the_campaigns_again_once_the_account_goes_on(bench: Bench, operator: Operator) -> None:
    for name in ("c1", "c2"):
        bench.adset("a", campaign=name)
    with bench.store.engine.begin() as connection:
        plan = stops.stop_spend(connection, bench.account.account_id, "why", "test", Safety()).plan_digest
    bench.drain_all()
    with bench.store.engine.begin() as connection:
        assert stops.stops_in_force(connection, bench.account.account_id) == (plan,)
    operator.undo(plan)
    bench.drain_all()
    assert {bench.platform.objects[remote(f"{name}/campaign")]["status"] for name in ("c1", "c2")} == {"PAUSED"}
    with bench.store.engine.begin() as connection:
        stops.resume(connection, bench.account.account_id)
    bench.drain_all()
    assert {bench.platform.objects[remote(f"{name}/campaign")]["status"] for name in ("c1", "c2")} == {"ACTIVE"}
    with bench.store.engine.begin() as connection:
        assert stops.stops_in_force(connection, bench.account.account_id) == ()


def test_of_several_changes_of_one_object_the_first_says_what_to_go_back_to(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a", 5000)
    plan = applied(bench, bench.budget(ref, 5400))
    second = applied(bench, bench.budget(ref, 5800))
    bench.sql("update pending_ad_changes set plan_digest = :plan where plan_digest = :second", plan=plan, second=second)
    done = operator.undo(plan)
    assert [change.spec.model_dump()["daily_budget"] for change in done.changes] == [5000]


def test_a_plan_of_which_nothing_was_applied_is_not_undone(bench: Bench, operator: Operator) -> None:
    plan = bench.enqueue(bench.pause(bench.adset("a"))).plan_digest
    assert rule(lambda: operator.undo(plan)) == "nothing_applied"


# --- looking -----------------------------------------------------------------------------------------


def test_plans_tell_what_their_open_changes_would_add_to_the_daily_spend(
    bench: Bench, operator: Operator, clock: TwinClock, tmp_path: Path
) -> None:
    applied(bench, bench.budget(bench.adset("old", 5000, campaign="c9"), 5500, campaign_ref="c9/campaign"))
    bench.mode("approve")
    launch = bench.enqueue(*bench.launch(tmp_path, variations=2))
    ref = bench.adset("b", 3000, campaign="c2")
    bench.enqueue(
        bench.budget(ref, 2500, campaign_ref="c2/campaign"), bench.pause("c2/campaign", campaign_ref="c2/campaign")
    )
    clock.forward(hours=3)
    cut, new, old = operator.plans()
    assert (new["plan_digest"], new["counts"], new["adds"]) == (launch.plan_digest, {"proposed": 12}, 10000)
    assert (cut["counts"], cut["adds"]) == ({"proposed": 2}, -500)
    assert (old["counts"], old["adds"]) == ({"applied": 1}, 0)
    assert (new["account_id"], new["requested_by"]) == (bench.account.account_id, "publish_changes")
    assert abs(new["age"] - timedelta(hours=3)) < timedelta(seconds=1)


def test_a_story_tells_what_a_change_waits_for(bench: Bench, operator: Operator, tmp_path: Path) -> None:
    bench.mode("approve")
    plan = bench.enqueue(*bench.launch(tmp_path, variations=1)).plan_digest
    assert f"flywheel changes approve {plan[:12]}" in operator.story(0)["waits_for"][0]
    with bench.store.engine.begin() as connection:
        approve(connection, plan)
    (jitter,) = operator.story(0)["waits_for"]
    assert jitter.startswith("its jitter of ")
    assert operator.story(0)["waits_until"] == bench.queue[0]["not_before"]
    places = {row["change_type"]: place for place, row in enumerate(bench.queue)}
    assert operator.story(places["create_adset"])["waits_for"][0] == (
        f"c1/campaign has to exist first; change {operator.id(0)} that makes it is pending"
    )
    with bench.store.engine.begin() as connection:
        stops.freeze(connection, bench.account.account_id, "holiday")
    assert operator.story(0)["waits_for"][0] == "account act_1000000001 is frozen: holiday"


def test_a_story_tells_every_attempt_from_request_to_amount_and_how_it_ended(bench: Bench, operator: Operator) -> None:
    ref = bench.adset("a", 5000)
    bench.platform.writes.append(Fault(PermanentError("Invalid parameter", code=100, subcode=33, trace_id="AbC")))
    applied(bench, bench.budget(ref, 9000))
    operator.retry(0)
    bench.drain_all()
    operator.undo(0)
    told = operator.story(0)
    first, second = told["attempts"]
    assert (first["status"], first["error"]["code"], first["error"]["trace_id"]) == ("failed", 100, "AbC")
    assert second["requested_budget"] == 9000
    assert second["fuzzed_budget"] not in (None, 9000)
    assert (second["previous_budget"], second["target_budget"], second["actual_budget"]) == (5000, 6000, 6000)
    assert any("allowed now is" in words for words in second["adjustments"])
    assert (told["dead_letter"], told["waits_for"]) == (None, [])
    assert told["undone_by"] == [{"id": operator.id(1), "status": "pending"}]


def test_a_story_of_a_dead_change_ends_with_its_letter(bench: Bench, operator: Operator) -> None:
    bench.platform.writes.append(Fault(PermanentError("Invalid parameter", code=100)))
    applied(bench, bench.pause(bench.adset("a")))
    letter = operator.story(0)["dead_letter"]
    assert (letter["rule"], letter["reason"]) == ("PermanentError", "Invalid parameter")
