"""What a frame looks like, ten times a second: light, colour, sharpness, motion. Scenes are means over their frames.

Ticks are kept as numbers, so that a pass over the frames need not know where the scenes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image

WIDTH = 320  # pixels; a picture's sharpness depends on its size, so the size is fixed
TICK = 0.1  # seconds between two measured frames
VERSION = "2"  # raise it when a change here changes a number

_TOLERANCE = 0.005  # seconds; stored times are rounded to the container's clock
_FULL = 255.0  # the largest level
_LEVELS = 6  # colours are counted in 6 x 6 x 6 boxes
_COLOURS, _LEAST_SHARE = 3, 0.08  # a colour on less of the picture is an accent, not its palette


@dataclass(frozen=True)
class Tick:
    """One measured frame; ``motion`` is against the tick before it, ``colours`` are pixels per box of colour."""

    index: int
    time: float
    brightness: float
    saturation: float
    sharpness: float
    motion: float
    colours: NDArray[np.uint16]


@dataclass(frozen=True)
class Look:
    """Means over a scene, in the units of `creative.types.SceneFeatures`."""

    brightness: float
    saturation: float
    motion: float
    sharpness: float
    colours: tuple[str, ...]


class LookMeter:
    """Measures frames that are handed in one after another; only numbers and the last picture are kept."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self._last: Image | None = None
        self._next = float("-inf")

    def wants(self, time: float) -> bool:
        """Whether the frame at this time, seconds, is a tenth of a second after the last one measured."""
        return time >= self._next - _TOLERANCE

    def add(self, picture: Image, index: int, time: float) -> Image:
        """Measure one BGR picture of width `WIDTH`; its grey version is returned for others to use."""
        import cv2

        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        saturation = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1]
        edges = cv2.Laplacian(grey, cv2.CV_64F)
        moved = 0.0 if self._last is None else float(cv2.absdiff(grey, self._last).mean()) / _FULL
        self.ticks.append(
            Tick(
                index=index,
                time=time,
                brightness=float(grey.mean()) / _FULL,
                saturation=float(saturation.mean()) / _FULL,
                sharpness=float(edges.var()),
                motion=moved,
                colours=_counted(picture),
            )
        )
        self._last, self._next = grey, time + TICK
        return grey


def _counted(picture: Image) -> NDArray[np.uint16]:
    """Pixels of a 4 times smaller picture per box of colour; red varies slowest."""
    boxes = picture[::4, ::4].astype(np.uint16) * _LEVELS // 256
    keys = (boxes[..., 2] * _LEVELS + boxes[..., 1]) * _LEVELS + boxes[..., 0]
    return np.bincount(keys.ravel(), minlength=_LEVELS**3).astype(np.uint16)


def look(ticks: Sequence[Tick]) -> Look:
    """The means over one scene's ticks. The first one's motion is the cut before it, so it does not count.

    Raises:
        ValueError: no tick.
    """
    if not ticks:
        raise ValueError("no frame of this scene was measured; the scenes do not belong to this video")
    moves = [tick.motion for tick in ticks[1:]]
    return Look(
        brightness=round(float(np.mean([tick.brightness for tick in ticks])), 6),
        saturation=round(float(np.mean([tick.saturation for tick in ticks])), 6),
        motion=round(float(np.mean(moves)), 6) if moves else 0.0,
        sharpness=round(float(np.mean([tick.sharpness for tick in ticks])), 3),
        colours=palette(np.sum([tick.colours for tick in ticks], axis=0, dtype=np.int64)),
    )


def palette(counts: NDArray[np.int64]) -> tuple[str, ...]:
    """Middles of the fullest boxes of colour as #rrggbb, at most three, at least one."""
    order = np.argsort(-counts, kind="stable")[:_COLOURS]
    kept = [int(key) for key in order if counts[key] >= _LEAST_SHARE * counts.sum()] or [int(order[0])]
    return tuple(_named(key) for key in kept)


def _named(key: int) -> str:
    levels = (key // _LEVELS**2, key // _LEVELS % _LEVELS, key % _LEVELS)
    return "#" + "".join(f"{round((level + 0.5) * 256 / _LEVELS):02x}" for level in levels)
