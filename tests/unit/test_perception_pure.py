"""The parts of perception that need no video file: measurements, moments, boxes, sound."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from flywheel_assets.core.errors import IntakeRejected
from flywheel_assets.creative.perception.container import demuxer_of, quarter_turns
from flywheel_assets.creative.perception.engines.onnx_yolo import detections, letterbox
from flywheel_assets.creative.perception.hearing import words_by_scene
from flywheel_assets.creative.perception.sound import RATE, aligned
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.perception.visual import LookMeter, look
from flywheel_assets.creative.types import Scene, Word

# --- measurements -------------------------------------------------------------------------------


def _look(*levels: int) -> tuple[float, float, float, float]:
    meter = LookMeter()
    for index, level in enumerate(levels):
        meter.add(np.full((180, 320, 3), level, dtype=np.uint8), index, index / 10)
    seen = look(meter.ticks)
    return seen.brightness, seen.saturation, seen.motion, seen.sharpness


def test_a_grey_picture_is_as_bright_as_its_level_and_nothing_else() -> None:
    assert _look(51, 51) == pytest.approx((0.2, 0, 0, 0))


def test_motion_is_the_mean_difference_of_neighbours() -> None:
    assert _look(0, 51, 51)[2] == pytest.approx(0.1)


def test_a_pure_colour_is_fully_saturated() -> None:
    meter = LookMeter()
    meter.add(np.full((180, 320, 3), (0, 0, 255), dtype=np.uint8), 0, 0.0)
    assert look(meter.ticks).saturation == 1


def test_the_palette_of_a_scene_names_its_largest_colours_first() -> None:
    picture = np.full((180, 320, 3), (0, 0, 255), dtype=np.uint8)
    picture[:, 200:] = (255, 0, 0)
    picture[:10, :10] = (0, 255, 0)
    meter = LookMeter()
    meter.add(picture, 0, 0.0)
    assert look(meter.ticks).colours == ("#eb1515", "#1515eb")


def test_the_cut_before_a_scene_is_not_its_motion() -> None:
    meter = LookMeter()
    for index, level in enumerate((0, 200, 200)):
        meter.add(np.full((180, 320, 3), level, dtype=np.uint8), index, index / 10)
    assert look(meter.ticks[1:]).motion == 0


def test_a_scene_without_frames_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="do not belong"):
        look([])


@pytest.mark.parametrize("rate", [24000 / 1001, 25, 30000 / 1001, 30, 50, 60])
def test_about_ten_frames_a_second_are_measured(rate: float) -> None:
    meter, black, taken = LookMeter(), np.zeros((18, 32, 3), dtype=np.uint8), 0
    for index in range(round(10 * rate)):
        if meter.wants(index / rate):
            meter.add(black, index, index / rate)
            taken += 1
    assert 75 <= taken <= 105


@given(hnp.arrays(np.uint8, (12, 32, 3)))
def test_measurements_stay_in_their_range(picture: Image) -> None:
    meter = LookMeter()
    meter.add(picture, 0, 0.0)
    meter.add(picture[::-1].copy(), 1, 0.1)
    seen = look(meter.ticks)
    assert 0 <= seen.brightness <= 1
    assert 0 <= seen.saturation <= 1
    assert 0 <= seen.motion <= 1
    assert seen.sharpness >= 0


# --- what is a scene's own -------------------------------------------------------------------------


def test_a_scene_of_which_no_fade_is_known_is_all_its_own() -> None:
    scene = _scene(30, 90)
    assert (scene.clean_frames, scene.clean_start, scene.clean_end) == ((30, 90), scene.start, scene.end)
    assert scene.clean_seconds == scene.seconds


@pytest.mark.parametrize(
    "wrong",
    [
        {"fade_in_frames": 40, "fade_out_frames": 21},
        {"clean_start": 0.9},
        {"clean_end": 3.1},
        {"clean_start": 2.5, "clean_end": 2.4},
        {"fade_in_frames": -1},
    ],
)
def test_what_is_a_scenes_own_lies_inside_it(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Scene.model_validate({**_scene(30, 90).model_dump(), **wrong})


# --- who said what -----------------------------------------------------------


def _scene(start: int, end: int, rate: float = 30.0, index: int = 0) -> Scene:
    return Scene(index=index, start_frame=start, end_frame=end, start=start / rate, end=end / rate)


@given(st.lists(st.floats(0, 20), max_size=20), st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_every_word_belongs_to_exactly_one_scene(times: list[float], lengths: list[int]) -> None:
    edges = [0, *np.cumsum(lengths).tolist()]
    scenes = [_scene(one, two, index=i) for i, (one, two) in enumerate(itertools.pairwise(edges))]
    words = [Word(text="a", start=time, end=time + 0.2, probability=0.5) for time in sorted(times)]
    spoken = words_by_scene(words, scenes)
    assert len(spoken) == len(scenes)
    assert [word for each in spoken for word in each] == words


def test_sound_that_begins_late_or_early_is_moved_to_the_picture() -> None:
    samples = np.arange(1, 2 * RATE + 1, dtype=np.float32)
    assert np.flatnonzero(aligned(samples, 0.5, RATE))[0] == RATE // 2
    assert aligned(samples, -0.5, RATE)[0] == RATE // 2 + 1
    assert np.array_equal(aligned(samples, 0.0, RATE), samples)


# --- objects ------------------------------------------------------------------------------------


def test_a_picture_is_centred_on_the_square() -> None:
    canvas, scale, left, top = letterbox(np.zeros((720, 1280, 3), dtype=np.uint8))
    assert (canvas.shape, scale, left, top) == ((640, 640, 3), 0.5, 0, 140)
    assert set(np.unique(canvas[140:500])) == {0}
    assert set(np.unique(canvas[:140])) == {114}


def test_boxes_of_one_class_that_overlap_are_one_object() -> None:
    output = np.zeros((84, 5), dtype=np.float32)
    output[:4] = np.array([[100, 102, 100, 400, 300], [100, 100, 100, 400, 300], [50] * 5, [50] * 5])
    for column, (label, score) in enumerate([(0, 0.8), (0, 0.9), (41, 0.7), (0, 0.6), (0, 0.1)]):
        output[4 + label, column] = score
    found = detections(output)
    assert [(label, round(score, 2)) for label, score, _ in found] == [(0, 0.9), (41, 0.7), (0, 0.6)]
    assert found[0][2] == (77, 75, 127, 125)


def test_nothing_likely_gives_no_boxes() -> None:
    assert detections(np.full((84, 8400), 0.1, dtype=np.float32)) == []


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 1), (-90, 3), (180, 2), (-180, 2), (270, 3)])
def test_quarter_turns(rotation: int, turns: int) -> None:
    assert quarter_turns(rotation) == turns


@pytest.mark.parametrize(
    ("head", "rule"),
    [
        (b"", "empty_file"),
        (b"just a text", "not_a_video"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/", "not_a_video"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "not_a_video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "not_a_video"),
        (b"\x00\x00", "not_a_video"),
    ],
)
def test_what_a_file_is_called_does_not_matter(tmp_path: Path, head: bytes, rule: str) -> None:
    path = tmp_path / "advert.mp4"
    path.write_bytes(head)
    with pytest.raises(IntakeRejected, match="advert") as refusal:
        demuxer_of(path)
    assert refusal.value.rule == rule
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("head", "demuxer"), [(b"\x00\x00\x00\x20ftypisom", "mp4"), (b"\x1a\x45\xdf\xa3\x01", "matroska")]
)
def test_containers_are_known_by_their_first_bytes(tmp_path: Path, head: bytes, demuxer: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(head)
    assert demuxer_of(path) == demuxer
