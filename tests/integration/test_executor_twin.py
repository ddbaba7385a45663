"""The safe executor through the real client, over real HTTP, against the twin: what counts is the twin's journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.execution.audit import compare
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.reconciled import refresh
from flywheel_assets.execution.records import Step
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.settings import Safety
from flywheel_assets.store.tables import ad_objects
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock

TIMEOUT_SECONDS = 3.0  # what a call that hangs costs a test


class Twin:
    """The twin at the other end of a bench's executor, and what a test asks of it."""

    def __init__(self, bench: Bench, url: str, state: SandboxMeta, accounts: MetaAccounts) -> None:
        self._bench, self._url, self._state = bench, url, state
        store = bench.store
        self.executor = SafeExecutor(store.engine, accounts, store.blobs, Safety(), "w1")

    def order(self, *faults: dict[str, Any]) -> None:
        """What the next matching calls will suffer; replaces what is outstanding."""
        requests.post(f"{self._url}/_sandbox/faults", json=list(faults), timeout=5).raise_for_status()

    def edit(self, remote_id: str, **fields: Any) -> None:
        """What a person does in the platform's own pages."""
        order = {"id": remote_id, "fields": fields}
        requests.post(f"{self._url}/_sandbox/edit", json=order, timeout=5).raise_for_status()

    def drain(self) -> list[Step]:
        return list(drain(self.executor))

    def gaps(self) -> int:
        with self._bench.store.engine.connect() as connection:
            return compare(connection, self._state.journal()).gaps

    def tags(self) -> Counter[str]:
        """How many finished objects carry each tag of ours."""
        names = [str(one["data"].get("name") or one["data"].get("title")) for one in self._state.objects()]
        ours = [row["tag"] for row in self._bench.rows(ad_objects)]
        return Counter({tag: sum(tag in name for name in names) for tag in ours})

    def writes(self, path: str) -> list[dict[str, Any]]:
        return [row for row in self._state.journal() if row["method"] == "POST" and row["path"].endswith(path)]


@pytest.fixture
def twin(bench: Bench, clock: TwinClock, tmp_path: Path) -> Iterator[Twin]:
    account = bench.account
    state = SandboxMeta(tmp_path / "meta.sqlite", {account.account_id: account.currency}, clock.now)
    with SandboxServer(build_app(state)) as server:
        changed = {"meta_graph_url": server.url, "safety": Safety(http_timeout_seconds=TIMEOUT_SECONDS)}
        with MetaAccounts(bench.store.settings.model_copy(update=changed)) as accounts:
            yield Twin(bench, server.url, state, accounts)
    state.close()


def fault(kind: str, path: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "match": {"method": "POST", "path_contains": path}, **more}


def test_a_launch_runs_at_the_twin_and_every_effect_is_audited(bench: Bench, twin: Twin, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=3))
    steps = twin.drain()
    assert set(bench.statuses()) == {"applied"}
    waiting = [step for step in steps if step.outcome == "deferred"]
    assert waiting
    assert all("is still processed" in step.reason for step in waiting)
    assert set(twin.tags().values()) == {1}
    assert len(twin.tags()) == 1 + 3 * 5
    assert twin.gaps() == 0
    seen = refresh(bench.store.engine, twin.executor.platform_for, "sandbox")
    assert {one.effective_status for one in seen} == {"ACTIVE"}
    assert [one.drift or one.error for one in seen] == [None] * 7
    assert sum(one.daily_budget or 0 for one in seen) == 10000
    assert twin.writes("")[-1]["params"] == {"status": "ACTIVE"}


@pytest.mark.parametrize("kind", ["html_502", "json_500", "reset_after", "commit_then_hang"])
def test_a_lost_answer_on_every_create_leaves_one_object_of_each(
    bench: Bench, twin: Twin, tmp_path: Path, kind: str
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    lost = [fault(kind, f"/{edge}") for edge in ("campaigns", "adsets", "adimages", "adcreatives")]
    # An upload is start, one chunk, finish; only finish makes a video.
    twin.order(*lost, fault("latency", "/advideos", seconds=0, times=2), fault(kind, "/advideos"))
    unclear, needed = [], {"create_adset", "create_creative"}
    for step in drain(twin.executor):
        if step.outcome == "unknown":
            unclear.append(step.change.spec.kind)
        elif step.outcome == "applied" and step.change.spec.kind in needed:
            needed.discard(step.change.spec.kind)
            if not needed:
                twin.order(fault(kind, "/ads"))
    assert sorted(unclear) == [
        "create_ad",
        "create_adset",
        "create_campaign",
        "create_creative",
        "upload_image",
        "upload_video",
    ]
    assert set(bench.statuses()) == {"applied"}
    assert set(twin.tags().values()) == {1}
    assert twin.gaps() == 0
    ended = {row["status"] for row in bench.history}
    assert ended == (
        {"reconciled", "applied"} if kind in {"reset_after", "commit_then_hang"} else {"not_applied", "applied"}
    )


@pytest.mark.parametrize(("kind", "calls"), [("html_502", 2), ("reset_after", 1), ("commit_then_hang", 1)])
def test_a_lost_answer_on_a_budget_is_read_back(
    bench: Bench, twin: Twin, tmp_path: Path, kind: str, calls: int
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.drain()
    bench.enqueue(bench.budget("c1/v0/adset", 9000))
    remote_id = next(row["remote_id"] for row in bench.rows(ad_objects) if row["ref"] == "c1/v0/adset")
    twin.order(fault(kind, remote_id))
    twin.drain()
    assert set(bench.statuses()) == {"applied"}
    assert len(twin.writes(remote_id)) == calls
    (shown,) = [
        one.daily_budget
        for one in refresh(bench.store.engine, twin.executor.platform_for, "sandbox")
        if one.kind == "adset"
    ]
    assert shown == bench.history[-1]["actual_budget"]
    assert shown is not None
    assert abs(shown - 9000) <= 270
    assert twin.gaps() == 0


def test_our_own_limit_keeps_a_budget_away_from_metas(bench: Bench, twin: Twin, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.drain()
    outcomes = []
    for minor in (9000, 9500, 9000, 9500, 9000):
        bench.enqueue(bench.budget("c1/v0/adset", minor))
        bench.due()
        outcomes += [step.outcome for step in twin.executor.drain()]
    assert outcomes == ["applied"] * 3 + ["deferred"] * 2
    twin.drain()
    assert bench.statuses()[-2:] == ["superseded", "applied"]
    remote_id = bench.known("c1/v0/adset")["remote_id"]
    assert [row["applied"] for row in twin.writes(remote_id)] == [True] * 4
    assert twin.gaps() == 0


def test_metas_block_of_a_budget_that_others_changed_too_often_is_a_wait_and_no_failure(
    bench: Bench, clock: TwinClock, twin: Twin, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.drain()
    remote_id, client = bench.known("c1/v0/adset")["remote_id"], twin.executor.platform_for(bench.account.account_id)
    for minor in (9000, 9500, 9000, 10000):  # the last is what we know
        client.update(remote_id, {"daily_budget": minor})
    outcomes = []
    for minor in (9000, 9500):
        bench.enqueue(bench.budget("c1/v0/adset", minor))
        bench.due()
        outcomes += list(twin.executor.drain())
    blocked_at = clock.now()
    assert [step.outcome for step in outcomes] == ["deferred"] * 2
    assert "613/1487632" in outcomes[0].reason
    assert "the platform has blocked it for an hour" in outcomes[1].reason
    twin.drain()
    assert bench.statuses()[-2:] == ["superseded", "applied"]
    assert clock.now() - blocked_at >= timedelta(hours=1)
    assert [row["applied"] for row in twin.writes(remote_id)] == [True] * 4 + [False, True]
    assert {row["failures"] for row in bench.queue} == {0}


def test_a_persons_edits_at_the_twin_are_shown_with_who_and_when(
    bench: Bench, clock: TwinClock, twin: Twin, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.drain()
    refresh(bench.store.engine, twin.executor.platform_for, "sandbox")
    clock.forward(minutes=30)
    twin.edit(bench.known("c1/v0/adset")["remote_id"], daily_budget=9000)
    twin.edit(bench.known("c1/v0/ad")["remote_id"], status="DELETED")
    clock.forward(minutes=30)
    seen = {one.ref: one for one in refresh(bench.store.engine, twin.executor.platform_for, "sandbox")}
    who = f"by A person of the sandbox through Ads Manager at {clock.now() - timedelta(minutes=30):%Y-%m-%d %H:%M} UTC"
    assert seen["c1/v0/adset"].differences == (f"c1/v0/adset: daily_budget is 9000, ours was 10000, {who}",)
    assert seen["c1/v0/ad"].differences == (f"c1/v0/ad: status is DELETED, ours was ACTIVE, {who}",)
    assert seen["c1/v0/ad"].effective_status == "DELETED"


def test_metas_refusal_at_random_is_sent_three_times_and_makes_nothing(
    bench: Bench, twin: Twin, tmp_path: Path
) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.order(fault("error", "/adcreatives", code=100, subcode=1487390, times=9))
    twin.drain()
    assert len(twin.writes("/adcreatives")) == 3
    assert [letter["failures"] for letter in bench.letters] == [3]
    assert twin.gaps() == 0


def test_a_bad_token_stops_the_account_and_a_person_lets_it_go_on(bench: Bench, twin: Twin, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    twin.order(fault("error", "/campaigns", code=190, status=401))
    steps = twin.drain()
    assert "AuthError" in steps[-1].reason
    assert twin.drain() == []
    bench.sql("update accounts set frozen = false, frozen_reason = null")
    twin.drain()
    assert set(bench.statuses()) == {"applied"}
    assert set(twin.tags().values()) == {1}
    assert twin.gaps() == 0
