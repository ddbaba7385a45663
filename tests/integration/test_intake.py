"""What becomes of each thing a person can drop: a creative request, or one row that says why not and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import campaign_of, creative_id, file_sha256
from flywheel_assets.creative import repository
from flywheel_assets.creative.intake import Intake, dropped_files, take_in, unfinished, unknown
from flywheel_assets.creative.types import Brief
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import creatives, publish_plans, videos
from tests.drop_bench import BRIEF, SAMPLE, DropBench, video
from tests.executor_bench import CAMPAIGN, Bench


@pytest.fixture
def drops(store: Store, account: Account) -> DropBench:
    store.settings.drop_path.mkdir(parents=True)
    return DropBench(store, account)


def _count(store: Store, table: Any) -> int:
    with store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _rejected(drops: DropBench, result: Intake, rule: str) -> str:
    """One row with rule, reason and remedy; nothing else is left. Returns reason and remedy."""
    assert (result.status, result.creative_id, result.run) == ("rejected", None, None)
    (row,) = drops.rows()
    assert (row.status, row.rule, row.creative_id) == ("rejected", rule, None)
    assert row.reason
    assert row.remedy
    assert row.rule in result.message
    assert row.remedy in result.message
    assert "\n" not in result.message
    assert _waiting(drops) == ()
    assert (_count(drops.store, creatives), _count(drops.store, videos)) == (0, 0)
    return f"{row.reason} {row.remedy}"


def _waiting(drops: DropBench) -> tuple[str, ...]:
    with drops.store.engine.connect() as connection:
        return tuple(file.name for file in unknown(connection, dropped_files(drops.folder)))


# --- accepted -------------------------------------------------------------------------------------


def test_the_sample_becomes_a_creative_request(drops: DropBench) -> None:
    drops.drop_sample()
    result = drops.take_in(SAMPLE.name)
    described = Brief.model_validate(BRIEF).model_dump(mode="json", exclude_none=True)
    assert result.creative_id == creative_id(file_sha256(SAMPLE), described)
    assert (result.status, result.run) == ("accepted", 1)
    (row,) = drops.rows()
    assert (row.status, row.rule, row.sha256) == ("accepted", None, file_sha256(SAMPLE))
    with drops.store.engine.connect() as connection:
        request = repository.load_request(connection, result.creative_id)
    assert (request.video_name, request.account_id) == (SAMPLE.name, drops.account.account_id)
    assert request.brief == Brief.model_validate(BRIEF)
    assert (request.probe["width"], request.probe["height"], request.probe["frame_count"]) == (1280, 720, 845)
    assert drops.store.blobs.local(request.video_uri).read_bytes() == SAMPLE.read_bytes()


def test_a_video_without_sound_is_accepted_and_known_to_be_silent(drops: DropBench) -> None:
    drops.drop("silent.mp4", video(hertz=0))
    result = drops.take_in("silent.mp4")
    assert result.status == "accepted"
    with drops.store.engine.connect() as connection:
        assert repository.load_request(connection, str(result.creative_id)).probe["has_audio"] is False


@pytest.mark.parametrize(
    "name", ["Büro – Werbung (final) 2.mp4", "a.b.c.MP4", "%41 #1?.mp4", "'; drop table uploads.mp4"]
)
def test_a_name_may_be_what_people_write(drops: DropBench, name: str) -> None:
    drops.drop(name, video())
    result = drops.take_in(name)
    assert (result.status, result.name) == ("accepted", name)
    with drops.store.engine.connect() as connection:
        request = repository.load_request(connection, str(result.creative_id))
    assert request.video_name == name
    assert drops.store.blobs.local(request.video_uri).is_file()


def test_a_video_without_a_brief_takes_the_accounts_default(drops: DropBench) -> None:
    drops.account = drops.account.model_copy(update={"default_brief": BRIEF})
    (drops.folder / "clip.mp4").write_bytes(video())
    assert drops.take_in("clip.mp4").status == "accepted"


# --- again ----------------------------------------------------------------------------------------


def test_the_same_video_again_is_the_same_creative(drops: DropBench) -> None:
    drops.drop("one.mp4", video())
    drops.drop("copy.mp4", video())
    first, second = drops.take_in("one.mp4"), drops.take_in("copy.mp4")
    assert first.creative_id == second.creative_id
    assert [row.status for row in drops.rows()] == ["accepted", "duplicate"]
    assert (_count(drops.store, creatives), _count(drops.store, videos)) == (1, 1)


def test_while_it_is_unfinished_it_is_started_again_under_the_next_number(drops: DropBench) -> None:
    drops.drop("one.mp4", video())
    drops.drop("copy.mp4", video())
    assert [drops.take_in(name).run for name in ("one.mp4", "copy.mp4")] == [1, 2]


def test_once_it_is_finished_there_is_nothing_to_do(drops: DropBench, bench: Bench) -> None:
    drops.drop("one.mp4", video())
    drops.drop("copy.mp4", video())
    first = drops.take_in("one.mp4")
    bench.enqueue(bench.change(campaign_of(str(first.creative_id)), CAMPAIGN))
    again = drops.take_in("copy.mp4")
    assert (again.status, again.run, again.creative_id) == ("duplicate", None, first.creative_id)
    with drops.store.engine.connect() as connection:
        assert unfinished(connection, 10) == ()


def test_a_plan_of_which_nothing_was_queued_is_not_the_end(drops: DropBench) -> None:
    drops.drop("one.mp4", video())
    drops.drop("copy.mp4", video())
    first = drops.take_in("one.mp4")
    with drops.store.engine.begin() as connection:
        connection.execute(publish_plans.insert().values(creative_id=first.creative_id, digest="d", plan={}))
    assert drops.take_in("copy.mp4").run == 2
    with drops.store.engine.connect() as connection:
        assert [one.creative_id for one in unfinished(connection, 10)] == [first.creative_id]


def test_the_same_video_with_another_brief_is_another_creative_of_one_stored_video(drops: DropBench) -> None:
    drops.drop("one.mp4", video())
    drops.drop("two.mp4", video(), BRIEF | {"offer": "second month free"})
    assert drops.take_in("one.mp4").creative_id != drops.take_in("two.mp4").creative_id
    assert (_count(drops.store, creatives), _count(drops.store, videos)) == (2, 1)


def test_a_file_taken_in_twice_in_the_same_state_leaves_one_row(drops: DropBench) -> None:
    drops.drop("one.mp4", video())
    drops.take_in("one.mp4")
    drops.take_in("one.mp4")
    assert len(drops.rows()) == 1


def test_a_file_dropped_again_with_its_old_date_is_looked_at_again(drops: DropBench) -> None:
    path = drops.drop("one.mp4", video(), brief="brand: only this\n")
    before = path.stat()
    assert drops.take_in("one.mp4").status == "rejected"
    drops.write_brief("one.mp4", BRIEF)
    assert _waiting(drops) == ()
    aside = drops.folder.parent / "aside.mp4"
    path.rename(aside)
    aside.rename(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _waiting(drops) == ("one.mp4",)
    assert drops.take_in("one.mp4").status == "accepted"
    assert [row.status for row in drops.rows()] == ["rejected", "accepted"]


# --- rejected -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty_file"),
        (b"not a video, whatever its name says\n", "not_a_video"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "not_a_video"),
        (video()[:-400], "damaged"),
        (video()[:400], "unknown_codec"),
    ],
    ids=["0 bytes", "text", "playlist", "cut off", "cut off at once"],
)
def test_what_is_no_video_is_rejected(drops: DropBench, content: bytes, rule: str) -> None:
    drops.drop("clip.mp4", content)
    _rejected(drops, drops.take_in("clip.mp4"), rule)


def test_without_a_brief_it_says_which_file_to_write(drops: DropBench) -> None:
    (drops.folder / "clip.mp4").write_bytes(video())
    said = _rejected(drops, drops.take_in("clip.mp4"), "no_brief")
    assert "clip.brief.yaml" in said
    assert "samples/raw_ad.brief.yaml" in said


@pytest.mark.parametrize(
    ("brief", "named"),
    [
        (BRIEF | {"budget": 5, "ofer": "x"}, "budget: Extra inputs are not permitted; ofer: Extra inputs"),
        ({"brand": "Bright Cup"}, "product: Field required"),
        (BRIEF | {"call_to_action": "x" * 33}, "call_to_action: String should have at most 32 characters"),
        (BRIEF | {"landing_url": "javascript:alert(1)"}, "landing_url: "),
        ("", "document: "),
        ("brand: [open", "not YAML"),
        ("offer: 2026-13-45", "not YAML"),
        ("[" * 20_000, "not YAML"),
        (BRIEF | {"brand": "Bright\0Cup"}, "brand holds a line break or another control character"),
        (BRIEF | {"brand": "Bright\nCup"}, "brand holds a line break or another control character"),
    ],
    ids=[
        "unknown keys",
        "missing keys",
        "too long",
        "no link",
        "empty",
        "open list",
        "month 13",
        "deep",
        "nul",
        "break",
    ],
)
def test_a_bad_brief_is_rejected_with_every_field_named(drops: DropBench, brief: Any, named: str) -> None:
    drops.drop("clip.mp4", video(), brief)
    assert named in _rejected(drops, drops.take_in("clip.mp4"), "bad_brief")


@pytest.mark.parametrize("content", [b"brand: \xff\xfe", None], ids=["not UTF-8", "a folder"])
def test_a_brief_that_cannot_be_read_is_rejected(drops: DropBench, content: bytes | None) -> None:
    (drops.folder / "clip.mp4").write_bytes(video())
    beside = drops.folder / "clip.brief.yaml"
    if content is None:
        beside.mkdir()
    else:
        beside.write_bytes(content)
    _rejected(drops, drops.take_in("clip.mp4"), "bad_brief")


@pytest.mark.parametrize("target", [SAMPLE, Path("/nowhere/at/all")], ids=["to a video", "to nothing"])
def test_a_link_is_not_followed(drops: DropBench, target: Path) -> None:
    (drops.folder / "link.mp4").symlink_to(target)
    assert "Copy the video itself" in _rejected(drops, drops.take_in("link.mp4"), "symlink")


def test_a_pipe_is_not_waited_for(drops: DropBench) -> None:
    os.mkfifo(drops.folder / "pipe.mp4")
    _rejected(drops, drops.take_in("pipe.mp4"), "not_a_file")


@pytest.mark.parametrize("name", ["n" * 246 + ".mp4", "é" * 120 + ".mp4"], ids=["250 letters", "244 bytes"])
def test_a_name_that_leaves_no_room_for_its_brief_is_rejected(drops: DropBench, name: str) -> None:
    (drops.folder / name).write_bytes(video())
    assert "200" in _rejected(drops, drops.take_in(name), "name_too_long")


def test_a_name_that_is_no_text_is_rejected_and_kept_as_an_escape(drops: DropBench) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (drops.folder / name).write_bytes(video())
    _rejected(drops, drops.take_in(name), "name_not_text")
    assert [row.name for row in drops.rows()] == ["caf\\udce9.mp4"]


def test_a_file_that_went_away_leaves_nothing(drops: DropBench) -> None:
    path = drops.drop("clip.mp4", video())
    seen = drops.seen("clip.mp4")
    path.unlink()
    result = take_in(drops.store, drops.folder, seen, drops.account)
    assert (result.status, result.run) == ("gone", None)
    assert drops.rows() == []


# --- not looked at --------------------------------------------------------------------------------


def test_briefs_hidden_files_folders_and_unfinished_downloads_are_not_drops(drops: DropBench) -> None:
    for name in ("a.mp4.part", "b.mp4.crdownload", "c.TMP", "d.partial", "e.download", ".hidden.mp4", "f.brief.yaml"):
        (drops.folder / name).write_bytes(video())
    (drops.folder / "folder.mp4").mkdir()
    (drops.folder / "g.mp4").write_bytes(b"")
    assert [file.name for file in dropped_files(drops.folder)] == ["g.mp4"]


def test_a_missing_drop_folder_holds_nothing(tmp_path: Path) -> None:
    assert dropped_files(tmp_path / "nowhere") == ()


def test_a_partition_nobody_uploaded_says_what_to_do(store: Store) -> None:
    with store.engine.connect() as connection, pytest.raises(ConfigurationError, match=r"c_0123456789ab.*drop folder"):
        repository.load_request(connection, "c_0123456789ab")
