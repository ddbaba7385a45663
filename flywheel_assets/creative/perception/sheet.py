"""A contact sheet: one picture of every scene with its number and times, and boxes around what was found."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from flywheel_assets.creative.perception.video import Image, picture, read_frames
from flywheel_assets.creative.types import Box, Perception, Scene

_CELL = 320  # longest side of a picture on the sheet, pixels
_COLUMNS, _GAP, _LINE = 4, 8, 18  # pixels between the pictures, and for the line below each
_TEXT, _UNREAD, _THING, _FACE = "#ffd400", "#ff4040", "#40c0ff", "#60ff60"
_QUALITY = 88


def contact_sheet(path: Path, perception: Perception) -> bytes:
    """The sheet as a JPEG. Boxes: text yellow, unreadable text red, objects blue, faces green.

    Raises:
        IntakeRejected: ``damaged``.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw

    cells = _pictures(path, perception.scenes)
    wide, high = max(cell.shape[1] for cell in cells), max(cell.shape[0] for cell in cells)
    columns = min(_COLUMNS, len(cells))
    size = (columns * (wide + _GAP) + _GAP, math.ceil(len(cells) / columns) * (high + _LINE + _GAP) + _GAP)
    sheet = Pictures.new("RGB", size, "#181818")
    pen = ImageDraw.Draw(sheet)
    for at, (cell, scene) in enumerate(zip(cells, perception.scenes, strict=True)):
        left, top = _GAP + at % columns * (wide + _GAP), _GAP + at // columns * (high + _LINE + _GAP)
        sheet.paste(Pictures.fromarray(cell), (left, top))
        for box, colour in _boxes(perception, at):
            edges = (box[0] * cell.shape[1], box[1] * cell.shape[0], box[2] * cell.shape[1], box[3] * cell.shape[0])
            pen.rectangle((left + edges[0], top + edges[1], left + edges[2], top + edges[3]), outline=colour)
        pen.text((left, top + high + 2), f"{scene.index}   {scene.start:.2f} to {scene.end:.2f} s", fill="white")
    packed = io.BytesIO()
    sheet.save(packed, format="JPEG", quality=_QUALITY)
    return packed.getvalue()


def _pictures(path: Path, scenes: Sequence[Scene]) -> list[Image]:
    """The middle frame of every scene."""
    wanted = {(scene.start_frame + scene.end_frame) // 2 for scene in scenes}
    return [picture(each, _CELL) for each in read_frames(path) if each.index in wanted]


def _boxes(perception: Perception, at: int) -> list[tuple[Box, str]]:
    """What was found about the middle of a scene."""
    scene, row = perception.scenes[at], perception.features[at]
    middle = (scene.start + scene.end) / 2
    things = [(one.box, one.time, _THING) for one in row.objects or ()]
    things += [(one.box, one.time, _FACE) for one in row.faces or ()]
    nearest = min((abs(time - middle) for _, time, _ in things), default=0.0)
    boxes = [(box, colour) for box, time, colour in things if abs(time - middle) <= nearest]
    boxes += [(one.box, _TEXT) for one in row.texts or () if one.start <= middle < one.end]
    return boxes + [(one.box, _UNREAD) for one in row.unread or () if one.start <= middle < one.end]
