"""Whether pictures stand still: of the finished file, and of the source where the file does.

Compared are averages of small cells, in which grain and compression vanish, with the picture at which the stillness
began: a slow pan adds up, noise does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.rendering.effects import Box

if TYPE_CHECKING:
    from av import VideoFrame

_SPARSE = 4  # every fourth pixel of every fourth row is looked at
_CELL = 4  # of those, each way, are one cell
_LEVELS = 6  # luma by which a cell differs
_STILL = 0.002  # of the cells
_SOURCE_MOVES = 0.01  # likewise; what moves less in the source may be lost in its scaling and encoding
_BYTE = 8  # bits; deeper samples take two bytes
_MARGIN = 1  # cells around a text that it touches


@dataclass(frozen=True)
class Thumb:
    """Luma of a picture in cells of 16 x 16 pixels, and which of them our own text hides."""

    cells: NDArray[np.uint8]
    hidden: NDArray[np.bool_]

    @property
    def visible(self) -> NDArray[np.uint8]:
        """Luma of the others."""
        return np.asarray(self.cells[~self.hidden])


class Stillness:
    """Finds runs of pictures that look like their first."""

    def __init__(self) -> None:
        self._anchor: Thumb | None = None
        self._start = 0
        self._count = 0
        self._runs: list[tuple[int, int]] = []

    def see(self, picture: Thumb) -> None:
        """Take in the next picture."""
        if self._anchor is None or moved(self._anchor, picture) >= _STILL:
            self._close()
            self._anchor, self._start = picture, self._count
        self._count += 1

    def runs(self) -> tuple[tuple[int, int], ...]:
        """Runs [from, to) of at least two pictures."""
        self._close()
        self._start = self._count
        return tuple(self._runs)

    def _close(self) -> None:
        if self._count - self._start > 1:
            self._runs.append((self._start, self._count))


def thumb(frame: VideoFrame, covered: list[Box]) -> Thumb:
    """A picture in small, text in `covered` boxes."""
    import cv2

    plane = frame.planes[0]
    bits = frame.format.components[0].bits
    kind: type[np.unsignedinteger[Any]] = np.uint8 if bits == _BYTE else np.uint16
    luma = np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width]
    few = np.ascontiguousarray(luma[::_SPARSE, ::_SPARSE] >> (bits - _BYTE)).astype(np.uint8)
    size = max(few.shape[1] // _CELL, 1), max(few.shape[0] // _CELL, 1)
    cells = np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return Thumb(cells, _mask(cells.shape, frame.width, covered))


def moved(one: Thumb, other: Thumb) -> float:
    """Share of the cells visible in both that differ."""
    if one.cells.shape != other.cells.shape:
        return 1.0
    hidden = one.hidden | other.hidden
    differs = np.abs(one.cells.astype(np.int16) - other.cells) > _LEVELS
    visible = hidden.size - np.count_nonzero(hidden)
    return float(np.count_nonzero(differs & ~hidden)) / visible if visible else 0.0


def source_moves(path: Path, start: float, end: float) -> bool:
    """Whether anything moves between two times of a source video."""
    import av

    first: Thumb | None = None
    with av.open(str(path)) as container:
        origin = (container.start_time or 0) / 1_000_000
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        container.seek(int((start + origin) * 1_000_000))
        for frame in container.decode(video):
            time = float((frame.pts or 0) * (frame.time_base or 0)) - origin
            if time >= end:
                break
            if time < start:
                continue
            now = thumb(frame, [])
            if first is None:
                first = now
            elif moved(first, now) >= _SOURCE_MOVES:
                return True
    return False


def _mask(shape: tuple[int, ...], width: int, covered: list[Box]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    cell = width / shape[1]
    for left, top, right, bottom in covered:
        rows = slice(max(int(top / cell) - _MARGIN, 0), int(bottom / cell) + 1 + _MARGIN)
        mask[rows, max(int(left / cell) - _MARGIN, 0) : int(right / cell) + 1 + _MARGIN] = True
    return mask
