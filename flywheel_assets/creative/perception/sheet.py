"""A contact sheet: the middle of every scene with its number and times, and boxes around what was found in it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flywheel_assets.creative.perception.container import damaged, moving_picture, open_video, origin, pixel_shape
from flywheel_assets.creative.perception.video import Image, picture
from flywheel_assets.creative.types import Box, Scene, SceneFeatures

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL import ImageDraw

_MICROSECONDS = 1_000_000  # a second in a container's own times
_ROUNDING = 1e-3  # seconds
_WIDEST = 6  # pictures in a row
_GAP, _STRIP = 6, 16  # pixels between the pictures, and under each for its line
_GROUND, _INK = "#181818", "#f0f0f0"
_FADE, _FADE_LINE = "#e08020", 2  # colour and pixels of the line under the frames that are mixed with a neighbour's
_TEXT, _UNREAD, _THING, _FACE = "#ffd400", "#ff4040", "#40c0ff", "#60ff60"
_QUALITY = 60  # JPEG; a full sheet stays under 100 kB, as it is kept in an event log


def contact_sheet(
    path: Path, scenes: Sequence[Scene], features: Sequence[SceneFeatures] = (), *, longest: int = 160, most: int = 24
) -> bytes:
    """A JPEG of the middle frame of each scene; 24 of 160 pixels stay under 100 kB.

    A line under a picture is the scene's length where it is mixed with its neighbours.

    Args:
        path: the video the scenes were found in.
        scenes: at least one.
        features: of the same scenes; their texts are boxed yellow, unread ones red, objects blue, faces green.
        longest: side of a scene's picture, pixels.
        most: scenes; of more, as many are shown, spread evenly.

    Raises:
        IntakeRejected: as `open_video`, or ``damaged``.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    shown = sorted({round(at) for at in np.linspace(0, len(scenes) - 1, min(len(scenes), most))})
    cells = _middles(path, [scenes[at] for at in shown], longest)
    high, wide = (max(cell.shape[axis] for cell in cells) for axis in (0, 1))
    across = min(_WIDEST, math.ceil(math.sqrt(2 * len(cells))))
    size = (across * (wide + _GAP) + _GAP, math.ceil(len(cells) / across) * (high + _STRIP + _GAP) + _GAP)
    sheet = Pictures.new("RGB", size, _GROUND)
    pen = ImageDraw.Draw(sheet)
    for place, (at, cell) in enumerate(zip(shown, cells, strict=True)):
        left, top = _GAP + place % across * (wide + _GAP), _GAP + place // across * (high + _STRIP + _GAP)
        sheet.paste(Pictures.fromarray(cell), (left, top))
        for box, colour in _boxes(scenes[at], features[at]) if features else ():
            corners = [edge * cell.shape[1 - axis % 2] + (left, top)[axis % 2] for axis, edge in enumerate(box)]
            pen.rectangle(corners, outline=colour)
        _label(pen, scenes[at], left, top + high, wide)
    packed = io.BytesIO()
    sheet.save(packed, format="JPEG", quality=_QUALITY)
    return packed.getvalue()


def _label(pen: ImageDraw.ImageDraw, scene: Scene, left: int, top: int, wide: int) -> None:
    """The line under a picture: the scene's number and times, and over them where it is not its own alone."""
    for begin, stop in _mixed(scene):
        span = (left + begin * (wide - 1), top, left + stop * (wide - 1), top + _FADE_LINE - 1)
        pen.rectangle(span, fill=_FADE)
    pen.text((left, top + 2), f"{scene.index}  {scene.start:.2f}-{scene.end:.2f}", fill=_INK)


def _middles(path: Path, scenes: Sequence[Scene], longest: int) -> list[Image]:
    """The upright picture in the middle of each scene, RGB; only from the keyframe before it on is decoded."""
    with open_video(path) as container:
        stream = moving_picture(container, path)
        stream.thread_type = "AUTO"
        start, shape = origin(container), pixel_shape(stream)
        frames = [_frame_at(container, stream, start + _middle(scene)) for scene in scenes]
        if any(frame is None for frame in frames):
            raise damaged(path, "the middle of a scene cannot be decoded")
        return [picture(frame, longest, shape) for frame in frames if frame is not None]


def _middle(scene: Scene) -> float:
    """Seconds of the middle of what is the scene's own; where that is nothing, of the scene."""
    if scene.clean_seconds > 0:
        return (scene.clean_start + scene.clean_end) / 2
    return (scene.start + scene.end) / 2


def _mixed(scene: Scene) -> list[tuple[float, float]]:
    """The parts of a scene that are mixed with its neighbours, as shares of its length."""
    fades = ((scene.start, scene.clean_start), (scene.clean_end, scene.end))
    return [
        ((begin - scene.start) / scene.seconds, (stop - scene.start) / scene.seconds)
        for begin, stop in fades
        if stop > begin
    ]


def _frame_at(container: InputContainer, stream: VideoStream, wanted: float) -> VideoFrame | None:
    """The first frame at or after a time of the file in seconds, or the last one there is."""
    container.seek(round(wanted * _MICROSECONDS))
    found: VideoFrame | None = None
    for found in container.decode(stream):
        if found.time is not None and found.time >= wanted - _ROUNDING:
            break
    return found


def _boxes(scene: Scene, row: SceneFeatures) -> list[tuple[Box, str]]:
    """What was found about the middle of a scene."""
    middle = _middle(scene)
    things = [(one.box, one.time, _THING) for one in row.objects or ()]
    things += [(one.box, one.time, _FACE) for one in row.faces or ()]
    nearest = min((abs(time - middle) for _, time, _ in things), default=0.0)
    boxes = [(box, colour) for box, time, colour in things if abs(time - middle) <= nearest]
    boxes += [(one.box, _TEXT) for one in row.texts or () if one.start <= middle < one.end]
    return boxes + [(one.box, _UNREAD) for one in row.unread or () if one.start <= middle < one.end]
