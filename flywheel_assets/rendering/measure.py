"""How wide a font draws a text, with the same shaping as libass."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import bidirectional, category

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering.fontfile import Face
from flywheel_assets.rendering.scripts import is_silent

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_REFERENCE = 1000
_TWO_PICTURES = 1.6  # a sequence the font does not know comes out as its parts side by side


@lru_cache(maxsize=16_384)
def advance(text: str, face: Face) -> float:
    """Width of one line in em.

    Raises:
        RenderFailed: the text needs shaping and this machine has nothing to shape it with.
    """
    require_shaping(text, available=_can_shape())
    size = face.strike or _REFERENCE
    return float(load(face, size).getlength(text)) / size


@lru_cache(maxsize=4096)
def ink(text: str, face: Face) -> tuple[float, float]:
    """How far a line's letters reach above and below its baseline, em."""
    _, top, _, bottom = load(face, _REFERENCE).getbbox(text, anchor="ls")
    return -top / _REFERENCE, bottom / _REFERENCE


@lru_cache(maxsize=4096)
def is_one_picture(unit: str, emoji: Face) -> bool:
    """Whether an emoji font has one picture for a sequence, which is then as wide as its widest part."""
    return advance(unit, emoji) <= max(advance(c, emoji) for c in unit if not is_silent(c)) * _TWO_PICTURES


def needs_shaping(text: str) -> bool:
    """Whether letters change with their neighbours: right-to-left scripts, marks, joiners."""
    return any(bidirectional(c) in {"R", "AL"} or category(c) in {"Mn", "Mc", "Cf"} for c in text)


@lru_cache(maxsize=32)
def load(face: Face, size: int) -> FreeTypeFont:
    """The font at a size in pixels per em."""
    from PIL import ImageFont

    return ImageFont.truetype(str(face.path), size, index=face.index)


def require_shaping(text: str, *, available: bool) -> None:
    """Check that a text can be measured on a machine that can or cannot shape.

    Raises:
        RenderFailed: it cannot.
    """
    if needs_shaping(text) and not available:
        raise RenderFailed(
            f"{text!r}: no_shaping: its letters join, and Pillow finds no FriBidi library to measure them with; "
            "install it (Debian: apt-get install libfribidi0, macOS: brew install fribidi)"
        )


@lru_cache(maxsize=1)
def _can_shape() -> bool:
    from PIL import features

    return bool(features.check("raqm"))
