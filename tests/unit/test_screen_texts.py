"""The same words over several looks become one text with a start and an end; unreadable ones are not guessed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.creative.perception.engines.rapid_ocr import is_credible
from flywheel_assets.creative.perception.texts import (
    Reading,
    ReadText,
    Timeline,
    density,
    in_scene,
    linked,
    shared,
    spans,
    still_there,
    strokes,
    unread_in_scene,
    whole,
    words_to_read,
)
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Box, Scene, ScreenText

_LINE: Box = (0.1, 0.8, 0.5, 0.9)
_ELSEWHERE: Box = (0.1, 0.1, 0.5, 0.2)


def _read(text: str | None, box: Box = _LINE, confidence: float = 0.9) -> ReadText:
    return ReadText(text, box, confidence)


def _found(*looks: list[ReadText]) -> list[list[str | None]]:
    tracks = linked([Reading(at, tuple(lines)) for at, lines in enumerate(looks)])
    return [[line.text for _, line in track.found] for track in tracks]


def _scene(start: float, end: float, index: int = 0) -> Scene:
    return Scene(index=index, start_frame=round(start * 30), end_frame=round(end * 30), start=start, end=end)


# --- joining --------------------------------------------------------------------------------------


def test_the_same_words_in_the_same_place_are_one_text() -> None:
    assert _found([_read("First month free")], [_read("First month free")]) == [["First month free"] * 2]


def test_a_misread_letter_or_blank_does_not_make_another_text() -> None:
    tracks = linked([Reading(at, (_read(text),)) for at, text in enumerate(["Brlght Cup", "BrightCup", "Bright Cup"])])
    assert len(tracks) == 1


def test_the_spelling_that_was_read_most_surely_and_most_often_stands() -> None:
    looks = [_read("Bright Cup", confidence=0.7), _read("Brlght Cup"), _read("Bright Cup", confidence=0.6)]
    (track,) = linked([Reading(at, (line,)) for at, line in enumerate(looks)])
    assert track.best == (0, looks[0])


def test_the_same_words_elsewhere_and_other_words_in_the_same_place_are_other_texts() -> None:
    assert len(_found([_read("Order now")], [_read("Order now", _ELSEWHERE)])) == 2
    assert len(_found([_read("Order now")], [_read("Free tasting")])) == 2


def test_a_text_may_be_overlooked_once_and_not_twice() -> None:
    assert len(_found([_read("Order now")], [], [_read("Order now")])) == 1
    assert len(_found([_read("Order now")], [], [], [_read("Order now")])) == 2


def test_two_equal_lines_in_one_look_are_two_texts() -> None:
    first, second = _read("Sale"), _read("Sale", _ELSEWHERE)
    assert len(_found([first, second], [first, second])) == 2


def test_what_cannot_be_read_is_followed_by_its_place() -> None:
    assert _found([_read(None)], [_read(None)]) == [[None, None]]
    assert len(_found([_read(None)], [_read("Order now")])) == 2


_lines = st.builds(
    ReadText,
    st.none() | st.sampled_from(["Order now", "Sale", "Order n0w", "Free"]),
    st.sampled_from([_LINE, _ELSEWHERE, (0.12, 0.8, 0.55, 0.9)]),
    st.floats(0.5, 1),
)


@given(st.lists(st.lists(_lines, max_size=3), max_size=6))
def test_every_line_is_in_exactly_one_text(looks: list[list[ReadText]]) -> None:
    tracks = linked([Reading(at, tuple(lines)) for at, lines in enumerate(looks)])
    assert sum(len(track.found) for track in tracks) == sum(map(len, looks))
    for track in tracks:
        numbers = [number for number, _ in track.found]
        assert numbers == sorted(set(numbers))
        assert len({line.text is None for _, line in track.found}) == 1


# --- start and end --------------------------------------------------------------------------------

# Pictures a fifth of a second apart, of which some are read; a cut at 2.0.
_TIMES = [(round(at * 0.2, 1), round(at * 0.2, 1)) for at in range(20)]
_TIMELINE = Timeline(_TIMES, [0.0, 2.0, 4.0])


def _span(looked_at: list[int], read_in: list[int], shows_in: range) -> tuple[float, float]:
    readings = [Reading(at, (_read("Sale"),) if at in read_in else ()) for at in looked_at]
    ((_, start, end),) = spans(linked(readings), readings, _TIMELINE, lambda _, at, __: at in shows_in)
    return start, end


def test_the_ends_lie_between_the_last_picture_without_and_the_first_with_it() -> None:
    assert _span([0, 5, 9], [5], range(3, 8)) == (pytest.approx(0.5), pytest.approx(1.5))


def test_a_text_that_comes_and_goes_with_a_cut_has_exactly_its_times() -> None:
    assert _span([0, 9, 12, 19], [12, 19], range(10, 20)) == (2.0, 4.0)
    assert _span([0, 5, 12], [0, 5], range(10)) == (0.0, 2.0)


def test_no_end_lies_beyond_a_look_that_did_not_find_it() -> None:
    start, end = _span([4, 6, 8], [6], range(20))
    assert 0.8 <= start <= 1.2
    assert 1.2 <= end <= 1.6


def test_a_look_that_shows_a_text_half_faded_is_no_model_of_it() -> None:
    """In pictures 5 and 13 little more is seen than what lies behind the letters, which stands in 3 and 15 as well."""
    readings = [Reading(at, (_read("Sale"),)) for at in (5, 8, 13)]
    looks_like = {5: range(2, 10), 8: range(6, 13), 13: range(9, 18)}
    ((_, start, end),) = spans(linked(readings), readings, _TIMELINE, lambda one, other, _: other in looks_like[one])
    assert (start, end) == (pytest.approx(0.9), pytest.approx(2.7))


@given(st.sets(st.integers(0, 19), min_size=1), st.data())
def test_an_end_never_comes_before_its_start(looked_at: set[int], data: st.DataObject) -> None:
    read_in = data.draw(st.sets(st.sampled_from(sorted(looked_at)), min_size=1))
    shown = data.draw(st.sets(st.integers(0, 19)))
    readings = [Reading(at, (_read("Sale"),) if at in read_in else ()) for at in sorted(looked_at)]
    found = spans(linked(readings), readings, _TIMELINE, lambda _, at, __: at in shown)
    assert all(0 <= start <= end <= 4 for _, start, end in found)


def test_a_text_that_goes_on_over_a_cut_is_in_both_scenes_and_one_again_as_a_whole() -> None:
    line = (_read("Sale"), 1.0, 3.0)
    pieces = [*in_scene([line], _scene(0, 2)), *in_scene([line], _scene(2, 4, 1))]
    assert [(one.start, one.end) for one in pieces] == [(1.0, 2.0), (2.0, 3.0)]
    assert [(one.start, one.end) for one in whole(pieces)] == [(1.0, 3.0)]


def test_unreadable_lines_are_kept_apart() -> None:
    lines = [(_read(None), 0.5, 1.0), (_read("Sale"), 0.5, 1.0)]
    assert [one.text for one in in_scene(lines, _scene(0, 2))] == ["Sale"]
    assert [(one.start, one.end) for one in unread_in_scene(lines, _scene(0, 2))] == [(0.5, 1.0)]


# --- measures -------------------------------------------------------------------------------------


def _text(words: str, start: float, end: float) -> ScreenText:
    return ScreenText(text=words, start=start, end=end, box=(0, 0, 0.5, 0.5), confidence=1)


def test_density_is_the_share_of_the_picture_over_the_whole_scene() -> None:
    assert density([_text("Sale", 0, 1)], 2.0) == pytest.approx(0.125)
    assert density([], 2.0) == 0
    assert density([_text("a", 0, 2)] * 9, 2.0) == 1


def test_only_what_stands_at_once_is_read_at_once() -> None:
    texts = [
        _text("one two", 0, 0.5),
        _text("three four five", 0.5, 2),
        _text("six", 0.7, 2),
        _text("late " * 9, 1.5, 2),
    ]
    assert words_to_read(texts, 1.0) == 4
    assert words_to_read([], 1.0) == 0


def test_shared_area_of_boxes() -> None:
    assert shared(_LINE, _LINE) == pytest.approx(1)
    assert shared(_LINE, _ELSEWHERE) == 0
    assert shared((0, 0, 1, 0.5), (0, 0.25, 1, 0.75)) == pytest.approx(1 / 3)


def _card(text: str, seed: int) -> Image:
    """White letters over soft grey noise."""
    noise = np.random.default_rng(seed).integers(0, 120, size=(18, 32)).astype(np.uint8)
    card = cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    cv2.putText(card, text, (80, 318), cv2.FONT_HERSHEY_DUPLEX, 1.2, 255, 2, cv2.LINE_AA)
    return card


def test_letters_are_known_again_over_another_background_and_others_are_not() -> None:
    box: Box = (0.1, 0.78, 0.6, 0.92)
    sale = strokes(_card("Free tasting", 1), box)
    assert still_there(sale, strokes(_card("Free tasting", 2), box))
    assert not still_there(sale, strokes(_card("Order now!", 2), box))
    assert not still_there(sale, strokes(_card("", 2), box))


# --- credible readings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "confidence", "shape", "credible"),
    [
        ("Fresh coffee", 0.97, 6, True),
        ("Größe wählen für 5 €", 0.97, 12, True),
        ("每天早上新鲜咖啡", 0.99, 7, True),
        ("毎朝新鮮なコーヒー", 0.98, 8, True),
        ("$89.99", 0.95, 3, True),
        ("Fresh coffee", 0.7, 6, True),
        ("RT可ih", 0.56, 7, False),
        ("R T ig", 0.65, 8, False),  # four letters where a line of twenty stands
        ("ρσκο καφ κε μρα", 0.9, 13, False),  # the letters of formulas, not Greek
        ("   ", 0.94, 8, False),
        ("...", 0.99, 2, False),
        ("a", 0.5, 1, False),
    ],
)
def test_a_reading_is_believed_only_in_a_script_the_model_knows(
    text: str, confidence: float, shape: float, credible: bool
) -> None:
    assert is_credible(text, confidence, shape) is credible
