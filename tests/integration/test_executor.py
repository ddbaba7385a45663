"""The safe executor on a good day: what is sent, in which order, and what the audit says of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flywheel_assets.core.changes import SetStatus
from flywheel_assets.core.errors import TransientError
from flywheel_assets.execution.audit import compare
from flywheel_assets.execution.reconciled import refresh
from flywheel_assets.execution.structure import URL_TAGS
from flywheel_assets.store.tables import ad_change_history, ad_objects
from tests.executor_bench import Bench, remote
from tests.integration.conftest import TwinClock


def test_a_whole_launch_is_applied_each_part_after_what_it_needs(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=3))
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    place = {row["path"]: number for number, row in enumerate(bench.platform.journal)}  # the last of each edge
    first = {row["path"]: number for number, row in reversed(list(enumerate(bench.platform.journal)))}
    assert first["act_1/campaigns"] < first["act_1/adsets"]
    assert first["act_1/adcreatives"] > first["act_1/advideos"]
    assert place["act_1/ads"] == len(bench.platform.journal) - 2
    last = bench.platform.journal[-1]
    assert bench.platform.objects[last["path"]]["edge"] == "campaigns"
    assert last["params"] == {"status": "ACTIVE"}


def test_a_launch_says_to_the_platform_what_the_plan_says(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.drain_all()
    sent: dict[str, Any] = {row["path"]: row["params"] for row in bench.platform.journal}
    tags = {row["kind"]: row["tag"] for row in bench.rows(ad_objects)}
    ids = {row["kind"]: row["remote_id"] for row in bench.rows(ad_objects)}
    assert sent["act_1/campaigns"]["status"] == "PAUSED"
    assert sent["act_1/campaigns"]["is_adset_budget_sharing_enabled"] is False
    assert sent["act_1/adsets"]["campaign_id"] == ids["campaign"]
    assert sent["act_1/adsets"]["daily_budget"] == 10000
    assert sent["act_1/adsets"]["promoted_object"] == {"pixel_id": "1000000003", "custom_event_type": "LEAD"}
    story = sent["act_1/adcreatives"]["object_story_spec"]
    assert (story["video_data"]["video_id"], story["video_data"]["image_hash"]) == (ids["video"], ids["image"])
    assert sent["act_1/adcreatives"]["url_tags"] == URL_TAGS
    assert sent["act_1/ads"]["creative"] == {"creative_id": ids["creative"]}
    assert {sent[f"act_1/{edge}"]["status"] for edge in ("adsets", "ads")} == {"ACTIVE"}
    for edge, kind in (("campaigns", "campaign"), ("adsets", "adset"), ("advideos", "video"), ("ads", "ad")):
        assert sent[f"act_1/{edge}"]["name"].endswith(f"[{tags[kind]}]")


def test_the_history_is_the_platforms_own_journal(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=3))
    bench.drain_all()
    with bench.store.engine.connect() as connection:
        assert compare(connection, bench.platform.journal).gaps == 0
    assert [row["attempt"] for row in bench.history] == [1] * len(bench.queue)
    assert {row["worker"] for row in bench.history} == {"w1"}
    assert [row["object_ref"] for row in bench.history][-1] == "c1/campaign"


def test_the_intent_is_on_record_before_the_call(bench: Bench, clock: TwinClock) -> None:
    ref = bench.adset("a")
    seen: list[Any] = []

    def look(path: str) -> None:
        with bench.store.engine.connect() as connection:
            found = connection.execute(select(ad_change_history)).mappings().one()
            seen.append((path, found["status"], found["remote_id"], found["target_budget"], found["finished_at"]))

    bench.platform.inside = look
    bench.enqueue(bench.budget(ref, 5500))
    clock.forward(minutes=1)
    bench.drain()
    (row,) = bench.history
    assert seen == [(remote(ref), "executing", remote(ref), row["target_budget"], None)]
    assert (row["status"], row["requested_budget"], row["previous_budget"]) == ("applied", 5500, 5000)
    assert row["actual_budget"] == row["target_budget"] == bench.shown_budget(ref)
    assert row["finished_at"] == clock.now()


def test_nothing_waits_in_an_open_transaction_while_the_platform_answers(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    clock.forward(minutes=1)
    # Would wait for ever if the call were made under the campaign's, the account's or the change's lock.
    bench.platform.inside = lambda _: bench.sql(
        "set local lock_timeout = '2s';"
        "select * from accounts for update; select * from ad_objects for update; select * from pending_ad_changes for update"
    )
    assert [step.outcome for step in bench.drain()] == ["applied"]


# --- order, modes, stops ---------------------------------------------------------------------------


def test_a_change_asked_for_while_an_older_one_of_its_kind_is_under_way_waits_for_its_end(
    bench: Bench, clock: TwinClock
) -> None:
    ref = bench.adset("a")
    later = iter(["ACTIVE", "PAUSED"])

    def ask_meanwhile(_path: str) -> None:
        if status := next(later, None):
            bench.enqueue(bench.change(ref, SetStatus(status=status), priority=1))
            bench.due()
            assert list(bench.executor("w2").drain()) == []

    bench.platform.inside = ask_meanwhile
    bench.enqueue(bench.pause(ref))
    clock.forward(minutes=1)
    assert [step.outcome for step in bench.drain()] == ["applied"] * 3
    assert [row["params"]["status"] for row in bench.platform.journal] == ["PAUSED", "ACTIVE", "PAUSED"]


def test_a_change_of_an_object_waits_until_that_object_exists(bench: Bench, clock: TwinClock, tmp_path: Path) -> None:
    launch = bench.launch(tmp_path, variations=1)
    bench.enqueue(*launch)
    bench.enqueue(bench.budget("c1/v0/adset", 11000))
    bench.sql("update pending_ad_changes set priority = 1 where change_type = 'set_budget'")
    clock.forward(minutes=1)
    done = [step.change.spec.kind for step in bench.drain() if step.outcome == "applied"]
    assert done.index("create_adset") < done.index("set_budget")


def test_a_stale_change_expires_and_is_not_sent(bench: Bench, clock: TwinClock) -> None:
    stale = bench.budget(bench.adset("a"), 5500, expires_at=clock.now() + timedelta(minutes=5))
    bench.enqueue(stale)
    clock.forward(minutes=5)
    assert bench.drain() == []
    (row,) = bench.queue
    assert row["status"] == "expired"
    assert row["wait_reason"].endswith("ask for a fresh recommendation")
    assert bench.platform.journal == []


@pytest.mark.parametrize("mode", ["observe", "approve"])
def test_a_mode_switched_after_queueing_stops_what_was_not_approved(bench: Bench, clock: TwinClock, mode: Any) -> None:
    bench.enqueue(bench.budget(bench.adset("a"), 5500))
    clock.forward(minutes=1)
    bench.mode(mode)
    assert bench.drain() == []
    bench.mode("auto")
    assert [step.outcome for step in bench.drain()] == ["applied"]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("update accounts set frozen = true, frozen_reason = 'stop'", "account act_1000000001 is frozen: stop"),
        ("update accounts set mode = 'observe'", "account act_1000000001 went to observe mode after this was queued"),
        ("update accounts set mode = 'approve'", "account act_1000000001 went to approve mode after this was queued"),
    ],
)
def test_a_stop_between_claim_and_intent_is_obeyed(bench: Bench, clock: TwinClock, stop: str, reason: str) -> None:
    bench.enqueue(bench.budget(bench.adset("a"), 5500))
    clock.forward(minutes=1)
    claim = bench.claim()
    bench.sql(stop)
    step = claim.see_through()
    assert (step.outcome, step.reason) == ("deferred", reason)
    assert bench.platform.journal == bench.history == []
    assert bench.statuses() == ["pending"]


def test_a_frozen_account_starts_nothing_and_goes_on_when_it_is_released(bench: Bench, clock: TwinClock) -> None:
    bench.enqueue(bench.budget(bench.adset("a"), 5500))
    clock.forward(minutes=1)
    bench.sql("update accounts set frozen = true, frozen_reason = 'stop'")
    assert bench.drain_all() == []
    bench.sql("update accounts set frozen = false, frozen_reason = null")
    assert [step.outcome for step in bench.drain()] == ["applied"]


# --- what is there ---------------------------------------------------------------------------------


def test_what_a_person_changed_is_shown_as_drift_and_left_alone(bench: Bench, clock: TwinClock) -> None:
    ref, kept = bench.adset("a"), bench.adset("b")
    bench.platform.put(remote(ref), daily_budget=9000, status="PAUSED", effective_status="PAUSED")
    times = {"after": bench.known(ref)["planned_at"].isoformat(), "since": clock.now().isoformat()}
    theirs = {
        "daily_budget": {"ours": 5000, "theirs": 9000, **times},
        "status": {"ours": "ACTIVE", "theirs": "PAUSED", **times},
    }
    seen = {one.ref: one for one in refresh(bench.store.engine, lambda _: bench.platform, "sandbox")}
    assert (seen[ref].drift, seen[kept].drift) == (theirs, None)
    row = next(row for row in bench.rows(ad_objects) if row["ref"] == ref)
    assert (row["daily_budget"], row["drift"], row["observed_at"]) == (5000, theirs, clock.now())
    assert bench.platform.journal == []


def test_one_object_that_cannot_be_read_does_not_hide_the_others(bench: Bench) -> None:
    bench.adset("a")
    bench.platform.reads = [TransientError("down")]
    campaign, adset = refresh(bench.store.engine, lambda _: bench.platform, "sandbox")
    assert (campaign.error, adset.error) == ("down", None)
