"""Undoing the camera: a look as it would be if the camera had stood where it stood for another one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Map = NDArray[np.float64]  # 2 x 3: where the ground of one look lies in another

STILL: Map = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

_POINTS, _LEAST_POINTS = 120, 8
_QUALITY, _APART = 0.02, 5  # of the strongest corner; pixels between two corners
_NEAR = 1.5  # pixels within which a corner follows the camera
_FOLLOWED = 0.4  # of the corners; with fewer the picture has no ground that stands still
_MOST = 0.25  # change of scale or turn between two looks that no camera makes


def ground(one: Grey, two: Grey) -> Map | None:
    """How the standing part of the first look shifts, turns and grows to its place in the second."""
    import cv2

    before, after = one.astype(np.uint8), two.astype(np.uint8)
    corners = cv2.goodFeaturesToTrack(before, _POINTS, _QUALITY, _APART)
    if corners is None or len(corners) < _LEAST_POINTS:
        return None
    found, known, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.zeros_like(corners))
    followed = known.ravel() == 1
    if followed.sum() < _LEAST_POINTS:
        return None
    there, fits = cv2.estimateAffinePartial2D(corners[followed], found[followed], ransacReprojThreshold=_NEAR)
    if there is None or fits.sum() < max(_FOLLOWED * len(corners), _LEAST_POINTS):
        return None
    turned = float(np.abs(there[:, :2] - np.eye(2)).max())
    return np.asarray(there, np.float64) if turned <= _MOST else None


def seen_from(look: Grey, there: Map | None) -> Grey:
    """The look with its ground moved along the map; as it is where the map is unknown."""
    import cv2

    if there is None:
        return look
    size = (look.shape[1], look.shape[0])
    return np.asarray(cv2.warpAffine(look, there, size, borderMode=cv2.BORDER_REPLICATE), np.float32)


def reverse(there: Map | None) -> Map | None:
    """The way back."""
    import cv2

    return None if there is None else np.asarray(cv2.invertAffineTransform(there), np.float64)


def joined(first: Map, then: Map) -> Map:
    """One map after the other."""
    return np.hstack([then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2:] + then[:, 2:]])
