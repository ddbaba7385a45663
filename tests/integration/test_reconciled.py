"""Our view of the platform: who changed what, who owns a budget now, and what became of what is not shown any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flywheel_assets.clients.meta_activities import Activity
from flywheel_assets.core.errors import AuthError, PermanentError, TransientError
from flywheel_assets.execution.in_force import load_objects
from flywheel_assets.execution.reconciled import Seen, refresh
from flywheel_assets.execution.refusing import committed
from flywheel_assets.store.tables import budget_edits
from tests.executor_bench import Bench, remote
from tests.integration.conftest import TwinClock

CAMPAIGN = "c1/campaign"


@pytest.fixture
def ref(bench: Bench) -> str:
    made = bench.adset("a")
    bench.platform.put(remote(made), campaign_id=remote(CAMPAIGN))
    look(bench)
    return made


def look(bench: Bench) -> dict[str, Seen]:
    return {one.ref: one for one in refresh(bench.store.engine, lambda _: bench.platform, "sandbox")}


def entry(clock: TwinClock, ref: str, event: str, new: str) -> Activity:
    who = {"actor_name": "Ada", "application_name": "Ads Manager"}
    return Activity(event, clock.now(), remote(ref), new=new, **who)


def to_campaign(bench: Bench, ref: str, minor: int = 9000) -> None:
    """What a person does who switches the campaign's own budget on."""
    bench.platform.put(remote(ref), daily_budget=0)
    bench.platform.put(remote(CAMPAIGN), daily_budget=minor)


# --- who -------------------------------------------------------------------------------------------


def test_an_edit_is_shown_with_its_author_and_time(bench: Bench, clock: TwinClock, ref: str) -> None:
    clock.forward(minutes=10)
    bench.platform.log = [entry(clock, ref, "update_ad_set_budget", "9000")]
    bench.platform.put(remote(ref), daily_budget=9000)
    clock.forward(minutes=10)
    (told,) = look(bench)[ref].differences
    moment = f"{clock.now() - timedelta(minutes=10):%Y-%m-%d %H:%M}"
    assert told == f"{ref}: daily_budget is 9000, ours was 5000, by Ada through Ads Manager at {moment} UTC"
    bench.platform.log = []
    assert look(bench)[ref].differences == (told,)


def test_an_entry_that_appears_late_names_the_author_later(bench: Bench, clock: TwinClock, ref: str) -> None:
    late = [entry(clock, ref, "update_ad_set_budget", "9000")]
    bench.platform.put(remote(ref), daily_budget=9000)
    assert "does not name who" in look(bench)[ref].differences[0]
    clock.forward(hours=2)
    bench.platform.log = late
    assert "by Ada" in look(bench)[ref].differences[0]


def test_a_log_that_cannot_be_read_hides_no_edit(bench: Bench, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=9000)

    class Closed(type(bench.platform)):  # type: ignore[misc]
        def activities(self, *_: object) -> list[Activity]:
            raise AuthError("missing permission", code=200)

    closed = Closed(bench.platform.now, objects=bench.platform.objects)
    seen = {one.ref: one for one in refresh(bench.store.engine, lambda _: closed, "sandbox")}
    assert "daily_budget is 9000" in seen[ref].differences[0]
    assert bench.known(ref)["drift"]["daily_budget"]["theirs"] == 9000


@pytest.mark.usefixtures("ref")
def test_without_an_edit_the_log_is_not_asked_for(bench: Bench) -> None:
    class Silent(type(bench.platform)):  # type: ignore[misc]
        def activities(self, *_: object) -> list[Activity]:
            pytest.fail("there is nothing to ask about")

    silent = Silent(bench.platform.now, objects=bench.platform.objects)
    assert {one.differences for one in refresh(bench.store.engine, lambda _: silent, "sandbox")} == {()}


# --- whose budget ----------------------------------------------------------------------------------


def test_a_budget_moved_to_the_campaign_counts_there_at_once_and_is_known_after_the_window(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    other = bench.adset("b", campaign="c2")
    to_campaign(bench, ref)
    seen = look(bench)
    assert [seen[one].drift["daily_budget"]["theirs"] for one in (CAMPAIGN, ref)] == [9000, 0]  # type: ignore[index]
    with bench.store.engine.connect() as connection:
        assert committed(connection, bench.account.account_id) == 9000 + 5000
    bench.configure(daily_cap="150.00")
    bench.ask(bench.budget(other, 6500), fuzz=0)
    assert bench.shown_budget(other) == 6000, "9000 of the campaign's are counted under the cap of 15000"
    clock.forward(hours=6)
    look(bench)
    assert (bench.known(CAMPAIGN)["daily_budget"], bench.known(ref)["daily_budget"]) == (9000, None)
    assert [(row["object_ref"], row["ours"], row["theirs"]) for row in bench.rows(budget_edits)] == [(ref, 5000, 0)]
    assert {one.drift for one in look(bench).values()} == {None}


def test_after_that_changes_of_the_campaigns_budget_are_made_and_of_the_ad_sets_refused(
    bench: Bench, clock: TwinClock, ref: str
) -> None:
    to_campaign(bench, ref)
    look(bench)
    clock.forward(hours=6)
    look(bench)
    assert bench.ask(bench.budget(CAMPAIGN, 9900), fuzz=0).outcome == "applied"
    step = bench.ask(bench.budget(ref, 5500))
    assert (step.outcome, "owns the budget" in step.reason) == ("rejected", True)


def test_a_budget_moved_back_to_the_ad_set_is_its_own_again(bench: Bench, clock: TwinClock, ref: str) -> None:
    to_campaign(bench, ref)
    for _ in range(2):
        look(bench)
        clock.forward(hours=6)
    assert bench.known(ref)["daily_budget"] is None
    bench.platform.put(remote(ref), daily_budget=4000)
    bench.platform.put(remote(CAMPAIGN), daily_budget=0)
    for _ in range(2):
        look(bench)
        clock.forward(hours=6)
    assert (bench.known(CAMPAIGN)["daily_budget"], bench.known(ref)["daily_budget"]) == (None, 4000)


def test_a_budget_that_nobody_shows_is_not_taken_for_none(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=0)
    seen = look(bench)[ref]
    assert "0 budgets pay for it instead of one" in str(seen.error)
    clock.forward(hours=7)
    look(bench)
    assert bench.known(ref)["daily_budget"] == 5000


def test_a_lifetime_budget_is_told_and_never_becomes_the_known_one(bench: Bench, clock: TwinClock, ref: str) -> None:
    bench.platform.put(remote(ref), daily_budget=0, lifetime_budget=90_000)
    for _ in range(2):
        assert "a lifetime budget, ours was 5000" in look(bench)[ref].differences[0]
        clock.forward(hours=7)
    assert bench.known(ref)["daily_budget"] == 5000
    with bench.store.engine.connect() as connection:
        assert committed(connection, bench.account.account_id) == 5000


# --- what is not shown any more --------------------------------------------------------------------


GONE = PermanentError("does not exist or missing permission", code=100, subcode=33)


def vanish(bench: Bench, ref: str) -> Seen:
    """One look at which the ad set is not shown; the campaign before it is."""

    class Hiding(type(bench.platform)):  # type: ignore[misc]
        def read(self, remote_id: str, fields: object) -> dict[str, object]:
            if remote_id == remote(ref):
                raise GONE
            found: dict[str, object] = super().read(remote_id, fields)
            return found

    hiding = Hiding(bench.platform.now, objects=bench.platform.objects, log=bench.platform.log)
    return {one.ref: one for one in refresh(bench.store.engine, lambda _: hiding, "sandbox")}[ref]


def may_spend(bench: Bench, ref: str) -> bool:
    with bench.store.engine.connect() as connection:
        return load_objects(connection, bench.account.account_id).can_spend(ref)


def test_what_vanished_may_be_hidden_and_may_spend(bench: Bench, ref: str) -> None:
    seen = vanish(bench, ref)
    assert seen.effective_status == "NOT_SHOWN"
    assert "not shown any more, deleted or hidden from our token" in seen.differences[0]
    assert may_spend(bench, ref)
    look(bench)
    assert bench.known(ref)["drift"] is None


def test_what_the_log_calls_deleted_spends_nothing_and_stays_so(bench: Bench, clock: TwinClock, ref: str) -> None:
    assert vanish(bench, ref).effective_status == "NOT_SHOWN"
    bench.platform.log = [entry(clock, ref, "update_ad_set_run_status", "DELETED")]
    for _ in range(2):
        seen = vanish(bench, ref)
        assert (seen.effective_status, seen.error) == ("DELETED", None)
        assert "status is DELETED, ours was ACTIVE, by Ada through Ads Manager" in seen.differences[0]
        assert not may_spend(bench, ref)
    with bench.store.engine.connect() as connection:
        assert committed(connection, bench.account.account_id) == 0


def test_an_object_that_cannot_be_read_just_now_keeps_what_was_known(bench: Bench, ref: str) -> None:
    bench.platform.reads = [TransientError("down"), TransientError("down")]
    seen = look(bench)[ref]
    assert (seen.differences, bench.known(ref)["drift"]) == ((f"{ref}: down",), None)


def test_an_edit_from_before_times_were_kept_is_told_all_the_same(bench: Bench, ref: str) -> None:
    bench.sql(
        """update ad_objects set drift = '{"status": {"ours": "ACTIVE", "theirs": "PAUSED"}}' where ref = :ref""",
        ref=ref,
    )
    bench.platform.reads = [TransientError("down")]
    assert look(bench)[ref].differences == (
        f"{ref}: status is PAUSED, ours was ACTIVE, the account's log does not name who",
        f"{ref}: down",
    )
