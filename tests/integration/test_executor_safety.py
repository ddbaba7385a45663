"""Safety pauses: what stops spend passes every mode, every reserve and, while spend is being stopped, the freeze."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flywheel_assets.core.changes import CreateCampaign
from flywheel_assets.core.errors import AmbiguousOutcome, AuthError, PermanentError
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


@pytest.fixture
def ref(bench: Bench) -> str:
    return bench.adset("a")


def freeze(bench: Bench, *, pausing: bool) -> None:
    bench.sql("update accounts set frozen = true, frozen_reason = 'stop', pausing = :pausing", pausing=pausing)


@pytest.mark.parametrize("mode", ["observe", "approve", "auto"])
def test_it_goes_at_once_in_every_mode(bench: Bench, clock: TwinClock, ref: str, mode: Any) -> None:
    bench.mode(mode)
    bench.enqueue(bench.safety_pause(ref))
    (row,) = bench.queue
    assert (row["status"], row["jitter_seconds"], row["not_before"]) == ("pending", 0, clock.now())
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert bench.platform.objects[remote(ref)]["status"] == "PAUSED"


@pytest.mark.parametrize("mode", ["observe", "approve"])
def test_a_change_just_below_it_does_not(bench: Bench, clock: TwinClock, ref: str, mode: Any) -> None:
    bench.mode(mode)
    bench.enqueue(bench.pause(ref, priority=99))
    clock.forward(minutes=1)
    assert bench.drain() == []


def test_it_goes_before_what_was_due_earlier(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(*(bench.pause(bench.adset(name), priority=99) for name in "ab"))
    clock.forward(hours=1)
    bench.enqueue(bench.safety_pause(bench.adset("c")))
    assert next(step.change.object_ref for step in bench.drain()) == "c1/c/adset"


def test_the_fifteenth_action_is_its_own_and_without_room_it_waits_without_jitter(
    bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(15)))
    bench.due()
    assert [step.outcome for step in bench.drain()] == ["applied"] * 14 + ["deferred"]
    bench.enqueue(*(bench.safety_pause(bench.adset(name)) for name in "ab"))
    steps = bench.drain()
    assert [step.outcome for step in steps] == ["applied", "deferred"]
    assert steps[1].until == clock.now() + timedelta(hours=1)
    assert "15 of 15 actions used" in steps[1].reason


# --- the freeze ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pausing", "outcomes"), [(True, ["applied"]), (False, [])])
def test_it_passes_the_freeze_while_spend_is_being_stopped_and_only_then(
    bench: Bench, ref: str, pausing: bool, outcomes: list[str]
) -> None:
    bench.enqueue(bench.safety_pause(ref), bench.budget(ref, 5500), bench.pause(bench.adset("b"), priority=99))
    bench.due()
    freeze(bench, pausing=pausing)
    assert [step.outcome for step in bench.executor().drain()] == outcomes
    assert [row["params"] for row in bench.platform.journal] == [{"status": "PAUSED"}] * len(outcomes)


@pytest.mark.parametrize(("safety", "outcome"), [(True, "applied"), (False, "deferred")])
def test_what_was_claimed_before_the_stop_is_asked_again_under_the_lock(
    bench: Bench, ref: str, safety: bool, outcome: str
) -> None:
    bench.enqueue(bench.safety_pause(ref) if safety else bench.pause(ref))
    bench.due()
    claim = bench.claim()
    freeze(bench, pausing=True)
    assert claim.see_through().outcome == outcome


@pytest.mark.parametrize("last", [None, Fault(PermanentError("no such object"))], ids=["paused", "can never be paused"])
def test_stopping_ends_with_the_last_pause_and_the_freeze_stays(
    bench: Bench, clock: TwinClock, last: Fault | None
) -> None:
    refs = [bench.adset(name) for name in "ab"]
    bench.enqueue(*(bench.safety_pause(ref) for ref in refs))
    freeze(bench, pausing=True)
    worker = bench.executor()
    worker.tidy()
    assert bench.account_row()["pausing"]
    worker.run_one()
    worker.tidy()
    assert bench.account_row()["pausing"]
    bench.platform.writes = [] if last is None else [last]
    worker.run_one()
    worker.tidy()
    account = bench.account_row()
    assert (account["frozen"], account["pausing"], account["frozen_reason"]) == (True, False, "stop")
    clock.forward(hours=1)
    assert bench.drain() == []


def test_a_pause_whose_outcome_is_unknown_keeps_the_stop_open(bench: Bench, ref: str) -> None:
    bench.enqueue(bench.safety_pause(ref))
    freeze(bench, pausing=True)
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    worker = bench.executor()
    worker.run_one()
    worker.tidy()
    assert (bench.statuses(), bench.account_row()["pausing"]) == (["unknown"], True)
    bench.drain_all()
    worker.tidy()
    assert (bench.statuses(), bench.account_row()["pausing"]) == (["applied"], False)


def test_a_pause_of_what_does_not_exist_yet_does_not_keep_the_stop_open(bench: Bench) -> None:
    spec = CreateCampaign(name="C", objective="OUTCOME_LEADS", special_ad_categories=())
    bench.enqueue(bench.change("c9/campaign", spec), bench.safety_pause("c9/campaign"))
    bench.due()
    freeze(bench, pausing=True)
    assert bench.drain() == []
    assert not bench.account_row()["pausing"]


@pytest.mark.parametrize("landed", [True, False])
def test_it_goes_past_an_activation_that_nobody_answered_and_is_sent_whatever_is_shown(
    bench: Bench, clock: TwinClock, ref: str, landed: bool
) -> None:
    """What is shown may not be the end of it: the activation may still be on its way."""
    bench.sql("update ad_objects set status = 'PAUSED' where ref = :ref", ref=ref)
    bench.platform.put(remote(ref), status="PAUSED")
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=landed)]
    bench.enqueue(bench.status(ref, "ACTIVE"))
    bench.due()
    bench.executor().run_one()
    bench.enqueue(bench.safety_pause(ref))
    freeze(bench, pausing=True)
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["params"]["status"] for row in bench.platform.journal] == ["ACTIVE", "PAUSED"]
    assert (bench.statuses(), bench.account_row()["pausing"]) == (["unknown", "applied"], True)
    clock.forward(seconds=Safety().settle_seconds)
    assert [step.outcome for step in bench.drain()] == ["superseded"]
    assert (bench.platform.objects[remote(ref)]["status"], len(bench.platform.journal)) == ("PAUSED", 2)
    assert not bench.account_row()["pausing"]


def test_under_a_plain_freeze_not_even_a_question_is_asked(bench: Bench, ref: str) -> None:
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"))]
    bench.enqueue(bench.pause(ref))
    bench.due()
    bench.executor().run_one()
    freeze(bench, pausing=False)
    bench.platform.reads = [AuthError("asked all the same")]
    assert bench.drain() == []
    assert bench.statuses() == ["unknown"]
