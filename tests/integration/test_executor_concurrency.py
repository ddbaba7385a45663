"""Many workers at one queue: the limits hold, nothing is sent twice, order is kept, the audit has no gap."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Lock

from sqlalchemy import text

from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.execution.audit import compare
from flywheel_assets.execution.drain import drain
from flywheel_assets.execution.records import Step
from tests.executor_bench import Bench, remote
from tests.fakes import Fault, most_in_any_hour
from tests.integration.conftest import TwinClock

CAMPAIGN_AND_UPLOADS = {"create_campaign", "upload_video", "upload_image"}


def slow(_path: str) -> None:
    time.sleep(0.003)  # long enough for the other workers to be at the limit meanwhile


def audited(bench: Bench) -> bool:
    with bench.store.engine.connect() as connection:
        return compare(connection, bench.platform.journal).gaps == 0


def test_eight_workers_never_exceed_a_campaigns_hour_and_send_nothing_twice(bench: Bench, clock: TwinClock) -> None:
    bench.platform.inside = slow
    bench.enqueue(*(bench.pause(bench.adset(f"s{number}")) for number in range(60)))
    clock.forward(minutes=1)
    outcomes = Counter[str]()
    while "pending" in bench.statuses():
        outcomes.update(step.outcome for step in bench.drain_together())
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
        bench.drain_together(account_writes_per_hour=5)
        clock.forward(minutes=17)
    uploads = [row["at"] for row in bench.platform.journal if row["path"] != "act_1/campaigns"]
    assert len(uploads) == 20
    assert most_in_any_hour(uploads) == 5


def test_eight_workers_keep_the_order_of_changes_to_one_object(bench: Bench, clock: TwinClock) -> None:
    """Each budget is asked for while the one before it is under way, so none is superseded."""
    later = {remote(bench.adset(name)): [(f"c1/{name}/adset", 5200), (f"c1/{name}/adset", 5300)] for name in "abcd"}
    guard, under_way = Lock(), list[int]()

    def ask_meanwhile(path: str) -> None:
        with guard:
            under_way.append(open_attempts(bench, path))
            following = later[path].pop(0) if later[path] else None
        if following is not None:
            bench.enqueue(bench.budget(*following))
            bench.due()
        slow(path)

    bench.platform.inside = ask_meanwhile
    bench.enqueue(*(bench.budget(f"c1/{name}/adset", 5100) for name in "abcd"))
    clock.forward(minutes=1)
    bench.drain_together()
    bench.drain()  # a worker may have left before the last one was asked for
    assert set(bench.statuses()) == {"applied"}
    for name in "abcd":
        asked = [row["requested_budget"] for row in bench.history if row["object_ref"] == f"c1/{name}/adset"]
        assert asked == [5100, 5200, 5300]
    assert under_way == [1] * 12


def open_attempts(bench: Bench, remote_id: str) -> int:
    return sum(row["finished_at"] is None for row in bench.history if row["remote_id"] == remote_id)


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
    bench.drain_together()
    assert all(row["started_real"] < min(returned) for row in bench.history)
    assert Counter(bench.statuses()) == {"applied": len(bench.platform.journal), "pending": 40 - len(bench.history)}
    assert "pending" in bench.statuses()
    assert bench.drain_together() == []
