"""Opening and decoding a local video file, one frame at a time.

The demuxer is chosen from the first bytes of the file and forced, and the decoder reads from an
open file object: a playlist that calls itself ``.mp4`` is never interpreted, and no file or
address that a video names is ever opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.errors import IntakeRejected

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

# Height x width x 3, RGB or BGR as the function says, 0 to 255.
Image = NDArray[np.uint8]

_NARROWEST = 0.25  # pixel shape; four times as wide as high is no format anybody films in
_MICROSECONDS = 1_000_000  # the unit of a container's own times


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


def demuxer_of(path: Path) -> str:
    """The demuxer for the file's first bytes: ``mp4`` family (ISO-BMFF) or ``matroska`` (EBML).

    Raises:
        IntakeRejected: ``empty_file``, or ``not_a_video`` for anything else, whatever its name says.
    """
    with path.open("rb") as handle:
        head = handle.read(12)
    if not head:
        raise IntakeRejected(path.name, "empty_file", "the file has 0 bytes", "Upload it again.")
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    raise IntakeRejected(
        path.name,
        "not_a_video",
        f"it begins with {head!r}, neither an MP4/MOV nor a Matroska/WebM file",
        "Export the video as MP4 (H.264) and drop that file.",
    )


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """The opened container of a local file.

    Raises:
        IntakeRejected: as `demuxer_of`, or ``damaged`` when the container cannot be read.
    """
    import av

    demuxer = demuxer_of(path)
    with path.open("rb") as handle:
        try:
            container = av.open(handle, mode="r", format=demuxer, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise damaged(path, f"its container cannot be read ({error})") from error
        with container:
            yield container


def damaged(path: Path, reason: str) -> IntakeRejected:
    """The refusal of a file that does not decode cleanly."""
    return IntakeRejected(path.name, "damaged", reason, "Export or copy the file again; it may be cut off.")


def moving_picture(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream that is not an attached cover picture.

    Raises:
        IntakeRejected: ``no_video_stream``.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise IntakeRejected(path.name, "no_video_stream", "it holds sound or pictures only", "Upload a video.")


def origin(container: InputContainer) -> float:
    """The time in seconds that a player shows as zero."""
    return (container.start_time or 0) / _MICROSECONDS


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
            raise damaged(path, f"decoding failed after frame {index} ({error})") from error


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


def pixel_shape(stream: VideoStream) -> float:
    """Width over height of the stream's pixels as displayed; what is unknown or absurd is square."""
    stated = float(stream.sample_aspect_ratio or 1)
    return stated if _NARROWEST <= stated <= 1 / _NARROWEST else 1.0


def quarter_turns(rotation: int) -> int:
    """Counter-clockwise quarter turns that bring a frame with this display rotation upright."""
    return round(rotation / 90) % 4
