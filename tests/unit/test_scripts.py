"""What belongs together in a text, what an emoji is, and what of a person's text is kept."""

from __future__ import annotations

from itertools import pairwise
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.rendering import breaks, scripts

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
HEART, FLAG, KEYCAP, THUMB = "\u2764\ufe0f", "\U0001f1e9\U0001f1ea", "1\ufe0f\u20e3", "\U0001f44d\U0001f3fd"
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"
MIXED = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\u200c\u200d\ufe0e\ufe0f\U000e0067\u202e \n\x00")))


@pytest.mark.parametrize("emoji", [FAMILY, ENGLAND, HEART, FLAG, KEYCAP, THUMB, RAINBOW])
def test_an_emoji_of_several_characters_is_one_unit_and_survives_cleaning(emoji: str) -> None:
    assert scripts.clean(f"a {emoji}b") == f"a {emoji}b"
    assert scripts.units(f"a{emoji}b") == ("a", emoji, "b")
    assert scripts.is_emoji(emoji)
    assert scripts.wants_picture(emoji)


def test_signs_that_letters_fonts_draw_are_text_unless_they_say_otherwise() -> None:
    assert not scripts.wants_picture("\u2713")
    assert not scripts.wants_picture("\u00a9")
    assert not scripts.wants_picture("\u2764\ufe0e")
    assert not scripts.is_emoji("7")
    assert not scripts.is_emoji("é")


def test_letters_keep_their_marks_and_persian_its_joiners() -> None:
    assert scripts.units("e\u0301a") == ("e\u0301", "a")
    assert scripts.clean("می\u200cخواهم") == "می\u200cخواهم"
    assert "".join(scripts.units("می\u200cخواهم")) == "می\u200cخواهم"


def test_what_is_invisible_and_joins_nothing_goes() -> None:
    assert scripts.clean("free\u202e tasting\u200b") == "free tasting"
    assert scripts.clean("\u200d\ufe0fa\u200d\u200db\u200d \u200d") == "a\u200db"
    assert scripts.clean("a\U000e0067\u2066b\u2069\u00adc") == "abc"
    assert scripts.clean("a\x00\x1b\x7f\u2028b\u0085c") == "a b c"


@given(MIXED)
def test_cleaning_is_done_at_once_and_leaves_one_line(text: str) -> None:
    cleaned = scripts.clean(text)
    assert scripts.clean(cleaned) == cleaned
    assert len(cleaned.splitlines()) <= 1
    assert not any(category(character) == "Cc" for character in cleaned)


@given(MIXED)
def test_units_put_together_are_the_text(text: str) -> None:
    assert "".join(scripts.units(text)) == text


def test_lines_break_between_chinese_characters_but_not_before_their_marks() -> None:
    assert breaks.breaks_between("咖", "啡")
    assert breaks.breaks_between("ー", "を")
    assert not breaks.breaks_between("ー", "ヒ")
    assert not breaks.breaks_between("啡", "，")
    assert not breaks.breaks_between("「", "無")
    assert not breaks.breaks_between("a", "b")
    assert not breaks.breaks_between("매", "일")
    assert not breaks.breaks_between("咖", "\u2615")


def _syllables(word: str) -> str:
    parts = scripts.units(word)
    return parts[0] + "".join("|" * breaks.cuts_between(one, other) + other for one, other in pairwise(parts))


@pytest.mark.parametrize(
    ("word", "cut"),
    [
        ("กาแฟ", "กา|แฟ"),
        ("กำลัง", "กำ|ลัง"),
        ("ศุกร์", "ศุ|กร์"),  # the silent letter stays, with what it closes
        ("คืน", "คืน"),
        ("ເຂົ້າ", "ເຂົ້າ"),
        ("កាហ្វេ", "កា|ហ្វេ"),  # a letter and the one stacked below it
        ("ကော်ဖီ", "ကော်|ဖီ"),
        ("မနက်", "မ|နက်"),
    ],
)
def test_a_word_is_cut_between_clusters_and_where_a_syllable_goes_on_it_is_not(word: str, cut: str) -> None:
    assert _syllables(word) == cut


@given(
    st.text(alphabet=[chr(code) for code in (*range(0x0E01, 0x0E5C), *range(0x1780, 0x17D4), *range(0x1000, 0x104A))])
)
def test_no_cut_parts_a_mark_from_its_letter(text: str) -> None:
    for one, other in pairwise(scripts.units(text)):
        if breaks.cuts_between(one, other):
            assert category(other[0]) not in {"Mn", "Mc"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("Fresh", "coffee"), "Fresh coffee"),
        (("咖", "啡", "。"), "咖啡。"),
        (("新", "Bright", "咖啡"), "新 Bright 咖啡"),
        (("กาแฟ", "สด"), "กาแฟสด"),
        (("매일", "아침"), "매일 아침"),
        (("قهوة", "طازجة"), "قهوة طازجة"),
    ],
)
def test_spoken_words_touch_where_their_script_has_no_spaces(words: tuple[str, ...], line: str) -> None:
    assert breaks.spoken_line(words) == line


@pytest.mark.parametrize(
    ("unit", "script"),
    [
        ("ق", "arabic"), ("ק", "hebrew"), ("क", "devanagari"), ("ก", "thai"), ("ヒ", "japanese"), ("매", "korean"),
        ("咖", "chinese-simplified"), ("\u2615", "emoji"), (FAMILY, "emoji"),
    ],
)  # fmt: skip
def test_a_remedy_names_what_to_fetch(unit: str, script: str) -> None:
    assert f"`flywheel fetch-fonts {script}`" in scripts.remedy(unit, pictures=False)


def test_a_remedy_does_not_send_for_what_is_there_or_cannot_be_had() -> None:
    assert "fetch-fonts" not in scripts.remedy("\u2615", pictures=True)
    assert "fetch-fonts" not in scripts.remedy("ა", pictures=False)


def test_what_can_be_read_is_without_pictures() -> None:
    assert scripts.without_emoji(f"Tired of \u2615 cold{FAMILY} coffee?") == "Tired of cold coffee?"
