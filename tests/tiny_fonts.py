"""Fonts of our own making: letters are boxes of different heights, emoji are squares of plain colours."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.S_V_G_ import SVGDocument

from flywheel_assets.rendering import emojifont

EM = 1000
ASCENT, DESCENT = 900, 300
ADVANCE, BOX = 500, 400


def boxes(heights: Mapping[str, int], name: str, *, weight: int = 900) -> FontBuilder:
    """A font in which each character is a box of its height, 400 wide on an advance of 500."""
    builder = _builder(list(heights), name, weight)
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for character, height in heights.items():
        pen = TTGlyphPen(None)
        if height:
            pen.moveTo((50, 0))
            for point in ((50, height), (50 + BOX, height), (50 + BOX, 0)):
                pen.lineTo(point)
            pen.closePath()
        glyphs[_named(character)] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (ADVANCE, 50)))
    return builder


def pictures(colours: Mapping[str, str], name: str, sequences: Mapping[str, str] | None = None) -> FontBuilder:
    """A font in which each character is a coloured square as SVG, and each sequence one, by a ligature."""
    builder = _builder(list(colours), name, 400, tuple(sequences or ()))
    order = builder.font.getGlyphOrder()
    shades = {**{_named(character): colour for character, colour in colours.items()}, **(sequences or {})}
    builder.setupGlyf({glyph: TTGlyphPen(None).glyph() for glyph in order})
    builder.setupHorizontalMetrics({glyph: (1200 if shades.get(glyph) else 0, 0) for glyph in order})
    builder.font["SVG "] = newTable("SVG ")
    builder.font["SVG "].docList = [
        SVGDocument(_square(order.index(glyph), colour), order.index(glyph), order.index(glyph), compressed=False)
        for glyph, colour in shades.items()
        if colour
    ]
    return builder


def ligature(builder: FontBuilder, sequence: str, glyph: str) -> None:
    """Make a sequence one glyph."""
    builder.addOpenTypeFeatures(f"feature ccmp {{ sub {' '.join(_named(c) for c in sequence)} by {glyph}; }} ccmp;")


def saved(builder: FontBuilder, folder: Path, *, flavor: str | None = None) -> Path:
    """The font as a file, plain or as the web has it."""
    folder.mkdir(parents=True, exist_ok=True)
    slug = str(builder.font["name"].getDebugName(4)).lower().replace(" ", "-")
    path = folder / f"{slug}.{flavor or 'ttf'}"
    path.write_bytes(content(builder, flavor=flavor))
    return path


def content(builder: FontBuilder, *, flavor: str | None = None) -> bytes:
    """The font as bytes."""
    builder.font.flavor = flavor
    written = BytesIO()
    builder.font.save(written)
    return written.getvalue()


def emoji_font(folder: Path) -> Path:
    """A font of bitmaps with a red and a green square, and a blue one for both with a joiner between them."""
    builder = pictures(
        {"\U0001f525": "#ff0000", "\u2615": "#00ff00", "\u200d": "", "\ufe0f": ""}, "Plain Emoji", {"both": "#0000ff"}
    )
    ligature(builder, "\U0001f525\u200d\u2615", "both")
    with tempfile.TemporaryDirectory() as scratch:
        emojifont.with_bitmaps(builder.font, Path(scratch))
    return saved(builder, folder)


def _builder(characters: list[str], name: str, weight: int, more: tuple[str, ...] = ()) -> FontBuilder:
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", *map(_named, characters), *more])
    builder.setupCharacterMap({ord(character): _named(character) for character in characters})
    builder.setupHorizontalHeader(ascent=ASCENT, descent=-DESCENT)
    builder.setupNameTable(
        {"familyName": name, "styleName": "Regular", "fullName": name, "psName": name.replace(" ", "")}
    )
    builder.setupOS2(usWinAscent=ASCENT, usWinDescent=DESCENT, xAvgCharWidth=ADVANCE, usWeightClass=weight)
    builder.setupPost()
    return builder


def _named(character: str) -> str:
    return f"u{ord(character):05X}"


def _square(number: int, colour: str) -> str:
    """A square that takes its shape from a definition, as picture fonts share theirs."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<defs><rect id="s" x="100" y="-850" width="1000" height="1000"/></defs>'
        f'<g id="glyph{number}"><use xlink:href="#s" fill="{colour}"/></g></svg>'
    )
