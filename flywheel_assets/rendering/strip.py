"""Covers side by side: what a person looks at first."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

_HEIGHT = 256  # pixels; ten covers stay under 100 kB, which is what the event log should carry
_GAP = 6
_QUALITY = 70


def strip(covers: Sequence[Path]) -> bytes:
    """The pictures scaled to one height, from left to right, as a JPEG."""
    from PIL import Image

    pictures = []
    for path in covers:
        with Image.open(path) as full:
            pictures.append(full.convert("RGB").resize((full.width * _HEIGHT // full.height, _HEIGHT)))
    width = sum(picture.width for picture in pictures) + _GAP * (len(pictures) - 1)
    canvas = Image.new("RGB", (max(width, 1), _HEIGHT), "white")
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0))
        left += picture.width + _GAP
    out = BytesIO()
    canvas.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
