"""The crop window over a scene: what holds for every subject, and what is decided where it cannot be held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.types import ScreenText, UnreadText
from flywheel_assets.rendering.survey.paths import DEFAULTS, crop_path
from flywheel_assets.rendering.survey.tracks import linked
from flywheel_assets.rendering.survey.types import CropPath, Framing, Key, Sighting

WIDE, TALL = (1920, 1080), (1080, 1920)
STEP = 0.2  # seconds between two looks
SHOWN = 9 / 16 / (16 / 9)  # of the width of a 16:9 picture, at full height

# A subject's width, where it starts, and its speed in each of the following looks, in shares of the fastest pan.
Walk = tuple[float, float, list[float]]


def walks(fastest: float) -> st.SearchStrategy[Walk]:
    return st.tuples(
        st.floats(0.02, SHOWN), st.floats(0, 1), st.lists(st.floats(-fastest, fastest), min_size=1, max_size=60)
    )


def _sightings(walk: Walk, axis: int = 0) -> tuple[Sighting, ...]:
    """The walk as seen; at the rims of the picture it turns into standing still."""
    wide, place, speeds = walk
    middles = [wide / 2 + place * (1 - wide)]
    for speed in speeds:
        middles.append(min(max(middles[-1] + speed * DEFAULTS.pan * STEP, wide / 2), 1 - wide / 2))
    boxes = [(middle - wide / 2, 0.3, middle + wide / 2, 0.6) for middle in middles]
    if axis:
        boxes = [(top, left, bottom, right) for left, top, right, bottom in boxes]
    return tuple(Sighting(time=round(at * STEP, 6), box=box) for at, box in enumerate(boxes))


def _standing(left: float, right: float, *, seconds: float = 4.0, track: int = 0) -> tuple[Sighting, ...]:
    times = np.arange(0, seconds + 1e-6, STEP)
    return tuple(Sighting(time=round(float(t), 6), box=(left, 0.2, right, 0.8), track=track) for t in times)


def _crop(sightings: tuple[Sighting, ...], *, texts: tuple[ScreenText, ...] | None = ()) -> Framing:
    end = max((one.time for one in sightings), default=4.0)
    return crop_path(sightings, (0.0, end), WIDE, TALL, texts=texts)


def _path(framing: Framing) -> CropPath:
    assert framing.path is not None, framing.reason
    return framing.path


def _text(left: float, right: float, start: float = 0.0, end: float = 9.0) -> ScreenText:
    return ScreenText(text="SALE", start=start, end=end, box=(left, 0.1, right, 0.2), confidence=0.9)


@given(walks(fastest=5))
def test_no_path_is_faster_than_the_limit_and_none_leaves_the_picture(walk: Walk) -> None:
    path = _crop(_sightings(walk)).path
    if path is None:
        return
    assert path.width == pytest.approx(SHOWN)
    assert path.height == 1
    for one, two in zip(path.keys, path.keys[1:], strict=False):
        assert two.time > one.time
        assert abs(two.left - one.left) <= DEFAULTS.pan * (two.time - one.time) + 1e-5
    assert all(0 <= key.left <= 1 - path.width + 1e-6 and key.top == 0 for key in path.keys)


@given(walks(fastest=1))
def test_whoever_moves_slower_than_the_limit_stays_in_the_picture(walk: Walk) -> None:
    sightings = _sightings(walk)
    path = _path(_crop(sightings))
    held = [
        path.at(one.time)[0] - 0.003 <= one.box[0] and one.box[2] <= path.at(one.time)[2] + 0.003 for one in sightings
    ]
    assert sum(held) >= 0.95 * len(held) - 1  # the share is kept over all frames, of which these are some


@given(walks(fastest=3))
def test_the_same_sightings_give_the_same_path_in_whatever_order_they_come(walk: Walk) -> None:
    sightings = _sightings(walk)
    assert _crop(sightings) == _crop(sightings) == _crop(tuple(reversed(sightings)))


@given(walks(fastest=1))
def test_a_tall_source_is_cut_above_and_below_as_a_wide_one_at_its_sides(walk: Walk) -> None:
    across = _crop(_sightings(walk))
    end = (len(walk[2])) * STEP
    down = crop_path(_sightings(walk, axis=1), (0.0, round(end, 6)), TALL, WIDE, texts=())
    assert [(key.time, key.left) for key in _path(across).keys] == [(key.time, key.top) for key in _path(down).keys]
    assert _path(down).width == 1


def test_a_subject_that_fidgets_does_not_move_the_crop() -> None:
    rng = np.random.default_rng(3)
    sightings = tuple(
        Sighting(time=round(at * STEP, 6), box=(0.5 + shift, 0.2, 0.6 + shift, 0.6))
        for at, shift in enumerate(rng.uniform(-0.04, 0.04, 40))
    )
    assert _path(_crop(sightings)).still


def test_one_slip_of_the_detector_moves_nothing() -> None:
    steady = list(_standing(0.2, 0.3))
    steady[10] = Sighting(time=steady[10].time, box=(0.8, 0.2, 0.9, 0.8))
    path = _path(_crop(tuple(steady)))
    assert path.still
    assert path.keys[0].left <= 0.2
    assert path.keys[0].left + SHOWN >= 0.3


def test_a_walk_is_followed_evenly_without_a_jerk() -> None:
    path = _path(_crop(_sightings((0.1, 0.05, [0.6] * 30))))
    places = [path.at(frame / 30)[0] for frame in range(180)]
    assert max(places) - min(places) > 0.5
    assert np.abs(np.diff(places, n=2)).max() < 0.001
    assert np.all(np.diff(places) >= -1e-9)


def test_whoever_walks_is_kept_away_from_the_rim_of_the_crop() -> None:
    sightings = _sightings((0.05, 0.18, [0.6] * 20))
    path = _path(_crop(sightings))
    off = [(one.box[0] + one.box[2] - path.at(one.time)[0] - path.at(one.time)[2]) / 2 for one in sightings]
    assert np.abs(off).max() < 0.3 * SHOWN


def test_two_persons_who_fit_are_both_shown() -> None:
    path = _path(_crop(_standing(0.40, 0.48) + _standing(0.55, 0.65, track=1)))
    left, _, right, _ = path.at(2.0)
    assert left <= 0.40
    assert right >= 0.65


def test_of_two_persons_who_do_not_fit_the_larger_stays_and_the_crop_never_switches() -> None:
    framing = _crop(_standing(0.05, 0.15) + _standing(0.7, 0.9, track=1))
    path = _path(framing)
    assert path.still
    assert path.keys[0].left <= 0.7
    assert path.keys[0].left + SHOWN >= 0.9
    assert framing.reason == "1 of 2 subjects in the picture in 100% of the frames"


def test_a_person_who_is_seen_only_every_other_look_is_still_there_in_between() -> None:
    one = tuple(s for at, s in enumerate(_standing(0.05, 0.15)) if at % 2)
    two = tuple(s for at, s in enumerate(_standing(0.7, 0.9, track=1)) if at % 2 == 0)
    assert _path(_crop(one + two)).still


def test_somebody_small_in_the_background_does_not_pull_the_crop() -> None:
    person = _standing(0.5, 0.7)
    far = tuple(Sighting(time=one.time, box=(0.42, 0.4, 0.44, 0.45), track=1) for one in person)
    assert _crop(person + far).path == _crop(person).path


def test_a_subject_wider_than_the_crop_is_shown_whole_and_the_reason_says_so() -> None:
    framing = _crop(_standing(0.2, 0.7))
    assert framing == Framing(path=None, reason="the subject is up to 50% of the side wide, a crop shows 32%")


def test_a_subject_that_jumps_about_is_shown_whole() -> None:
    jumping = tuple(
        Sighting(time=round(at * STEP, 6), box=((0.1, 0.2, 0.2, 0.8), (0.8, 0.2, 0.9, 0.8))[at // 3 % 2])
        for at in range(30)
    )
    framing = _crop(jumping)
    assert framing.path is None
    assert "pans at most 25% of the side a second" in framing.reason


@pytest.mark.parametrize("since", [0.0, 3.0])
def test_a_subject_that_only_passes_by_is_not_waited_for(since: float) -> None:
    passing = _standing(0.4, 0.5, seconds=1.0)
    late = tuple(one.model_copy(update={"time": one.time + since}) for one in passing)
    framing = crop_path(late, (0.0, 4.0), WIDE, TALL, texts=())
    assert framing.path is None
    assert framing.reason.startswith("the subject is there in 32% of the scene only")


def test_text_of_the_source_is_never_cut_off() -> None:
    person = _standing(0.2, 0.3)
    beside = _path(_crop(person, texts=(_text(0.35, 0.48),)))
    assert all(key.left <= 0.2 and key.left + SHOWN > 0.484 for key in beside.keys)
    far = _crop(person, texts=(_text(0.6, 0.8),))
    assert far.path is None
    wide = _crop(person, texts=(_text(0.1, 0.3), _text(0.7, 0.9)))
    assert wide == Framing(path=None, reason="its own text needs 80% of the side, a crop shows 32%")
    unread = UnreadText(start=0, end=9, box=(0.1, 0.1, 0.9, 0.2))
    assert crop_path(person, (0.0, 4.0), WIDE, TALL, texts=(unread,)).path is None


def test_text_that_stands_before_or_after_what_is_played_does_not_count() -> None:
    late = _text(0.1, 0.9, start=4.0, end=5.0)
    assert _crop(_standing(0.2, 0.3), texts=(late,)).path is not None


def test_where_nobody_looked_for_text_nothing_is_cut_off() -> None:
    assert _crop(_standing(0.2, 0.3), texts=None).path is None


def test_without_a_subject_the_scene_is_shown_whole() -> None:
    assert _crop(()) == Framing(path=None, reason="no subject was found that a crop could follow")


def test_a_source_of_the_output_s_shape_is_shown_as_it_is_whatever_is_in_it() -> None:
    framing = crop_path((), (0.0, 4.0), (1084, 1920), TALL, texts=None)
    assert _path(framing).at(1.0) == (0, 0, 1, 1)


def test_between_its_keys_the_window_moves_straight_and_rests_beyond_them() -> None:
    keys = (Key(time=1, left=0.2, top=0), Key(time=3, left=0.4, top=0))
    path = CropPath(width=0.3, height=1, keys=keys)
    assert [round(path.at(time)[0], 6) for time in (0, 1, 2, 3, 9)] == [0.2, 0.2, 0.3, 0.4, 0.4]
    assert not path.still


def test_people_who_pass_each_other_keep_their_tracks() -> None:
    looks = [
        (at * STEP, ((0.1 + 0.01 * at, 0.2, 0.2 + 0.01 * at, 0.4), (0.7 - 0.01 * at, 0.5, 0.8 - 0.01 * at, 0.9)))
        for at in range(50)
    ]
    found = linked(looks, gap=1.2)
    assert {one.track for one in found} == {0, 1}
    assert all(one.box[1] == (0.2, 0.5)[one.track] for one in found)


def test_two_who_are_seen_at_once_are_two_however_close() -> None:
    one, two = (0.1, 0.2, 0.2, 0.4), (0.11, 0.2, 0.21, 0.4)
    found = linked([(0.0, (one,)), (0.2, (one, two)), (0.4, (two, one))], gap=1.2)
    assert [(at.time, at.track, at.box) for at in found] == [
        (0.0, 0, one), (0.2, 0, one), (0.2, 1, two), (0.4, 0, one), (0.4, 1, two),
    ]  # fmt: skip


def test_who_is_away_for_longer_than_the_gap_comes_back_as_another() -> None:
    box = (0.1, 0.2, 0.2, 0.4)
    assert [one.track for one in linked([(0.0, (box,)), (1.0, (box,)), (3.0, (box,))], gap=1.2)] == [0, 0, 1]
