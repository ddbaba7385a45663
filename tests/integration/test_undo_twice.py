"""Going back step by step: what was taken back, and what took it back, do not stand in the way."""

from __future__ import annotations

from flywheel_assets.core.changes import SetName
from flywheel_assets.execution.undo import undo
from flywheel_assets.settings import Safety
from tests.executor_bench import Bench, remote


def test_two_renames_are_undone_one_after_the_other(bench: Bench) -> None:
    ref = bench.adset("a")
    bench.platform.put(remote(ref), name="first")
    for name in ("second", "third"):
        bench.enqueue(bench.change(ref, SetName(name=name)))
        bench.drain_all()
    shown = []
    for row in reversed([one for one in bench.queue if one["change_type"] == "set_name"]):
        with bench.store.engine.begin() as connection:
            undo(connection, row["id"], Safety(), "test")
        bench.drain_all()
        shown.append(bench.platform.objects[remote(ref)]["name"])
    assert [name.partition(" [")[0] for name in shown] == ["second", "first"]
