"""Films that are made to break whoever looks at them, or to make him open something else."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.apart.running import ChildBroke
from flywheel_assets.creative.door import PASSING, looked_at
from flywheel_assets.creative.perception import guarded
from flywheel_assets.creative.perception.probe import probe
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.rendering import ffmpeg
from flywheel_assets.settings import Media
from flywheel_assets.store.store import Store
from tests.drop_bench import DropBench
from tests.rubbish import FFMPEG, enormous, film, hurt_inside, of_another_file


@pytest.fixture
def drops(store: Store, account: Account) -> DropBench:
    store.settings.drop_path.mkdir(parents=True)
    return DropBench(store, account)


# --- what a child is not given ---------------------------------------------------------------------


def test_a_film_that_needs_more_memory_than_a_look_has_is_refused(drops: DropBench) -> None:
    drops.drop("clip.mkv", enormous())
    small = drops.limited(max_pixels=10**9, look_memory_mb=400)
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


def test_a_machine_that_is_short_of_something_says_nothing_about_the_film(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(film())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(IntakeRejected) as refused:
            looked_at(tmp_path / "clip.mp4", Media())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (refused.value.rule, "Too many open files" in refused.value.reason) == ("interrupted", True)
    assert "interrupted" in PASSING


def test_a_fault_of_ours_is_told_as_such_without_our_paths(
    drops: DropBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "python"
    broken.write_text(
        "#!/bin/sh\necho 'File \"/srv/flywheel/child.py\"' >&2\necho 'ImportError: no numpy' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    drops.drop("clip.mp4", film())
    assert drops.take_in("clip.mp4").status == "rejected"
    (row,) = drops.rows()
    assert (row.rule, row.remedy) == ("our_fault", "Report this; drop it again once it is mended.")
    assert row.reason == "Flywheel itself failed on it, its log says how"
    assert "/srv/flywheel" in caplog.text


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
    assert [row.rule for row in drops.rows()] == ["damaged"]
