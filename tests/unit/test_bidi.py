"""The order of mixed text, against examples by hand and against FriBidi, which Pillow asks."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.rendering import bidi
from tests import tiny_fonts

# One of each kind: letters of both directions, both kinds of digits, separators, signs, space, a picture's stand-in.
SIGNS = "ab12אבعغ٣٤ .,:+-%€$!?&\ufffc"
HEIGHTS = {sign: 0 if sign == " " else 100 + 25 * place for place, sign in enumerate(SIGNS)}
SIZE = 200


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(tiny_fonts.content(tiny_fonts.boxes(HEIGHTS, "Boxes"))), SIZE)


def _shown(text: str, *, rtl: bool) -> str:
    """The signs from left to right, read off a drawing by their heights; each stands in a column of its own."""
    step = SIZE * tiny_fonts.ADVANCE // tiny_fonts.EM
    picture = Image.new("L", (step * len(text), SIZE))
    direction = "rtl" if rtl else "ltr"
    ImageDraw.Draw(picture).text((0, SIZE - 20), text, 255, _font(), anchor="ls", direction=direction)
    tall = (np.asarray(picture) > 127).sum(axis=0)
    heights = [int(tall[place * step + step // 2]) for place in range(len(text))]
    by_height = {round(height * SIZE / tiny_fonts.EM): sign for sign, height in HEIGHTS.items()}
    return "".join(by_height[min(by_height, key=lambda known: abs(known - height))] for height in heights)


def _ordered(text: str, *, rtl: bool) -> str:
    depths = bidi.levels(text, rtl=rtl)
    return "".join(text[place] for place in bidi.order(list(depths)))


@pytest.mark.needs_fribidi
@given(text=st.text(alphabet=SIGNS, min_size=1, max_size=12), rtl=st.booleans())
@example(text="אב 12, ab!", rtl=True)
@example(text="ab אב ab", rtl=False)
@example(text="عغ 12-21 €2", rtl=True)
@example(text="א\ufffcב 1\ufffc2", rtl=True)
def test_signs_stand_where_fribidi_puts_them(text: str, rtl: bool) -> None:
    assert _ordered(text, rtl=rtl) == _shown(text, rtl=rtl)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("קפה 24 שעות!", "!תועש 24 הפק"),
        ("Nespresso קפה", "הפק Nespresso"),
        ("רק 49₪, היום", "םויה ,49₪ קר"),
    ],
)
def test_a_right_to_left_line_reads_as_it_should(text: str, shown: str) -> None:
    assert _ordered(text, rtl=True) == shown


def test_most_words_decide_the_direction_not_a_brand_in_front() -> None:
    assert bidi.is_rtl("Nespresso: قهوة طازجة كل صباح")
    assert bidi.is_rtl("Nespresso قهوة 24")
    assert not bidi.is_rtl("Our coffee is called قهوة")
    assert not bidi.is_rtl("100 % 24/7!")
    assert not bidi.is_rtl("")


@given(st.lists(st.integers(0, 4), max_size=12))
def test_an_order_loses_no_piece(depths: list[int]) -> None:
    assert sorted(bidi.order(depths)) == list(range(len(depths)))
