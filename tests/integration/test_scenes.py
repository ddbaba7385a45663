"""Scenes of real video files made on the spot, whose changes are known to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from flywheel_assets.creative.perception.detectors.confirming import ConfirmingDetector
from flywheel_assets.creative.perception.scenes import detect_scenes
from flywheel_assets.creative.perception.sheet import contact_sheet
from flywheel_assets.creative.types import Scene
from flywheel_assets.settings import Media
from tests.films.corpus import STYLES, drawn_film
from tests.films.edit import Film, Joint, Shot
from tests.films.effects import Card, Effect, Flash, Light, Passer, Punch, Shake, Whip
from tests.films.encode import shoot
from tests.films.footage import Footage, drawn, packaged
from tests.films.score import Score, score

MEDIA = Media()
SHOT = 1.6  # seconds


@pytest.fixture(scope="module")
def footage() -> dict[str, Footage]:
    return {each.name: each for each in packaged(1)}


def _film(
    footage: dict[str, Footage],
    names: Sequence[str],
    joints: Sequence[Joint],
    *,
    rate: float = 30.0,
    effects: Sequence[Effect] = (),
) -> Film:
    ends = (joints[-1].end if joints else 0.0) + SHOT
    times = [index / rate for index in range(round(ends * rate))]
    shots = [Shot(footage[name], ((0.5, 0.5, 0.8), (0.52, 0.5, 0.75)), sway=0.004) for name in names]
    return Film("film", shots, joints, times, effects, grain=2.0)


def _cuts(count: int) -> list[Joint]:
    return [Joint("cut", SHOT * (place + 1), SHOT * (place + 1)) for place in range(count)]


def _starts(path: Path) -> list[int]:
    return [scene.start_frame for scene in detect_scenes(path, MEDIA)[1:]]


@pytest.mark.parametrize("rate", [24.0, 25.0, 30000 / 1001, 30.0, 60.0])
def test_hard_cuts_are_found_on_their_frame_at_every_rate(
    tmp_path: Path, footage: dict[str, Footage], rate: float
) -> None:
    film = _film(footage, ("city", "cat", "temple", "cup"), _cuts(3), rate=rate)
    assert _starts(shoot(film, tmp_path)) == film.truth.cuts


def test_cuts_a_third_of_a_second_apart_are_all_found(tmp_path: Path, footage: dict[str, Footage]) -> None:
    joints = [Joint("cut", at, at) for at in (0.8, 1.1333, 1.4667, 1.8)]
    film = _film(footage, ("city", "cat", "temple", "cup", "dahlia"), joints)
    assert _starts(shoot(film, tmp_path)) == film.truth.cuts


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.8, 1.5])
def test_a_dissolve_of_any_length_is_found_in_its_middle(
    tmp_path: Path, footage: dict[str, Footage], seconds: float
) -> None:
    film = _film(footage, ("temple", "cat"), [Joint("dissolve", SHOT, SHOT + seconds)])
    (found,) = _starts(shoot(film, tmp_path))
    assert film.times[found] == pytest.approx(SHOT + seconds / 2, abs=0.15)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("rest", [0.0, 0.4])
def test_a_fade_through_black_or_white_is_one_change_in_its_middle(
    tmp_path: Path, footage: dict[str, Footage], level: int, rest: float
) -> None:
    film = _film(footage, ("temple", "dahlia"), [Joint("fade", SHOT, SHOT + 0.8 + rest, level=level, rest=rest)])
    (found,) = _starts(shoot(film, tmp_path))
    assert film.times[found] == pytest.approx(SHOT + 0.4 + rest / 2, abs=0.2)


@pytest.mark.parametrize(
    "effect",
    [
        Flash(1.0, 1.05),
        Flash(1.0, 1.15, strength=0.7),
        Flash(0.8, 2.0, level=0, period=0.13),
        Flash(0.8, 2.0, period=0.2),
        Whip(1.0, 1.25, shift=0.5),
        Whip(1.0, 1.4, shift=-0.4, back=True),
        Shake(0.8, 1.6, reach=0.05),
        Light(1.0, 1.1, gain=0.4),
        Light(1.0, 1.5, gain=0.4, back=True),
        Punch(1.0, 2.0, scale=1.08),
        Passer(0.9, 1.5, width=0.4),
        Card(1.0, 2.6, (0.06, 0.62, 0.94, 0.84)),
        Card(1.0, 2.6, (0.06, 0.62, 0.94, 0.84), fade=0.2),
        Card(1.0, 2.6, (0.1, 0.25, 0.9, 0.75), colour=(20, 130, 250)),
        Card(1.0, 2.6, (0.1, 0.25, 0.9, 0.75), colour=(20, 130, 250), fade=0.3, veil=0.4),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_only_looks_like_a_change_is_none(tmp_path: Path, footage: dict[str, Footage], effect: Effect) -> None:
    film = _film(footage, ("temple",), [], effects=[effect])
    longer = Film(film.name, film.shots, (), [index / 30 for index in range(80)], [effect], grain=2.0)
    assert _starts(shoot(longer, tmp_path)) == []


def test_a_variable_rate_is_read_off_the_files_own_clock(tmp_path: Path, footage: dict[str, Footage]) -> None:
    rng = np.random.default_rng(3)
    joints = [Joint("cut", 1.6, 1.6), Joint("dissolve", 3.2, 3.8), Joint("cut", 5.4, 5.4)]
    even = _film(footage, ("temple", "cat", "dahlia", "cup"), joints)
    times = [time + rng.uniform(-0.006, 0.006) for time in even.times if time < 2 or rng.random() < 0.5]
    times = [0.0, *times[1:]]
    film = Film("uneven", even.shots, joints, times, grain=2.0)
    scenes = detect_scenes(shoot(film, tmp_path), MEDIA)
    first, middle, last = (scene.start_frame for scene in scenes[1:])
    assert [first, last] == film.truth.cuts
    assert film.times[middle] == pytest.approx(3.5, abs=0.15)
    assert [scene.start for scene in scenes] == pytest.approx([film.times[s.start_frame] for s in scenes], abs=1e-4)


def test_a_video_of_one_second_and_one_shot_is_one_scene(tmp_path: Path, footage: dict[str, Footage]) -> None:
    film = _film(footage, ("cat",), [])
    short = Film("short", film.shots, (), film.times[:31])
    (only,) = detect_scenes(shoot(short, tmp_path), MEDIA)
    assert (only.start_frame, only.end_frame) == (0, 31)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, footage: dict[str, Footage]) -> Score:
    """One random film of each style, from a seed that no bound was chosen on."""
    folder, total = tmp_path_factory.mktemp("films"), Score()
    material = [*footage.values(), *drawn(9001)]
    for style in STYLES:
        film = drawn_film(9001, style, material, seconds=9)
        scenes = detect_scenes(shoot(film, folder), MEDIA)
        total += score(film.truth, [scene.start_frame for scene in scenes[1:]], film.times)
    return total


def test_random_films_are_cut_where_their_editor_cut_them(judged: Score) -> None:
    assert judged.hits + judged.missed >= 15
    assert judged.f1 >= 0.95, judged


def test_most_gradual_changes_of_random_films_are_found(judged: Score) -> None:
    assert judged.gradual + judged.gradual_missed >= 5
    assert judged.gradual_recall >= 0.7, judged


def test_their_own_manager_finds_the_same_scenes_with_our_detector(tmp_path: Path, footage: dict[str, Footage]) -> None:
    from scenedetect import SceneManager, open_video

    joints = [*_cuts(2), Joint("dissolve", 4.8, 5.4)]
    path = shoot(_film(footage, ("city", "cat", "temple", "cup"), joints), tmp_path)
    manager = SceneManager()
    manager.add_detector(ConfirmingDetector())
    manager.detect_scenes(open_video(str(path), backend="pyav"))
    theirs = [start.frame_num for start, _ in manager.get_scene_list()]
    assert theirs == pytest.approx([scene.start_frame for scene in detect_scenes(path, MEDIA)], abs=1)


# --- the contact sheet --------------------------------------------------------------------------


def _opened(sheet: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR))


def test_the_sheet_shows_the_middle_of_every_scene(tmp_path: Path) -> None:
    colours = ((0, 0, 220), (0, 200, 0), (220, 0, 0))
    plain = {
        str(place): Footage(str(place), (np.full((216, 384, 3), each, np.uint8),)) for place, each in enumerate(colours)
    }
    path = shoot(_film(plain, ("0", "1", "2"), _cuts(2)), tmp_path)
    sheet = _opened(contact_sheet(path, detect_scenes(path, MEDIA)))
    assert sheet.shape == (90 + 16 + 2 * 6, 3 * 166 + 6, 3)
    for place, colour in enumerate(colours):
        assert sheet[26:76, 166 * place + 26 : 166 * place + 146].mean(axis=(0, 1)) == pytest.approx(colour, abs=25)


def test_a_sheet_of_very_many_scenes_stays_small_enough_for_an_event_log(
    tmp_path: Path, footage: dict[str, Footage]
) -> None:
    path = shoot(_film(footage, ("temple", "cat", "dahlia", "cup"), _cuts(3)), tmp_path)
    edges = np.linspace(0, 6.3, 101)
    scenes = [
        Scene(index=index, start_frame=index, end_frame=index + 1, start=one, end=two)
        for index, (one, two) in enumerate(pairwise(edges))
    ]
    sheet = contact_sheet(path, scenes)
    assert len(sheet) < 100_000
    assert _opened(sheet).shape == (4 * (90 + 16 + 6) + 6, 6 * 166 + 6, 3)
