"""What Meta's placements ask of a video file and where they put their own buttons over it: dated data, in one table.

Collected 2026-11-22. Where the sources differ the stricter number stands. Sizes are decimal: what is under
4,000,000,000 bytes is under 4 GiB as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flywheel_assets.core.errors import ConfigurationError, RenderFailed
from flywheel_assets.rendering.effects import Box

AS_OF = date(2026, 11, 22)
SOURCES = (
    "clarigital: Meta ad specifications",
    "xyzlab: Instagram and Facebook video sizes",
    "marketertools: Meta ads specifications 2026",
    "digitalspecsguide: Facebook and Instagram video",
    "Shotstack: safe-zone guide, quoting Meta",
)  # third-party pages that quote Meta; its own page is behind a login
MIN_SIDE = 120  # pixels
_MAX_BYTES = 4_000_000_000
_HALF_PIXEL = 0.5


@dataclass(frozen=True)
class Placement:
    """A slot an advert runs in; margins to keep clear are shares of the frame's height and width.

    Attributes:
        size: width and height in pixels that are asked for; the ratio counts.
        tolerance: of the ratio, as a share.
        seconds: shortest and longest film.
        advised_seconds: longest that is watched to its end; advice, nothing is refused for it.
    """

    name: str
    top: float = 0.0
    bottom: float = 0.0
    sides: float = 0.0
    size: tuple[int, int] = (1080, 1920)
    tolerance: float = 0.01
    seconds: tuple[float, float] = (1.0, 60.0)
    advised_seconds: float = 15.0
    max_bytes: int = _MAX_BYTES

    @property
    def ratio(self) -> float:
        """Width over height."""
        return self.size[0] / self.size[1]

    def takes(self, width: int, height: int) -> bool:
        """Whether a picture of that size has the placement's shape and is not too small."""
        return abs(width / height / self.ratio - 1) <= self.tolerance and min(width, height) >= MIN_SIDE

    def safe_box(self, width: int, height: int) -> Box:
        """The part of a `width` x `height` frame that stays uncovered, in pixels."""
        return width * self.sides, height * self.top, width * (1 - self.sides), height * (1 - self.bottom)


# Reels is the strictest of the vertical ones, so what is clear there is clear in Stories too. Its longest film is 15
# or 60 minutes, by source. Feed and in-stream put their buttons beside the picture.
REELS = Placement("reels", top=0.14, bottom=0.35, sides=0.06, seconds=(1.0, 15 * 60.0))
STORIES = Placement("stories", top=0.14, bottom=0.20)
FEED_4_5 = Placement("feed_4x5", size=(1080, 1350), tolerance=0.03, seconds=(1.0, 241 * 60.0))
FEED_1_1 = Placement("feed_1x1", size=(1080, 1080), tolerance=0.03, seconds=(1.0, 241 * 60.0))
IN_STREAM = Placement("in_stream", size=(1920, 1080), seconds=(5.0, 15.0))

# In this order a shape finds its placement: Reels before Stories.
BY_NAME: dict[str, Placement] = {found.name: found for found in (REELS, STORIES, FEED_4_5, FEED_1_1, IN_STREAM)}


def placement(name: str) -> Placement:
    """The placement of that name.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        return BY_NAME[name]
    except KeyError:
        raise ConfigurationError(f"placement {name!r} is not in the table; known are {', '.join(BY_NAME)}") from None


def for_size(width: int, height: int) -> Placement:
    """The strictest placement that takes a picture of this size.

    Raises:
        RenderFailed: none does.
    """
    for found in BY_NAME.values():
        if found.takes(width, height):
            return found
    known = ", ".join(f"{found.name} {found.size[0]}x{found.size[1]}" for found in BY_NAME.values())
    raise RenderFailed(f"{width}x{height}: no_placement: no placement of Meta takes this shape; render one of {known}")


def inside(box: Box, outer: Box) -> bool:
    """Whether `box` lies within `outer`, to half a pixel; touching is inside."""
    near = outer[0] - _HALF_PIXEL, outer[1] - _HALF_PIXEL
    far = outer[2] + _HALF_PIXEL, outer[3] + _HALF_PIXEL
    return box[0] >= near[0] and box[1] >= near[1] and box[2] <= far[0] and box[3] <= far[1]
