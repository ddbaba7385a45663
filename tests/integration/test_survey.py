"""What the survey tells of real files whose every frame is known."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine, Perception, Scene, SeenFace, SeenObject
from flywheel_assets.rendering.survey.covers import best_still
from flywheel_assets.rendering.survey.measure import asked, look, survey
from flywheel_assets.rendering.survey.paths import crop_path
from flywheel_assets.rendering.survey.settings import DEFAULTS
from flywheel_assets.rendering.survey.types import CropPath, SceneSurvey
from tests.films.clips import FPS, face, pasted, perceived, shifted, texture, with_disc, write
from tests.films.footage import Pixels

SIZE, VERTICAL = (640, 360), (1080, 1920)
RADIUS = 28
BLIND = (None, Engine(name="yunet", unavailable="its model is not installed"))


class _Counting:
    """Looks for faces, finds none, and counts how often it was asked."""

    identity = Engine(name="counting")

    def __init__(self) -> None:
        self.asked = 0

    def read(self, image: Image, time: float) -> tuple[SeenFace, ...]:
        del image, time
        self.asked += 1
        return ()


def _one(video: Path, perception: Perception, weights: Path) -> SceneSurvey:
    (scene,) = survey(video, perception, [0], weights).scenes
    return scene


def _path(scene: SceneSurvey) -> CropPath:
    framing = crop_path(scene.subject, (scene.start, scene.end), SIZE, VERTICAL, texts=())
    assert framing.path is not None, framing.reason
    return framing.path


def _share_inside(path: CropPath, lefts: list[float], rights: list[float]) -> float:
    """Of the frames, at their own times."""
    windows = [path.at(frame / FPS) for frame in range(len(lefts))]
    held = [w[0] <= a and b <= w[2] for w, a, b in zip(windows, lefts, rights, strict=True)]
    return sum(held) / len(held)


def _centre() -> CropPath:
    width = 9 / 16 / (16 / 9)
    return CropPath.model_validate(
        {"width": width, "height": 1, "keys": [{"time": 0, "left": (1 - width) / 2, "top": 0}]}
    )


def _jitter(path: CropPath, frames: int) -> float:
    """Largest second difference of the window's place from frame to frame, shares of the width."""
    return float(np.abs(np.diff([path.at(frame / FPS)[0] for frame in range(frames)], n=2)).max())


def _disc_at(frame: int) -> tuple[float, float]:
    """To the right, a rest, and some of the way back; pixels."""
    seconds = frame / FPS
    right = 120 + 110 * min(seconds, 3.0)
    back = 90 * max(seconds - 4.0, 0.0)
    return right - back, 190 + 30 * np.sin(seconds * 2)


def test_a_moving_disc_stays_in_the_crop_and_the_crop_moves_calmly(tmp_path: Path) -> None:
    frames, ground = 180, texture(1)
    places = [_disc_at(frame) for frame in range(frames)]
    video = write(tmp_path / "disc.mp4", (with_disc(ground, *place, RADIUS) for place in places))
    scene = _one(video, perceived(video, [frames]), tmp_path)
    assert scene.subject_kind == "motion"
    path = _path(scene)
    edges = [(x - RADIUS) / SIZE[0] for x, _ in places], [(x + RADIUS) / SIZE[0] for x, _ in places]
    assert _share_inside(path, *edges) >= 0.95
    assert _share_inside(_centre(), *edges) < 0.6
    assert _jitter(path, frames) < 0.002
    moves = np.diff([path.at(frame / FPS)[0] for frame in range(frames)]) * FPS
    assert np.abs(moves).max() <= 0.25 + 1e-6


def test_a_disc_is_followed_while_the_camera_itself_pans(tmp_path: Path) -> None:
    frames, ground = 120, texture(2, (900, 360))
    places = [(170 + 2.2 * frame, 180.0) for frame in range(frames)]
    shots = (with_disc(shifted(ground, -1.5 * frame, 0)[:, :640], *place, RADIUS) for frame, place in enumerate(places))
    video = write(tmp_path / "pan.mp4", shots)
    scene = _one(video, perceived(video, [frames]), tmp_path)
    assert scene.subject_kind == "motion"
    edges = [(x - RADIUS) / SIZE[0] for x, _ in places], [(x + RADIUS) / SIZE[0] for x, _ in places]
    assert _share_inside(_path(scene), *edges) >= 0.95


def test_a_face_is_followed_rather_than_what_moves_faster(tmp_path: Path) -> None:
    frames, ground, head = 120, texture(3), face()
    places = [(130 + 2.4 * frame, 150.0) for frame in range(frames)]
    shots = (with_disc(pasted(ground, head, *place), 600 - 4 * frame, 330, 20) for frame, place in enumerate(places))
    video = write(tmp_path / "face.mp4", shots)
    scene = _one(video, perceived(video, [frames]), tmp_path)
    assert scene.subject_kind == "face"
    assert {one.track for one in scene.subject} == {0}
    assert len(scene.subject) == len(scene.stills)
    assert all(still.face is not None and still.face > 0.02 for still in scene.stills)
    edges = [(x - 85) / SIZE[0] for x, _ in places], [(x + 30) / SIZE[0] for x, _ in places]
    assert _share_inside(_path(scene), *edges) >= 0.95
    assert _share_inside(_centre(), *edges) < 0.6


def test_without_a_face_engine_the_persons_of_perception_are_the_subject(tmp_path: Path) -> None:
    video = write(tmp_path / "still.mp4", [texture(4)] * 60)
    person, car = (
        tuple(SeenObject(label=label, time=time, box=box, confidence=0.8) for time in (0.2, 1.0, 1.8))
        for label, box in (("person", (0.1, 0.2, 0.25, 0.9)), ("car", (0.4, 0.1, 0.9, 0.9)))
    )
    perception = perceived(video, [60], objects=(*person, *car))
    found = look(video, perception, asked(perception, [0]), BLIND, DEFAULTS)
    (scene,) = found.scenes
    assert scene.subject_kind == "person"
    assert [(one.time, one.box) for one in scene.subject] == [(one.time, one.box) for one in person]
    assert [still.face for still in scene.stills] == [None] * len(scene.stills)
    assert found.faces.unavailable == "its model is not installed"


def test_where_nothing_moves_what_stands_out_is_the_subject_and_is_said_to_be_only_that(tmp_path: Path) -> None:
    still = with_disc(cv2.GaussianBlur(texture(5), (0, 0), 20).astype(np.uint8), 480, 160, 40)
    video = write(tmp_path / "still.mp4", [still] * 45)
    scene = _one(video, perceived(video, [45]), tmp_path)
    assert scene.subject_kind == "contrast"
    for one in scene.subject:
        left, top, right, bottom = (edge * side for edge, side in zip(one.box, SIZE * 2, strict=True))
        assert abs((left + right) / 2 - 480) < 20
        assert abs((top + bottom) / 2 - 160) < 20


def test_of_a_plain_picture_nothing_is_claimed(tmp_path: Path) -> None:
    video = write(tmp_path / "grey.mp4", [np.full((360, 640, 3), 128, np.uint8)] * 30)
    scene = _one(video, perceived(video, [30]), tmp_path)
    assert (scene.subject, scene.subject_kind, scene.shake) == ((), None, None)
    assert scene.saturation == pytest.approx(0, abs=0.02)


def _shaken(ground: Pixels, frames: int, reach: float, pan: float) -> Iterator[Pixels]:
    rng = np.random.default_rng(7)
    for frame in range(frames):
        across, down = rng.uniform(-reach, reach, 2)
        yield shifted(ground, across - pan * frame, down)[:, :640]


def test_a_shaken_clip_is_told_from_the_same_clip_still_and_panned(tmp_path: Path) -> None:
    ground, shakes = texture(6, (900, 360)), {}
    for name, reach, pan in (("still", 0.0, 0.0), ("panned", 0.0, 2.0), ("shaken", 3.0, 0.0), ("both", 3.0, 2.0)):
        video = write(tmp_path / f"{name}.mp4", _shaken(ground, 90, reach, pan))
        shakes[name] = _one(video, perceived(video, [90]), tmp_path).shake
    assert all(each is not None for each in shakes.values())
    still, panned, shaken, both = (shakes[name] or 0.0 for name in ("still", "panned", "shaken", "both"))
    # Steps between independent places: 3 px uniform has a deviation of 1.73 px, a step in a plane twice that.
    expected = 3 / 3**0.5 * 2 * 1080 / 640
    assert shaken == pytest.approx(expected, rel=0.2)
    assert both == pytest.approx(expected, rel=0.2)
    assert max(still, panned) < 0.1 * shaken


def test_light_is_measured_where_it_is_clipped_and_where_it_is_not(tmp_path: Path) -> None:
    half = np.full((360, 640, 3), 255, np.uint8)
    half[:, :160], half[:, 160:480] = 0, 128
    video = write(tmp_path / "steps.mp4", [half] * 30)
    scene = _one(video, perceived(video, [30]), tmp_path)
    assert scene.luma == pytest.approx((0, 0.5, 1), abs=0.02)
    assert scene.clipped == pytest.approx(0.5, abs=0.02)


def test_a_slow_zoom_is_no_fade_and_nobody_moves_in_it(tmp_path: Path) -> None:
    ground = cv2.GaussianBlur(texture(22), (0, 0), 3).astype(np.uint8)
    zooms = [cv2.getRotationMatrix2D((320, 180), 0, 1 + 0.001 * frame) for frame in range(120)]
    video = write(tmp_path / "zoom.mp4", (np.asarray(cv2.warpAffine(ground, zoom, SIZE), np.uint8) for zoom in zooms))
    scene = _one(video, perceived(video, [120]), tmp_path)
    assert not any(still.fading for still in scene.stills)
    assert scene.subject_kind != "motion"


def test_a_scene_that_begins_between_two_keyframes_is_seen_from_its_first_picture_to_its_last(tmp_path: Path) -> None:
    ground = texture(23)
    video = write(tmp_path / "one.mp4", (with_disc(ground, 100 + 2 * frame, 180, RADIUS) for frame in range(200)))
    perception = perceived(video, [45, 40, 50, 65])
    whole = survey(video, perception, range(4), tmp_path)
    for index in (1, 3):
        (alone,) = survey(video, perception, [index], tmp_path).scenes
        assert alone == whole.scene(index)
        assert alone.stills[0].time == pytest.approx(perception.scenes[index].start, abs=1e-3)
        assert alone.stills[-1].time > perception.scenes[index].end - 0.21
        assert alone.stills[-1].time < perception.scenes[index].end - 1e-3


def test_boxes_lie_where_the_upright_picture_shows_them(tmp_path: Path) -> None:
    places = [(200 + 2.0 * frame, 100.0) for frame in range(60)]
    lying = write(tmp_path / "lying.mp4", (with_disc(texture(8), *place, RADIUS) for place in places))
    upright = tmp_path / "upright.mp4"
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-display_rotation", "90", "-i", str(lying), "-c", "copy", str(upright)]
    subprocess.run(command, check=True, timeout=60)
    perception = perceived(upright, [60], size=(360, 640))
    scene = _one(upright, perception, tmp_path)
    # A quarter turn counter-clockwise: what lay at x from the left is now as far from the bottom.
    assert scene.subject_kind == "motion"
    for one in scene.subject:
        x, y = 200 + 2.0 * one.time * FPS, 100.0
        left, top, right, bottom = one.box
        assert (left + right) / 2 * 360 == pytest.approx(y, abs=14)
        assert (top + bottom) / 2 * 640 == pytest.approx(640 - x, abs=14)


def test_where_perception_found_no_face_looking_now_and_then_is_enough(tmp_path: Path) -> None:
    video = write(tmp_path / "still.mp4", [texture(9)] * 60)
    asked_for = {}
    for name, faces in (("none found", ()), ("not looked", None)):
        eye = _Counting()
        perception = perceived(video, [60], faces=faces)
        (scene,) = look(video, perception, asked(perception, [0]), (eye, eye.identity), DEFAULTS).scenes
        asked_for[name] = eye.asked
        assert sum(still.face is not None for still in scene.stills) == eye.asked
    assert asked_for == {"none found": 4, "not looked": 10}


def test_a_scene_that_the_video_does_not_have_is_refused_by_name(tmp_path: Path) -> None:
    video = write(tmp_path / "short.mp4", [texture(13)] * 30)
    with pytest.raises(RenderFailed, match=r"unknown_scene: scenes \[4\] were asked for, the video has \[0\]"):
        survey(video, perceived(video, [30]), [0, 4], tmp_path)


def test_a_file_shorter_than_its_analysis_is_refused(tmp_path: Path) -> None:
    video = write(tmp_path / "short.mp4", [texture(13)] * 30)
    perception = perceived(video, [30])
    beyond = Scene(index=1, start_frame=30, end_frame=60, start=1.0, end=2.0)
    longer = perception.model_copy(update={"scenes": (*perception.scenes, beyond)})
    with pytest.raises(RenderFailed, match=r"empty_scene: no picture of scenes \[1\]"):
        survey(video, longer, [0, 1], tmp_path)


def test_a_scene_of_two_frames_is_surveyed(tmp_path: Path) -> None:
    video = write(tmp_path / "flash.mp4", [texture(14)] * 2 + [texture(15)] * 28)
    found = survey(video, perceived(video, [2, 28]), [0, 1], tmp_path)
    assert len(found.scenes[0].stills) == 2
    assert best_still(found, [0]) is None
