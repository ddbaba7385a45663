"""Many workers at one queue: the limits hold, nothing is sent twice, order is kept, the audit has no gap."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier

from sqlalchemy import text

from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.execution.audit import applied_effects, gaps, journal_effects
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.records import Step
from tests.executor_bench import Bench
from tests.fakes import Fault, most_in_any_hour
from tests.integration.conftest import TwinClock

WORKERS = 8
CAMPAIGN_AND_UPLOADS = {"create_campaign", "upload_video", "upload_image"}


def drain_together(bench: Bench, **safety: int) -> list[Step]:
    """Every worker drains what is due, all starting at once; keywords replace limits."""
    start = Barrier(WORKERS)

    def work(number: int) -> list[Step]:
        start.wait()
        return list(bench.executor(f"w{number}", **safety).drain())

    with ThreadPoolExecutor(WORKERS) as pool:
        return [step for steps in pool.map(work, range(WORKERS)) for step in steps]


def slow(_path: str) -> None:
    time.sleep(0.003)  # long enough for the other workers to be at the limit meanwhile


def audited(bench: Bench) -> bool:
    with bench.store.engine.connect() as connection:
        return gaps(applied_effects(connection), journal_effects(bench.platform.journal)) == 0


def test_eight_workers_never_exceed_a_campaigns_hour_and_send_nothing_twice(bench: Bench, clock: TwinClock) -> None:
    bench.platform.inside = slow
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(60)))
    clock.forward(minutes=1)
    outcomes = Counter[str]()
    while "pending" in bench.statuses():
        outcomes.update(step.outcome for step in drain_together(bench))
        clock.forward(minutes=17)
    assert set(outcomes) == {"applied", "deferred"}
    assert set(bench.statuses()) == {"applied"}
    assert set(Counter(row["path"] for row in bench.platform.journal).values()) == {1}
    assert len(bench.platform.journal) == 60
    assert most_in_any_hour(bench.platform.applied_at()) == 14
    assert len({row["worker"] for row in bench.history}) > 1
    assert audited(bench)


def test_eight_workers_never_exceed_the_accounts_hour(bench: Bench, clock: TwinClock, tmp_path: Path) -> None:
    bench.platform.inside = slow
    bench.enqueue(*(one for one in bench.launch(tmp_path, variations=10) if one.spec.kind in CAMPAIGN_AND_UPLOADS))
    clock.forward(minutes=1)
    while "pending" in bench.statuses():
        drain_together(bench, account_writes_per_hour=5)
        clock.forward(minutes=17)
    uploads = [row["at"] for row in bench.platform.journal if row["path"] != "act_1/campaigns"]
    assert len(uploads) == 20
    assert most_in_any_hour(uploads) == 5


def test_eight_workers_keep_the_order_of_changes_to_one_object(bench: Bench, clock: TwinClock) -> None:
    bench.platform.inside = slow
    refs = [bench.adset(name) for name in "abcd"]
    for number in range(3):
        bench.enqueue(*(bench.pause(ref) if number % 2 else bench.budget(ref, 5200 + 100 * number) for ref in refs))
    clock.forward(minutes=1)
    drain_together(bench)
    done = [row for row in bench.history if row["change_type"] == "set_budget"]
    for ref in refs:
        asked = [row["requested_budget"] for row in done if row["object_ref"] == ref]
        assert asked == sorted(asked)
        assert len(asked) == 2


def test_workers_share_a_launch_with_faults_and_build_each_part_once(bench: Bench, tmp_path: Path) -> None:
    draw = rng("faults", 3)
    kinds = [
        Fault(AmbiguousOutcome("cut off"), landed=True),
        Fault(AmbiguousOutcome("cut off")),
        Fault(TransientError("busy")),
    ]
    bench.platform.writes = [kinds[int(draw.integers(3))] for _ in range(15)]
    bench.enqueue(*bench.launch(tmp_path, variations=6))

    def work(number: int) -> list[Step]:
        return list(drain(bench.executor(f"w{number}")))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    bench.drain_all()
    assert set(bench.statuses()) == {"applied"}
    made = Counter(known["name"] for known in bench.platform.objects.values())
    assert set(made.values()) == {1}
    assert len(made) == 1 + 6 * 5
    assert bench.platform.journal[-1]["params"] == {"status": "ACTIVE"}
    uploads = [row["at"] for row in bench.platform.journal if row["path"].endswith(("videos", "images", "creatives"))]
    others = [
        row["at"] for row in bench.platform.journal if not row["path"].endswith(("videos", "images", "creatives"))
    ]
    assert len(uploads) >= 18
    assert most_in_any_hour(others) <= 14
    assert audited(bench)


def test_after_a_freeze_has_returned_no_call_starts(bench: Bench, clock: TwinClock) -> None:
    for number in range(40):
        ref = bench.adset("a", campaign=f"c{number}")
        bench.enqueue(bench.pause(ref, campaign_ref=f"c{number}/campaign"))
    clock.forward(minutes=1)
    returned: list[datetime] = []

    def freeze(_path: str) -> None:
        slow(_path)
        if len(bench.platform.journal) >= 9 and not returned:
            bench.sql("update accounts set frozen = true, frozen_reason = 'stop' where not frozen")
            with bench.store.engine.connect() as connection:
                returned.append(connection.execute(text("select clock_timestamp()")).scalar_one())

    bench.platform.inside = freeze
    drain_together(bench)
    assert all(row["started_real"] < min(returned) for row in bench.history)
    assert Counter(bench.statuses()) == {"applied": len(bench.platform.journal), "pending": 40 - len(bench.history)}
    assert "pending" in bench.statuses()
    assert drain_together(bench) == []
