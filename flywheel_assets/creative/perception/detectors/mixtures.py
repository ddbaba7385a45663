"""How well frames in a row are a mixture of the first and the last, or the one half covered by the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.detectors.pictures import Thumb

_LEAP = 0.3  # a step so much longer than the clock's, as a share of the way, is a cut or something that pops up
_SLOWING = 0.3  # a fade goes on while each step takes it so much as far as its steps did so far
_SIZE = (32, 18)  # width, height of the pictures compared
VALUES = 32 * 18 * 3


def values(thumb: Thumb) -> NDArray[np.float32]:
    """The picture at half the size, around middle grey."""
    import cv2

    half = cv2.resize(thumb.image, _SIZE, interpolation=cv2.INTER_AREA)
    return half.astype(np.float32).ravel() - np.float32(128)


def steps(thumbs: Sequence[Thumb]) -> list[bool]:
    """Of each frame after the first, whether it leads away from the first one as steadily as those before it."""
    apart = [float(np.sqrt(np.mean((values(each) - values(thumbs[0])) ** 2))) for each in thumbs]
    mean = (now / at for at, now in enumerate(apart) if at)
    return [two - one >= _SLOWING * usual for (one, two), usual in zip(pairwise(apart), mean, strict=True)]


def impurity(
    apart: NDArray[np.float32], starts: NDArray[np.intp], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How far the frames from each start to the newest are from the mixture of both by the clock, or from a wipe.

    Returns:
        Mean square distance as a share of that of the two ends, 0 for an ideal dissolve and about
        0.8 for unlike pictures; infinite where one step leaps. And whether it is less from a wipe.
    """
    end = len(times) - 1
    between = (np.arange(end + 1)[None, :] > starts[:, None]) & (np.arange(end + 1) < end)[None, :]
    ends_apart = apart[starts, end][:, None]
    from_first, from_last = apart[starts] / ends_apart, apart[end][None, :] / ends_apart
    share = (times[None, :] - times[starts][:, None]) / (times[end] - times[starts])[:, None]
    # The square distance to a mixture of two follows from the square distances to the two and between them.
    off = (1 - share) * from_first + share * from_last - share * (1 - share)
    way = (1 + from_first - from_last) / 2
    # While one picture covers another, every part is of the one or of the other: the two distances make up the whole.
    torn = np.abs(from_first + from_last - 1)
    mixed, covered = ((each * between).sum(axis=1) / between.sum(axis=1) for each in (off, torn))
    impure = np.minimum(mixed, covered)
    ahead = np.where(np.arange(end + 1)[None, :] >= starts[:, None], way - share, 0.0)
    return np.where(np.diff(ahead, axis=1).max(axis=1) <= _LEAP, impure, np.inf), covered < mixed
