"""Long uploads: how far one came is kept, the next attempt goes on there, and whoever lost the lease stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from flywheel_assets.core.changes import UploadVideo
from flywheel_assets.core.errors import AmbiguousOutcome, TransientError
from flywheel_assets.core.uploads import UploadSession, not_kept
from flywheel_assets.execution.points import Point
from flywheel_assets.execution.records import Step
from flywheel_assets.store.tables import upload_sessions
from tests.executor_bench import Bench
from tests.fakes import FakePlatform, Fault
from tests.integration.conftest import TwinClock

FILM = b"0123456789ab"
CHUNK = 4


@dataclass
class ChunkedPlatform(FakePlatform):
    """Takes a video four bytes at a time.

    Attributes:
        chunk: called with its first byte before each chunk is taken.
        resumed: what each upload was to go on with.
        taken: first byte of every chunk that was taken.
    """

    chunk: Callable[[int], object] = lambda _: None
    resumed: list[UploadSession | None] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def upload_video(
        self,
        path: Path,
        name: str,
        *,
        resume: UploadSession | None = None,
        progress: Callable[[UploadSession], None] = not_kept,
    ) -> str:
        self.resumed.append(resume)
        session = resume
        if session is None:
            session = UploadSession(f"session-{len(self.resumed)}", f"77{len(self.resumed)}", path.stat().st_size, 0)
            progress(session)
        while session.next_byte < session.size:
            self.chunk(session.next_byte)
            self.taken.append(session.next_byte)
            session = replace(session, next_byte=session.next_byte + CHUNK)
            progress(session)
        return self._add("advideos", {"name": name}, new_id=session.video_id)


@pytest.fixture
def platform(bench: Bench, clock: TwinClock) -> ChunkedPlatform:
    """In place of the bench's own, with one video that is due."""
    made = ChunkedPlatform(clock.now)
    bench.platform = made
    bench.adset("a")
    stored = bench.store.settings.home.parent / "film.mp4"
    stored.write_bytes(FILM)
    bench.enqueue(bench.change("c1/v/video", UploadVideo(name="V", uri=bench.store.blobs.put(stored).uri)))
    bench.due()
    return made


def at_byte(byte: int, act: Callable[[], object]) -> Callable[[int], object]:
    """Once, before the chunk that begins there."""
    left = [byte]

    def chunk(first: int) -> None:
        if first in left:
            left.clear()
            act()

    return chunk


def busy() -> None:
    raise TransientError("busy")


def cut_off() -> None:
    raise AmbiguousOutcome("cut off")


def lease_left(bench: Bench) -> timedelta:
    with bench.store.engine.connect() as connection:
        left: timedelta = connection.execute(
            text("select lease_until - clock_timestamp() from pending_ad_changes")
        ).scalar_one()
        return left


def test_an_upload_goes_on_where_it_was_cut_off(bench: Bench, platform: ChunkedPlatform) -> None:
    platform.chunk = at_byte(8, busy)
    assert [step.outcome for step in bench.drain()] == ["retried"]
    (kept,) = bench.rows(upload_sessions)
    assert (kept["session_id"], kept["video_id"], kept["size"], kept["next_byte"]) == ("session-1", "771", 12, 8)
    bench.drain_all()
    assert platform.resumed == [None, UploadSession("session-1", "771", 12, 8)]
    assert platform.taken == [0, 4, 8]
    assert bench.known("c1/v/video")["remote_id"] == "771"
    assert [row["status"] for row in bench.history] == ["failed", "applied"]


def test_every_confirmed_chunk_is_on_record_before_the_next_is_sent(bench: Bench, platform: ChunkedPlatform) -> None:
    seen = []
    platform.chunk = lambda first: seen.append((first, bench.rows(upload_sessions)[0]["next_byte"]))
    bench.drain()
    assert seen == [(0, 0), (4, 4), (8, 8)]
    assert [row["next_byte"] for row in bench.rows(upload_sessions)] == [12]


def test_another_workers_attempt_resumes_too_once_it_is_known_that_nothing_was_finished(
    bench: Bench, clock: TwinClock, platform: ChunkedPlatform
) -> None:
    platform.chunk = at_byte(4, cut_off)
    assert [step.outcome for step in bench.drain()] == ["unknown"]
    clock.forward(seconds=90)
    assert [step.outcome for step in bench.executor("w2").drain()] == ["retried"]
    clock.forward(seconds=1)
    assert [step.outcome for step in bench.executor("w2").drain()] == ["applied"]
    assert platform.resumed == [None, UploadSession("session-1", "771", 12, 4)]
    assert platform.taken == [0, 4, 8]


def test_only_the_finish_is_repeated_when_only_the_finish_failed(bench: Bench, platform: ChunkedPlatform) -> None:
    platform.writes = [Fault(TransientError("busy"))]
    bench.drain_all()
    assert platform.taken == [0, 4, 8]
    assert platform.resumed[1] == UploadSession("session-1", "771", 12, 12)


def test_a_worker_that_lost_its_lease_stops_uploading(bench: Bench, platform: ChunkedPlatform) -> None:
    platform.chunk = at_byte(4, bench.lose_leases)
    (step,) = bench.drain()
    assert (step.outcome, step.reason) == ("lost", "the lease ran out; another worker has it")
    assert platform.taken == [0, 4]  # the chunk under way, and none after it
    assert platform.journal == []
    assert [row["next_byte"] for row in bench.rows(upload_sessions)] == [4]
    platform.chunk = lambda _: None
    bench.drain_all()
    assert platform.resumed[1] == UploadSession("session-1", "771", 12, 4)
    assert (bench.statuses(), len(platform.journal)) == (["applied"], 1)


def test_an_upload_longer_than_the_lease_keeps_it(bench: Bench, platform: ChunkedPlatform) -> None:
    """Every chunk takes nearly all of the lease, all of them together take two."""
    left, others = list[timedelta](), list[Step]()

    def almost_late(_first: int) -> None:
        left.append(lease_left(bench))
        bench.sql("update pending_ad_changes set lease_until = lease_until - interval '60 seconds'")
        others.extend(bench.executor("w2").drain())

    platform.chunk = almost_late
    assert [step.outcome for step in bench.drain()] == ["applied"]
    assert len(left) == 3
    assert min(left) > timedelta(seconds=60)
    assert others == []
    assert platform.taken == [0, 4, 8]


@pytest.mark.usefixtures("platform")
def test_a_worker_may_die_after_every_chunk(bench: Bench) -> None:
    passed: list[Point] = []
    executor = replace(bench.executor(), at=passed.append)
    assert [step.outcome for step in executor.drain()] == ["applied"]
    assert passed.count("K4_request_sent") == 4  # the start and three chunks
    assert [point for point in passed if point.startswith(("K3", "K5", "K6", "K7"))] == [
        "K3_intent_written",
        "K5_answered",
        "K6_before_outcome_commits",
        "K7_outcome_written",
    ]
