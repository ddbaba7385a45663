"""Changes of scene in sequences of small pictures: what is one, where it lies, and what only looks like one."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel_assets.creative.perception.detectors.changes import Changes, Mix
from flywheel_assets.creative.perception.detectors.pictures import (
    THUMB,
    Thumb,
    difference,
    moved_share,
    parted_share,
    unexplained_share,
    unfollowed_share,
)
from flywheel_assets.creative.perception.video import Image

_RATE = 30.0
_BLACK = np.zeros((THUMB[1], THUMB[0], 3), np.uint8)


def _shot(seed: int, frames: int, pan: float = 0) -> list[Image]:
    """Soft blobs of colour that move sideways by ``pan`` thumbnail pixels a frame."""
    rng = np.random.default_rng(seed)
    width, height = THUMB
    blobs = rng.integers(30, 225, size=(5, 16, 3)).astype(np.uint8)
    wide = cv2.resize(blobs, (8 * width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    lefts = (round(2 * index * pan) for index in range(frames))
    # Every second column of a view twice as wide: half a thumbnail pixel is one column of it.
    return [wide[:, left : left + 2 * width : 2] for left in lefts]


def _dissolved(one: list[Image], other: list[Image], frames: int) -> list[Image]:
    """Both shots with so many of their frames laid over one another."""
    shares = [(index + 1) / (frames + 1) for index in range(frames)]
    overlap = zip(one[-frames:], other[:frames], shares, strict=True)
    mixed = [np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8) for a, b, share in overlap]
    return one[:-frames] + mixed + other[frames:]


def _changes(images: list[Image], times: list[float] | None = None, shortest: float = 0.25) -> list[int]:
    changes, found = Changes(shortest), []
    clock = times or [index / _RATE for index in range(len(images))]
    for index, (image, time) in enumerate(zip(images, clock, strict=True)):
        found += changes.add(Thumb(index, round(time, 6), image))
    return sorted(found + changes.finish())


def _thumb(image: Image) -> Thumb:
    return Thumb(0, 0.0, np.ascontiguousarray(image))


# --- cuts ---------------------------------------------------------------------------------------


def test_every_hard_cut_is_found_on_its_frame() -> None:
    assert _changes(_shot(1, 40) + _shot(2, 8) + _shot(3, 60, pan=0.5) + _shot(4, 30)) == [40, 48, 108]


def test_one_shot_has_no_change() -> None:
    assert _changes(_shot(1, 120, pan=0.5)) == []


@pytest.mark.parametrize("level", [250, 0])
@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_flash_is_no_cut(level: int, frames: int) -> None:
    thumbs = _shot(1, 60, pan=0.5)
    thumbs[30 : 30 + frames] = [np.full_like(_BLACK, level)] * frames
    assert _changes(thumbs) == []


def test_a_caption_that_pops_up_is_no_cut() -> None:
    thumbs = [image.copy() for image in _shot(1, 60, pan=0.5)]
    for image in thumbs[30:]:
        image[22:34, 6:58] = 255
    assert _changes(thumbs) == []


def test_an_end_card_over_the_dimmed_picture_is_no_cut() -> None:
    thumbs = _shot(1, 60, pan=0.25)
    for index in range(30, 60):
        thumbs[index] = cv2.convertScaleAbs(thumbs[index], alpha=0.5)
        thumbs[index][10:26, 8:56] = (40, 160, 250)
    assert _changes(thumbs) == []


def test_light_that_is_switched_off_is_no_cut() -> None:
    thumbs = _shot(1, 30, pan=0.25) + [cv2.convertScaleAbs(each, alpha=0.4) for each in _shot(1, 60, pan=0.25)[30:]]
    assert _changes(thumbs) == []


def test_a_shot_that_returns_after_a_short_but_real_scene_is_two_cuts() -> None:
    assert _changes(_shot(1, 40) + _shot(2, 12) + _shot(1, 40)) == [40, 52]


def test_a_cut_near_the_end_is_still_judged() -> None:
    assert _changes(_shot(1, 40) + _shot(2, 8)) == [40]


def test_a_scene_shorter_than_the_least_is_none() -> None:
    assert _changes(_shot(1, 40) + _shot(2, 7)) == []


def test_of_two_cuts_too_close_the_stronger_stays() -> None:
    one, two, three = (_shot(seed, 40) for seed in (1, 2, 3))
    first, second = (difference(_thumb(a[0]), _thumb(b[0])) for a, b in ((one, two), (two, three)))
    assert _changes([*one, *two[:5], *three]) == [40 if first > second else 45]
    assert _changes([*three, *two[:5], *one]) == [45 if first > second else 40]


# --- dissolves and fades ------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [9, 18, 30, 45])
def test_a_dissolve_parts_its_scenes_in_its_middle(frames: int) -> None:
    (found,) = _changes(_dissolved(_shot(1, 60, pan=0.2), _shot(2, 90, pan=0.2), frames))
    assert found == pytest.approx(60 - frames / 2, abs=4)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("rest", [0, 12])
def test_a_fade_through_a_plain_colour_is_one_change(level: int, rest: int) -> None:
    plain = [np.full_like(_BLACK, level)] * (20 + rest + 10)
    (found,) = _changes(_dissolved(_dissolved(_shot(1, 60), plain, 20), _shot(2, 60), 10))
    assert found == pytest.approx(40 + (20 + rest + 10) / 2, abs=4)


def test_a_fade_in_from_black_and_out_to_black_are_no_scenes() -> None:
    black = [_BLACK] * 15
    assert _changes(_dissolved(_dissolved(black, _shot(1, 90), 10), black, 10)) == []


def test_a_fade_out_before_a_cut_is_the_cut() -> None:
    faded = _dissolved(_shot(1, 60), [_BLACK] * 20, 15)
    assert _changes(faded + _shot(2, 60)) == [len(faded)]


def test_a_blink_that_returns_to_the_same_shot_is_no_change() -> None:
    shot = _shot(1, 60)
    assert _changes(_dissolved(_dissolved(shot, [_BLACK] * 20, 10), shot, 10)) == []


def test_two_dissolves_in_a_row_are_two_changes() -> None:
    thumbs = _dissolved(_dissolved(_shot(1, 50), _shot(2, 60), 15), _shot(3, 60), 15)
    one, two = _changes(thumbs)
    assert (one, two) == (pytest.approx(42, abs=4), pytest.approx(87, abs=4))


def test_a_slow_pan_to_somewhere_else_is_no_dissolve() -> None:
    assert _changes(_shot(1, 120, pan=1.5)) == []


# --- which frames are mixtures ------------------------------------------------------------------


def _mixes(images: list[Image]) -> tuple[list[int], list[Mix]]:
    changes, found = Changes(0.25), []
    for index, image in enumerate(images):
        found += changes.add(Thumb(index, round(index / _RATE, 6), image))
    return [*found, *changes.finish()], changes.mixes


@pytest.mark.parametrize("frames", [9, 18, 30, 45])
def test_all_frames_of_a_dissolve_and_few_others_count_as_mixed(frames: int) -> None:
    (change,), (mix,) = _mixes(_dissolved(_shot(1, 60, pan=0.2), _shot(2, 90, pan=0.2), frames))
    assert 60 - frames - 6 <= mix.first <= 60 - frames
    assert 60 <= mix.last <= 66
    assert mix.change == pytest.approx(change / _RATE, abs=1 / _RATE)


@pytest.mark.parametrize("level", [0, 255])
def test_a_fade_is_mixed_from_its_first_frame_over_the_plain_ones_to_its_last(level: int) -> None:
    plain = [np.full_like(_BLACK, level)] * 42
    _, (mix,) = _mixes(_dissolved(_dissolved(_shot(1, 60), plain, 20), _shot(2, 60), 10))
    assert 34 <= mix.first <= 40
    assert 82 <= mix.last <= 88


def test_a_fade_in_at_the_start_and_a_fade_out_at_the_end_are_mixed_and_part_nothing() -> None:
    black = [_BLACK] * 15
    changes, (opening, closing) = _mixes(_dissolved(_dissolved(black, _shot(1, 90), 10), black, 10))
    assert changes == []
    assert (opening.change, closing.change) == (float("-inf"), float("inf"))
    assert 15 <= opening.last <= 20
    assert 80 <= closing.first <= 85


def test_a_fade_out_before_a_cut_is_mixed_up_to_the_cut_and_not_beyond() -> None:
    faded = _dissolved(_shot(1, 60), [_BLACK] * 20, 15)
    (cut,), (mix,) = _mixes(faded + _shot(2, 60))
    assert 40 <= mix.first <= 45
    assert mix.change == pytest.approx(cut / _RATE, abs=1e-6)
    assert mix.last <= cut


def test_a_plain_card_that_stays_is_no_part_of_the_dissolve_into_it() -> None:
    card = [np.full_like(_BLACK, 200)] * 75
    _, (mix,) = _mixes(_dissolved(_shot(1, 60), card, 15))
    assert mix.last <= 66


def test_cuts_leave_nothing_mixed() -> None:
    assert _mixes(_shot(1, 40) + _shot(2, 30) + _shot(3, 60, pan=0.5))[1] == []


# --- the clock ----------------------------------------------------------------------------------


def test_changes_lie_on_the_same_pictures_whatever_the_rate() -> None:
    thumbs = _dissolved(_shot(1, 80) + _shot(2, 60), _shot(3, 90), 20)
    once = _changes(thumbs)
    twice = _changes([image for image in thumbs for _ in (0, 1)], [index / 60 for index in range(2 * len(thumbs))])
    assert [round(frame / 2) for frame in twice] == pytest.approx(once, abs=2)


def test_dropped_frames_move_no_change() -> None:
    thumbs = _dissolved(_shot(1, 80, pan=0.2) + _shot(2, 60, pan=0.2), _shot(3, 90, pan=0.2), 20)
    kept = [index for index in range(len(thumbs)) if index < 60 or index % 3 == 0 or index in {80, 81}]
    found = _changes([thumbs[index] for index in kept], [index / _RATE for index in kept])
    assert [kept[frame] for frame in found] == pytest.approx(_changes(thumbs), abs=3)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), min_size=1, max_size=6),
    st.floats(0.1, 1.0),
    st.floats(12, 90),
)
@settings(max_examples=40, deadline=None)
def test_no_scene_is_shorter_than_the_least(shots: list[tuple[int, int]], shortest: float, rate: float) -> None:
    thumbs = [image for seed, frames in shots for image in _shot(seed, frames)]
    times = [index / rate for index in range(len(thumbs))]
    edges = [0, *_changes(thumbs, times, shortest), len(thumbs)]
    if len(edges) > 2:
        assert min(later - earlier for earlier, later in pairwise(edges)) / rate >= shortest - 1e-4


def test_no_frames_have_no_changes() -> None:
    assert Changes(0.25).finish() == []


# --- two pictures -------------------------------------------------------------------------------


def test_hue_is_a_circle() -> None:
    red, almost, green = (np.full_like(_BLACK, colour) for colour in ((0, 0, 200), (10, 0, 200), (0, 200, 0)))
    assert difference(_thumb(red), _thumb(almost)) < 2
    assert difference(_thumb(red), _thumb(green)) == pytest.approx(20)  # 60 of 180 hue steps, one of three channels


def test_the_share_of_moved_pixels() -> None:
    half = _BLACK.copy()
    half[:, :32] = 200
    assert moved_share(_thumb(_BLACK), _thumb(_BLACK)) == 0
    assert moved_share(_thumb(_BLACK), _thumb(half)) == pytest.approx(0.5, abs=0.03)


def test_less_light_a_turn_and_a_small_step_explain_a_picture_and_another_scene_does_not() -> None:
    first = _shot(1, 1)[0]
    dimmed = cv2.convertScaleAbs(first, alpha=0.5)
    near = cv2.resize(first[2:-2, 3:-3], THUMB, interpolation=cv2.INTER_LINEAR)
    turned = _shot(1, 9, pan=1)[8]
    for same in (dimmed, near, turned):
        assert unexplained_share(_thumb(first), _thumb(same)) < 0.3
    assert unexplained_share(_thumb(first), _thumb(_shot(2, 1)[0])) > 0.7


def test_a_plain_wall_is_not_another_plain_wall_in_less_light() -> None:
    rng = np.random.default_rng(0)
    light, dark = (rng.normal(level, 2, _BLACK.shape).clip(0, 255).astype(np.uint8) for level in (200, 80))
    assert unexplained_share(_thumb(light), _thumb(dark)) > 0.9


def test_what_moved_can_be_followed_and_what_was_replaced_cannot() -> None:
    first = _shot(1, 1)[0]
    assert unfollowed_share(_thumb(first), _thumb(_shot(1, 13, pan=0.5)[12])) < 0.3
    assert unfollowed_share(_thumb(first), _thumb(_shot(2, 1)[0])) > 0.6


def test_a_straight_edge_parts_a_wipe_and_no_mixture() -> None:
    first, other = _shot(1, 1)[0], _shot(2, 1)[0]
    upright, level = first.copy(), first.copy()
    upright[:, 40:], level[:12] = other[:, 40:], other[:12]
    checked = np.where(np.indices((36, 64)).sum(axis=0)[..., None] // 8 % 2, first, other)
    shares = [parted_share(_thumb(first), _thumb(other), _thumb(each)) for each in (upright, level, checked)]
    assert shares[:2] == pytest.approx([1, 1], abs=0.04)
    assert shares[2] < 0.7


def test_one_colour_with_a_logo_is_flat() -> None:
    card = np.full_like(_BLACK, 255)
    card[3:8, 3:15] = 0
    assert _thumb(card).flat
    assert not _thumb(_shot(1, 1)[0]).flat
