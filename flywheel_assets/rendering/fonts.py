"""The bundled typeface: which characters it can draw, how wide a text is, where its lines break best.

Inter 4.0 by The Inter Project Authors, SIL Open Font License 1.1 (fonts/LICENSE-Inter.txt).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category, name

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.types import FontName

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FOLDER = Path(__file__).parent / "fonts"
FILES: dict[FontName, str] = {"Inter Black": "Inter-Black.otf", "Inter Bold": "Inter-Bold.otf"}

# libass sizes a font by ascent + descent; Inter's are 0.969 and 0.242 em, and its capitals sit in the
# middle of that line, so a text centred by its line box looks centred.
LINE_HEIGHT = 1.211
_REFERENCE = 1000
_UNASSIGNED = "\uffff"


@dataclass(frozen=True)
class Fitted:
    """A text broken into lines at a size; width and height in pixels."""

    lines: tuple[str, ...]
    em: float
    width: float
    height: float


def clean(text: str) -> str:
    """The text with each run of white space as one space, without invisible marks (joiners, direction overrides)."""
    return " ".join("".join(c for c in text if category(c) != "Cf").split())


def require_glyphs(text: str, font: FontName, subject: str) -> None:
    """Check that every character can be drawn.

    Raises:
        RenderFailed: one cannot; names it.
    """
    for character in dict.fromkeys(text):
        if not _has_glyph(font, character):
            label = name(character, "unnamed character")
            raise RenderFailed(
                f"{subject}: missing_glyph: {character!r} (U+{ord(character):04X} {label}) is not in {font}; "
                f"write {text!r} without it"
            )


def text_width(text: str, font: FontName, em: float) -> float:
    """Width in pixels of one line."""
    return float(_load(font).getlength(text)) * em / _REFERENCE


def fit(text: str, font: FontName, *, em: float, width: float, max_lines: int, spacing: float = 1.14) -> Fitted:
    """Break a text into at most `max_lines` balanced lines, shrinking it until it fits `width`.

    Fewest lines first at full size; `spacing` is the distance of baselines in em.
    """
    words = text.split()
    for count in range(1, min(max_lines, len(words)) + 1):
        lines = _balanced(words, count, font)
        widest = max(text_width(line, font, em) for line in lines)
        if widest <= width or count == min(max_lines, len(words)):
            size = min(em, em * width / widest)
            return Fitted(lines, size, widest * size / em, size * (spacing * (count - 1) + 1.0))
    raise RenderFailed("a text to draw is empty: give the blueprint a text or leave the field unset")


def _balanced(words: list[str], count: int, font: FontName) -> tuple[str, ...]:
    """The split into `count` lines whose widest line is narrowest."""
    options = [
        tuple(" ".join(words[a:b]) for a, b in zip((0, *cuts), (*cuts, len(words)), strict=True))
        for cuts in combinations(range(1, len(words)), count - 1)
    ]
    return min(options, key=lambda lines: max(text_width(line, font, _REFERENCE) for line in lines))


@lru_cache(maxsize=4096)
def _has_glyph(font: FontName, character: str) -> bool:
    drawn = _load(font).getmask(character)
    missing = _load(font).getmask(_UNASSIGNED)
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))


@lru_cache(maxsize=4)
def _load(font: FontName) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(FOLDER / FILES[font]), _REFERENCE)
