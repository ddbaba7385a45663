"""The two stops: a freeze lets nothing through, a stop of spend pauses what runs first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.changes import SetStatus
from flywheel_assets.core.errors import AmbiguousOutcome, AuthError, ConfigurationError, PermanentError
from flywheel_assets.execution import stops
from flywheel_assets.execution.alerts import raise_alert
from flywheel_assets.execution.enqueue import Enqueued
from flywheel_assets.settings import Safety
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.tables import accounts, alerts, breakers
from tests.executor_bench import Bench, remote
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


def campaigns(bench: Bench, *names: str) -> list[str]:
    """Campaigns that run, each with an ad set."""
    for name in names:
        bench.adset("a", campaign=name)
    return [f"{name}/campaign" for name in names]


def stop(bench: Bench, reason: str = "too dear") -> Enqueued:
    with bench.store.engine.begin() as connection:
        return stops.stop_spend(connection, bench.account.account_id, reason, "test", Safety())


def resume(bench: Bench) -> int:
    with bench.store.engine.begin() as connection:
        return stops.resume(connection, bench.account.account_id)


def freeze(bench: Bench, reason: str = "holiday") -> None:
    with bench.store.engine.begin() as connection:
        stops.freeze(connection, bench.account.account_id, reason)


def waiting(bench: Bench) -> tuple[str, ...]:
    with bench.store.engine.connect() as connection:
        return stops.open_pauses(connection, bench.account.account_id)


def state(bench: Bench) -> tuple[bool, bool]:
    (row,) = bench.rows(accounts)
    return row["frozen"], row["pausing"]


def shown(bench: Bench, refs: Sequence[str]) -> list[str]:
    return [bench.platform.objects[remote(ref)]["status"] for ref in refs]


# --- stop spend --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "approve", "observe"])
def test_every_running_campaign_is_paused_at_once_in_any_mode_and_nothing_else_goes(bench: Bench, mode: Any) -> None:
    refs = campaigns(bench, "c1", "c2", "c3")
    bench.enqueue(bench.budget("c1/a/adset", 5500))
    bench.mode(mode)
    queued = stop(bench)
    assert (queued.added, queued.status, waiting(bench), state(bench)) == (3, "pending", tuple(refs), (True, True))
    assert [step.outcome for step in bench.drain()] == ["applied"] * 3
    assert shown(bench, refs) == ["PAUSED"] * 3
    assert bench.statuses() == ["pending"] + ["applied"] * 3
    bench.drain_all()
    assert (waiting(bench), state(bench)) == ((), (True, False))
    assert [row["path"] for row in bench.platform.journal] == [remote(ref) for ref in refs]


def test_asking_again_while_it_runs_adds_nothing_and_after_it_only_looks_again(bench: Bench, clock: TwinClock) -> None:
    campaigns(bench, "c1", "c2")
    first, again = stop(bench), stop(bench, "still too dear")
    assert (first.added, again.added, again.known) == (2, 0, 2)
    bench.drain()
    clock.forward(minutes=5)
    assert stop(bench).added == 2
    assert [(step.outcome, step.reason) for step in bench.drain()] == [
        ("cancelled", "c1/campaign is PAUSED already"),
        ("cancelled", "c2/campaign is PAUSED already"),
    ]
    assert (len(bench.platform.journal), state(bench)) == (2, (True, False))
    (row,) = bench.rows(accounts)
    assert row["frozen_reason"] == "spend stopped: too dear; spend stopped: still too dear"


def test_a_campaign_that_somebody_may_have_switched_on_since_is_looked_at_again(bench: Bench, clock: TwinClock) -> None:
    refs = campaigns(bench, "c1", "c2")
    stop(bench)
    bench.drain()
    bench.platform.objects[remote(refs[0])]["status"] = "ACTIVE"
    clock.forward(hours=2)
    assert stop(bench).added == 2
    bench.drain()
    assert shown(bench, refs) == ["PAUSED", "PAUSED"]
    assert len(bench.platform.journal) == 3  # the one that was paused still is read, not written


def test_a_pause_that_failed_is_asked_for_anew(bench: Bench) -> None:
    refs = campaigns(bench, "c1")
    bench.platform.writes.append(Fault(PermanentError("no")))
    stop(bench)
    assert [step.outcome for step in bench.drain()] == ["dead"]
    assert stop(bench).added == 1
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert shown(bench, refs) == ["PAUSED"]


def test_a_campaign_that_is_still_being_made_never_starts(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    stop(bench)
    bench.drain_all()
    assert (bench.platform.journal, state(bench), waiting(bench)) == ([], (True, False), ())
    resume(bench)
    bench.drain_all()
    ended = {row["idempotency_key"]: row["status"] for row in bench.queue}
    assert ended["c1/campaign:set_status:launch"] == "superseded"
    assert set(bench.statuses()) <= {"applied", "superseded", "cancelled"}
    (campaign,) = [one for one in bench.platform.objects.values() if one.get("edge") == "campaigns"]
    assert campaign["status"] == "PAUSED"


def test_a_campaign_whose_activation_got_no_answer_is_paused_all_the_same(bench: Bench, clock: TwinClock) -> None:
    (ref,) = campaigns(bench, "c1")
    bench.platform.objects[remote(ref)]["status"] = "PAUSED"
    bench.sql("update ad_objects set status = 'PAUSED' where ref = 'c1/campaign'")
    bench.enqueue(bench.change(ref, SetStatus(status="ACTIVE")))
    bench.platform.writes.append(Fault(AmbiguousOutcome("no answer"), landed=True))
    clock.forward(seconds=20)
    step = bench.executor().run_one()
    assert step is not None
    assert step.outcome == "unknown"
    stop(bench)
    assert [step.outcome for step in bench.drain()] == ["applied"]  # at once: it waits for nobody's answer
    assert shown(bench, [ref]) == ["PAUSED"]
    bench.drain_all()
    assert shown(bench, [ref]) == ["PAUSED"]
    assert bench.statuses() == ["superseded", "applied"]
    assert (waiting(bench), state(bench)) == ((), (True, False))


def test_campaigns_that_are_gone_or_never_came_are_not_paused(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    bench.sql("update pending_ad_changes set status = 'cancelled'")
    campaigns(bench, "c2", "c3")
    bench.sql("update ad_objects set effective_status = 'DELETED' where ref = 'c2/campaign'")
    assert stop(bench).added == 1
    assert bench.queue[-1]["object_ref"] == "c3/campaign"


def test_an_account_without_campaigns_is_frozen_all_the_same(bench: Bench) -> None:
    assert stop(bench).added == 0
    assert state(bench) == (True, False)


def test_a_stop_of_one_account_leaves_the_other(bench: Bench) -> None:
    campaigns(bench, "c1")
    with bench.store.engine.begin() as connection:
        save_account(connection, bench.account.model_copy(update={"account_id": "act_2"}), "sandbox")
        assert stops.stop_spend(connection, "act_2", "too dear", "test", Safety()).added == 0
    assert {row["account_id"]: row["frozen"] for row in bench.rows(accounts)} == {
        bench.account.account_id: False,
        "act_2": True,
    }


# --- freeze and resume -------------------------------------------------------------------------------


def test_a_freeze_lets_nothing_start_until_it_is_lifted(bench: Bench) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    freeze(bench)
    assert bench.drain_all() == []
    assert resume(bench) == 0
    assert [step.outcome for step in bench.drain_all()] == ["applied"]


def test_a_freeze_does_not_end_a_stop_that_is_under_way(bench: Bench) -> None:
    refs = campaigns(bench, "c1")
    stop(bench)
    freeze(bench)
    bench.drain()
    assert shown(bench, refs) == ["PAUSED"]


def test_resume_closes_what_stopped_the_account_and_starts_its_breaker_anew(bench: Bench) -> None:
    ref = bench.adset("a")
    bench.platform.writes.append(Fault(AuthError("token expired", code=190)))
    bench.enqueue(bench.pause(ref))
    bench.drain_all()
    with bench.store.engine.begin() as connection:
        raise_alert(connection, bench.account.account_id, "spend_pace", "a fifth above the plan", stopped=False)
    bench.sql(
        "insert into breakers (account_id, state, failures, retry_real) values (:id, 'open', 5, 'infinity')"
        " on conflict (account_id) do update set state = 'open', failures = 5, retry_real = 'infinity'",
        id=bench.account.account_id,
    )
    assert resume(bench) == 1
    assert {row["rule"]: row["closed_at"] is None for row in bench.rows(alerts)} == {"auth": False, "spend_pace": True}
    assert all(row["state"] == "closed" for row in bench.rows(breakers))
    assert state(bench) == (False, False)
    assert [step.outcome for step in bench.drain_all()] == ["applied"]


def test_resume_in_the_middle_of_a_stop_lets_the_pauses_end(bench: Bench) -> None:
    refs = campaigns(bench, "c1", "c2")
    stop(bench)
    bench.executor().run_one()
    resume(bench)
    assert state(bench) == (False, False)
    bench.drain_all()
    assert shown(bench, refs) == ["PAUSED", "PAUSED"]


@pytest.mark.parametrize("act", ["freeze", "resume", "stop_spend"])
def test_an_account_nobody_knows_is_refused_with_those_that_are_known(bench: Bench, act: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "freeze": ("act_9", "why"),
        "resume": ("act_9",),
        "stop_spend": ("act_9", "why", "test", Safety()),
    }
    with bench.store.engine.begin() as connection, pytest.raises(ConfigurationError, match="known are: act_1000000001"):
        getattr(stops, act)(connection, *arguments[act])
