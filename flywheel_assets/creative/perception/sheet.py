"""A contact sheet: the middle of every scene with its number and times, and boxes around what was found in it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flywheel_assets.creative.perception.video import Image, damaged, picture, read_frames
from flywheel_assets.creative.types import Box, Scene, SceneFeatures

_WIDEST = 6  # pictures in a row
_GAP, _STRIP = 6, 16  # pixels between the pictures, and under each for its line
_GROUND, _INK = "#181818", "#f0f0f0"
_TEXT, _UNREAD, _THING, _FACE = "#ffd400", "#ff4040", "#40c0ff", "#60ff60"
_QUALITY = 80  # JPEG


def contact_sheet(
    path: Path, scenes: Sequence[Scene], features: Sequence[SceneFeatures] = (), *, longest: int = 160, most: int = 24
) -> bytes:
    """A JPEG of the middle frame of each scene; 24 of 160 pixels stay under 100 kB.

    Args:
        path: the video the scenes were found in.
        scenes: at least one.
        features: of the same scenes; their texts are boxed yellow, unread ones red, objects blue, faces green.
        longest: side of a scene's picture, pixels.
        most: scenes; of more, as many are shown, spread evenly.

    Raises:
        IntakeRejected: ``damaged``.
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
        scene = scenes[at]
        pen.text((left, top + high + 2), f"{scene.index}  {scene.start:.2f}-{scene.end:.2f}", fill=_INK)
    packed = io.BytesIO()
    sheet.save(packed, format="JPEG", quality=_QUALITY)
    return packed.getvalue()


def _middles(path: Path, scenes: Sequence[Scene], longest: int) -> list[Image]:
    """The upright picture in the middle of each scene, RGB; nothing is decoded beyond the last."""
    wanted = {(scene.start_frame + scene.end_frame) // 2 for scene in scenes}
    found: list[Image] = []
    for each in read_frames(path):
        if each.index in wanted:
            found.append(picture(each.frame, longest, each.shape))
        if len(found) == len(wanted):
            return found
    raise damaged(path, f"it holds only {len(found)} of the {len(wanted)} frames in the middle of its scenes")


def _boxes(scene: Scene, row: SceneFeatures) -> list[tuple[Box, str]]:
    """What was found about the middle of a scene."""
    middle = (scene.start + scene.end) / 2
    things = [(one.box, one.time, _THING) for one in row.objects or ()]
    things += [(one.box, one.time, _FACE) for one in row.faces or ()]
    nearest = min((abs(time - middle) for _, time, _ in things), default=0.0)
    boxes = [(box, colour) for box, time, colour in things if abs(time - middle) <= nearest]
    boxes += [(one.box, _TEXT) for one in row.texts or () if one.start <= middle < one.end]
    return boxes + [(one.box, _UNREAD) for one in row.unread or () if one.start <= middle < one.end]
