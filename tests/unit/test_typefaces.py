"""Which font draws what: the bundled ones, folders a person names, and what nobody can draw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unicodedata import category

import pytest
from fontTools.ttLib.ttFont import TTFont

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import fonts, measure
from flywheel_assets.rendering.fontfile import FontName
from flywheel_assets.rendering.lines import PICTURE_ADVANCE, Setting
from flywheel_assets.rendering.typefaces import FILES, Typefaces, bundled
from flywheel_assets.settings import Rendering, Settings
from tests import tiny_fonts

ARABIC = dict.fromkeys("قهوةطازجكلصبا ", 500)
HAN = dict.fromkeys("咖啡無料", 800)


def _names(text: str, typefaces: Typefaces) -> list[tuple[str, str | None]]:
    return [(run.text, run.face.name if run.face else None) for run in typefaces.runs(text, "Inter Black")]


@pytest.mark.parametrize("font", list(FILES))
def test_the_bundled_fonts_draw_latin_greek_cyrillic_and_the_marks_of_print(font: FontName) -> None:
    blocks = ((0x20, 0x7E), (0xA0, 0x17F), (0x1E00, 0x1EFF), (0x370, 0x3FF), (0x1F00, 0x1FFF), (0x400, 0x4FF))
    letters = {chr(code) for low, high in blocks for code in range(low, high + 1) if category(chr(code))[0] not in "CM"}
    beyond = set("ŉ" + "ϢϣϤϥϦϧϨϩϪϫϬϭϮϯ" + "Ҟҟ" + "\N{SOFT HYPHEN}")  # an old n, Coptic letters, a Bashkir one
    marks = set("–—‘’‚“”„«»‹›…•·†‡‰′″⁄№™®©°±×÷≈≠≤≥−√∞½¼¾→←↑↓✓★")
    money = set("€$£¥₹₺₽₴₦₱₫₩₪₿₸₾¢")
    assert {c for c in letters | marks | money if ord(c) not in bundled(font).characters} <= beyond


def test_what_ours_draw_takes_no_other_font(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes(dict.fromkeys("abc ", 700), "Boxes"), tmp_path)
    assert _names("a b c", Typefaces.of([tmp_path])) == [("a b c", "Inter Black")]


def test_mixed_text_is_divided_by_font_and_spaces_stay_with_what_is_before_them(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes(ARABIC, "Qahwa Black"), tmp_path)
    assert _names("Nespresso قهوة طازجة 24!", Typefaces.of([tmp_path])) == [
        ("Nespresso ", "Inter Black"),
        ("قهوة طازجة ", "Qahwa Black"),
        ("24!", "Inter Black"),
    ]


def test_of_a_family_the_nearest_weight_is_taken(tmp_path: Path) -> None:
    for weight, name in ((300, "Qahwa Light"), (700, "Qahwa Bold"), (900, "Qahwa Black")):
        tiny_fonts.saved(tiny_fonts.boxes(ARABIC, name, weight=weight), tmp_path)
    typefaces = Typefaces.of([tmp_path])
    assert _names("قهوة", typefaces) == [("قهوة", "Qahwa Black")]
    assert [run.face.name for run in typefaces.runs("قهوة", "Inter Bold") if run.face] == ["Qahwa Bold"]


def test_a_folder_named_first_is_asked_first(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes(ARABIC, "Zahra Black"), tmp_path / "own")
    tiny_fonts.saved(tiny_fonts.boxes(ARABIC, "Amiri Black"), tmp_path / "fetched")
    assert _names("قهوة", Typefaces.of([tmp_path / "own", tmp_path / "fetched"])) == [("قهوة", "Zahra Black")]


def test_one_font_draws_a_sentence_and_japanese_is_not_drawn_in_chinese_shapes(tmp_path: Path) -> None:
    kana = dict.fromkeys("コーヒ", 700)
    for name in ("Fine SC Black", "Fine JP Black"):
        tiny_fonts.saved(tiny_fonts.boxes({**HAN, **kana, "、": 100}, name), tmp_path)
    tiny_fonts.saved(tiny_fonts.boxes({"咖": 800}, "A Few Black"), tmp_path)
    typefaces = Typefaces.of([tmp_path])
    assert _names("無料コーヒー", typefaces) == [("無料コーヒー", "Fine JP Black")]
    assert _names("咖啡", typefaces) == [("咖啡", "Fine SC Black")]
    whole = Setting.of("無料コーヒー", "Inter Black", typefaces)
    assert [run.face.name for run in whole.runs("無料") if run.face] == ["Fine JP Black"]


def test_a_missing_glyph_names_the_character_where_was_looked_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed) as refusal:
        fonts.require_glyphs("Fresh قهوة", "Inter Black", "blueprint b1 hook", Typefaces.of([tmp_path]))
    message = str(refusal.value)
    assert "blueprint b1 hook: missing_glyph" in message
    assert "U+0642 ARABIC LETTER QAF" in message
    assert "flywheel fetch-fonts arabic" in message
    assert str(tmp_path) in message


def test_an_emoji_without_a_font_of_pictures_is_refused_and_with_one_it_is_room_in_the_line(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match=r"U\+1F525 FIRE.*flywheel fetch-fonts emoji"):
        fonts.require_glyphs("Hot \U0001f525", "Inter Black", "hook")
    with pytest.raises(RenderFailed, match=r"U\+2764 HEAVY BLACK HEART\) has a picture in no font"):
        fonts.require_glyphs("We \u2764\ufe0f coffee", "Inter Black", "hook")
    fonts.require_glyphs("We \u2764 coffee", "Inter Black", "hook")
    tiny_fonts.emoji_font(tmp_path)
    typefaces = Typefaces.of([tmp_path])
    assert _names("Hot \U0001f525\u2615 a", typefaces) == [
        ("Hot ", "Inter Black"),
        ("\U0001f525", None),
        ("\u2615", None),
        (" a", "Inter Black"),
    ]
    with_one, without = (fonts.text_width(text, "Inter Black", 100, typefaces) for text in ("a\U0001f525a", "aa"))
    assert with_one - without == pytest.approx(
        100 * PICTURE_ADVANCE, abs=3
    )  # two letters kern, a letter and a picture do not


def test_a_font_of_vector_pictures_is_no_use_until_it_is_converted(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.pictures({"\U0001f525": "#ff0000"}, "Vector Emoji"), tmp_path)
    with pytest.raises(RenderFailed, match="flywheel fetch-fonts emoji"):
        fonts.require_glyphs("\U0001f525", "Inter Black", "hook", Typefaces.of([tmp_path]))


@pytest.mark.needs_fribidi
def test_a_sequence_the_emoji_font_does_not_know_is_refused(tmp_path: Path) -> None:
    tiny_fonts.emoji_font(tmp_path)
    typefaces = Typefaces.of([tmp_path])
    assert _names("\U0001f525\u200d\u2615", typefaces) == [("\U0001f525\u200d\u2615", None)]
    with pytest.raises(RenderFailed, match="missing_glyph"):
        fonts.require_glyphs("\u2615\u200d\U0001f525", "Inter Black", "hook", typefaces)


def test_letters_that_reach_far_are_set_smaller_and_ours_never(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes({"ก": 2600}, "Tall Black"), tmp_path)
    setting = Setting.of("ก Ế", "Inter Black", Typefaces.of([tmp_path]))
    tall = next(run.face for run in setting.runs("ก") if run.face)
    assert setting.size(tall) == pytest.approx(0.5)
    assert setting.size(bundled("Inter Black")) == 1


def test_chinese_lines_break_between_characters_and_are_balanced(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes({**HAN, "、": 100}, "Fine SC Black"), tmp_path)
    fitted = fonts.fit(
        "無料無料無料、咖啡咖啡咖啡", "Inter Black", em=60, width=250, max_lines=2, typefaces=Typefaces.of([tmp_path])
    )
    assert fitted.lines == ("無料無料無料、", "咖啡咖啡咖啡")
    assert fitted.em == 60


def test_a_thai_line_breaks_at_its_space_and_inside_a_word_only_where_it_would_not_fit(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes({**dict.fromkeys("กาแฟสดทุกเช้", 700), " ": 0}, "Thai Black"), tmp_path)
    faces = Typefaces.of([tmp_path])

    def lines(text: str, width: float) -> tuple[str, ...]:
        return fonts.fit(text, "Inter Black", em=60, width=width, max_lines=2, typefaces=faces).lines

    assert lines("กาแฟสด ทุกเช้า", 280) == ("กาแฟสด", "ทุกเช้า")
    assert lines("กาแฟสดทุก เช้า", 280) == ("กาแฟสดทุก", "เช้า")
    assert lines("กาแฟสดทุกเช้า", 280) == ("กาแฟสด", "ทุกเช้า")  # seven letters and less are cut nowhere else as evenly


def test_a_file_that_is_no_font_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.ttf").write_bytes(b"not a font")
    with pytest.raises(RenderFailed, match=r"mine\.ttf: unreadable_font"):
        Typefaces.of([tmp_path])


@pytest.mark.parametrize("name", ["a}b", "a\\b", "a{b", "a,b", "a(b)", "@a"])
def test_a_font_whose_name_could_be_a_command_is_refused(name: str, tmp_path: Path) -> None:
    path = tiny_fonts.saved(tiny_fonts.boxes({"a": 1}, "Plain"), tmp_path)
    font = TTFont(path)
    font["name"].setName(name, 4, 3, 1, 0x409)
    font.save(path)
    with pytest.raises(RenderFailed, match="font_name"):
        Typefaces.of([tmp_path])


def test_a_font_by_a_name_of_ours_does_not_stand_in_for_it(tmp_path: Path) -> None:
    tiny_fonts.saved(tiny_fonts.boxes({"ق": 700}, "Inter Black"), tmp_path)
    with pytest.raises(RenderFailed, match="missing_glyph"):
        fonts.require_glyphs("ق", "Inter Black", "hook", Typefaces.of([tmp_path]))


def test_a_font_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    path = tiny_fonts.saved(tiny_fonts.boxes({"ก": 700}, "Other Black"), tmp_path)
    before = Typefaces.of([tmp_path]).faces[0].digest
    path.write_bytes(tiny_fonts.content(tiny_fonts.boxes({"ก": 600, "ข": 500}, "Other Black")))
    after = Typefaces.of([tmp_path]).faces[0]
    assert after.digest != before
    assert ord("ข") in after.characters


def test_fetched_fonts_are_asked_after_the_folders_that_are_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, rendering=Rendering(font_folders=(Path("/own"),)))
    assert settings.rendering.font_folders == (Path("/own"), settings.fonts_path)
    assert Settings(home=tmp_path).rendering.font_folders == (tmp_path / "fonts",)
    assert Rendering().font_folders == ()


def test_the_environment_names_folders_like_a_path(tmp_path: Path) -> None:
    program = "from flywheel_assets.settings import Settings; print(*Settings().rendering.font_folders)"
    written = {"FLYWHEEL_RENDERING__FONT_FOLDERS": f"/own{os.pathsep}/more", "FLYWHEEL_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, env={**os.environ, **written}, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["/own", "/more", str(tmp_path / "fonts")]


def test_where_nothing_shapes_letters_only_plain_text_is_measured() -> None:
    measure.require_shaping("Fresh coffee, 24/7 — Καφές, кофе", available=False)
    for text in ("قهوة", "קפה", "कॉफ़ी", "e\u0301"):
        with pytest.raises(RenderFailed, match="libfribidi0"):
            measure.require_shaping(text, available=False)
        measure.require_shaping(text, available=True)
