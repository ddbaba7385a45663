"""The sensors, tick by tick, on a real Dagster instance and a real database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import dagster as dg
import pytest

from flywheel_assets.core.account import Account, Mode
from flywheel_assets.core.ids import campaign_of
from flywheel_assets.sensors.running import LOST
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF, DropBench, video
from tests.executor_bench import CAMPAIGN, Bench
from tests.integration.conftest import TwinClock

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")

_UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Making one takes a second, so the tests share it and leave it empty."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def drops(store: Store, account: Account, shared_instance: dg.DagsterInstance) -> Iterator[DropBench]:
    store.settings.drop_path.mkdir(parents=True)
    yield DropBench(store, account, shared_instance)
    for run in shared_instance.get_runs():
        shared_instance.delete_run(run.run_id)
    for key in shared_instance.get_dynamic_partitions("creatives"):
        shared_instance.delete_dynamic_partition("creatives", key)


@pytest.fixture
def uploads() -> dg.SensorDefinition:
    from flywheel_assets.sensors import uploads

    return uploads


@pytest.fixture
def queue() -> dg.SensorDefinition:
    from flywheel_assets.sensors import ad_change_queue

    return ad_change_queue


def _asked(tick: dg.SensorExecutionData) -> list[tuple[str | None, str | None]]:
    """Partition and run key of every run a tick asks for."""
    return [(request.partition_key, request.run_key) for request in tick.run_requests or []]


# --- uploads --------------------------------------------------------------------------------------


def test_an_empty_folder_is_passed_over(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    tick = drops.tick(uploads)
    assert tick.skip_message == f"nothing new in {drops.folder}"
    assert _asked(tick) == []


def test_a_folder_that_does_not_exist_yet_is_passed_over(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.folder.rmdir()
    assert str(drops.tick(uploads).skip_message).startswith("nothing new")


def test_a_file_is_taken_in_by_the_second_tick_and_never_again(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("clip.mp4", video())
    first, second = drops.tick(uploads), drops.tick(uploads)
    assert "have to stay unchanged" in str(first.skip_message)
    ((key, run_key),) = _asked(second)
    assert run_key == f"{key}:1"
    assert drops.instance.get_dynamic_partitions("creatives") == [key]
    drops.start_run("creative_generation", dg.DagsterRunStatus.SUCCESS, key)
    third = drops.tick(uploads)
    assert str(third.skip_message).startswith("nothing new")
    assert len(drops.rows()) == 1


def test_a_run_carries_the_name_of_the_upload(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("Büro – final (2).mp4", video())
    drops.tick(uploads)
    (request,) = drops.tick(uploads).run_requests or []
    assert request.tags["flywheel/upload"] == "Büro – final (2).mp4"


def test_a_file_that_still_grows_is_waited_for(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    whole = video()
    path = drops.drop("clip.mp4", whole[: len(whole) // 3])
    drops.tick(uploads)
    for share in (2, 3):
        with path.open("ab") as file:
            file.write(whole[len(whole) * (share - 1) // 3 : len(whole) * share // 3])
        assert "have to stay unchanged" in str(drops.tick(uploads).skip_message)
    assert drops.rows() == []
    assert len(_asked(drops.tick(uploads))) == 1
    assert [row.status for row in drops.rows()] == ["accepted"]


def test_a_download_is_taken_in_under_its_final_name_only(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    path = drops.drop("clip.mp4.part", video())
    for _ in range(3):
        assert str(drops.tick(uploads).skip_message).startswith("nothing new")
    drops.write_brief("clip.mp4", BRIEF)
    path.rename(drops.folder / "clip.mp4")
    drops.tick(uploads)
    assert len(_asked(drops.tick(uploads))) == 1


def test_a_rejection_does_not_stop_the_others_of_its_tick(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("a text.mp4", b"hello, I am text")
    drops.drop("b good.mp4", video(300))
    drops.drop("c empty.mp4", b"")
    (drops.folder / os.fsdecode(b"d caf\xe9.mp4")).write_bytes(video(400))
    (drops.folder / "e link.mp4").symlink_to("/etc/passwd")
    os.mkfifo(drops.folder / "f pipe.mp4")
    drops.drop("g bad brief.mp4", video(500), brief="[" * 20_000)
    drops.drop("h good.mp4", video(600))
    drops.tick(uploads)
    tick = drops.tick(uploads)
    rules = {row.name[0]: row.rule for row in drops.rows()}
    assert rules == {
        "a": "not_a_video",
        "b": None,
        "c": "empty_file",
        "d": "name_not_text",
        "e": "symlink",
        "f": "not_a_file",
        "g": "bad_brief",
        "h": None,
    }
    accepted = [row.creative_id for row in drops.rows() if row.status == "accepted"]
    assert [key for key, _ in _asked(tick)] == accepted
    assert len(accepted) == 2
    for key in accepted:
        drops.start_run("creative_generation", dg.DagsterRunStatus.SUCCESS, key)
    assert str(drops.tick(uploads).skip_message).startswith("nothing new")


def test_a_tick_of_rejections_says_why(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("clip.mp4", b"")
    drops.tick(uploads)
    assert "clip.mp4: empty_file" in str(drops.tick(uploads).skip_message)


def test_many_files_are_spread_over_ticks_and_none_is_lost(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    for number in range(23):
        drops.drop(f"{number:02}.mp4", b"")
    drops.tick(uploads)
    counts = []
    for _ in range(3):
        drops.tick(uploads)
        counts.append(len(drops.rows()))
    assert counts == [10, 20, 23]
    assert sorted(row.name for row in drops.rows()) == [f"{number:02}.mp4" for number in range(23)]


@pytest.mark.parametrize("cursor", ["{not json", "null", "7", '{"a": 1}', '["x", [1]]', "\x00"])
def test_a_cursor_nobody_can_read_costs_one_tick(drops: DropBench, uploads: dg.SensorDefinition, cursor: str) -> None:
    drops.drop("clip.mp4", video())
    drops.cursor = cursor
    assert "have to stay unchanged" in str(drops.tick(uploads).skip_message)
    assert len(_asked(drops.tick(uploads))) == 1


def test_the_cursor_holds_only_what_is_still_waiting(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("clip.mp4", video())
    drops.tick(uploads)
    assert [entry[0] for entry in json.loads(str(drops.cursor))] == ["clip.mp4"]
    drops.tick(uploads)
    assert json.loads(str(drops.cursor)) == []


# --- one run a creative ---------------------------------------------------------------------------


def test_a_request_whose_tick_died_is_asked_for_again(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    tick = drops.tick(uploads)
    assert _asked(tick) == [(taken.creative_id, f"{taken.creative_id}:1")]
    assert drops.instance.get_dynamic_partitions("creatives") == [taken.creative_id]


@pytest.mark.parametrize("status", [*_UNDER_WAY, *_ENDED])
def test_a_request_that_has_a_run_is_not(drops: DropBench, uploads: dg.SensorDefinition, status: str) -> None:
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    drops.start_run("creative_generation", dg.DagsterRunStatus[status], taken.creative_id)
    assert _asked(drops.tick(uploads)) == []


def test_the_run_of_another_creative_or_job_does_not_count(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    drops.start_run("creative_generation", dg.DagsterRunStatus.STARTED, "c_000000000000")
    drops.start_run("drain_ad_changes", dg.DagsterRunStatus.STARTED, taken.creative_id)
    assert [key for key, _ in _asked(drops.tick(uploads))] == [taken.creative_id]


def test_a_request_whose_only_run_was_lost_with_its_demo_is_asked_for_again(
    drops: DropBench, uploads: dg.SensorDefinition
) -> None:
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    run_id = drops.start_run("creative_generation", dg.DagsterRunStatus.FAILURE, taken.creative_id)
    drops.instance.add_run_tags(run_id, {LOST: "true"})
    assert _asked(drops.tick(uploads)) == [(taken.creative_id, f"{taken.creative_id}:1")]


def test_a_finished_creative_is_not_asked_for(drops: DropBench, uploads: dg.SensorDefinition, bench: Bench) -> None:
    drops.drop("clip.mp4", video())
    taken = drops.take_in("clip.mp4")
    bench.enqueue(bench.change(campaign_of(str(taken.creative_id)), CAMPAIGN))
    assert _asked(drops.tick(uploads)) == []


def test_two_copies_in_one_tick_start_one_run(drops: DropBench, uploads: dg.SensorDefinition) -> None:
    drops.drop("one.mp4", video())
    drops.drop("two.mp4", video())
    drops.tick(uploads)
    tick = drops.tick(uploads)
    assert [row.status for row in drops.rows()] == ["accepted", "duplicate"]
    assert len(_asked(tick)) == 1


@pytest.mark.parametrize(("status", "runs"), [*((one, 0) for one in _UNDER_WAY), *((one, 1) for one in _ENDED)])
def test_a_copy_starts_a_run_only_when_none_is_under_way(
    drops: DropBench, uploads: dg.SensorDefinition, status: str, runs: int
) -> None:
    drops.drop("one.mp4", video())
    taken = drops.take_in("one.mp4")
    drops.start_run("creative_generation", dg.DagsterRunStatus[status], taken.creative_id)
    drops.drop("two.mp4", video())
    drops.tick(uploads)
    assert _asked(drops.tick(uploads)) == [(taken.creative_id, f"{taken.creative_id}:2")] * runs


# --- ad_change_queue ------------------------------------------------------------------------------


def test_a_drain_is_asked_for_when_a_change_is_due(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock
) -> None:
    assert drops.tick(queue).skip_message == "no change is due"
    bench.enqueue(bench.pause(bench.adset("a1")))
    assert drops.tick(queue).skip_message == "no change is due", "its jitter is not over"
    clock.forward(seconds=19)
    (request,) = drops.tick(queue).run_requests or []
    assert request.run_key is None
    assert drops.tick(queue).run_requests, "it is still due, and nobody drains"


@pytest.mark.parametrize("status", _UNDER_WAY)
def test_no_second_drain_is_asked_for(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock, status: str
) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")))
    clock.forward(seconds=19)
    drops.start_run("drain_ad_changes", dg.DagsterRunStatus[status])
    assert drops.tick(queue).skip_message == "a drain is under way"


@pytest.mark.parametrize("status", _ENDED)
def test_a_drain_that_ended_does_not_stand_in_the_way(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock, status: str
) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")))
    clock.forward(seconds=19)
    drops.start_run("drain_ad_changes", dg.DagsterRunStatus[status])
    assert drops.tick(queue).run_requests


def test_a_run_of_another_job_is_no_drain(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")))
    clock.forward(seconds=19)
    drops.start_run("creative_generation", dg.DagsterRunStatus.STARTED, "c_000000000000")
    assert drops.tick(queue).run_requests


@pytest.mark.parametrize("mode", ["observe", "approve"])
def test_what_may_not_go_out_starts_no_drain(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock, mode: Mode
) -> None:
    ref = bench.adset("a1")
    bench.mode(mode)
    bench.enqueue(bench.pause(ref))
    clock.forward(seconds=19)
    assert drops.tick(queue).skip_message == "no change is due"


def test_a_change_whose_worker_died_starts_a_drain(
    drops: DropBench, queue: dg.SensorDefinition, bench: Bench, clock: TwinClock
) -> None:
    bench.enqueue(bench.pause(bench.adset("a1")))
    clock.forward(seconds=19)
    assert bench.executor("w9")._claim() is not None
    assert drops.tick(queue).skip_message == "no change is due"
    bench.lose_leases()
    assert drops.tick(queue).run_requests
