"""What a font file says of itself: its names, its characters, and the line libass makes of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flywheel_assets.core.errors import RenderFailed

FontName = Literal["Inter Black", "Inter Bold"]  # the bundled ones; what an overlay asks for first
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_FULL_NAME = 4
# A name goes into an override tag as it is, so it may hold nothing that a tag is made of.
_SPEAKABLE = re.compile(r"[^\\{}(),;&@\x00-\x1f\x7f]{1,120}")


@dataclass(frozen=True, eq=False)
class Face:
    """A font in a file.

    Attributes:
        name: its full name, by which libass finds it.
        index: its place in a collection.
        ascent, descent: of a line, in em, by the numbers libass goes by.
        characters: those it can draw here; none in a font of vector pictures, which `fetch-fonts` makes into bitmaps.
        strike: pixels per em of its colour bitmaps; 0 for a font of outlines.
    """

    name: str
    path: Path
    index: int
    weight: int
    ascent: float
    descent: float
    characters: frozenset[int]
    strike: int
    digest: str


def read(path: Path) -> tuple[Face, ...]:
    """The fonts of a file.

    Raises:
        RenderFailed: it cannot be read, or has a name that cannot be asked for.
    """
    from fontTools.ttLib import TTLibError
    from fontTools.ttLib.ttCollection import TTCollection
    from fontTools.ttLib.ttFont import TTFont

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            several = path.suffix.lower() in {".ttc", ".otc"}
            fonts = TTCollection(file, lazy=True).fonts if several else [TTFont(file, lazy=True)]
            return tuple(_face(font, path, index, digest) for index, font in enumerate(fonts))
    except (TTLibError, KeyError, OSError, ValueError, AssertionError) as error:
        raise RenderFailed(
            f"font {path}: unreadable_font: {type(error).__name__}: {error}; remove it from the folder or replace it"
        ) from None


def _face(font: Any, path: Path, index: int, digest: str) -> Face:
    name = str(font["name"].getDebugName(_FULL_NAME) or "")
    if not _SPEAKABLE.fullmatch(name) or name != name.strip():
        raise RenderFailed(f"font {path}: font_name: it calls itself {name!r}; give it a plain name or remove it")
    ascent, descent = _line(font)
    strike = _strike(font)
    # Nobody here draws vector pictures in colour: libass leaves their outlines, Pillow nothing.
    usable = strike or not {"COLR", "SVG "} & set(font.keys())
    return Face(
        name=name, path=path, index=index, weight=int(font["OS/2"].usWeightClass), ascent=ascent, descent=descent,
        characters=frozenset(font.getBestCmap() or ()) if usable else frozenset(), strike=strike, digest=digest,
    )  # fmt: skip


def _line(font: Any) -> tuple[float, float]:
    """Windows' numbers where there are any, else those of the horizontal header, as libass does."""
    windows, em = font["OS/2"], float(font["head"].unitsPerEm)
    if windows.usWinAscent + windows.usWinDescent:
        return windows.usWinAscent / em, windows.usWinDescent / em
    return font["hhea"].ascent / em, -font["hhea"].descent / em


def _strike(font: Any) -> int:
    """Pixels per em of the largest set of colour bitmaps."""
    if "CBLC" in font and "CBDT" in font:
        return max(int(strike.bitmapSizeTable.ppemY) for strike in font["CBLC"].strikes)
    if "sbix" in font:
        return max(int(size) for size in font["sbix"].strikes)
    return 0
