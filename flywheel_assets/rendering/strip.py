"""Covers side by side: what a person looks at first."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

_HEIGHT = 256  # pixels; ten covers stay under 100 kB, which is what the event log should carry
_WIDEST = 1040  # of all together: what Dagster's dialog shows on a laptop without scrolling
_GAP = 6
_QUALITY = 70


def strip(covers: Sequence[Path]) -> bytes:
    """The pictures scaled to one height, from left to right, as a JPEG."""
    from PIL import Image

    opened = []
    for path in covers:
        with Image.open(path) as full:
            opened.append(full.convert("RGB"))
    gaps = _GAP * (len(opened) - 1)
    wide = sum(picture.width / picture.height for picture in opened)
    height = min(_HEIGHT, int((_WIDEST - gaps) / wide)) if opened else 1
    pictures = [picture.resize((picture.width * height // picture.height, height)) for picture in opened]
    canvas = Image.new("RGB", (max(sum(picture.width for picture in pictures) + gaps, 1), height), "white")
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0))
        left += picture.width + _GAP
    out = BytesIO()
    canvas.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
