"""Edit plans as one small picture: a line a variation, with its scenes, what is done to them, and its text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from flywheel_assets.rendering.effects import PunchIn
from flywheel_assets.rendering.fonts import FILES, FOLDER
from flywheel_assets.rendering.plan_told import shows
from flywheel_assets.rendering.types import EditPlan, Segment

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

_WIDTH, _LEFT, _RIGHT, _TOP = 1_240, 64, 24, 60
_SCENES, _TEXT, _GAP = (
    40,
    9,
    34,
)  # heights of a bar of scenes and of the two of text below it, and what is between lines
_INK, _SOFT, _PAPER, _CARD = (16, 19, 26), (120, 126, 138), (255, 255, 255), (38, 42, 54)
_HOOK, _CAPTION, _CTA, _NEAR = (196, 63, 63), (226, 178, 10), (11, 110, 79), (16, 19, 26)
_HUES = (
    (122, 162, 214), (230, 161, 121), (141, 190, 152), (196, 150, 200), (222, 200, 120), (130, 190, 196),
    (214, 140, 150), (170, 170, 220), (180, 196, 130), (190, 160, 140),
)  # fmt: skip
_ROLES = {"hook": _HOOK, "caption": _CAPTION, "cta": _CTA}
_STEPS = (1, 2, 5, 10, 30, 60)  # seconds between marks
_MOST_MARKS = 20


def plan_picture(plans: Sequence[tuple[str, EditPlan]]) -> bytes:
    """The plans, each under its name, as a PNG; all on one scale of seconds."""
    from PIL import Image, ImageDraw

    line = _SCENES + 2 * _TEXT + _GAP
    image = Image.new("RGB", (_WIDTH, _TOP + line * max(len(plans), 1)), _PAPER)
    paper = _Paper(ImageDraw.Draw(image), max((plan.frames / plan.fps for _, plan in plans), default=1.0))
    paper.ruler(image.height)
    for number, (name, plan) in enumerate(plans):
        paper.line(name, plan, _TOP + number * line)
    out = BytesIO()
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


class _Paper:
    """Draws at seconds instead of pixels."""

    def __init__(self, draw: ImageDraw, seconds: float) -> None:
        self._draw, self._seconds = draw, seconds

    def x(self, second: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * second / self._seconds

    def ruler(self, height: int) -> None:
        step = next((one for one in _STEPS if self._seconds / one <= _MOST_MARKS), _STEPS[-1])
        for second in range(0, int(self._seconds) + 1, step):
            self._draw.line((self.x(second), _TOP - 12, self.x(second), height), fill=(228, 230, 235))
            self._draw.text((self.x(second), _TOP - 16), f"{second} s", fill=_SOFT, font=_font(12), anchor="ms")
        at = float(_LEFT)
        for name, colour in (
            ("hook", _HOOK),
            ("captions", _CAPTION),
            ("call to action", _CTA),
            ("seen from near", _NEAR),
        ):
            self._draw.rectangle((at, 9, at + 10, 19), fill=colour)
            self._draw.text((at + 16, 14), name, fill=_SOFT, font=_font(12), anchor="lm")
            at += 40 + _font(12).getlength(name)

    def line(self, name: str, plan: EditPlan, top: int) -> None:
        self._draw.text((12, top + _SCENES / 2), name, fill=_INK, font=_font(15), anchor="lm")
        start = 0
        for segment in plan.segments:
            self._segment(segment, start, plan.fps, top)
            start += segment.frames
        for overlay in plan.overlays:
            if overlay.role in _ROLES:
                left, right = self.x(overlay.start_frame / plan.fps), self.x(overlay.end_frame / plan.fps)
                below = top + _SCENES + 2 + (_TEXT if overlay.role == "caption" else 0)
                self._draw.rectangle((left, below, max(right - 2, left), below + _TEXT - 3), fill=_ROLES[overlay.role])
        hook = next((overlay.text for overlay in plan.overlays if overlay.role == "hook"), "")
        self._draw.text((_LEFT, top + _SCENES + 2 * _TEXT + 3), hook, fill=_SOFT, font=_font(12))

    def _segment(self, segment: Segment, start: int, fps: int, top: int) -> None:
        left, right = self.x(start / fps), self.x((start + segment.frames) / fps)
        share = (right - left) / len(segment.clips)
        for place, clip in enumerate(segment.clips):
            card = segment.kind == "end_card"
            colour = _CARD if card else _HUES[clip.scene_index % len(_HUES)]
            self._draw.rectangle(
                (left + place * share, top, left + (place + 1) * share - 1, top + _SCENES), fill=colour
            )
            for effect in clip.effects:
                if isinstance(effect, PunchIn):
                    edges = [self.x((start + frame) / fps) for frame in (effect.start_frame, effect.end_frame)]
                    self._draw.rectangle((edges[0], top, edges[1] - 2, top + 5), fill=_NEAR)
        words = shows(segment)
        words = words if _font(13).getlength(words) < right - left - 8 else words.removeprefix("scene ")
        if _font(13).getlength(words) < right - left - 4:
            ink = _PAPER if segment.kind == "end_card" else _INK
            middle = ((left + right) / 2, top + _SCENES / 2 + 2)
            self._draw.text(middle, words, fill=ink, font=_font(13), anchor="mm")


@lru_cache(maxsize=4)
def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(str(FOLDER / FILES["Inter Bold"]), size)
