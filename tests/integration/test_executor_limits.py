"""How many actions fit into an hour, whose hour it is, and who may go first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flywheel_assets.execution.records import Step
from tests.executor_bench import Bench, waits
from tests.fakes import most_in_any_hour
from tests.integration.conftest import TwinClock


def test_fourteen_changes_of_a_campaign_fit_into_an_hour_and_the_next_one_is_told_when(
    bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(20)))
    start = clock.forward(minutes=1)
    steps = bench.drain()
    assert [step.outcome for step in steps] == ["applied"] * 14 + ["deferred"] * 6
    opens = start + timedelta(hours=1)
    after = waits(steps[14:], opens)
    assert timedelta(seconds=3) <= min(after) < max(after) <= timedelta(seconds=18)
    assert len(set(after)) == 6
    assert steps[14].reason == f"campaign c1/campaign: 14 of 14 actions used in the last hour; room at {opens:%H:%M:%S}"
    waiting = [row for row in bench.queue if row["status"] == "pending"]
    assert [(row["failures"], row["deferrals"], row["wait_reason"]) for row in waiting] == [
        (0, 1, steps[14].reason)
    ] * 6
    assert sorted(row["not_before"] - opens for row in waiting) == sorted(after)
    clock.move_to(opens + min(after) - timedelta(milliseconds=1))
    assert bench.drain() == []
    clock.move_to(opens + min(after))
    assert [step.outcome for step in bench.drain()] == ["applied"]
    clock.move_to(opens + max(after))
    assert [step.outcome for step in bench.drain()] == ["applied"] * 5


def test_the_fifteenth_action_is_kept_for_a_safety_pause(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(17)))
    clock.forward(minutes=1)
    bench.drain()
    bench.sql("update pending_ad_changes set priority = 100, not_before = flywheel_now() where status = 'pending'")
    assert [step.outcome for step in bench.drain()] == ["applied", "deferred", "deferred"]
    assert "15 of 15 actions used" in bench.queue[-1]["wait_reason"]


def test_a_safety_pause_goes_before_everything_else(bench: Bench, clock: TwinClock) -> None:
    for name in ("a", "b", "c"):
        bench.enqueue(bench.pause(bench.adset(name)))
    bench.sql("update pending_ad_changes set priority = 100 where object_ref = 'c1/c/adset'")
    clock.forward(minutes=1)
    assert bench.drain()[0].change.object_ref == "c1/c/adset"


def test_a_full_campaign_does_not_hold_up_another(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(20)))
    other = bench.adset("a", campaign="c2")
    bench.enqueue(bench.pause(other, campaign_ref="c2/campaign"))
    clock.forward(minutes=1)
    applied = [step.change.object_ref for step in bench.drain() if step.outcome == "applied"]
    assert len(applied) == 15
    assert other in applied


def test_no_sliding_hour_of_the_platforms_journal_holds_more_than_fourteen(bench: Bench, clock: TwinClock) -> None:
    """Actions that trickle in, so that the hour slides and does not just turn."""
    start = clock.now()
    for number in range(50):
        bench.enqueue(bench.pause(bench.adset(f"s{number}")))
        clock.forward(minutes=2, seconds=17)
        bench.drain()
    bench.drain_all()
    moments = bench.platform.applied_at()
    assert len(moments) == 50
    assert most_in_any_hour(moments) == 14
    assert moments[-1] - start < timedelta(hours=4.5)


def test_a_slow_call_counts_until_an_hour_after_it_ended(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(15)))
    start = clock.forward(minutes=1)
    bench.platform.inside = lambda _: clock.forward(minutes=3)
    steps = bench.drain()
    assert [step.outcome for step in steps] == ["applied"] * 14 + ["deferred"]
    opens = start + timedelta(hours=1, minutes=3)
    (first,) = waits(steps[-1:], opens)
    clock.move_to(start + timedelta(hours=1, minutes=2))
    bench.due()
    again = bench.drain()
    assert [step.outcome for step in again] == ["deferred"]
    (second,) = waits(again, opens)
    assert timedelta(seconds=3) <= first <= timedelta(seconds=18)
    assert timedelta(seconds=3) <= second <= timedelta(seconds=18)
    assert first != second  # a fresh jitter for each deferral


def test_uploads_count_toward_the_account_and_not_toward_the_campaign(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=4))
    worker = bench.executor(account_writes_per_hour=5, actions_per_campaign_hour=3)
    steps: list[Step] = []
    while (due := worker.next_due()) is not None and len(steps) < 200:
        bench.sql("update twin_clock set reads = greatest(reads, :due)", due=due)
        steps += list(worker.drain())
    assert set(bench.statuses()) == {"applied"}
    scopes = {row["object_ref"]: row["scope"] for row in bench.history}
    assert {ref.rpartition("/")[2] for ref, scope in scopes.items() if scope == "account"} == {
        "video",
        "image",
        "creative",
    }
    uploads = [row["at"] for row in bench.platform.journal if row["path"] in UPLOADS]
    others = [row["at"] for row in bench.platform.journal if row["path"] not in UPLOADS]
    assert (most_in_any_hour(uploads), most_in_any_hour(others)) == (5, 2)


UPLOADS = {"act_1/advideos", "act_1/adimages", "act_1/adcreatives"}
