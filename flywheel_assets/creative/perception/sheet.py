"""A contact sheet: the middle of every scene on one picture, for a person to judge the cuts by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flywheel_assets.creative.perception.video import Image, damaged, moving_picture, open_video, origin, picture
from flywheel_assets.creative.types import Scene

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MICROSECONDS = 1_000_000  # a second in a container's own times
_ROUNDING = 1e-3  # seconds
_MOST = 24  # scenes; of more, as many are shown, spread evenly
_CELL = 160  # pixels, the longest side of a scene's picture
_STRIP = 16  # pixels under each picture, for its number and times
_WIDEST = 6  # pictures in a row
_GROUND, _INK = 24, (235, 235, 235)
_QUALITY = 60  # JPEG; a full sheet stays under 100 kB, as it is kept in an event log


def contact_sheet(path: Path, scenes: Sequence[Scene]) -> bytes:
    """A JPEG with the middle frame of each scene, its number and its times in seconds.

    Args:
        path: the video the scenes were found in.
        scenes: at least one.

    Raises:
        IntakeRejected: as `open_video`, or ``damaged``.
    """
    import cv2

    shown = [scenes[round(place)] for place in np.linspace(0, len(scenes) - 1, min(len(scenes), _MOST))]
    cells = [_cell(image, scene) for image, scene in zip(_middles(path, shown), shown, strict=True)]
    across = min(_WIDEST, math.ceil(math.sqrt(2 * len(cells))))
    blank = np.full_like(cells[0], _GROUND)
    cells += [blank] * (-len(cells) % across)
    rows = [np.hstack(cells[start : start + across]) for start in range(0, len(cells), across)]
    _, encoded = cv2.imencode(".jpg", np.vstack(rows), (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return bytes(encoded)


def _middles(path: Path, scenes: Sequence[Scene]) -> list[Image]:
    """The upright picture in the middle of each scene, RGB; only from the keyframe before it on is decoded."""
    with open_video(path) as container:
        stream = moving_picture(container, path)
        stream.thread_type = "AUTO"
        start = origin(container)
        frames = [_frame_at(container, stream, start + (scene.start + scene.end) / 2) for scene in scenes]
        if any(frame is None for frame in frames):
            raise damaged(path, "the middle of a scene cannot be decoded")
        return [picture(frame, _CELL) for frame in frames if frame is not None]


def _frame_at(container: InputContainer, stream: VideoStream, wanted: float) -> VideoFrame | None:
    """The first frame at or after a time of the file in seconds, or the last one there is."""
    container.seek(round(wanted * _MICROSECONDS))
    found: VideoFrame | None = None
    for found in container.decode(stream):
        if found.time is not None and found.time >= wanted - _ROUNDING:
            break
    return found


def _cell(image: Image, scene: Scene) -> Image:
    """The picture over its number and times, BGR."""
    import cv2

    rows, columns = image.shape[:2]
    cell = np.full((rows + _STRIP, columns, 3), _GROUND, np.uint8)
    cell[:rows] = image[..., ::-1]
    text = f"{scene.index}  {scene.start:.2f}-{scene.end:.2f}"
    cv2.putText(cell, text, (3, rows + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    return cell
