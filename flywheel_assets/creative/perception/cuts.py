"""Is a sudden change between two frames a cut, or a flash, a whip pan, a caption popping up?

A cut moves most of the picture, and what follows does not look like what came before. The bounds
come from a comparison on 20 made videos with known cuts, in which a detector that confirms in this
way reached F1 0.99 without a hit on the distractors, and PySceneDetect's alone 0.83 to 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image

THUMB = (64, 36)  # width, height; enough to tell two shots apart, small enough to keep a second of them

_MOVED_LEVELS = 8  # a blurred pixel has moved when a channel changed by more
_MOVED_SHARE = 0.5  # a caption or end card popping up moves less of the picture
_SAME_SHARE = 0.62  # pictures around a flash differ by less than this share of the jump itself
_DIFFERENT_LEVELS = 14.0  # or by this much outright
_HUE_RANGE = 180  # OpenCV's hue circle


class Cut(NamedTuple):
    """The first frame of a new scene and how far the picture jumped, 0 to 255."""

    frame: int
    jump: float


def difference(one: Image, other: Image) -> float:
    """Mean difference of two BGR pictures in hue (around the circle), saturation and value, 0 to 255."""
    gap = np.abs(_hsv(one) - _hsv(other))
    gap[..., 0] = np.minimum(gap[..., 0], _HUE_RANGE - gap[..., 0])
    return float(gap.mean())


def _hsv(picture: Image) -> NDArray[np.int16]:
    import cv2

    return cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.int16)


def moved_share(one: Image, other: Image) -> float:
    """Share of pixels, 0 to 1, that changed visibly after a light blur."""
    import cv2

    gap = cv2.absdiff(cv2.blur(one, (3, 3)), cv2.blur(other, (3, 3)))
    return float((gap.max(axis=2) > _MOVED_LEVELS).mean())


def confirmed_jump(before: Sequence[Image], after: Sequence[Image]) -> float | None:
    """The size of the jump when it is a cut, else None.

    Args:
        before: the last frames of the one side, oldest first.
        after: the first frames of the other side. Both sides are at most one shortest scene long,
            so that a picture which returns later than that is a real scene and not a flash.
    """
    jump = difference(before[-1], after[0])
    if moved_share(before[-1], after[0]) <= _MOVED_SHARE:
        return None
    # The frames next to the jump may be half of a flash themselves.
    pairs = [difference(old, new) for old in before[:-1] for new in after[1:]]
    nearest = min(pairs, default=jump)
    return jump if nearest >= min(_SAME_SHARE * jump, _DIFFERENT_LEVELS) else None


def spaced(cuts: Sequence[Cut], frame_count: int, least: int) -> tuple[int, ...]:
    """Cut frames at least ``least`` frames from one another and from both ends; of two too close the stronger stays."""
    kept: list[Cut] = []
    for cut in cuts:
        if cut.frame < least or frame_count - cut.frame < least:
            continue
        if kept and cut.frame - kept[-1].frame < least:
            kept[-1] = max(kept[-1], cut, key=lambda each: each.jump)
        else:
            kept.append(cut)
    return tuple(cut.frame for cut in kept)
