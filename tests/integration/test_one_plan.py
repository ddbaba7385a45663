"""Launches share one daily plan, people at the platform keep their say, and a lost create is given time to land."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from flywheel_assets.budget.states import build_states
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.changes import AdChange
from flywheel_assets.core.errors import AmbiguousOutcome, ChangeRefused, TransientError
from flywheel_assets.core.hours import HOUR
from flywheel_assets.execution.enqueue import Enqueued, enqueue
from flywheel_assets.execution.reconciled import Seen, refresh
from flywheel_assets.execution.refusing import committed
from flywheel_assets.execution.structure import PublishPlan, changes_of, plan_launch
from flywheel_assets.settings import Safety, Settings
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock

PLAN = 25_000  # of the account, minor units a day
SETTLE = Safety().settle_seconds


def plan(bench: Bench, folder: Path, creative: str, *, share: float = 0.6, in_use: int = 0) -> PublishPlan:
    """Two variations of a creative; three fifths of the plan for each launch are too much for two of them."""
    account = bench.account.model_copy(update={"new_creative_share": share})
    made = [bench._variation(folder, f"{creative}-v{number}") for number in range(2)]
    return plan_launch(
        creative, made, account, brand="Bright Cup", landing_url="https://example.org/offer", committed=in_use
    )


def launch(bench: Bench, folder: Path, creative: str, *, share: float = 0.6, in_use: int = 0) -> tuple[AdChange, ...]:
    return changes_of(plan(bench, folder, creative, share=share, in_use=in_use), bench.account)


def in_use_beside(bench: Bench, campaign_ref: str) -> int:
    with bench.store.engine.connect() as connection:
        own = (
            connection.execute(select(ad_objects.c.ref).where(ad_objects.c.campaign_ref == campaign_ref))
            .scalars()
            .all()
        )
        return committed(connection, bench.account.account_id, own)


def look(bench: Bench) -> dict[str, Seen]:
    return {one.ref: one for one in refresh(bench.store.engine, lambda _: bench.platform, "sandbox")}


# --- one plan for all launches ---------------------------------------------------------------------


def test_a_second_launch_that_exceeds_the_daily_plan_is_refused_and_nothing_of_it_is_queued(
    bench: Bench, tmp_path: Path
) -> None:
    first, second = launch(bench, tmp_path, "c1"), launch(bench, tmp_path, "c2")
    bench.enqueue(*first)
    said = r"c2/campaign: over_daily_plan: 15000 a day for new ad sets beside 15000 in use exceed the plan of 25000"
    with pytest.raises(ChangeRefused, match=said):
        bench.enqueue(*second)
    assert {row["campaign_ref"] for row in bench.queue} == {"c1/campaign"}
    assert {row["campaign_ref"] for row in bench.rows(ad_objects)} == {"c1/campaign"}


def test_a_launch_counts_the_same_while_it_is_asked_for_and_when_it_runs(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*launch(bench, tmp_path, "c1"))
    assert in_use_beside(bench, "c2/campaign") == 15_000
    bench.drain_all()
    assert in_use_beside(bench, "c2/campaign") == 15_000
    assert in_use_beside(bench, "c1/campaign") == 0
    with pytest.raises(ChangeRefused, match="over_daily_plan"):
        bench.enqueue(*launch(bench, tmp_path, "c2"))


def test_a_launch_that_waits_for_a_person_holds_its_room_and_a_cancelled_one_does_not(
    bench: Bench, tmp_path: Path
) -> None:
    bench.mode("approve")
    bench.enqueue(*launch(bench, tmp_path, "c1"))
    assert bench.statuses() == ["proposed"] * len(bench.queue)
    with pytest.raises(ChangeRefused, match="over_daily_plan"):
        bench.enqueue(*launch(bench, tmp_path, "c2"))
    bench.sql("update pending_ad_changes set status = 'cancelled', finished_at = flywheel_now()")
    assert bench.enqueue(*launch(bench, tmp_path, "c2")).status == "proposed"


def test_asking_again_for_the_same_launch_is_not_more_of_the_plan(bench: Bench, tmp_path: Path) -> None:
    changes = launch(bench, tmp_path, "c1")
    bench.enqueue(*changes)
    again = bench.enqueue(*changes)
    assert (again.added, again.known) == (0, len(changes))


def test_a_plan_made_for_what_is_left_fits_to_the_last_unit(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*launch(bench, tmp_path, "c1"))
    planned = plan(bench, tmp_path, "c2", in_use=in_use_beside(bench, "c2/campaign"))
    assert planned.share == sum(ad.daily_budget for ad in planned.launched) == PLAN - 15_000
    bench.enqueue(*changes_of(planned, bench.account))
    assert in_use_beside(bench, "c3/campaign") == PLAN


@pytest.mark.parametrize(
    ("in_use", "share", "launched"),
    [(0, 15_000, 2), (10_000, 15_000, 2), (10_001, 14_999, 2), (23_001, 1999, 1), (24_000, 1000, 1)],
)
def test_what_is_in_use_shrinks_the_share_of_a_launch(
    bench: Bench, tmp_path: Path, in_use: int, share: int, launched: int
) -> None:
    planned = plan(bench, tmp_path, "c2", in_use=in_use)
    assert planned.share == share
    assert (len(planned.launched), len(planned.held)) == (launched, 2 - launched)
    assert sum(ad.daily_budget for ad in planned.launched) == share


@pytest.mark.parametrize(("in_use", "left"), [(24_001, 999), (PLAN, 0), (PLAN + 5000, 0)])
def test_no_launch_is_planned_where_no_floor_budget_is_left(
    bench: Bench, tmp_path: Path, in_use: int, left: int
) -> None:
    said = rf"c2: plan_too_small: {left} per day is left .*\({in_use} of {PLAN} are in use\).* floor is 1000"
    with pytest.raises(ChangeRefused, match=said):
        plan(bench, tmp_path, "c2", in_use=in_use)


@pytest.mark.parametrize("status", ["PAUSED", "DELETED", "ARCHIVED"])
def test_an_ad_set_that_spends_nothing_frees_its_budget(bench: Bench, tmp_path: Path, status: str) -> None:
    ref = bench.adset("a", budget=12_000, campaign="c0")
    second = launch(bench, tmp_path, "c2")
    with pytest.raises(ChangeRefused, match="over_daily_plan"):
        bench.enqueue(*second)
    bench.platform.put(remote(ref), effective_status=status)
    look(bench)
    assert in_use_beside(bench, "c2/campaign") == 0
    assert bench.enqueue(*second).added == len(second)


def test_two_launches_at_once_do_not_both_find_the_same_room(bench: Bench, tmp_path: Path) -> None:
    """The second waits until the first is queued, and counts it then."""
    first, second = launch(bench, tmp_path, "c1"), launch(bench, tmp_path, "c2")
    with ThreadPoolExecutor(1) as other:
        with bench.store.engine.begin() as connection:
            enqueue(connection, first, Safety())
            late = other.submit(bench.enqueue, *second)
            _wait_for_a_lock(bench, late)
        with pytest.raises(ChangeRefused, match="c2/campaign: over_daily_plan"):
            late.result()
    assert {row["campaign_ref"] for row in bench.queue} == {"c1/campaign"}


def test_of_many_launches_that_start_together_one_gets_the_room(bench: Bench, tmp_path: Path) -> None:
    launches = [launch(bench, tmp_path, f"c{number}") for number in range(4)]
    start = threading.Barrier(len(launches))

    def ask(changes: tuple[AdChange, ...]) -> Enqueued | str:
        start.wait()
        try:
            return bench.enqueue(*changes)
        except ChangeRefused as refusal:
            return refusal.rule

    with ThreadPoolExecutor(len(launches)) as pool:
        answers = list(pool.map(ask, launches))
    assert sorted(answer for answer in answers if isinstance(answer, str)) == ["over_daily_plan"] * 3
    assert len({row["campaign_ref"] for row in bench.queue}) == 1


def _wait_for_a_lock(bench: Bench, late: Future[Enqueued]) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    patience = time.monotonic() + 30
    while time.monotonic() < patience:
        assert not late.done(), "it did not wait"
        with bench.store.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    raise TimeoutError("nobody waits for a lock")


# --- what a person pauses --------------------------------------------------------------------------


@pytest.fixture
def _launched(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path))
    bench.drain_all()


def states(bench: Bench, settings: Settings, clock: TwinClock) -> dict[str, AdState]:
    hour = clock.now().replace(minute=0, second=0, microsecond=0) + HOUR
    with bench.store.engine.connect() as connection:
        found = build_states(connection, bench.account, settings, hour)
    return {state.object_ref: state for state in found}


def remote_of(bench: Bench, ref: str) -> str:
    with bench.store.engine.connect() as connection:
        return str(connection.execute(select(ad_objects.c.remote_id).where(ad_objects.c.ref == ref)).scalar_one())


def test_the_status_of_what_was_created_is_known_before_anybody_looks(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    known = {row["kind"]: row["status"] for row in bench.rows(ad_objects)}
    assert {kind: known[kind] for kind in ("campaign", "adset", "ad")} == dict.fromkeys(
        ("campaign", "adset", "ad"), "ACTIVE"
    )
    assert {known[kind] for kind in ("video", "image", "creative")} == {None}


def test_a_campaign_is_known_to_be_paused_until_its_children_exist(
    bench: Bench, clock: TwinClock, tmp_path: Path
) -> None:
    (campaign, *_) = bench.launch(tmp_path, variations=1)
    bench.enqueue(campaign)
    clock.forward(minutes=1)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["status"] for row in bench.rows(ad_objects)] == ["PAUSED"]


def test_a_lost_create_that_had_landed_has_a_known_status_too(bench: Bench, tmp_path: Path) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True, path="adsets")]
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    (adset,) = [row for row in bench.rows(ad_objects) if row["kind"] == "adset"]
    assert (adset["status"], adset["daily_budget"]) == ("ACTIVE", 10_000)


@pytest.mark.parametrize(("ref", "level"), [("c1/v0/adset", "ad set"), ("c1/v0/ad", "ad"), ("c1/campaign", "campaign")])
@pytest.mark.usefixtures("_launched")
def test_what_a_person_paused_is_drift_and_nothing_is_decided_about_it(
    bench: Bench, settings: Settings, clock: TwinClock, ref: str, level: str
) -> None:
    assert {one.drift for one in look(bench).values()} == {None}
    assert {state.active for state in states(bench, settings, clock).values()} == {True}
    bench.platform.put(remote_of(bench, ref), status="PAUSED", effective_status="PAUSED")
    written = len(bench.platform.journal)
    seen = look(bench)
    (drifted,) = (one for one in seen.values() if one.drift)
    edited = (drifted.drift or {})["status"]
    assert (drifted.ref, edited["ours"], edited["theirs"]) == (ref, "ACTIVE", "PAUSED")
    found = states(bench, settings, clock)
    blocked = found["c1/v0/adset"]
    assert not blocked.active
    assert blocked.blocked is not None
    assert blocked.blocked.startswith("not_active: ")
    assert f"a person set the {level} to PAUSED at Meta" in blocked.blocked
    assert found["c1/v1/adset"].active == (ref != "c1/campaign")
    assert len(bench.platform.journal) == written


def test_what_a_person_paused_and_started_again_is_decided_about_again(
    bench: Bench, settings: Settings, clock: TwinClock, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    for status, active in (("PAUSED", False), ("ACTIVE", True)):
        bench.platform.put(remote_of(bench, "c1/v0/adset"), status=status, effective_status=status)
        look(bench)
        assert states(bench, settings, clock)["c1/v0/adset"].active is active


# --- time to land ----------------------------------------------------------------------------------


def lost_campaign(bench: Bench, clock: TwinClock, folder: Path) -> dict[str, str]:
    """A create whose call was cut off before it had an effect; what it sent."""
    (campaign, *_) = bench.launch(folder, variations=1)
    bench.enqueue(campaign)
    clock.forward(minutes=1)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    assert [step.outcome for step in bench.drain()] == ["unknown"]
    sent: dict[str, str] = bench.platform.journal[-1]["params"]
    return sent


def campaigns(bench: Bench) -> list[str]:
    return [key for key, known in bench.platform.objects.items() if known["edge"] == "campaigns"]


def test_before_a_lost_create_has_settled_nothing_is_sent_or_read(
    bench: Bench, clock: TwinClock, tmp_path: Path
) -> None:
    lost_campaign(bench, clock, tmp_path)
    (row,) = bench.queue
    assert (row["status"], row["not_before"]) == ("unknown", clock.now() + timedelta(seconds=SETTLE))
    bench.platform.reads = [TransientError("asked")]  # met by the first read there is
    for _ in range(3):
        clock.forward(seconds=SETTLE / 3 - 0.001)
        assert bench.drain() == []
    assert (len(bench.platform.reads), len(bench.platform.journal)) == (1, 1)
    clock.forward(seconds=0.003)
    assert [step.reason for step in bench.drain()] == ["asked"]
    assert (bench.platform.reads, len(bench.platform.journal)) == ([], 1)


@pytest.mark.parametrize("seconds", [1, 45, SETTLE])
def test_a_create_that_lands_late_leaves_one_object(
    bench: Bench, clock: TwinClock, tmp_path: Path, seconds: float
) -> None:
    sent = lost_campaign(bench, clock, tmp_path)
    clock.forward(seconds=seconds)
    bench.platform.put("777", **sent, edge="campaigns")
    bench.drain_all()
    assert campaigns(bench) == ["777"]
    assert bench.statuses() == ["applied"]
    assert [(row["status"], row["remote_id"]) for row in bench.history] == [("reconciled", "777")]
    assert len(bench.platform.journal) == 1


def test_a_create_that_never_lands_is_sent_once_more_after_it_has_settled(
    bench: Bench, clock: TwinClock, tmp_path: Path
) -> None:
    lost_campaign(bench, clock, tmp_path)
    cut_off = clock.now()
    bench.drain_all()
    first, second = bench.platform.journal
    assert (first["applied"], second["applied"]) == (False, True)
    assert second["at"] == cut_off + timedelta(seconds=SETTLE + Safety().retry_seconds[0])
    assert len(campaigns(bench)) == 1


def test_how_long_a_create_settles_is_a_setting(bench: Bench, clock: TwinClock, tmp_path: Path) -> None:
    (campaign, *_) = bench.launch(tmp_path, variations=1)
    bench.enqueue(campaign)
    clock.forward(minutes=1)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    worker = bench.executor(settle_seconds=0)
    assert [step.outcome for step in worker.drain()] == ["unknown", "applied"]
    assert len(campaigns(bench)) == 1


@pytest.mark.parametrize("kind", ["budget", "status"])
def test_what_exists_already_is_read_back_when_it_has_settled(bench: Bench, clock: TwinClock, kind: str) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500) if kind == "budget" else bench.pause(ref))
    clock.forward(minutes=1)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    assert [step.outcome for step in bench.drain()] == ["unknown"]
    clock.forward(seconds=SETTLE - 0.001)
    assert bench.drain() == []
    clock.forward(seconds=0.001)
    assert [step.outcome for step in bench.drain()] == ["applied"]


def test_two_campaigns_of_one_plan_must_fit_together(bench: Bench, tmp_path: Path) -> None:
    both = (*launch(bench, tmp_path, "c1"), *launch(bench, tmp_path, "c2"))
    with pytest.raises(ChangeRefused, match="over_daily_plan: 30000 a day for new ad sets beside 0 in use"):
        bench.enqueue(*both)


def test_what_is_queued_already_can_be_asked_for_again_after_the_plan_was_lowered(bench: Bench, tmp_path: Path) -> None:
    first = launch(bench, tmp_path, "c1")
    bench.enqueue(*first)
    bench.sql("""update accounts set config = jsonb_set(config, '{daily_plan}', '"125.00"')""")
    assert bench.enqueue(*first).added == 0
