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


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.2])
def test_a_wipe_is_found_in_its_middle_and_is_no_scenes_own(
    tmp_path: Path, footage: dict[str, Footage], seconds: float, down: bool
) -> None:
    film = _film(footage, ("temple", "cat"), [Joint("wipe", SHOT, SHOT + seconds, down=down)])
    before, after = detect_scenes(shoot(film, tmp_path), MEDIA)
    assert after.start == pytest.approx(SHOT + seconds / 2, abs=0.15)
    ((first, last, _),) = film.truth.gradual
    assert not _own((before, after)) & set(range(first + 1, last))


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


# --- what is a scene's own ----------------------------------------------------------------------


def _own(scenes: Sequence[Scene]) -> set[int]:
    """Frames that belong to one scene alone."""
    return {frame for scene in scenes for frame in range(*scene.clean_frames)}


@pytest.mark.parametrize(
    "joint",
    [
        Joint("dissolve", SHOT, SHOT + 0.4),
        Joint("dissolve", SHOT, SHOT + 1.5),
        Joint("fade", SHOT, SHOT + 0.8, level=0),
        Joint("fade", SHOT, SHOT + 1.2, level=255, rest=0.4),
    ],
    ids=lambda joint: f"{joint.kind} {joint.end - joint.start:g} s",
)
def test_what_is_a_scenes_own_holds_no_frame_of_a_dissolve_or_fade(
    tmp_path: Path, footage: dict[str, Footage], joint: Joint
) -> None:
    film = _film(footage, ("temple", "cat"), [joint])
    before, after = detect_scenes(shoot(film, tmp_path), MEDIA)
    ((first, last, _),) = film.truth.gradual
    assert not _own((before, after)) & set(range(first + 1, last))
    assert before.clean_end >= joint.start - 0.2
    assert after.clean_start <= joint.end + 0.2
    assert (before.fade_in_frames, after.fade_out_frames) == (0, 0)
    assert before.clean_end == pytest.approx(film.times[before.end_frame - before.fade_out_frames], abs=1e-4)
    assert after.clean_start == pytest.approx(film.times[after.start_frame + after.fade_in_frames], abs=1e-4)


def test_half_a_fade_that_moves_too_much_to_be_told_is_in_no_scenes_own(
    tmp_path: Path, footage: dict[str, Footage]
) -> None:
    # Of the fade at 10.5 s only the way out of the plain picture is a clean mixture.
    film = drawn_film(200, "trouble", [*footage.values(), *drawn(200)])
    first, last, _ = film.truth.gradual[-1]
    assert not _own(detect_scenes(shoot(film, tmp_path), MEDIA)) & set(range(first + 1, last))


def test_between_cuts_all_is_a_scenes_own(tmp_path: Path, footage: dict[str, Footage]) -> None:
    scenes = detect_scenes(shoot(_film(footage, ("city", "cat", "temple"), _cuts(2)), tmp_path), MEDIA)
    assert [(one.clean_start, one.clean_end) for one in scenes] == [(one.start, one.end) for one in scenes]


def test_on_an_uneven_clock_the_frames_and_the_times_of_a_scenes_own_agree(
    tmp_path: Path, footage: dict[str, Footage]
) -> None:
    rng = np.random.default_rng(5)
    even = _film(footage, ("temple", "cat"), [Joint("dissolve", SHOT, SHOT + 0.9)])
    times = [time for time in even.times if time < 1 or rng.random() < 0.6]
    film = Film("uneven", even.shots, even.joints, times, grain=2.0)
    for scene in detect_scenes(shoot(film, tmp_path), MEDIA):
        first, last = scene.clean_frames
        assert scene.clean_start == pytest.approx(times[first], abs=1e-4)
        assert last == len(times) or scene.clean_end == pytest.approx(times[last], abs=1e-4)


# --- random films -------------------------------------------------------------------------------

Judged = tuple[Film, tuple[Scene, ...]]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, footage: dict[str, Footage]) -> list[Judged]:
    """One random film of each style, from a seed that no bound was chosen on, and its scenes."""
    folder = tmp_path_factory.mktemp("films")
    material = [*footage.values(), *drawn(9001)]
    drawn_ones = [drawn_film(9001, style, material, seconds=9) for style in STYLES]
    return [(film, detect_scenes(shoot(film, folder), MEDIA)) for film in drawn_ones]


@pytest.fixture(scope="module")
def judged(films: list[Judged]) -> Score:
    found = (score(film.truth, [one.start_frame for one in scenes[1:]], film.times) for film, scenes in films)
    return sum(found, Score())


def test_random_films_are_cut_where_their_editor_cut_them(judged: Score) -> None:
    assert judged.hits + judged.missed >= 15
    assert judged.f1 >= 0.95, judged


def test_most_gradual_changes_of_random_films_are_found(judged: Score) -> None:
    assert judged.gradual + judged.gradual_missed >= 5
    assert judged.gradual_recall >= 0.7, judged


def test_the_gradual_changes_found_in_random_films_are_in_no_scenes_own(films: list[Judged]) -> None:
    found = 0
    for film, scenes in films:
        own = _own(scenes)
        for first, last, _ in film.truth.gradual:
            opens, closes = film.times[first], film.times[min(last, len(film.times) - 1)]
            if any(opens <= scene.start <= closes for scene in scenes[1:]):
                found += 1
                left = [film.times[frame] for frame in range(first + 1, last) if frame in own]
                assert all(min(time - opens, closes - time) <= 0.3 for time in left), (film.name, opens, left)
    assert found >= 4


def test_most_of_a_random_film_is_a_scenes_own(films: list[Judged]) -> None:
    for film, scenes in films:
        clean = len(film.times) - sum(last - first for first, last, _ in film.truth.gradual)
        assert len(_own(scenes)) >= 0.85 * clean, film.name


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


def test_the_sheet_underlines_what_is_mixed_with_a_neighbour(tmp_path: Path) -> None:
    colours = {"red": (0, 0, 220), "green": (0, 200, 0)}
    plain = {name: Footage(name, (np.full((216, 384, 3), each, np.uint8),)) for name, each in colours.items()}
    path = shoot(_film(plain, ("red", "green"), _cuts(1)), tmp_path)
    red, green = detect_scenes(path, MEDIA)
    half = green.model_copy(update={"fade_in_frames": 24, "clean_start": green.start + green.seconds / 2})
    sheet = _opened(contact_sheet(path, [red, half])).astype(int)
    line = sheet[6 + 90 : 6 + 92].mean(axis=0)
    orange = (line[:, 2] > 150) & (line[:, 0] < 90)
    assert not orange[6:166].any()
    assert orange[172:332].sum() == pytest.approx(80, abs=6)
    assert orange[178:242].all()


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
