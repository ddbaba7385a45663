"""One change that nobody can handle stops no others: storage that fails, rows of another version, errors nobody foresaw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from flywheel_assets.core.errors import AmbiguousOutcome
from flywheel_assets.settings import Safety
from flywheel_assets.store.blobs import Blobs
from tests.executor_bench import Bench
from tests.fakes import Fault
from tests.integration.conftest import TwinClock


class Storage:
    """Files that cannot be read until ``errors`` are used up."""

    def __init__(self, blobs: Blobs, errors: list[Exception]) -> None:
        self._blobs, self.errors = blobs, errors

    def local(self, uri: str) -> Path:
        if self.errors:
            raise self.errors.pop(0)
        return self._blobs.local(uri)


def ended(bench: Bench) -> dict[str, str]:
    return {row["object_ref"]: row["status"] for row in bench.queue}


# --- storage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [PermissionError("403 from the bucket"), OSError("stale file handle"), RuntimeError("the cloud says no")]
)
def test_a_file_that_cannot_be_read_just_now_is_asked_for_again_and_holds_up_no_other_account(
    bench: Bench, clock: TwinClock, tmp_path: Path, error: Exception
) -> None:
    bench.adset("a")
    bench.enqueue(next(one for one in bench.launch(tmp_path, variations=1) if one.spec.kind == "upload_video"))
    other = bench.beside("act_2")
    clock.forward(minutes=1)
    other.enqueue(other.pause(other.adset("a", campaign="d1")))
    clock.forward(minutes=1)
    worker = replace(bench.executor(), files=Storage(bench.store.blobs, [error]))
    assert [step.outcome for step in worker.drain()] == ["retried", "applied"]
    clock.forward(seconds=1)
    assert [step.outcome for step in worker.drain()] == ["applied"]
    assert [row["status"] for row in bench.history] == ["failed", "applied", "applied"]
    assert bench.history[0]["error"]["message"].endswith(f"{type(error).__name__}: {error}")
    assert len(bench.platform.journal) == 2


# --- rows that this version cannot read ------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ['{"kind": "set_bid", "bid": 7}', '{"kind": "set_status", "status": "ON"}', '"?"', "[]"]
)
def test_a_row_of_another_version_is_a_dead_letter_with_an_alert_and_the_rest_goes_on(bench: Bench, spec: str) -> None:
    odd, fine = bench.adset("a"), bench.adset("b")
    bench.enqueue(bench.pause(odd), bench.pause(fine))
    bench.due()
    bench.sql("update pending_ad_changes set spec = cast(:spec as jsonb) where object_ref = :ref", spec=spec, ref=odd)
    bench.sql(
        "update pending_ad_changes set not_before = not_before - interval '1 minute' where object_ref = :ref", ref=odd
    )
    assert [step.change.object_ref for step in bench.drain()] == [fine]
    assert ended(bench) == {odd: "dead", fine: "applied"}
    (letter,), (alert,) = bench.letters, bench.alerts
    change_id = bench.queue[0]["id"]
    assert (letter["change_id"], letter["rule"]) == (change_id, "Unreadable")
    assert (alert["rule"], alert["stopped"]) == ("unreadable", False)
    assert str(change_id) in alert["reason"]
    assert len(bench.platform.journal) == 1
    assert bench.drain_all() == []


def test_many_of_them_end_in_one_claim_and_are_one_alert(bench: Bench) -> None:
    refs = [bench.adset(f"s{number}") for number in range(5)]
    bench.enqueue(*(bench.pause(ref) for ref in refs))
    bench.due()
    bench.sql("""update pending_ad_changes set spec = '{"kind": "set_bid"}'""")
    assert bench.executor().run_one() is None
    assert (bench.statuses(), len(bench.letters), len(bench.alerts)) == (["dead"] * 5, 5, 1)


def test_it_is_not_the_last_probe_of_an_open_breaker(bench: Bench) -> None:
    odd, fine = bench.adset("a"), bench.adset("b")
    bench.enqueue(bench.pause(odd, priority=1), bench.pause(fine))
    bench.due()
    bench.sql("""update pending_ad_changes set spec = '{"kind": "set_bid"}' where object_ref = :ref""", ref=odd)
    bench.sql(
        "insert into breakers (account_id, state, failures, retry_real, reason)"
        " values ('act_1000000001', 'open', 5, clock_timestamp() - interval '1 second', 'down')"
    )
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert [row["state"] for row in bench.breakers] == ["closed"]


def test_what_was_to_be_built_on_it_is_cancelled(bench: Bench, tmp_path: Path) -> None:
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    odd = """update pending_ad_changes set spec = '{"kind": "create_funnel"}' where change_type = 'create_campaign'"""
    bench.sql(odd)
    bench.drain_all()
    assert {row["change_type"]: row["status"] for row in bench.queue if row["status"] != "applied"} == {
        "create_campaign": "dead",
        "create_adset": "cancelled",
        "create_ad": "cancelled",
        "set_status": "cancelled",
    }
    assert "launch_incomplete" in {row["rule"] for row in bench.alerts}


# --- errors nobody foresaw -------------------------------------------------------------------------


def test_before_its_call_a_change_ends_with_it_and_the_others_go_on(bench: Bench) -> None:
    odd, fine = bench.adset("a"), bench.adset("b")
    bench.enqueue(bench.pause(odd))
    bench.enqueue(bench.pause(fine))
    bench.due()
    bench.platform.reads = [ValueError("not a number")]
    assert [step.outcome for step in bench.drain()] == ["dead", "applied"]
    assert sorted(bench.statuses()) == ["applied", "dead"]
    assert bench.letters[0]["reason"].endswith("ValueError: not a number")
    assert len(bench.history) == len(bench.platform.journal) == 1


@pytest.mark.parametrize(("landed", "ends"), [(True, ["reconciled"]), (False, ["not_applied", "applied"])])
def test_in_its_call_a_change_is_left_to_its_lease_and_read_back_and_the_others_go_on(
    bench: Bench, clock: TwinClock, landed: bool, ends: list[str]
) -> None:
    bench.enqueue(bench.pause(bench.adset("a")), bench.pause(bench.adset("b")))
    bench.due()
    bench.platform.writes = [Fault(RuntimeError("what is this"), landed=landed)]
    first, second = bench.drain()
    assert (first.outcome, first.reason) == ("lost", "left to its lease: RuntimeError: what is this")
    assert second.outcome == "applied"
    assert sorted(bench.statuses()) == ["applied", "executing"]
    bench.lose_leases()
    bench.drain()
    clock.forward(seconds=Safety().settle_seconds)
    bench.drain_all()
    assert bench.statuses() == ["applied"] * 2
    assert [row["status"] for row in bench.history if row["change_id"] == first.change.id] == ends


def test_while_it_is_read_back_a_change_stays_unknown(bench: Bench, clock: TwinClock) -> None:
    """Nobody knows yet whether its call landed, so it must not end."""
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.due()
    bench.platform.writes = [Fault(AmbiguousOutcome("cut off"), landed=True)]
    bench.drain()
    clock.forward(seconds=Safety().settle_seconds)
    bench.platform.reads = [ValueError("not a number")]
    assert [step.outcome for step in bench.drain()] == ["lost"]
    bench.lose_leases()
    bench.executor().tidy()
    assert (bench.statuses(), bench.letters) == (["unknown"], [])
    clock.forward(seconds=Safety().settle_seconds)
    bench.drain()
    assert [row["status"] for row in bench.history] == ["reconciled"]


def test_a_database_that_fails_is_not_taken_for_an_odd_change(bench: Bench) -> None:
    """Whatever is written then would be lost too; the change waits for its lease."""
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.due()
    bench.sql("create function die() returns trigger language plpgsql as $$ begin raise 'disk full'; end $$")
    bench.sql("create trigger die before insert on ad_change_history for each row execute function die()")
    with pytest.raises(SQLAlchemyError, match="disk full"):
        bench.drain()
    assert (bench.statuses(), bench.letters, bench.platform.journal) == (["claimed"], [], [])
