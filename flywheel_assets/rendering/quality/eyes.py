"""Reads the finished pictures with the packaged text recogniser, each picture once however often it is shown.

Always RapidOCR: its models lie in the wheel, and the gate's thresholds were measured with it. Where it is missing the
gate fails closed: nobody looks at an advert between the gate and the platform, and a text nobody has read may not be
there. Variations share segments packet for packet, so their end cards are the same pixels and are read once.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flywheel_assets.creative.perception.engines import rapid_ocr
from flywheel_assets.creative.perception.engines.base import TextEngine
from flywheel_assets.creative.perception.engines.choice import Place
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box

_LONG_SIDE = 960  # a 1080x1920 picture is read at 540x960: as much is read as at full size, in a quarter of the time
_PAD = 0.2  # of its height: how far the finder's box of a line reaches beyond the letters, measured on our own text


@dataclass(frozen=True)
class Line:
    """A line that was read, and the box of its letters in pixels."""

    text: str
    box: Box


class Eyes:
    """A text engine that remembers what it has read."""

    def __init__(self, engine: TextEngine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[ReadText, ...]] = {}

    @property
    def name(self) -> str:
        """Of the engine."""
        return self._engine.identity.name

    def read(self, picture: Image, part: Box | None = None, *, enlarged: bool = False) -> tuple[Line, ...]:
        """The lines of an RGB picture that could be read, boxes in its own pixels.

        Args:
            picture: whole.
            part: of it that is looked at, nothing else; a small part costs little.
            enlarged: at the picture's own size, for small letters.
        """
        left, top, right, bottom = _clipped(part, picture.shape)
        looked = picture[top:bottom, left:right]
        scale = _LONG_SIDE / max(picture.shape[:2])
        found = self._read(_scaled(looked, max(scale, 1.0) if enlarged else scale))
        letters = ((one.text, _letters(one.box, right - left, bottom - top)) for one in found if one.text)
        return tuple(Line(text, (a + left, b + top, c + left, d + top)) for text, (a, b, c, d) in letters)

    def _read(self, picture: Image) -> tuple[ReadText, ...]:
        key = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()
        if key not in self._known:
            self._known[key] = self._engine.read(picture)
        return self._known[key]

    def cannot_read(self, text: str) -> str | None:
        """Why this text cannot be read back: the script the engine does not know; None if it can."""
        if rapid_ocr.is_credible(text, confidence=1.0, shape=1.0):
            return None
        names = {unicodedata.name(each, "unnamed").split(" ")[0] for each in text if each.isalpha()}
        unknown = sorted(name for name in names if not rapid_ocr.is_credible(_letter(text, name), 1.0, 1.0))
        return f"{self.name} does not read {', '.join(unknown)}" if unknown else "it has no letters"


def open_eyes() -> Eyes:
    """The recogniser, ready to read.

    Raises:
        NotAvailable: it is not installed.
    """
    place = Place(Path(), "en")  # the packaged models need neither a folder nor a language
    rapid_ocr.identify(place)
    return Eyes(rapid_ocr.load(place))


def _letter(text: str, script: str) -> str:
    return next(each for each in text if each.isalpha() and unicodedata.name(each, "unnamed").split(" ")[0] == script)


def _clipped(part: Box | None, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The part in whole pixels inside the picture, at least one."""
    height, width = shape[:2]
    if part is None:
        return 0, 0, width, height
    left, top = min(max(int(part[0]), 0), width - 1), min(max(int(part[1]), 0), height - 1)
    return left, top, max(min(int(part[2]) + 1, width), left + 1), max(min(int(part[3]) + 1, height), top + 1)


def _scaled(picture: Image, scale: float) -> Image:
    import cv2

    height, width = picture.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), dtype=np.uint8)


def _letters(shares: Box, width: int, height: int) -> Box:
    """A line's box in pixels, without the room the finder leaves around the letters."""
    left, top, right, bottom = shares[0] * width, shares[1] * height, shares[2] * width, shares[3] * height
    pad = _PAD * (bottom - top)
    return min(left + pad, right), top + pad / 2, max(right - pad, left), bottom - pad / 2
