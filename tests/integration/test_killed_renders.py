"""Killed in the middle: ffmpeg alone, or we with it. Nothing broken stays, nothing runs on, and what was finished is used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import ffmpeg, probe, recorded, whole_files
from flywheel_assets.rendering.backends import recipe
from tests import coded_films, rendering_process
from tests.rendering_process import ONE

SECONDS = 60.0  # until a test that waits for something gives up


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendering_process.film(tmp_path_factory.mktemp("film"))


def _until(found: Callable[[], psutil.Process | None]) -> psutil.Process:
    """What is found at last."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if (one := found()) is not None:
            return one
        time.sleep(0.002)
    raise AssertionError(f"not found in {SECONDS:.0f} s")


def _encoder(parent: psutil.Process, folder: Path) -> psutil.Process | None:
    """The ffmpeg that our process has started and that writes into the folder."""
    for child in parent.children():
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if words and "ffmpeg" in Path(words[0]).name and words[-1].startswith(f"file:{folder}/"):
            return child
    return None


@contextmanager
def _killing(folder: Path) -> Iterator[None]:
    """Kill the first ffmpeg of ours that writes into the folder."""
    stopped = Event()

    def kill() -> None:
        while not stopped.wait(0.001):
            if (found := _encoder(psutil.Process(), folder)) is not None:
                found.kill()
                return

    killer = Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        stopped.set()
        killer.join()


def _whole(folder: Path, film: Path) -> list[Path]:
    """The segments in the cache; each has the frames its name stands for."""
    plan = rendering_process.plan(film)
    frames = {one.key: one.frames for one in (recipe(segment, plan, ONE) for segment in plan.segments)}
    found = [path for path in _films(folder / "cache") if not path.name.startswith(".")]
    assert all(recorded.read(path) for path in found)
    assert all(probe.count_frames(path) == frames[path.stem] for path in found)
    return found


def _films(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if path.suffix == ".mp4"]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_encoder_that_is_killed_is_told_and_the_next_render_makes_the_film(film: Path, tmp_path: Path) -> None:
    with (
        _killing(tmp_path / "cache"),
        pytest.raises(RenderFailed, match=r"segment of .*: killed: somebody ended ffmpeg with SIGKILL"),
    ):
        rendering_process.render(film, tmp_path)
    assert _films(tmp_path) == _whole(tmp_path, film)
    segments = _whole(tmp_path, film)
    made = rendering_process.render(film, tmp_path)
    assert made.segments_reused == len(segments)
    assert coded_films.broken(made, film, rendering_process.plan(film)) == []


def test_whatever_is_being_written_a_killed_program_leaves_nothing(tmp_path: Path) -> None:
    def endless(part: Path) -> None:
        hour = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=3600"]
        ffmpeg.run([*hour, f"file:{part}"], subject="an hour", timeout=SECONDS)

    with _killing(tmp_path), pytest.raises(RenderFailed, match=r"an hour: killed: .*SIGKILL.*, with fewer FLYWHEEL"):
        whole_files.write(tmp_path / "hour.mp4", endless)
    assert _files(tmp_path) == []


def _hours_ago(part: Path) -> None:
    """As if nobody had written to it for long."""
    hours = time.time() - 4 * 3600
    os.utime(part, (hours, hours))


def test_what_was_just_begun_is_not_swept_away_though_nobody_holds_a_lock_on_it(tmp_path: Path) -> None:
    part = tmp_path / ".begun.0.part.mp4"
    part.touch()
    whole_files.sweep(tmp_path)
    assert _files(tmp_path) == [part]


def test_what_somebody_else_is_still_making_is_not_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".left.0.part.mp4").write_bytes(b"half")
    _hours_ago(tmp_path / ".left.0.part.mp4")

    def make(part: Path) -> None:
        part.write_bytes(b"half of it")
        _hours_ago(part)
        whole_files.sweep(tmp_path)
        assert _files(tmp_path) == [part]
        part.write_bytes(b"all of it")

    whole_files.write(tmp_path / "made.mp4", make)
    assert (tmp_path / "made.mp4").read_bytes() == b"all of it"
    whole_files.sweep(tmp_path)
    assert [path.name for path in _files(tmp_path)] == ["made.mp4"]


@pytest.mark.needs_setpriv
def test_a_render_that_is_killed_takes_its_encoder_with_it_and_is_gone_on_with(tmp_path: Path) -> None:
    film = rendering_process.film(tmp_path)
    command = [sys.executable, "-m", "tests.rendering_process", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("segments 1 ") for line in process.stdout)
        encoder = _until(lambda: _encoder(psutil.Process(process.pid), tmp_path / "cache"))
        encoder.suspend()  # in the middle for good: it cannot end by itself
        try:
            process.kill()
            process.wait(SECONDS)
            encoder.wait(SECONDS)
        finally:
            if encoder.is_running():
                encoder.kill()
    whole = _whole(tmp_path, film)
    assert whole
    assert len(_films(tmp_path / "cache")) == len(whole) + 1  # what was being made, under a hidden name
    assert not (tmp_path / "out").exists()
    (left,) = (path for path in _files(tmp_path / "cache") if path.name.startswith("."))
    _hours_ago(left)
    made = rendering_process.render(film, tmp_path)
    assert made.segments_reused == len(whole)
    assert [path for path in _files(tmp_path) if path.name.startswith(".")] == []
    assert coded_films.broken(made, film, rendering_process.plan(film)) == []
