"""Text of every script as the real libass draws it: widths, places, order, colours, and text that stays text."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from unicodedata import category

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import ass, emoji, ffmpeg
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.fonts import text_width
from flywheel_assets.rendering.lines import Setting
from flywheel_assets.rendering.palette import ACCENT, PAPER
from flywheel_assets.rendering.scripts import clean, is_silent
from flywheel_assets.rendering.typefaces import FILES, FOLDER, Typefaces, bundled
from tests import tiny_fonts
from tests.drawing import Picture, caption, columns, drawn, overlay

pytestmark = pytest.mark.needs_fribidi

HEBREW = {sign: 0 if sign == " " else 300 + 60 * place for place, sign in enumerate("אבגדהוז ")}
FIRE, CUP = "\U0001f525", "\u2615"
EM = 60


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Canvas:
    """A wide frame with a font of Hebrew boxes and one of emoji squares."""
    folder = tmp_path_factory.mktemp("fonts")
    tiny_fonts.saved(tiny_fonts.boxes(HEBREW, "Ivrit Black"), folder)
    tiny_fonts.emoji_font(folder)
    return Canvas(1080, 160, 30, typefaces=Typefaces.of([folder]))


def _lines(text: str, canvas: Canvas, tmp_path: Path, *, lines: tuple[str, ...] = ()) -> Picture:
    shown = overlay(text, canvas, em=EM, lines=lines)
    events = ass.text_lines(shown, canvas, ink=PAPER, spacing=1.14)
    return drawn(events, canvas, tmp_path / "line.png", stickers=emoji.stickers(shown, canvas, 1.14))


def _heights(picture: Picture) -> list[int]:
    """Heights of the boxes from left to right."""
    tall = (picture.min(axis=2) > 127).sum(axis=0)
    return [int(max(group)) for inked, group in groupby(tall, key=bool) if inked]


def _mean(picture: Picture, sticker: emoji.Sticker) -> list[float]:
    inside = slice(sticker.top + 15, sticker.top + sticker.side - 15)
    across = slice(sticker.left + 15, sticker.left + sticker.side - 15)
    return [float(value) for value in picture[inside, across].mean(axis=(0, 1))]


def test_a_right_to_left_line_is_drawn_from_the_right_as_it_was_laid_out(canvas: Canvas, tmp_path: Path) -> None:
    boxes = [round(HEBREW[sign] * EM / tiny_fonts.EM) for sign in "אבגד"]
    assert _heights(_lines("אבגד", canvas, tmp_path)) == pytest.approx(boxes[::-1], abs=1)


def test_a_line_is_as_wide_as_it_was_measured_whatever_fonts_it_takes(canvas: Canvas, tmp_path: Path) -> None:
    for text in ("Coffee אבגד 24 H", "אבגד Coffee אב", "HאH"):
        left, right = columns(_lines(text, canvas, tmp_path))
        bearings = 0.16 * EM  # room beside the outermost letters
        assert right - left == pytest.approx(text_width(text, "Inter Black", EM, canvas.typefaces), abs=bearings)
        assert (left + right) / 2 == pytest.approx(canvas.width / 2, abs=bearings)


def test_marks_that_only_shape_take_no_glyph_and_no_room(canvas: Canvas, tmp_path: Path) -> None:
    for text in ("a\u200cb", "\u2764\ufe0e", "א\u200dב", "e\u0301"):
        plain = text.replace("\u200c", "").replace("\ufe0e", "").replace("\u200d", "").replace("\u0301", "")
        left, right = columns(_lines(text, canvas, tmp_path))
        first, last = columns(_lines(plain, canvas, tmp_path))
        assert right - left == pytest.approx(last - first, abs=3)


def test_a_letter_stands_where_it_stood_when_another_font_joins_its_line(canvas: Canvas, tmp_path: Path) -> None:
    alone, joined = (_lines(text, canvas, tmp_path) for text in ("HH", "HאH"))
    feet = [int(np.flatnonzero(picture.max(axis=(1, 2)) > 127)[-1]) for picture in (alone, joined)]
    assert feet[1] == pytest.approx(feet[0], abs=1)


def test_a_second_line_that_begins_with_a_brand_keeps_the_direction_of_the_text(canvas: Canvas, tmp_path: Path) -> None:
    shown = overlay("אבגד אבגד H אב", canvas, em=EM, lines=("אבגד אבגד", "H אב"))
    events = ass.text_lines(shown, canvas, ink=PAPER, spacing=1.14)
    heights = _heights(drawn(events[1:], canvas, tmp_path / "second.png"))
    capital = round(0.727 * EM)
    assert heights[-1] == pytest.approx(capital, abs=2)
    assert heights[:2] == pytest.approx([round(HEBREW[sign] * EM / tiny_fonts.EM) for sign in "בא"], abs=1)


@pytest.mark.parametrize("text", [f"Hot {FIRE} tea", f"אב {FIRE} גד", f"H {FIRE} אב", f"אב H {FIRE} H גד", FIRE])
def test_an_emoji_lies_in_the_room_its_line_leaves(text: str, canvas: Canvas, tmp_path: Path) -> None:
    shown = overlay(text, canvas, em=EM)
    (sticker,) = emoji.stickers(shown, canvas, 1.14)
    events = ass.text_lines(shown, canvas, ink=PAPER, spacing=1.14)
    without = drawn(events, canvas, tmp_path / "without.png")
    assert without[:, sticker.left : sticker.left + sticker.side].max() < 60
    shadow = without[:, sticker.left - round(0.6 * EM) : sticker.left + sticker.side + round(0.6 * EM)]
    assert text == FIRE or shadow.max() > 127
    red, green, blue = _mean(_lines(text, canvas, tmp_path), sticker)
    assert (red > 220, green < 40, blue < 40) == (True, True, True)


def test_a_joined_emoji_is_its_own_picture_and_each_comes_when_the_text_has_come_to_rest(
    canvas: Canvas, tmp_path: Path
) -> None:
    shown = overlay(f"{FIRE}\u200d{CUP} {CUP}", canvas, em=EM).model_copy(update={"entering": True})
    both, cup = emoji.stickers(shown, canvas, 1.14)
    assert (both.sequence, cup.sequence) == (f"{FIRE}\u200d{CUP}", CUP)
    later = drawn((), canvas, tmp_path / "a.png", stickers=(both, cup), at=both.start_frame)
    assert _mean(later, both)[2] > 220
    assert _mean(later, cup)[1] > 220
    assert drawn((), canvas, tmp_path / "b.png", stickers=(both, cup), at=both.start_frame - 1).max() < 60
    assert emoji.stickers(shown.model_copy(update={"entering": False}), canvas, 1.14)[0].start_frame == 0


@pytest.mark.parametrize("lit", [0, 1, 2])
def test_the_lit_word_of_a_right_to_left_caption_is_the_one_that_is_spoken(
    lit: int, canvas: Canvas, tmp_path: Path
) -> None:
    words = ("אב", "גדה", "וז")
    picture = drawn(caption(words, lit, canvas), canvas, tmp_path / "card.png").astype(int)
    white = [int(np.abs(picture - colour).sum(axis=2).min()) for colour in (PAPER_RGB, ACCENT_RGB)]
    assert max(white) < 60  # both colours are there
    accent = (np.abs(picture - ACCENT_RGB).sum(axis=2) < 60).sum(axis=0)
    inked = (picture[:, :, 0] > 200).sum(axis=0)
    groups = [bool(accent[place]) for place in _word_middles(inked)]
    assert groups == [place == lit for place in range(len(words))][::-1]


PAPER_RGB = np.array([PAPER.red, PAPER.green, PAPER.blue])
ACCENT_RGB = np.array([ACCENT.red, ACCENT.green, ACCENT.blue])


def _word_middles(inked: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int]:
    """A column with ink in each word, from left to right; words are further apart than letters."""
    filled = np.flatnonzero(inked)
    breaks = np.flatnonzero(np.diff(filled) > 0.4 * EM)
    return [int(part[0]) + 2 for part in np.split(filled, breaks + 1)]


@pytest.mark.parametrize(
    "text", [r"{\b1}bold{\i1}", r"':;[]\N\h\n", r"a\{b}\\N", "{\\p1}m 0 0 l 9 9", "%{x}':[v];[0:v]"]
)
def test_commands_in_a_text_are_drawn_as_they_are_written(text: str, tmp_path: Path) -> None:
    bare = Canvas(1080, 160, 30)
    left, right = columns(_lines(text, bare, tmp_path))
    plain = Image.new("RGB", (1080, 160))
    font = ImageFont.truetype(str(FOLDER / FILES["Inter Black"]), EM)
    ImageDraw.Draw(plain).text((20, 100), text, "white", font, anchor="ls")
    first, last = columns(np.asarray(plain))
    assert right - left == pytest.approx(last - first, abs=2 + 2 * text.count("\\"))  # no kerning across a joiner


ANY = st.text(st.characters(codec="utf-8"), max_size=30)


@given(text=ANY)
@example(text="\\\u200d{\\b1}")
@example(text="{=0}{*}\\{\u2028\\N\x00\x85")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_becomes_a_line_an_event_or_a_command(text: str, canvas: Canvas) -> None:
    shown = clean(text)
    if not _can_be_drawn(shown, canvas):
        with pytest.raises(RenderFailed, match="missing_glyph"):
            ass.text_lines(overlay(shown, canvas), canvas, ink=PAPER, spacing=1.14)
        return
    events = ass.text_lines(overlay(shown, canvas), canvas, ink=PAPER, spacing=1.14) if shown else ()
    script = ass.document(events, canvas)
    empty = ass.document((), canvas)
    dialogue = [line for line in script.splitlines() if line.startswith("Dialogue:")]
    notes = [line for line in script.splitlines() if line.startswith("; font ")]
    assert len(dialogue) == bool(shown)
    assert len(script.splitlines()) == len(empty.splitlines()) + len(notes) + len(dialogue)
    assert not shown or _as_shown(events[0].body) == "".join(c for c in _text_of(shown, canvas) if category(c) != "Cf")


def _can_be_drawn(text: str, canvas: Canvas) -> bool:
    """Whether some font has each character; what joins or marks needs none."""
    known = {code for face in (bundled("Inter Black"), *canvas.typefaces.faces) for code in face.characters}
    return all(ord(character) in known or is_silent(character) for character in text)


def _text_of(text: str, canvas: Canvas) -> str:
    """The text without its emoji, which are pictures."""
    return "".join(run.text for run in Setting.of(text, "Inter Black", canvas.typefaces).runs(text) if run.face)


def _as_shown(body: str) -> str:
    """What libass's own rules leave of a body as letters: no override blocks, no drawings, no joiners."""
    found, place, drawing = "", 0, False
    while place < len(body):
        if body[place] == "{":
            end = body.index("}", place)
            drawing = "\\p1" in body[place:end] or (drawing and "\\p0" not in body[place:end])
            place = end
        elif body[place] == "\\" and body[place + 1] in "{}Nnh":
            assert body[place + 1] in "{}", f"a command in {body!r}"
            place += 1
            found += body[place]
        elif not drawing:
            found += body[place]
        place += 1
    return "".join(c for c in found if category(c) != "Cf")


def test_a_font_that_is_swapped_changes_the_script_so_that_no_old_picture_is_reused(tmp_path: Path) -> None:
    scripts = []
    for height in (700, 500):
        path = tiny_fonts.saved(tiny_fonts.boxes({"א": height}, "Ivrit Black"), tmp_path)
        canvas = Canvas(1080, 160, 30, typefaces=Typefaces.of([tmp_path]))
        events = ass.text_lines(overlay("א", canvas), canvas, ink=PAPER, spacing=1.14)
        scripts.append(ass.document(events, canvas).replace(str(path), ""))
    assert scripts[0] != scripts[1]
    assert "; font " not in ass.document((), canvas)


def test_only_the_fonts_a_script_names_lie_in_the_workspace(canvas: Canvas) -> None:
    events = ass.text_lines(overlay("אב", canvas), canvas, ink=PAPER, spacing=1.14)
    files = canvas.typefaces.files(ass.document(events, canvas))
    assert [file.name for file in files] == ["Inter-Black.otf", "Inter-Bold.otf", "ivrit-black.ttf"]
    with ffmpeg.workspace(files) as folder:
        assert sorted(each.name for each in (folder / "fonts").iterdir()) == ["00.otf", "01.otf", "02.ttf"]
    with ffmpeg.workspace() as folder:
        assert sorted(each.name for each in (folder / "fonts").iterdir()) == ["00.otf", "01.otf"]
