"""Brightness, saturation, motion and sharpness of a scene, from ten frames a second.

Frames are handed in one after another; only running sums and the last picture are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image

WIDTH = 320  # pixels; a picture's sharpness depends on its size, so the size is fixed
TICK = 0.1  # seconds between two measured frames
_TOLERANCE = 0.005  # seconds; stored times are rounded to the container's clock
_FULL = 255.0  # the largest level


@dataclass(frozen=True)
class Look:
    """Means over a scene, in the units of `creative.types.SceneFeatures`."""

    brightness: float
    saturation: float
    motion: float
    sharpness: float


class LookMeter:
    """Collects the frames of one scene; make a new one at each cut, so that a cut is not motion."""

    def __init__(self) -> None:
        self._sums = np.zeros(3)
        self._frames = 0
        self._moves = 0.0
        self._last: NDArray[np.uint8] | None = None
        self._next = float("-inf")

    def wants(self, time: float) -> bool:
        """Whether the frame at this time, seconds, is a tenth of a second after the last one measured."""
        return time >= self._next - _TOLERANCE

    def add(self, picture: Image, time: float) -> None:
        """Measure one BGR picture of width `WIDTH`."""
        import cv2

        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1]
        edges = cv2.Laplacian(grey, cv2.CV_64F)
        self._sums += (grey.mean() / _FULL, saturation.mean() / _FULL, edges.var())
        if self._last is not None:
            self._moves += float(cv2.absdiff(grey, self._last).mean()) / _FULL
        self._last = grey.astype(np.uint8, copy=False)
        self._frames += 1
        self._next = time + TICK

    def look(self) -> Look:
        """The means so far; motion is 0 for a scene of a single frame.

        Raises:
            ValueError: no frame was added.
        """
        if not self._frames:
            raise ValueError("no frame of this scene was measured; the scenes do not belong to this video")
        brightness, saturation, sharpness = (self._sums / self._frames).tolist()
        pairs = max(1, self._frames - 1)
        return Look(round(brightness, 6), round(saturation, 6), round(self._moves / pairs, 6), round(sharpness, 3))
