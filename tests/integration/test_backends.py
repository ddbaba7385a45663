"""MoviePy beside ffmpeg: one plan, one look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.backends import recipe
from flywheel_assets.rendering.effects import Crop, Effect, Grade, ProgressBar, PunchIn, Steady
from flywheel_assets.rendering.ffmpeg import run
from flywheel_assets.rendering.plan import edit_plan
from flywheel_assets.rendering.quality import Files, inspect, open_eyes
from flywheel_assets.rendering.render import render_all
from flywheel_assets.rendering.segments import encode_all, path_of
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import Clip, EditPlan, Mix, Segment
from flywheel_assets.settings import Rendering
from tests.integration.test_rendering import BLUEPRINTS, SMALL, _film, _frames, _perception, _read, reader

__all__ = ["reader"]

WITH_MOVIEPY = SMALL.model_copy(update={"backend": "moviepy"})


def _alike(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Peak signal to noise, dB."""
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _film(tmp_path_factory.mktemp("film") / "film.mp4", sound=True)


@pytest.fixture(scope="module")
def plan(film: Path) -> EditPlan:
    return edit_plan(BLUEPRINTS[0], _perception(film, sound=True), SMALL)


def test_both_make_the_same_advert_of_one_plan(film: Path, plan: EditPlan, tmp_path: Path, reader: Any) -> None:
    perception = _perception(film, sound=True)
    made, eyes = {}, open_eyes()
    for settings in (SMALL, WITH_MOVIEPY):
        folder = tmp_path / settings.backend
        (render,) = render_all(film, BLUEPRINTS[:1], perception, folder / "out", folder / "cache", settings)
        lines = inspect(Files(render.path, render.captions_srt, film), plan, settings, eyes)
        assert [line for line in lines if not line.passed] == []
        made[settings.backend] = _frames(render.path)
    for number in (18, 45, 80, plan.frames - 5):  # not while a text pops in, which MoviePy leaves out
        ours, theirs = (made[name][number] for name in ("ffmpeg", "moviepy"))
        assert _alike(ours.to_ndarray(format="rgb24"), theirs.to_ndarray(format="rgb24")) > 24
        assert _read(reader, ours) == _read(reader, theirs)


ACROSS = Crop(top=0, width=0.316, height=1, path=((0, 0.1), (14, 0.4)))


def _segment(effects: tuple[Effect, ...] = (), finish: tuple[Effect, ...] = (), window: Crop = ACROSS) -> Segment:
    """Half a second of the first scene, in a window of it."""
    clip = Clip(scene_index=0, source_start=0.2, source_end=0.7, frames=15, effects=(window, *effects))
    return Segment(kind="scene", clips=(clip,), frames=15, effects=finish)


@dataclass(frozen=True)
class Bench:
    """Encodes segments with either backend."""

    film: Path
    plan: EditPlan
    folder: Path

    def pictures(self, segment: Segment, settings: Rendering) -> list[np.ndarray[Any, Any]]:
        one = recipe(segment, self.plan, settings)
        encode_all(self.film, [one], self.folder, Kit(), settings, lambda *_: None)
        return [frame.to_ndarray(format="rgb24") for frame in _frames(path_of(one.key, self.folder))]


@pytest.fixture
def bench(film: Path, plan: EditPlan, tmp_path: Path) -> Bench:
    return Bench(film, plan, tmp_path)


@pytest.mark.parametrize(
    "window",
    [
        ACROSS,
        ACROSS.model_copy(update={"reach": (0.1, 0.0, 0.716, 1.0)}),
        Crop(top=0, width=0.16, height=0.5, path=((0, 0.1),), tops=((0, 0.0), (14, 0.5)), reach=(0.1, 0, 0.26, 1)),
    ],
    ids=["across", "across, scaled first", "down"],
)
def test_a_moving_window_is_at_the_same_place(bench: Bench, window: Crop) -> None:
    ours, theirs = (bench.pictures(_segment(window=window), settings) for settings in (SMALL, WITH_MOVIEPY))
    assert len(ours) == len(theirs) == 15
    assert all(_alike(one, other) > 20 for one, other in zip(ours, theirs, strict=True))
    assert _alike(ours[0], theirs[-1]) < 20


@pytest.mark.parametrize(
    ("effects", "finish"),
    [
        ((PunchIn(start_frame=5, end_frame=12, box=(0, 200, 540, 800), scale=1.4),), ()),
        ((), (ProgressBar(box=(32, 600, 508, 660), colour="#ffd60a", start_frame=0, total_frames=30),)),
    ],
)
def test_looks_are_the_same(bench: Bench, effects: tuple[Effect, ...], finish: tuple[Effect, ...]) -> None:
    plain = bench.pictures(_segment(), SMALL)
    ours, theirs = (bench.pictures(_segment(effects, finish), settings) for settings in (SMALL, WITH_MOVIEPY))
    for one, other, before in list(zip(ours, theirs, plain, strict=True))[6:11]:
        assert _alike(one, other) > 20
        assert _alike(one, before) < _alike(one, other)


def test_a_grade_moves_light_and_colour_as_far(bench: Bench) -> None:
    grade = _segment((Grade(brightness=0.15, contrast=1.3, saturation=1.5),))

    def moved(settings: Rendering) -> np.ndarray[Any, Any]:
        before, after = (bench.pictures(one, settings)[7].astype(float) for one in (_segment(), grade))
        return np.asarray([(after - before).mean(axis=(0, 1)), abs(after - before).mean(axis=(0, 1))])

    ours, theirs = moved(SMALL), moved(WITH_MOVIEPY)
    assert abs(ours).max() > 3
    assert ours == pytest.approx(theirs, abs=1.5)


def test_a_mix_is_the_mean_in_its_middle(bench: Bench) -> None:
    clips = tuple(
        Clip(scene_index=i, source_start=start, source_end=start + 0.3, frames=9, effects=_segment().clips[0].effects)
        for i, start in ((0, 0.5), (1, 1.3))
    )
    segment = Segment(kind="transition", clips=clips, mix=Mix(kind="fade"), frames=9)
    ours, theirs = (bench.pictures(segment, settings) for settings in (SMALL, WITH_MOVIEPY))
    assert [len(ours), len(theirs)] == [9, 9]
    assert all(_alike(one, other) > 20 for one, other in zip(ours, theirs, strict=True))


def test_what_moviepy_cannot_do_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(RenderFailed, match="MoviePy cannot stabilize; leave the module out"):
        bench.pictures(_segment((Steady(smoothing=12, zoom=3),)), WITH_MOVIEPY)
    assert list(bench.folder.iterdir()) == []


def test_a_source_that_varies_its_pace_is_refused_and_a_slow_one_is_stopped(bench: Bench, tmp_path: Path) -> None:
    uneven = tmp_path / "uneven.mp4"
    pick = ["-vf", "select='not(mod(n,7)*mod(n,5))+lt(n,20)'", "-fps_mode", "vfr"]
    run(["-i", str(bench.film), *pick, "-an", str(uneven)], subject="uneven film", timeout=60)
    one = recipe(_segment(), bench.plan, WITH_MOVIEPY)
    with pytest.raises(RenderFailed, match="varying_frame_rate"):
        one.encode(uneven, tmp_path / "out.mp4", Kit(), 60)
    with pytest.raises(RenderFailed, match="timeout: MoviePy was stopped"):
        one.encode(bench.film, tmp_path / "out.mp4", Kit(), 0.0)
