"""Everything bad that people drop: a row with rule, reason and remedy each, as `flywheel intake list` shows it."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.apart.running import ChildBroke
from flywheel_assets.creative.intake import Dropped, take_in
from flywheel_assets.creative.perception import guarded
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.rendering import ffmpeg
from flywheel_assets.settings import Media
from flywheel_assets.store.blobs import Blobs, Stored
from flywheel_assets.store.store import Store
from tests.drop_bench import BRIEF, DropBench
from tests.rubbish import FFMPEG, enormous, film, hurt_inside, of_another_file, sound_only, turned_aside

# Dagster looks for the fields of a resource that has none in the way an older pydantic kept them.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@pytest.fixture
def drops(store: Store, account: Account) -> DropBench:
    store.settings.drop_path.mkdir(parents=True)
    return DropBench(store, account)


@pytest.fixture
def ticking(drops: DropBench, instance: dg.DagsterInstance) -> DropBench:
    """The same folder, with an instance for its sensor."""
    return replace(drops, _instance=instance)


def _listed(drops: DropBench) -> dict[str, dict[str, Any]]:
    """What the program shows of all uploads, by name."""
    from flywheel_assets.cli import main

    settings = drops.store.settings
    at = {"FLYWHEEL_HOME": str(settings.root), "FLYWHEEL_DATABASE_URL": str(settings.database_url)}
    result = CliRunner(env=at).invoke(main, ["intake", "list", "--json", "--limit", "1000"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)}


def _drop_rubbish(drops: DropBench) -> dict[str, str]:
    """The rule that each file breaks, by the name it is listed under."""
    good = film()
    contents: dict[str, tuple[bytes, str]] = {
        "sound only.mp4": (sound_only(), "no_video_stream"),
        "cut off.mp4": (good[: len(good) // 2], "damaged"),
        "blink.mp4": (film(seconds=0.4), "too_short"),
        "enormous.mkv": (enormous(), "too_many_pixels"),
        "transport.mp4": (film("-f", "mpegts", suffix="ts"), "not_a_video"),
        "old.mp4": (film(suffix="avi"), "not_a_video"),
        "two\nlines\x1b[2J.mp4": (good, "name_not_text"),
        "clip\u202e4pm.exe.mp4": (good, "name_not_text"),
    }
    for name, (content, _) in contents.items():
        drops.drop(name, content)
    (drops.folder / "link.mp4").symlink_to("/etc/passwd")
    briefs: dict[str, dict[str, Any] | str] = {
        "unknown keys.mp4": BRIEF | {"budget": 5, "ofer": "x"},
        "foreign.mp4": BRIEF | {"account": "act_404", "currency": "XYZ"},
        "long brief.mp4": "# " + "x" * 70_000,
    }
    for name, brief in briefs.items():
        drops.drop(name, good, brief)
    (drops.folder / "brief is link.mp4").write_bytes(good)
    (drops.folder / "brief is link.brief.yaml").symlink_to("/etc/passwd")
    (drops.folder / "brief is pipe.mp4").write_bytes(good)
    os.mkfifo(drops.folder / "brief is pipe.brief.yaml")
    names = {ascii_of(name): rule for name, (_, rule) in contents.items()}
    bad_briefs = [*briefs, "brief is link.mp4", "brief is pipe.mp4"]
    return names | {"link.mp4": "symlink"} | dict.fromkeys(bad_briefs, "bad_brief")


def ascii_of(name: str) -> str:
    return name.replace("\n", "\\n").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")


def test_rubbish_is_refused_and_odd_good_files_are_taken(ticking: DropBench) -> None:
    from flywheel_assets.sensors import uploads

    drops = ticking
    rules = _drop_rubbish(drops)
    good = {"portrait.mp4": film(size="64x96"), "turned.mp4": turned_aside(), "🎬 Café 🚀.mp4": film(size="80x64")}
    for name, content in good.items():
        drops.drop(name, content)
    ticks = [drops.tick(uploads) for _ in range(4)]
    listed = _listed(drops)
    assert {name: row["rule"] for name, row in listed.items()} == rules | dict.fromkeys(good)
    for name in rules:
        row = listed[name]
        assert (row["status"], bool(row["reason"]), bool(row["remedy"])) == ("rejected", True, True)
        assert "root:" not in row["reason"], "it quotes a file that was not dropped"
        assert str(drops.folder) not in row["reason"], "it tells where the server keeps its files"
    assert {listed[name]["status"] for name in good} == {"accepted"}
    runs = {request.partition_key for tick in ticks for request in tick.run_requests or []}
    assert runs == {listed[name]["creative_id"] for name in good}
    assert "AVI" in listed["old.mp4"]["reason"]
    assert "account: Extra inputs" in listed["foreign.mp4"]["reason"]
    assert "currency: Extra inputs" in listed["foreign.mp4"]["reason"]


@pytest.mark.parametrize(
    ("name", "rule", "told"),
    [
        ("../outside.mp4", "name_is_path", "../outside.mp4"),
        ("/etc/passwd", "name_is_path", "/etc/passwd"),
        ("nul\0.mp4", "name_not_text", "nul\\x00.mp4"),
        ("n" * 296 + ".mp4", "name_too_long", "n" * 296 + ".mp4"),
    ],
    ids=["dots", "root", "nul", "300 letters"],
)
def test_a_name_no_folder_can_hold_is_refused_all_the_same(drops: DropBench, name: str, rule: str, told: str) -> None:
    (drops.folder.parent / "outside.mp4").write_bytes(film())
    assert take_in(drops.store, drops.folder, Dropped(name, 1, 1), drops.account).status == "rejected"
    row = _listed(drops)[told]
    assert (row["rule"], bool(row["reason"]), bool(row["remedy"])) == (rule, True, True)


def test_more_frames_and_streams_than_allowed_are_told_the_limit(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(film())
    with pytest.raises(IntakeRejected, match=r"too_many_frames: .* the limit is 5") as refused:
        probe(clip, Media(max_frames=5))
    assert "60 frames a second" in refused.value.remedy
    with pytest.raises(IntakeRejected, match=r"too_many_streams: it has 1 streams, the limit is 0"):
        probe(clip, Media(max_streams=0))


def test_a_file_that_changes_while_it_is_read_is_looked_at_again(drops: DropBench) -> None:
    path = drops.drop("clip.mp4", film())
    seen = drops.seen("clip.mp4")
    with path.open("ab") as file:
        file.write(b"\0")
    assert take_in(drops.store, drops.folder, seen, drops.account).status == "changed"
    assert drops.rows() == []


# --- no room --------------------------------------------------------------------------------------


class BrokenBlobs(Blobs):
    """A disk with much room that fails at the first byte."""

    failure = errno.ENOSPC

    def put(self, path: Path) -> Stored:
        raise OSError(self.failure, os.strerror(self.failure), f"/blobs/.{path.name}.part")


def _with(drops: DropBench, **changes: Any) -> DropBench:
    """The bench on an installation with other limits or another storage."""
    blobs = changes.pop("blobs", drops.store.blobs)
    media = drops.store.settings.media.model_copy(update=changes)
    settings = drops.store.settings.model_copy(update={"media": media})
    return replace(drops, store=replace(drops.store, settings=settings, blobs=blobs))


def test_without_room_nothing_is_stored_and_with_room_the_file_is_taken_by_itself(ticking: DropBench) -> None:
    from flywheel_assets.sensors import uploads

    drops = ticking
    drops.drop("clip.mp4", film())
    full = _with(drops, spare_mb=10**9)
    for _ in range(2):
        full.tick(uploads)
    row = _listed(drops)["clip.mp4"]
    assert (row["status"], row["rule"]) == ("rejected", "no_space")
    assert "MiB free" in row["reason"]
    assert "1,000,000,000 stay free" in row["reason"]
    assert "Make room" in row["remedy"]
    assert list(drops.store.settings.root.glob("blobs/**/*")) == []
    runs = [request for _ in range(2) for request in drops.tick(uploads).run_requests or []]
    assert len(runs) == 1
    row = _listed(drops)["clip.mp4"]
    assert (row["status"], row["rule"], row["reason"]) == ("accepted", None, None)


@pytest.mark.parametrize(
    ("failure", "rule"), [(errno.ENOSPC, "no_space"), (errno.EDQUOT, "no_space"), (errno.EIO, "not_stored")]
)
def test_a_storage_that_fails_is_named_and_the_file_taken_once_it_works(
    drops: DropBench, failure: int, rule: str
) -> None:
    drops.drop("clip.mp4", film())
    blobs = BrokenBlobs(drops.store.settings.blob_base, drops.folder)
    blobs.failure = failure
    assert _with(drops, blobs=blobs).take_in("clip.mp4").status == "rejected"
    (row,) = drops.rows()
    assert row.rule == rule
    assert os.strerror(failure) in row.reason
    assert "by itself" in row.remedy
    assert drops.take_in("clip.mp4").status == "accepted"
    assert [row.status for row in drops.rows()] == ["accepted"]


# --- what a child is not given ---------------------------------------------------------------------


def test_a_film_that_needs_more_memory_than_a_look_has_is_refused(drops: DropBench) -> None:
    drops.drop("clip.mkv", enormous())
    small = _with(drops, max_pixels=10**9, look_memory_mb=400)
    assert small.take_in("clip.mkv").status == "rejected"
    (row,) = drops.rows()
    assert (row.rule, "FLYWHEEL_MEDIA__LOOK_MEMORY_MB" in row.remedy) == ("too_much_memory", True)
    assert "400 MiB" in row.reason


def test_a_look_that_somebody_kills_says_nothing_about_the_film(drops: DropBench) -> None:
    drops.drop("clip.mkv", enormous())
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(_kill_the_looker)
        assert drops.take_in("clip.mkv").status == "rejected"
        killed.result()
    (row,) = drops.rows()
    assert (row.rule, "SIGKILL" in row.reason) == ("interrupted", True)
    assert drops.take_in("clip.mkv").status == "rejected"
    assert [row.rule for row in drops.rows()] == ["too_many_pixels"]


def _kill_the_looker() -> None:
    """Of all children of this process the one that looks at a film, as soon as there is one."""
    while True:
        for place in Path("/proc/self/task").glob("*/children"):
            for pid in place.read_text(encoding="utf-8").split():
                if b"creative.apart.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)
                    return


@pytest.mark.parametrize(
    ("task", "rule"), [("touch_nothing", "crashed"), ("swell", "too_much_memory"), ("wait", "too_slow")]
)
def test_a_film_that_breaks_whoever_watches_it_is_refused(tmp_path: Path, task: str, rule: str) -> None:
    limits = Media(perceive_seconds=2, perceive_memory_mb=1024)
    with pytest.raises(IntakeRejected) as refused:
        guarded.decode_apart(f"tests.apart_tasks:{task}", tmp_path / "clip.mp4", {}, limits)
    assert (refused.value.rule, refused.value.name) == (rule, "clip.mp4")
    assert refused.value.remedy.startswith("Export the video again")


@pytest.mark.parametrize(("task", "cause"), [("die", "killed"), ("go_wrong", "fault")])
def test_what_is_not_the_films_fault_does_not_refuse_it(tmp_path: Path, task: str, cause: str) -> None:
    with pytest.raises(ChildBroke) as broke:
        guarded.decode_apart(f"tests.apart_tasks:{task}", tmp_path / "clip.mp4", {"signal": 9}, Media())
    assert broke.value.cause == cause


# --- damage inside ----------------------------------------------------------------------------------


def test_a_picture_mended_in_the_middle_is_borne_and_many_are_not(tmp_path: Path) -> None:
    for pictures in (1, 8):
        (tmp_path / f"{pictures}.mp4").write_bytes(hurt_inside(pictures))
        assert probe(tmp_path / f"{pictures}.mp4", Media()).frame_count == 60
    assert detect_scenes(tmp_path / "1.mp4", Media())
    with pytest.raises(IntakeRejected, match=r"damaged: \d+ of its 60 pictures are damaged, 1 may be"):
        detect_scenes(tmp_path / "8.mp4", Media())
    assert detect_scenes(tmp_path / "8.mp4", Media(max_damage=0.5))


# --- files that name other files --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:2,\n{file}\n#EXTINF:2,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{file}'\nfile '{url}/clip.mp4'\n",
        "\0\0\0\x18ftypmp42\n#EXTM3U\n#EXTINF:2,\n{file}\n#EXTINF:2,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
        "<?xml version='1.0'?><MPD><Period><BaseURL>{url}/</BaseURL></Period></MPD>",
    ],
    ids=["hls", "concat", "hls behind a film's first bytes", "dash"],
)
def test_a_playlist_is_refused_and_what_it_names_is_not_opened(drops: DropBench, tmp_path: Path, content: str) -> None:
    # Whoever opened this pipe would wait for its writer until he is stopped, and that has another name.
    secret = tmp_path / "secret.ts"
    os.mkfifo(secret)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        path = drops.drop("clip.mp4", content.format(file=f"file://{secret}", url=url).encode())
        assert drops.take_in("clip.mp4").status == "rejected"
        with pytest.raises(IntakeRejected):
            guarded.look(path, Media())
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert drops.rows()[0].rule in {"not_a_video", "damaged"}


def test_a_film_whose_pictures_lie_in_another_file_shows_none(drops: DropBench, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mov"
    secret.write_bytes(film("-pix_fmt", "yuv420p", suffix="mov"))
    path = drops.drop("clip.mov", of_another_file(str(secret)))
    trusting = [FFMPEG, "-v", "error", "-enable_drefs", "1", "-use_absolute_path", "1", "-i", str(path)]
    nowhere = ["-f", "null", "-"]
    assert subprocess.run([*trusting, *nowhere], check=False, timeout=60).returncode == 0, "no such film was made"
    with pytest.raises(ffmpeg.RenderFailed):
        ffmpeg.run([*ffmpeg.original(path), *nowhere], subject="a film of another", timeout=60)
    assert drops.take_in("clip.mov").status == "rejected"
    assert _listed(drops)["clip.mov"]["rule"] == "damaged"
