from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import ass, fonts
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.palette import ACCENT, INK, MIN_CONTRAST, PAPER, Colour, contrast

CANVAS = Canvas(1080, 1920, 30)
_BREAK = re.compile(r"\\[Nnh]")
_BARE_BRACE = re.compile(r"(?<!\\)[{}]")


def _unescaped(text: str) -> str:
    """What libass shows: escaped braces as braces, joiners as nothing."""
    return text.replace("\\{", "{").replace("\\}", "}").replace("\u2060", "")


@given(st.text(alphabet=st.sampled_from("{}\\Nnhb1 \n\r\tabc:;'[],é"), max_size=40))
def test_user_text_never_becomes_a_command_and_loses_nothing_but_spacing(text: str) -> None:
    safe = ass.escape(text)
    assert not _BREAK.search(safe)
    assert not _BARE_BRACE.search(safe)
    assert "\n" not in safe
    assert "\r" not in safe
    assert _unescaped(safe) == " ".join(text.split())


@given(st.integers(0, 200_000), st.sampled_from([24, 25, 30, 60]))
def test_an_event_shows_in_exactly_its_frames(frame: int, fps: int) -> None:
    line = ass.document([ass.Event(0, frame, frame + 1, "x")], Canvas(1080, 1920, fps)).splitlines()[-1]
    start, end = (_centiseconds(text) for text in line.split(",")[1:3])
    first, following = frame * 100 / fps, (frame + 1) * 100 / fps
    assert start <= first < end <= following
    assert start > (frame - 1) * 100 / fps


def _centiseconds(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    whole, hundredths = seconds.split(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 100 + int(hundredths)


def test_invisible_marks_do_not_reach_the_screen() -> None:
    assert ass.escape("free\u202e tasting\u200b") == "free tasting"


def test_a_box_with_round_corners_stays_inside_its_size() -> None:
    numbers = [float(part) for part in re.findall(r"[\d.]+", ass.rounded_box(300, 80, 500))]
    assert max(numbers[0::2]) == 300
    assert max(numbers[1::2]) == 80
    assert min(numbers) == 0


def test_text_colours_satisfy_the_contrast_rule() -> None:
    darkened = Colour(103, 103, 103)  # pure white behind the end card: 0.38 of its luma, with room for rounding
    for text, ground in ((INK, PAPER), (INK, ACCENT), (PAPER, INK), (ACCENT, INK), (PAPER, darkened)):
        assert contrast(text, ground) >= MIN_CONTRAST
    assert contrast(PAPER, Colour(0, 0, 0)) == pytest.approx(21)


def test_lines_are_balanced_and_never_wider_than_their_room() -> None:
    fitted = fonts.fit("Is your office coffee machine broken again?", "Inter Black", em=78, width=878, max_lines=2)
    assert fitted.lines == ("Is your office coffee", "machine broken again?")
    assert fitted.em <= 78


@given(st.lists(st.text(alphabet="abcWMil.", min_size=1, max_size=14), min_size=1, max_size=14), st.integers(1, 3))
def test_fitting_keeps_every_word_and_the_width(words: list[str], max_lines: int) -> None:
    fitted = fonts.fit(" ".join(words), "Inter Bold", em=66, width=600, max_lines=max_lines)
    assert " ".join(fitted.lines).split() == words
    assert len(fitted.lines) <= max_lines
    assert all(fonts.text_width(line, "Inter Bold", fitted.em) <= 600.001 for line in fitted.lines)


def test_a_missing_glyph_is_refused_by_name() -> None:
    with pytest.raises(RenderFailed, match=r"U\+2615 HOT BEVERAGE"):
        fonts.require_glyphs("Fresh \u2615 daily", "Inter Black", "hook")
    fonts.require_glyphs("Café – “naïve” €5 ±10 % Привет", "Inter Black", "hook")
