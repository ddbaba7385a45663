"""Where the eye goes when no engine knows what it sees: to what moves by itself, else to what stands out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Box
from flywheel_assets.rendering.survey import camera
from flywheel_assets.rendering.survey.camera import Grey, Map
from flywheel_assets.rendering.survey.settings import Measuring

_BORDER = 0.08  # of a side; what lies there is taken for the background
_SLACK = 0.6  # of the range around a pixel; so much comes of undoing the camera by half a pixel too much
_STANDS_OUT = 1.5  # deviations above the mean
_MIDDLE = (0.04, 0.96)  # of what stands out along a side; the rest are its frayed ends
_FULL = 255.0

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Change:
    """What happened between one look and those before and after it.

    Attributes:
        motion: larger mean difference, 0 to 1.
        box: what moved by itself; None when nothing or nearly everything did.
    """

    motion: float
    box: Box | None


def compare(looks: tuple[Grey, Grey, Grey], steps: tuple[Map | None, Map | None], use: Measuring) -> Change:
    """Compare three looks of one size, grey levels; the steps are how the camera moved from each to the next."""
    before, now, after = looks
    differs = max(float(np.abs(now - other).mean()) for other in (before, after)) / _FULL
    old, new = camera.seen_from(before, steps[0]), camera.seen_from(after, camera.reverse(steps[1]))
    return Change(motion=round(differs, 5), box=_mover(old, now, new, use))


def _mover(old: Grey, now: Grey, new: Grey, use: Measuring) -> Box | None:
    """The box of what moves: what changed since before covers its old place and its own, what changes after, its next.

    Where both overlap is its own place, also when it is plain inside, so that only its rims change.
    """
    slack = _SLACK * _steepness(now)
    masks = [_parts(np.abs(other - now) - slack, use) for other in (old, new)]
    if any(mask is None for mask in masks):
        return None
    lefts, tops, rights, bottoms = zip(*(_bounds(mask) for mask in masks if mask is not None), strict=True)
    left, top, right, bottom = (round(float(edge), 4) for edge in (max(lefts), max(tops), min(rights), min(bottoms)))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _steepness(picture: Grey) -> Grey:
    """Range of levels around each pixel."""
    import cv2

    around = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(picture, around) - cv2.erode(picture, around), np.float32)


def _parts(difference: Grey, use: Measuring) -> Mask | None:
    """The larger parts of the picture that changed; None where that is nothing, or nearly all."""
    import cv2

    calm = cv2.GaussianBlur(difference, (5, 5), 0)
    changed = (calm >= use.change_level).astype(np.uint8)
    changed = np.asarray(cv2.dilate(changed, np.ones((3, 3), np.uint8)), np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(changed)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    share = sizes / changed.size
    if not sizes.size or share.max() < use.least_area or share.sum() > use.most_area:
        return None
    kept = 1 + np.flatnonzero(sizes >= use.part_share * sizes.max())
    return np.asarray(np.isin(labels, kept), np.bool_)


def _bounds(mask: Mask) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    high, wide = mask.shape
    return columns[0] / wide, rows[0] / high, (columns[-1] + 1) / wide, (rows[-1] + 1) / high


def _inner(picture: Grey) -> tuple[slice, slice]:
    """Without the rim, which moving the picture leaves empty."""
    rows, columns = (max(1, round(side * _BORDER)) for side in picture.shape)
    return slice(rows, -rows), slice(columns, -columns)


def standing_out(colours: Image, use: Measuring) -> Box | None:
    """The box of what differs from the rim of the picture and from its surroundings; None where nothing does."""
    import cv2

    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(np.float32)
    rim = np.ones(lab.shape[:2], np.bool_)
    rim[_inner(lab[..., 0])] = False
    far = np.linalg.norm(lab - lab[rim].mean(axis=0), axis=-1)
    fine = max(lab.shape) // 30 | 1
    local = np.linalg.norm(cv2.blur(lab, (fine, fine)) - cv2.blur(lab, (fine * 9, fine * 9)), axis=-1)
    strength = cv2.blur((far + local).astype(np.float32), (fine, fine))
    bound = strength.mean() + _STANDS_OUT * strength.std()
    if strength.max() < 2 * use.change_level or strength.std() < use.least_contrast:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats((strength >= bound).astype(np.uint8))
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    if not largest or stats[largest, cv2.CC_STAT_AREA] < use.least_area * labels.size:
        return None
    return _middle(labels == largest)


def _middle(mask: Mask) -> Box:
    """The box of nearly all of it."""
    edges = [np.quantile((np.flatnonzero(mask) % mask.shape[1]) / mask.shape[1], share) for share in _MIDDLE]
    sides = [np.quantile((np.flatnonzero(mask) // mask.shape[1]) / mask.shape[0], share) for share in _MIDDLE]
    left, top, right, bottom = (round(float(each), 4) for each in (edges[0], sides[0], edges[1], sides[1]))
    return left, top, max(right, left + 1e-3), max(bottom, top + 1e-3)
