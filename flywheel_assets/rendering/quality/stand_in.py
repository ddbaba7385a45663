"""Whether something is drawn in a box, for texts in scripts the recogniser does not know."""

from __future__ import annotations

import numpy as np

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.palette import MIN_CONTRAST
from flywheel_assets.rendering.quality.contrast import Mask, measure

_LEVELS = 40  # luma by which a pixel of a letter differs from what was there before it
_CHANGED = 0.06  # of a box; the thinnest text we draw covers more
_MORE = 2.0  # times as much as around it: the picture under a text moves too
_INK = 0.05  # of a line, in strokes
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def drawn(picture: Image, box: Box, without: Image | None, covered: tuple[Box, ...]) -> bool:
    """Whether the box differs from what the scene shows around it.

    Args:
        picture: with the text.
        box: in which it should be.
        without: the same scene a moment before or after the text, if it shows the scene without it.
        covered: boxes of all texts in the picture.
    """
    if without is not None:
        around = _free(picture.shape[:2], covered)
        moving = float(_differs(picture, without)[around].mean()) if around.any() else 0.0
        if changed(picture, without, box) >= max(_CHANGED, _MORE * moving):
            return True
    here = measure(picture, box)
    return here.contrast >= MIN_CONTRAST and here.ink >= max(_INK, _MORE * _usual_ink(picture, box, covered))


def changed(one: Image, other: Image, box: Box) -> float:
    """Share of a box's pixels that differ between two pictures."""
    return float(_differs(one, other)[_part(box)].mean())


def vanished(shown: Image, after: Image, box: Box) -> bool:
    """Whether what was drawn in a box is no longer there."""
    return changed(shown, after, box) >= _CHANGED


def _differs(one: Image, other: Image) -> Mask:
    return np.asarray(np.abs(one @ _GREY - other @ _GREY) > _LEVELS)


def _free(shape: tuple[int, ...], covered: tuple[Box, ...]) -> Mask:
    free = np.ones(shape, dtype=bool)
    for each in covered:
        free[_part(each)] = False
    return free


def _usual_ink(picture: Image, box: Box, covered: tuple[Box, ...]) -> float:
    """Median ink of rows of the picture as high and wide as the box, free of text."""
    height, high = picture.shape[0], box[3] - box[1]
    tops = [place * high for place in range(int(height / high))]
    rows = [(box[0], top, box[2], top + high) for top in tops]
    free = [row for row in rows if all(row[3] <= each[1] or row[1] >= each[3] for each in covered)]
    return float(np.median([measure(picture, row).ink for row in free])) if free else 0.0


def _part(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = (max(round(edge), 0) for edge in box)
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))
