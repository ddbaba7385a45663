"""The contrast of drawn text, measured from pixels: letters against what surrounds them.

Letters are thin: what is brighter (or darker) than its neighbourhood by the width of a stroke is ink, and the ring
of pixels around it is what the eye sees it on: the panel or the outline where there is one, else the picture. The
text is judged in pieces about two letters wide, and the weak pieces decide: white letters that run from a dark wall
onto a bright window are not readable, whatever their mean says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.palette import Colour

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

_LETTER_HEIGHT = 48  # pixels to which a line is scaled, so that strokes have one width whatever the size of the text
_STROKE = 15  # wider than a stroke of our boldest face at that height
_RING = 3  # pixels around a stroke in which its outline or panel lies
_PIECE = 64  # pixels of text judged at a time
_LEAST_INK = 0.04  # of a piece; with less there is no letter in it
_LEAST_SIDE = 4  # pixels; nothing smaller is text
_WEAK = 20  # percentile of the pieces that counts for the text
_STEP = 0.10  # of full luma: least height of a stroke over its neighbourhood


@dataclass(frozen=True)
class Drawn:
    """What the pixels of a line of text show.

    Attributes:
        contrast: WCAG ratio of ink to surround, 1 to 21, of the weaker pieces; 1 where nothing is drawn.
        ink: share of the box that is strokes.
    """

    contrast: float
    ink: float


def measure(picture: Image, box: Box) -> Drawn:
    """Ink and contrast of the line of text in `box`, pixels of the RGB `picture`."""
    lines = _cut(picture, box)
    if lines is None:
        return Drawn(1.0, 0.0)
    luminance = _luminance(lines)
    return max((_strokes(luminance, dark=dark) for dark in (False, True)), key=lambda found: found.contrast)


def ratio(one: float, other: float) -> float:
    """WCAG contrast of two relative luminances."""
    dark, light = sorted((one, other))
    return (light + 0.05) / (dark + 0.05)


def _cut(picture: Image, box: Box) -> Image | None:
    import cv2

    height, width = picture.shape[:2]
    left, top = max(round(box[0]), 0), max(round(box[1]), 0)
    right, bottom = min(round(box[2]), width), min(round(box[3]), height)
    if min(right - left, bottom - top) < _LEAST_SIDE:
        return None
    scale = _LETTER_HEIGHT / (bottom - top)
    size = max(round((right - left) * scale), 8), _LETTER_HEIGHT
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture[top:bottom, left:right], size, interpolation=shrink))


def _luminance(picture: Image) -> Grey:
    """Relative luminance by the WCAG formula."""
    linear = np.array([Colour(level, level, level).luminance for level in range(256)], dtype=np.float32)
    return np.asarray(linear[picture] @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32), dtype=np.float32)


def _strokes(luminance: Grey, *, dark: bool) -> Drawn:
    """The strokes of one polarity. Letters and the gaps between them are both strokes, so either may be the ink."""
    ink = _ink(luminance, dark=dark)
    ring = _grown(ink, _RING) & ~_grown(ink, 1)  # not the pixels at the edge, which are of both
    starts = range(0, max(ink.shape[1] - _PIECE // 2, 1), _PIECE)
    ratios = [_piece(luminance, ink, ring, slice(left, left + _PIECE), dark=dark) for left in starts]
    return Drawn(float(np.percentile(ratios, _WEAK)), float(ink.mean()))


def _ink(luminance: Grey, *, dark: bool) -> Mask:
    """What stands out of its neighbourhood by at least half as much as the best of the line."""
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STROKE, _STROKE))
    kind = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    height = np.asarray(cv2.morphologyEx(np.sqrt(luminance), kind, kernel))  # the root: roughly as the eye sees it
    return np.asarray(height >= max(float(height.max()) / 2, _STEP))


def _grown(mask: Mask, by: int) -> Mask:
    import cv2

    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0)


def _piece(luminance: Grey, ink: Mask, ring: Mask, columns: slice, *, dark: bool) -> float:
    """Contrast of some columns of a line.

    Not of the means: pixels at the edges of letters, most of them in small print, are of both colours.
    Where no stroke stands out, letters are missing or hardly differ, and it is the contrast of all that is there.
    """
    here, letters, around = luminance[:, columns], ink[:, columns], ring[:, columns]
    if letters.mean() < _LEAST_INK or not around.any():
        return ratio(float(np.percentile(here, 5)), float(np.percentile(here, 95)))
    low, high = (10, 70) if dark else (90, 30)
    return ratio(float(np.percentile(here[letters], low)), float(np.percentile(here[around], high)))
