"""Where platforms put their own buttons over an advert, as dated data.

Collected 2026-11-22 from third-party guides that quote Meta (clarigital, xyzlab, marketertools,
digitalspecsguide, Shotstack's safe-zone guide). Reels is the strictest of Meta's vertical placements,
so what is clear there is clear in Stories too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flywheel_assets.rendering.effects import Box

AS_OF = date(2026, 11, 22)
_HALF_PIXEL = 0.5


@dataclass(frozen=True)
class Placement:
    """A slot an advert runs in; margins to keep clear are shares of the frame's height and width."""

    name: str
    top: float
    bottom: float
    sides: float

    def safe_box(self, width: int, height: int) -> Box:
        """The part of a `width` x `height` frame that stays uncovered, in pixels."""
        return width * self.sides, height * self.top, width * (1 - self.sides), height * (1 - self.bottom)


REELS = Placement("reels", top=0.14, bottom=0.35, sides=0.06)
STORIES = Placement("stories", top=0.14, bottom=0.20, sides=0.0)
BY_NAME = {one.name: one for one in (REELS, STORIES)}


def inside(box: Box, outer: Box) -> bool:
    """Whether `box` lies within `outer`, to half a pixel; touching is inside."""
    near = outer[0] - _HALF_PIXEL, outer[1] - _HALF_PIXEL
    far = outer[2] + _HALF_PIXEL, outer[3] + _HALF_PIXEL
    return box[0] >= near[0] and box[1] >= near[1] and box[2] <= far[0] and box[3] <= far[1]
