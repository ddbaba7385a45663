"""Which pictures are looked at closely: scene starts and ends, and where something appears."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.perception.choosing import for_text, for_things, within
from flywheel_assets.creative.perception.stills import Still, Stills, blocks, changed
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Scene

_EMPTY = np.zeros((11, 20, 2), dtype=np.float32)


def _hash(*popped: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A picture in which these rows of blocks hold letters."""
    found = _EMPTY.copy()
    for row in popped:
        found[row, 4:14, 1] = 20
    return found


def _stills(*hashes: np.ndarray[tuple[int, ...], np.dtype[np.float32]], step: float = 0.2) -> list[Still]:
    return [Still(i, round(i * step, 3), round(i * step, 3), each, (0, 0)) for i, each in enumerate(hashes)]


def _scene(start: float, end: float) -> Scene:
    return Scene(index=0, start_frame=round(start * 30), end_frame=round(end * 30), start=start, end=end)


def _picture(*lines: int) -> Image:
    """A grey picture 320 pixels wide with lines of small letters at these heights."""
    card = np.full((180, 320), 90, dtype=np.uint8)
    for height in lines:
        cv2.putText(card, "First month free", (40, height), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1, cv2.LINE_AA)
    return card


# --- the perceptual hash --------------------------------------------------------------------------


def test_a_small_line_of_text_changes_the_hash_and_a_little_noise_does_not() -> None:
    plain = _picture()
    noisy = (plain + np.random.default_rng(1).integers(0, 3, plain.shape)).astype(np.uint8)
    assert changed(blocks(plain), blocks(_picture(120))) >= 0.02
    assert changed(blocks(plain), blocks(noisy)) == 0


def test_a_picture_that_does_not_change_is_kept_once() -> None:
    stills = Stills(io.BytesIO())
    for index in range(40):
        time = index / 10
        grey = _picture() if time < 2 else _picture(60)
        if stills.wants(time) and not stills.sees_the_same(grey, time):
            stills.keep(np.repeat(grey[..., None], 3, axis=2), grey, index, time)
    assert [(one.time, one.until) for one in stills.all] == [(0.0, 1.8), (2.0, 3.8)]


def test_a_kept_picture_comes_back_as_it_was() -> None:
    stills = Stills(io.BytesIO())
    colours = np.zeros((180, 320, 3), dtype=np.uint8)
    colours[:, :160] = (250, 20, 20)
    for index, image in enumerate((colours, colours[:, ::-1])):
        stills.keep(np.ascontiguousarray(image), _picture(), index, float(index))
    assert np.abs(stills.picture(0).astype(int) - colours).mean() < 2
    assert stills.picture(1)[90, 300, 0] > 200
    grey = cv2.cvtColor(stills.picture(1), cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(stills.grey(1).astype(int) - grey).mean() < 2


# --- choosing -------------------------------------------------------------------------------------


def test_a_still_scene_is_read_once() -> None:
    (only,) = [Still(0, 0.0, 4.8, _EMPTY, (0, 0))]
    assert for_text(_scene(0, 5), [only]) == [0]
    assert for_things(_scene(0, 5), [only]) == [0]


def test_a_text_that_pops_up_is_read_when_it_stands_in_full() -> None:
    stills = _stills(*[_hash()] * 5, *[_hash(8)] * 8)
    chosen = for_text(_scene(0, 2.6), stills)
    assert any(5 <= at <= 7 for at in chosen)
    assert len(chosen) <= 4


def test_each_of_two_texts_in_turn_is_read() -> None:
    stills = _stills(*[_hash()] * 4, *[_hash(8)] * 6, *[_hash(2)] * 6)
    chosen = for_text(_scene(0, 3.2), stills)
    assert any(4 <= at < 10 for at in chosen)
    assert any(at >= 10 for at in chosen)


def test_a_picture_that_always_moves_is_read_every_one_and_a_half_seconds() -> None:
    noise = np.random.default_rng(2).uniform(0, 40, size=(50, 11, 20, 2)).astype(np.float32)
    chosen = for_text(_scene(0, 10), _stills(*noise))
    assert 7 <= len(chosen) <= 12
    assert np.diff(chosen).max() * 0.2 <= 1.7


def test_a_long_scene_is_searched_for_things_every_three_seconds() -> None:
    noise = np.random.default_rng(3).uniform(0, 40, size=(300, 11, 20, 2)).astype(np.float32)
    chosen = for_things(_scene(0, 60), _stills(*noise))
    assert np.diff(chosen).max() * 0.2 <= 3.3


def test_without_pictures_there_is_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="do not belong"):
        within(_scene(0, 2), [])


@given(st.floats(0, 30), st.floats(0.05, 10), st.integers(1, 60), st.randoms(use_true_random=False))
def test_every_scene_has_a_look_and_every_look_a_picture(
    start: float, seconds: float, count: int, draws: object
) -> None:
    rng = np.random.default_rng(getattr(draws, "randint")(0, 2**31))  # noqa: B009 - Hypothesis types it as object
    stills = _stills(*rng.uniform(0, 40, size=(count, 11, 20, 2)).astype(np.float32))
    for chosen in (
        for_text(_scene(start, start + seconds), stills),
        for_things(_scene(start, start + seconds), stills),
    ):
        assert chosen
        assert chosen == sorted(set(chosen))
        assert all(0 <= at < count for at in chosen)
