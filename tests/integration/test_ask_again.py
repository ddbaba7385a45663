"""What a stop of spend took the place of before it was sent: a person may ask for it again, after the stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution import operators, stops
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench
from tests.integration.conftest import TwinClock


@pytest.fixture
def overtaken(bench: Bench, clock: TwinClock, tmp_path: Path) -> dict[str, Any]:
    """The activation of a launch that a stop of spend met on its way; the account goes on since."""
    bench.enqueue(*bench.launch(tmp_path, variations=1))
    clock.forward(minutes=1)
    worker = bench.executor()
    while (step := worker.run_one()) is not None and step.change.spec.kind != "create_adset":
        pass
    with bench.store.engine.begin() as connection:
        stops.stop_spend(connection, bench.account.account_id, "why", "test", Safety())
    bench.drain()
    with bench.store.engine.begin() as connection:
        stops.resume(connection, bench.account.account_id)
    bench.drain_all()
    return next(row for row in bench.queue if row["status"] == "superseded")


def retry(bench: Bench, row: dict[str, Any]) -> operators.Retried:
    with bench.store.engine.begin() as connection:
        return operators.retry(connection, row["id"], Safety())


def test_a_launch_that_a_stop_met_can_be_started_after_it(bench: Bench, overtaken: dict[str, Any]) -> None:
    assert (overtaken["change_type"], overtaken["spec"]["status"]) == ("set_status", "ACTIVE")
    assert bench.platform.journal[-1]["params"] != {"status": "ACTIVE"}
    again = retry(bench, overtaken)
    assert (again.change_id != overtaken["id"], again.status) == (True, "pending")
    bench.drain_all()
    assert bench.platform.journal[-1]["params"] == {"status": "ACTIVE"}
    assert {row["status"] for row in bench.queue} <= {"applied", "superseded", "cancelled"}


def test_it_is_asked_for_once(bench: Bench, overtaken: dict[str, Any]) -> None:
    retry(bench, overtaken)
    with pytest.raises(ChangeRefused, match="superseded: a later change took its place"):
        retry(bench, overtaken)


def test_what_an_ordinary_change_took_the_place_of_is_not_asked_for_again(bench: Bench) -> None:
    ref = bench.adset("a")
    bench.enqueue(bench.budget(ref, 5500))
    bench.enqueue(bench.budget(ref, 5200))
    with pytest.raises(ChangeRefused, match="superseded: a later change took its place"):
        retry(bench, bench.queue[0])
