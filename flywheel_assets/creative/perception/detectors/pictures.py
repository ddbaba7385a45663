"""Two small pictures side by side: how far apart they are, and whether they may be the same scene seen differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image

THUMB = (64, 36)  # width, height; enough to tell two shots apart, small enough to keep seconds of them

_HUES = 180  # OpenCV's hue circle
_FAINT = 32  # levels of saturation, or of value, below which a colour is hardly one
_MOVED_LEVELS = 8  # a blurred pixel has moved when a channel changed by more
_DIMMEST = 0.25  # a picture that keeps less of its light than this is gone, not dimmed
_COVERED = 0.7  # share of blocks over which a card lies at least in part
_SAME_THINGS = 0.6  # correlation; two plain walls are not one wall in another light
_TEXTURE, _TEXTURED = 3.0, 0.15  # a block shows something at so many levels; so many blocks must
_TELLING = 16  # levels; a darker pixel says little about the light
_GAINS = (0.3, 0.5, 0.7)  # quantiles of the pixels' ratios
_BLACK, _WHITE = 0.0, 255.0
_NEARBY = np.ones((5, 5), np.uint8)  # what moves a little, or is enlarged by a tenth at once, stays within
_OVERLAP = 0.4  # this share of the picture must be left to compare
_FLAT_SHARE, _FLAT_LEVELS = 0.85, 12  # a flat picture: so many pixels are so near to its median colour


@dataclass(frozen=True)
class Thumb:
    """One frame at the size `THUMB`, BGR; ``time`` in seconds."""

    index: int
    time: float
    image: Image

    @cached_property
    def hsv(self) -> NDArray[np.int16]:
        """Hue 0 to 179, saturation and value 0 to 255."""
        import cv2

        return cv2.cvtColor(self.image, cv2.COLOR_BGR2HSV).astype(np.int16)

    @cached_property
    def soft(self) -> Image:
        """The picture after a light blur."""
        import cv2

        return np.asarray(cv2.blur(self.image, (3, 3)), dtype=np.uint8)

    @cached_property
    def flat(self) -> bool:
        """Nothing but one colour, apart from a logo: black, white or a plain card."""
        gap = np.abs(self.soft.astype(np.int16) - np.median(self.soft, axis=(0, 1)))
        return bool((gap.max(axis=2) <= _FLAT_LEVELS).mean() >= _FLAT_SHARE)


def difference(one: Thumb, other: Thumb) -> float:
    """Mean difference of two pictures in hue (around the circle), saturation and value, 0 to 255.

    Near black hue and saturation leap about where nothing is to be seen, and near grey hue does; they
    count for less there.
    """
    gap = np.abs(one.hsv - other.hsv)
    gap[..., 0] = np.minimum(gap[..., 0], _HUES - gap[..., 0])
    telling = np.minimum(np.minimum(one.hsv[..., 1:], other.hsv[..., 1:]), _FAINT)
    gap[..., 0] = gap[..., 0] * telling[..., 0] // _FAINT
    gap[..., :2] = gap[..., :2] * telling[..., 1:] // _FAINT
    return float(gap.mean())


def moved_share(one: Thumb, other: Thumb) -> float:
    """Share of pixels, 0 to 1, that changed visibly."""
    return float(_moved(one.soft, other.soft).mean())


def unexplained_share(one: Thumb, other: Thumb) -> float:
    """Share of pixels, 0 to 1, that changed although the light, the camera or things in the picture may have moved.

    The least over what may have happened to the one picture: small movements, and with them less or
    more light, or a turn of the camera.
    """
    first, second = one.soft, other.soft
    pairs = ((first, second), _turned(first, second), *_relit(first, second), *_relit(second, first))
    return min(_strange(*pair) for pair in pairs)


def unfollowed_share(one: Thumb, other: Thumb) -> float:
    """Share of pixels, 0 to 1, that are strange even when every part of the picture is followed to where it went.

    Dearer than `unexplained_share`, about a millisecond; it sees through slow pans and zooms.
    """
    import cv2

    columns, rows = THUMB
    large = (2 * columns, 2 * rows)  # the smallest patches need some room
    first, second = (cv2.resize(cv2.cvtColor(each.soft, cv2.COLOR_BGR2GRAY), large) for each in (one, other))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(0)
    went = cv2.resize(flow.calc(first, second, np.zeros((*large[::-1], 2), np.float32)), THUMB) / 2
    down, right = np.mgrid[0:rows, 0:columns].astype(np.float32)
    back = cv2.remap(
        other.soft, right + went[..., 0], down + went[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return _strange(one.soft, np.asarray(back, np.uint8))


def parted_share(one: Thumb, other: Thumb, between: Thumb) -> float:
    """How well a straight edge, upright or level, parts a picture into what is of the one and what of the other.

    The share of pixels, 0.5 to 1, on the right side of the best edge; only of those that tell the two apart.
    """
    first, last, now = (each.soft.astype(np.int16) for each in (one, other, between))
    telling = np.abs(first - last).max(axis=2) > _TELLING
    newer = telling & (np.abs(now - last).sum(axis=2) < np.abs(now - first).sum(axis=2))
    best = 0.0
    for axis in (0, 1):
        # Per place of the edge: pixels of the other before it, and of the one from it on.
        new, old = (np.concatenate([[0], np.cumsum(each.sum(axis=axis))]) for each in (newer, telling & ~newer))
        before = new + old[-1] - old
        best = max(best, float(before.max()), float(telling.sum() - before.min()))
    return best / max(1, int(telling.sum()))


def _moved(one: Image, other: Image) -> NDArray[np.bool_]:
    import cv2

    return _largest(np.asarray(cv2.absdiff(one, other), np.uint8)) > _MOVED_LEVELS


def _strange(one: Image, other: Image) -> float:
    """Share of pixels that have nothing like them in the same place, or a little beside it, of the other picture."""
    return float((_outside(one, other) | _outside(other, one)).mean())


def _outside(one: Image, other: Image) -> NDArray[np.bool_]:
    import cv2

    low, high = cv2.erode(one, _NEARBY), cv2.dilate(one, _NEARBY)
    beyond = cv2.max(cv2.subtract(low, other), cv2.subtract(other, high))
    return _largest(np.asarray(beyond, np.uint8)) > _MOVED_LEVELS


def _largest(picture: Image) -> NDArray[np.uint8]:
    """The largest of the three channels; numpy's own maximum over so short an axis takes ten times as long."""
    return np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])


def _relit(one: Image, other: Image) -> Iterator[tuple[Image, Image]]:
    """The one picture brought to the other's light, towards black and towards white."""
    if _likeness(one, other) < _SAME_THINGS:
        return
    for level in (_BLACK, _WHITE):
        far, near = one.astype(np.float32) - level, other.astype(np.float32) - level
        telling = np.abs(far) > _TELLING
        if telling.mean() < _OVERLAP:
            continue
        # A card pulls the ratios to its side, so that of the picture around it lies on the other.
        for gain in np.quantile(near[telling] / far[telling], _GAINS):
            if _DIMMEST <= gain <= 1 / _DIMMEST:
                yield (level + far * gain).clip(0, 255).astype(np.uint8), other


def _likeness(one: Image, other: Image) -> float:
    """Correlation of their blocks, those that a card may cover left out; 0 when they show nothing."""
    first, second = _blocks(one), _blocks(other)
    textured = first.std(axis=1) > _TEXTURE
    if textured.mean() < _TEXTURED:
        return 0.0
    first, second = first[textured], second[textured]
    alike = (first * second).mean(axis=1) / (first.std(axis=1) * (second.std(axis=1) + 1e-3))
    return float(np.quantile(alike, _COVERED))


def _blocks(picture: Image) -> NDArray[np.float32]:
    """The grey picture in blocks of 8 x 9 pixels, each around its own mean."""
    columns, rows = THUMB
    blocks: NDArray[np.float32] = _grey(picture).reshape(rows // 9, 9, columns // 8, 8).swapaxes(1, 2).reshape(-1, 72)
    blocks -= blocks.mean(axis=1, keepdims=True)
    return blocks


def _turned(one: Image, other: Image) -> tuple[Image, Image]:
    """What both pictures show if the camera turned between them; both whole when that leaves too little."""
    import cv2

    rows, columns = one.shape[:2]
    # Without a window that fades the edges, a soft picture seems to stand still.
    window = cv2.createHanningWindow((columns, rows), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(_grey(one), _grey(other), window)
    # A flat picture gives no place at all.
    if not (np.isfinite(x) and np.isfinite(y)) or abs(x) >= columns or abs(y) >= rows:
        return one, other
    right, down = round(x), round(y)
    if (rows - abs(down)) * (columns - abs(right)) < _OVERLAP * rows * columns:
        return one, other
    here = one[max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)]
    there = other[max(0, down) : rows - max(0, -down), max(0, right) : columns - max(0, -right)]
    return here, there


def _grey(picture: Image) -> NDArray[np.float32]:
    import cv2

    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
