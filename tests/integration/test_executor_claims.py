"""However many rows of an account may not go, a claim asks about none of them: counted, not timed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from flywheel_assets.execution.statements import sql
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock

MANY = 300
ROWS = """
insert into pending_ad_changes (
  world, account_id, campaign_ref, object_ref, change_type, spec, depends_on, new_budget, currency, reasoning,
  requested_by, idempotency_key, status, jitter_seconds, not_before
)
select 'sandbox', :account, 'c1/campaign', 'c1/a/adset', 'set_budget', '{"kind": "set_budget", "daily_budget": 5000}',
  '{c1/a/adset}', 5000, 'USD', 'r', 'test', 'row number ' || n, 'pending', 3, flywheel_now()
from generate_series(1, :many) as n
"""


@pytest.fixture
def other(bench: Bench, clock: TwinClock) -> Bench:
    """A second account, with one change; those of the first fell due before it."""
    bench.adset("a")
    bench.sql(ROWS, account=bench.account.account_id, many=MANY)
    made = bench.beside("act_2")
    clock.forward(minutes=1)
    made.enqueue(made.pause(made.adset("a", campaign="d1")))
    clock.forward(minutes=1)
    return made


def stop(bench: Bench, how: str) -> None:
    if how in ("frozen", "stopping"):
        bench.sql(
            "update accounts set frozen = true, frozen_reason = 'stop', pausing = :pausing where account_id = :account",
            pausing=how == "stopping",
            account=bench.account.account_id,
        )
    else:
        bench.sql(
            "update accounts set mode = :how where account_id = :account", how=how, account=bench.account.account_id
        )


def asked(bench: Bench, statement: Any, function: str, **values: Any) -> tuple[list[Any], int]:
    """What a statement gives, and how often it called a function of the database."""
    with bench.store.engine.connect() as connection:
        connection.execute(text("set track_functions = 'all'"))
        connection.commit()
        count = text("select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = :function")
        before = connection.execute(count, {"function": function}).scalar_one()
        found = connection.execute(statement, values).all()
        calls = connection.execute(count, {"function": function}).scalar_one() - before
        connection.execute(text("set track_functions = 'none'"))
        connection.commit()
    return [tuple(row) for row in found], int(calls)


CLAIM = text("select account_id from claim_pending_ad_change('w1')")
stopped = pytest.mark.parametrize("how", ["frozen", "stopping", "observe", "approve"])


@stopped
def test_a_claim_asks_about_the_one_row_that_may_go(bench: Bench, other: Bench, how: str) -> None:
    stop(bench, how)
    assert asked(bench, CLAIM, "can_be_claimed") == ([(other.account.account_id,)], 1)


@stopped
def test_when_the_next_change_is_due_is_found_out_the_same_way(bench: Bench, other: Bench, how: str) -> None:
    stop(bench, how)
    due = next(row["not_before"] for row in bench.queue if row["account_id"] == other.account.account_id)
    assert asked(bench, sql("next_due"), "only_time_is_missing") == ([(due,)], 1)


def test_what_may_go_is_asked_about(bench: Bench, other: Bench) -> None:
    """Else the count would prove nothing."""
    assert other.account.account_id != bench.account.account_id
    bench.sql(
        "update pending_ad_changes set approved_at = flywheel_now() where seq = (select max(seq) - 1 from pending_ad_changes)"
    )
    stop(bench, "approve")
    found, calls = asked(bench, CLAIM, "can_be_claimed")
    assert (len(found), calls >= 1) == (1, True)
