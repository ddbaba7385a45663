"""Which pictures the plan lays over the film: the brand's mark and emoji, each with its place and its time. Nothing is measured here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO

from flywheel_assets.rendering import emoji, modules
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Logo
from flywheel_assets.rendering.emoji import Sticker
from flywheel_assets.rendering.quality.likeness import Mark
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan, Overlay, Segment

_CAPTIONS = 3  # emoji of captions that are looked at
_LOOKS = 3  # pictures at least in which a mark is looked for, where it is shown so long


@dataclass(frozen=True)
class Laid:
    """A picture in its place in output frames [start, end), whole again where a cut went through it.

    Attributes:
        what: the logo's effect, or the emoji.
    """

    what: Logo | Sticker
    corner: tuple[int, int]
    size: tuple[int, int]
    start: int
    end: int


def logos(plan: EditPlan) -> tuple[Laid, ...]:
    """The places of the brand's mark, one after the other."""
    found = (_logo(effect, start) for segment, start in _placed(plan) for effect in segment.effects)
    return _joined(one for one in found if one is not None)


def stickers(plan: EditPlan, canvas: Canvas) -> tuple[Laid, ...]:
    """The emoji of all texts; of the captions the first few.

    Raises:
        RenderFailed: the fonts at hand are not those the plan was made with.
    """
    spoken = [(one, start) for segment, start in _placed(plan) for one in segment.overlays if one.role == "caption"]
    others = [(one, start) for segment, start in _placed(plan) for one in segment.overlays if one.role != "caption"]
    captions, rest = (_joined(each for one in some for each in _emoji(*one, canvas)) for some in (spoken, others))
    return (*rest, *captions[:_CAPTIONS])


def frames(found: Iterable[Laid], known: frozenset[int]) -> frozenset[int]:
    """The pictures to look at besides those known anyway: the first in which each is shown, and enough others."""
    wanted: set[int] = set()
    for one in found:
        wanted.add(one.start)
        if len([frame for frame in known | wanted if one.start <= frame < one.end]) < _LOOKS:
            wanted |= {(one.start + one.end) // 2, one.end - 1}
    return frozenset(wanted)


def mark(one: Laid, kit: Kit, canvas: Canvas) -> Mark:
    """The picture as it should be seen.

    Raises:
        RenderFailed: its file, or the font it comes from, is not at hand.
    """
    import cv2
    import numpy as np
    from PIL import Image

    if isinstance(one.what, Sticker):
        content, opacity = emoji.png(one.what, canvas), 1.0
    else:
        content, opacity = kit.file(one.what.image).read_bytes(), one.what.opacity
    with Image.open(BytesIO(content)) as opened:
        whole = np.asarray(opened.convert("RGBA"), dtype=np.float32)
    method = cv2.INTER_AREA if one.size[0] <= whole.shape[1] else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(whole, one.size, interpolation=method), dtype=np.float32)
    return Mark(scaled[..., :3], scaled[..., 3] * np.float32(opacity / 255))


def _placed(plan: EditPlan) -> Iterator[tuple[Segment, int]]:
    """The segments with the output frames they begin at."""
    start = 0
    for segment in plan.segments:
        yield segment, start
        start += segment.frames


def _logo(effect: object, start: int) -> Laid | None:
    if not isinstance(effect, Logo):
        return None
    left, top, right, bottom = (round(edge) for edge in effect.box)
    still = effect.model_copy(update={"start_frame": 0, "end_frame": 1})  # so that its parts are equal
    return Laid(
        still, (left, top), (right - left, bottom - top), start + effect.start_frame, start + effect.end_frame
    )  # fmt: skip


def _emoji(overlay: Overlay, start: int, canvas: Canvas) -> Iterator[Laid]:
    for one in emoji.stickers(overlay, canvas, modules.line_spacing(overlay)):
        still = replace(one, start_frame=0, end_frame=1)
        yield Laid(still, (one.left, one.top), (one.side, one.side), start + one.start_frame, start + one.end_frame)


def _joined(parts: Iterable[Laid]) -> tuple[Laid, ...]:
    found: list[Laid] = []
    for part in parts:
        same = next((place for place, one in enumerate(found) if _continues(one, part)), None)
        if same is None:
            found.append(part)
        else:
            found[same] = replace(found[same], end=part.end)
    return tuple(found)


def _continues(one: Laid, part: Laid) -> bool:
    return one.end == part.start and replace(one, start=part.start, end=part.end) == part
