"""Whether shake leaves the finished picture, and nothing else happens to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from flywheel_assets.rendering.backends import recipe
from flywheel_assets.rendering.effects import Crop, Steady
from flywheel_assets.rendering.segments import encode_all, path_of
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import Clip, EditPlan, Mix, Segment
from tests.films.adverts import BARE, SMALL, Advert, advert, pictures
from tests.films.clips import perceived, shifted, texture, write
from tests.films.footage import Pixels

SIZE = (360, 640)  # upright: it fills the frame, so what moves in the file is the camera
REACH = 3.0
UNSTEADIED = BARE.model_copy(update={"without": BARE.without | {"stabilize"}})


def _shaken(ground: Pixels, frames: int, reach: float) -> Iterable[Pixels]:
    rng = np.random.default_rng(7)
    return (shifted(ground, *rng.uniform(-reach, reach, 2)) for _ in range(frames))


def _steps(shown: Sequence[Pixels]) -> NDArray[np.float64]:
    """How far each picture moved from the one before, in its middle, pixels."""
    grey = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)[100:-100, 60:-60].astype(np.float32) for one in shown]
    window = cv2.createHanningWindow(grey[0].shape[::-1], cv2.CV_32F)
    moved = [cv2.phaseCorrelate(one, two, window)[0] for one, two in pairwise(grey)]
    return np.asarray(np.hypot(*np.array(moved).T), np.float64)


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Advert, Advert]:
    """The clip, steadied, and as it is."""
    folder = tmp_path_factory.mktemp("shaken")
    video = write(folder / "shaken.mp4", _shaken(texture(6, SIZE), 120, REACH), crf=12)
    perception = perceived(video, [120], size=SIZE)
    steady, raw = (advert(video, perception, [0], folder, style=style) for style in (BARE, UNSTEADIED))
    return video, steady, raw


def test_at_least_half_of_the_shake_is_gone(shaken: tuple[Path, Advert, Advert]) -> None:
    _, steady, raw = shaken
    assert len(steady.pictures) == len(raw.pictures) == 120
    before, after = _steps(raw.pictures), _steps(steady.pictures)
    assert before.mean() > 2
    assert after.mean() <= 0.5 * before.mean()
    assert steady.plan.notes["stabilize: scene 0"].endswith("limit 2.0: steadied")


def test_two_segments_of_a_shot_join_without_a_step(shaken: tuple[Path, Advert, Advert]) -> None:
    _, steady, _ = shaken
    joints = np.cumsum([segment.frames for segment in steady.plan.segments])[:-1]
    assert len(joints) == 1
    steps = _steps(steady.pictures)
    assert steps[joints[0] - 1] <= np.quantile(steps, 0.95)


def test_a_calm_clip_is_the_same_file_with_and_without_the_module(tmp_path: Path) -> None:
    video = write(tmp_path / "calm.mp4", _shaken(texture(8, SIZE), 45, 0.0))
    perception = perceived(video, [45], size=SIZE)
    made = [
        advert(video, perception, [0], tmp_path / name, style=style)
        for name, style in (("with", BARE), ("without", UNSTEADIED))
    ]
    files = [sorted((tmp_path / name / "cache").glob("*.mp4")) for name in ("with", "without")]
    assert [one.name for one in files[0]] == [other.name for other in files[1]]
    assert [one.read_bytes() for one in files[0]] == [other.read_bytes() for other in files[1]]
    assert made[0].plan.notes["stabilize: scene 0"].endswith("left as it is")
    assert made[0].plan.module_versions["stabilize"] == "1"


def test_a_scene_that_shows_nothing_to_measure_by_is_left_as_it_is(tmp_path: Path) -> None:
    video = write(tmp_path / "grey.mp4", [np.full((640, 360, 3), 128, np.uint8)] * 30)
    made = advert(video, perceived(video, [30], size=SIZE), [0], tmp_path)
    assert not any(isinstance(one, Steady) for segment in made.plan.segments for one in segment.clips[0].effects)
    assert made.plan.notes["stabilize: scene 0"].startswith("shake could not be measured")


def _clip(start: float, *effects: Steady) -> Clip:
    whole = Crop(top=0, width=1, height=1, path=((0, 0.0),))
    return Clip(scene_index=0, source_start=start, source_end=start + 0.4, frames=12, effects=(*effects, whole))


def _encoded(video: Path, plan: EditPlan, segment: Segment, cache: Path) -> list[Pixels]:
    one = recipe(segment, plan, SMALL)
    encode_all(video, [one], cache, Kit(), SMALL, lambda *_: None)
    return pictures(path_of(one.key, cache))


def test_both_clips_of_a_transition_are_steadied_by_what_was_seen_of_each(
    shaken: tuple[Path, Advert, Advert], tmp_path: Path
) -> None:
    """Where a mix begins it shows its first clip alone, where it ends its second, each as when steadied alone."""
    video, steady, _ = shaken
    smooth = Steady(smoothing=12, zoom=3)
    first, second = _clip(0.5, smooth), _clip(2.5, smooth)
    mix = Segment(kind="transition", clips=(first, second), mix=Mix(kind="fade"), frames=12)
    mixed = _encoded(video, steady.plan, mix, tmp_path)
    alone = [
        _encoded(video, steady.plan, Segment(kind="scene", clips=(one,), frames=12), tmp_path) for one in mix.clips
    ]
    assert len(mixed) == 12
    for at, clips in ((0, alone[0]), (-1, alone[1])):
        (moved,) = _steps([mixed[at], clips[at]])
        assert moved < 0.5


def test_a_part_looks_as_far_beyond_itself_as_its_span_goes() -> None:
    steady = Steady(smoothing=12, zoom=3, edges=(0, 50, 120))
    assert (steady.within(0, 30).lead, steady.within(0, 30).rest) == (0, 12)
    assert (steady.within(30, 50).lead, steady.within(30, 50).rest) == (12, 0)
    assert (steady.within(55, 60).lead, steady.within(55, 60).rest) == (5, 12)
