"""Decoding a local video file, one frame at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.container import (
    damaged,
    moving_picture,
    open_video,
    origin,
    pixel_shape,
    quarter_turns,
    said,
)

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.reformatter import VideoReformatter

# Height x width x 3, RGB or BGR as the function says, 0 to 255.
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """One decoded frame: its index, and its time in seconds from the start of the file.

    Attributes:
        shape: width of a pixel over its height as displayed; old television formats have no square ones.
    """

    index: int
    time: float
    frame: VideoFrame
    shape: float = 1.0


def read_frames(path: Path) -> Iterator[Decoded]:
    """Every frame in showing order; at most a handful are in memory at a time.

    Raises:
        IntakeRejected: ``damaged``, naming the frame after which decoding failed.
    """
    import av

    with open_video(path) as container:
        stream = moving_picture(container, path)
        stream.thread_type = "AUTO"
        start, index, shape = origin(container), -1, pixel_shape(stream)
        try:
            for index, frame in enumerate(container.decode(stream)):
                if frame.time is None:
                    raise damaged(path, f"frame {index} carries no time")
                yield Decoded(index, round(frame.time - start, 6), frame, shape)
        except av.FFmpegError as error:
            raise damaged(path, f"decoding failed after frame {index} ({said(error)})") from error


def shrink(frame: VideoFrame, width: int, height: int, layout: str) -> Image:
    """The frame scaled to exactly this size (before rotation), in ``rgb24`` or ``bgr24``."""
    scaler = _scaler(get_ident(), width, height, layout)
    small = scaler.reformat(frame, width=width, height=height, format=layout, interpolation="AREA")
    return np.asarray(small.to_ndarray(), dtype=np.uint8)


@lru_cache(maxsize=8)
def _scaler(thread: int, width: int, height: int, layout: str) -> VideoReformatter:
    """What scales frames to this size; no two threads may share it.

    A frame's own makes its tables and threads anew for every frame: four times the time for a small picture.
    """
    from av.video.reformatter import VideoReformatter

    del thread, width, height, layout
    return VideoReformatter()


def picture(frame: VideoFrame, longest: int, shape: float = 1.0) -> Image:
    """The frame as a person sees it: upright RGB with square pixels, no side longer than ``longest`` pixels.

    ``shape`` is that of a stored pixel, as in `Decoded`.
    """
    wide = frame.width * shape
    scale = min(1.0, longest / max(wide, frame.height))
    # Even sizes keep chroma planes whole; two pixels is the least a scaler takes.
    width, height = (max(2, round(side * scale / 2) * 2) for side in (wide, frame.height))
    turned = np.rot90(shrink(frame, width, height, "rgb24"), quarter_turns(frame.rotation))
    return np.ascontiguousarray(turned)
