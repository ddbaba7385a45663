"""Who locks what in which order: account, campaign, changes, breaker. Each test holds the moment at which two would wait for each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from flywheel_assets.core.errors import AuthError, PolicyError, RemoteError
from flywheel_assets.execution import stops
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.reconciled import refresh
from flywheel_assets.execution.records import Attempt, Observed, Step
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote
from tests.integration.conftest import TwinClock
from tests.locking import holding

ACCOUNT = "select from accounts where account_id = 'act_1000000001' for no key update"
CAMPAIGN = "select from ad_objects where ref = 'c1/campaign' for no key update"


@pytest.fixture
def stale(bench: Bench, clock: TwinClock) -> str:
    """An ad set with a stale change, in an account whose stop of spend is through: there is something to tidy up."""
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500, expires_at=clock.now() + timedelta(seconds=30)))
    bench.sql("update accounts set frozen = true, frozen_reason = 'stop', pausing = true")
    clock.forward(minutes=1)
    return ref


def test_tidying_up_holds_no_change_while_it_waits_for_an_account(bench: Bench, stale: str) -> None:
    change = bench.budget(stale, 5600)
    with holding(bench, ACCOUNT, bench.executor().tidy) as (connection, _):
        enqueue(connection, [change], Safety())
    assert (bench.statuses(), bench.account_row()["pausing"]) == (["expired", "pending"], False)


@pytest.mark.usefixtures("stale")
def test_a_stop_of_spend_and_tidying_up_both_end(bench: Bench) -> None:
    with holding(bench, ACCOUNT, bench.executor().tidy) as (connection, _):
        stops.stop_spend(connection, bench.account.account_id, "too dear", "test", Safety())
    assert (bench.statuses(), bench.account_row()["pausing"]) == (["expired", "pending"], True)


@pytest.mark.parametrize("error", [AuthError("token expired", code=190), PolicyError("restricted", code=368)])
def test_a_refused_account_holds_no_breaker_while_it_waits_for_the_account(bench: Bench, error: RemoteError) -> None:
    bench.enqueue(bench.pause(bench.adset("a")))
    bench.due()
    bench.sql(
        "insert into breakers (account_id, state, failures, retry_real, reason)"
        " values ('act_1000000001', 'open', 5, clock_timestamp() - interval '1 second', 'down')"
    )
    claim = bench.claim()
    assert [row["state"] for row in bench.breakers] == ["half_open"]  # so that the end of the call has one to write
    begun = claim.executor._begin(claim.change, Observed(remote("c1/a/adset"), fields={"status": "ACTIVE"}))
    assert isinstance(begun, Attempt)

    def refused() -> Step:
        return claim.executor._outcome(claim.change, begun, error, "pending")

    with holding(bench, ACCOUNT, refused) as (connection, future):
        stops.resume(connection, bench.account.account_id)
    assert future.result().outcome == "deferred"
    assert (bench.account_row()["frozen"], len(bench.alerts)) == (True, 1)


def test_a_look_at_the_platform_holds_no_object_while_it_waits_for_another(bench: Bench) -> None:
    """An intent has locked the campaign and goes on to adopt the budget that a person gave the ad set."""
    ref = bench.adset("a")
    bench.platform.put(remote(ref), daily_budget=7000)

    def look() -> None:
        refresh(bench.store.engine, lambda _: bench.platform, "sandbox")

    with holding(bench, CAMPAIGN, look) as (connection, _):
        connection.execute(text("update ad_objects set daily_budget = 7000 where ref = :ref"), {"ref": ref})
    assert bench.known(ref)["daily_budget"] == 7000
