"""A colour font of vector pictures becomes one of bitmaps, the kind that Pillow draws.

Noto Color Emoji comes from the registry as COLRv1 and SVG. The bundled ffmpeg reads SVG; it draws every glyph once,
when the font is fetched, so that nothing has to be drawn from vectors while a film is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from flywheel_assets.core.errors import NotAvailable, RenderFailed, StorageFull
from flywheel_assets.rendering import ffmpeg

_HEIGHT = 128  # pixels, and so 109 to the em in Noto's proportions, as in its own bitmap font
_SECONDS = 600
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_GLYPH = re.compile(r"glyph(\d+)")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_OUTLINES = ("SVG ", "COLR", "CPAL", "glyf", "loca", "vhea", "vmtx", "prep", "fpgm", "cvt ", "gasp")


def with_bitmaps(font: Any, folder: Path) -> None:
    """Replace a font's vector pictures by bitmaps; the folder takes what is needed on the way.

    Raises:
        NotAvailable: this ffmpeg cannot read SVG, or the font has no such pictures.
    """
    pictures = _pictures(font)
    if not pictures:
        raise NotAvailable(f"the font {font['name'].getDebugName(4)!r} has no SVG pictures to draw; name another font")
    advance, (ascent, height) = _box(font, pictures)
    width = round(_HEIGHT * advance / height)
    frame = {"viewBox": f"0 {-ascent} {advance} {height}", "width": str(width), "height": str(_HEIGHT)}
    for place, parts in enumerate(pictures.values()):
        root = ET.Element(f"{_SVG}svg", frame)
        root.extend(parts)
        ET.ElementTree(root).write(folder / f"{place:05d}.svg", encoding="utf-8")
    _draw(folder, len(pictures))
    drawn = {name: (folder / f"{place:05d}.png").read_bytes() for place, name in enumerate(pictures)}
    _store(font, drawn, advance=width, top=round(_HEIGHT * ascent / height))


def _pictures(font: Any) -> dict[str, list[ET.Element]]:
    """What must be drawn for each glyph that has a picture, by the glyph's name."""
    ET.register_namespace("", _SVG[1:-1])
    found: dict[str, list[ET.Element]] = {}
    for document in font["SVG "].docList if "SVG " in font else ():
        root = ET.fromstring(document.data)  # noqa: S314 - out of an archive whose digest was checked
        named = {element.get("id", ""): element for element in root.iter()}
        for element in root:
            if number := _GLYPH.fullmatch(element.get("id", "")):
                name = font.getGlyphName(int(number[1]))
                found[name] = [_definitions(element, named), element]
    return dict(sorted(found.items(), key=lambda pair: font.getGlyphID(pair[0])))


def _definitions(element: ET.Element, named: Mapping[str, ET.Element]) -> ET.Element:
    """Everything an element refers to, directly or not, that is not part of it."""
    own = set(element.iter())
    wanted: dict[str, ET.Element] = {}
    queue = list(_references(element))
    while queue:
        name = queue.pop()
        target = named.get(name)
        if target is not None and name not in wanted and target not in own:
            wanted[name] = target
            queue += _references(target)
    definitions = ET.Element(f"{_SVG}defs")
    definitions.extend(wanted.values())
    return definitions


def _references(element: ET.Element) -> Iterable[str]:
    for part in element.iter():
        for key, value in part.attrib.items():
            if key in {"href", _LINK} and value.startswith("#"):
                yield value[1:]
            yield from _REFERENCE.findall(value)


def _box(font: Any, pictures: Iterable[str]) -> tuple[int, tuple[int, int]]:
    """The widest picture's advance, and the ascent and height of a line, in font units."""
    advance = max(font["hmtx"][name][0] for name in pictures)
    ascent = font["hhea"].ascent
    return advance, (ascent, ascent - font["hhea"].descent)


def _draw(folder: Path, count: int) -> None:
    """All the SVG files of the folder as PNG files of the same name, in one process."""
    arguments = ["-f", "image2", "-i", "file:%05d.svg", "-pix_fmt", "rgba", "-start_number", "0", "file:%05d.png"]
    try:
        ffmpeg.run(arguments, subject="emoji", timeout=_SECONDS, folder=folder)
    except StorageFull:
        raise
    except RenderFailed as error:
        raise NotAvailable(
            f"the pictures of the emoji font could not be drawn; name a bitmap font such as Debian's "
            f"fonts-noto-color-emoji in FLYWHEEL_RENDERING__FONT_FOLDERS instead: {error}"
        ) from None
    made = len(list(folder.glob("*.png")))
    if made != count:
        raise NotAvailable(f"emoji: {made} of {count} pictures were drawn; fetch the font again")


def _store(font: Any, drawn: Mapping[str, bytes], *, advance: int, top: int) -> None:
    """The bitmaps as the tables CBLC and CBDT, in place of all outlines."""
    from fontTools.ttLib import newTable
    from fontTools.ttLib.tables import C_B_D_T_, E_B_L_C_, BitmapGlyphMetrics

    ascent = font["hhea"].ascent
    metrics = {"height": _HEIGHT, "width": advance, "BearingX": 0, "BearingY": top, "Advance": advance}
    data = {}
    for name, picture in drawn.items():
        glyph = C_B_D_T_.cbdt_bitmap_format_17(b"", font)
        glyph.metrics = BitmapGlyphMetrics.SmallGlyphMetrics()
        vars(glyph.metrics).update(metrics)
        glyph.imageData = picture
        data[name] = glyph
    strike = E_B_L_C_.Strike()
    strike.bitmapSizeTable = _size(E_B_L_C_, ppem=round(top * font["head"].unitsPerEm / ascent), width=advance, top=top)
    index = E_B_L_C_.eblc_index_sub_table_1(b"", font)
    index.indexFormat, index.imageFormat, index.names = 1, 17, list(drawn)
    strike.indexSubTables = [index]
    for tag in _OUTLINES:
        if tag in font:
            del font[tag]
    font["CBLC"], font["CBDT"] = newTable("CBLC"), newTable("CBDT")
    font["CBLC"].version = font["CBDT"].version = 3.0
    font["CBLC"].strikes, font["CBDT"].strikeData = [strike], [data]


def _size(tables: Any, *, ppem: int, width: int, top: int) -> Any:
    size = tables.BitmapSizeTable()
    line = {
        "ascender": top, "descender": top - _HEIGHT, "widthMax": width, "caretSlopeNumerator": 0,
        "caretSlopeDenominator": 0, "caretOffset": 0, "minOriginSB": 0, "minAdvanceSB": 0, "maxBeforeBL": 0,
        "minAfterBL": 0, "pad1": 0, "pad2": 0,
    }  # fmt: skip
    size.hori, size.vert = tables.SbitLineMetrics(), tables.SbitLineMetrics()
    vars(size.hori).update(line)
    vars(size.vert).update(line)
    size.colorRef, size.flags, size.bitDepth = 0, 1, 32
    size.ppemX = size.ppemY = ppem
    return size
