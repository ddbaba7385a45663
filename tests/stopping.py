"""Stopping spend and going on, as a person or the guard does it on a bench."""

from __future__ import annotations

from flywheel_assets.execution import stops
from flywheel_assets.execution.enqueue import Enqueued
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote


def stop_spend(bench: Bench) -> Enqueued:
    with bench.store.engine.begin() as connection:
        return stops.stop_spend(connection, bench.account.account_id, "too dear", "test", Safety())


def resume(bench: Bench) -> int:
    with bench.store.engine.begin() as connection:
        return stops.resume(connection, bench.account.account_id)


def is_stopping(bench: Bench) -> bool:
    """Whether safety pauses of the frozen account still pass."""
    row = bench.account_row()
    assert row["frozen"]
    return bool(row["pausing"])


def shown(bench: Bench, ref: str = "c1/campaign") -> str:
    """A status at the platform."""
    return str(bench.platform.objects[remote(ref)]["status"])


def asked(bench: Bench) -> list[str]:
    """The statuses that were sent to the platform, in their order, whether they had an effect or not."""
    return [row["params"]["status"] for row in bench.platform.journal]
