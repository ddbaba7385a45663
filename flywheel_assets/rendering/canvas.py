"""The output frame: its size, its safe box and the conversion of design pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.placements import BY_NAME, Placement
from flywheel_assets.rendering.placements import placement as placement_named
from flywheel_assets.rendering.typefaces import Typefaces
from flywheel_assets.settings import Rendering

_DESIGN_WIDTH = 1080


@dataclass(frozen=True)
class Canvas:
    """An output frame in pixels, how many of them there are in a second, and the fonts for what is written on it."""

    width: int
    height: int
    fps: int
    placement: Placement = BY_NAME["reels"]
    typefaces: Typefaces = field(default_factory=Typefaces)

    @classmethod
    def of(cls, settings: Rendering) -> Canvas:
        """The frame the settings ask for.

        Raises:
            RenderFailed: a font in a folder they name is not usable.
        """
        typefaces = Typefaces.of(settings.font_folders)
        return cls(settings.width, settings.height, settings.fps, placement_named(settings.placement), typefaces)

    @property
    def safe(self) -> Box:
        """The box in which text stays clear of the platform's own buttons."""
        return self.placement.safe_box(self.width, self.height)

    def px(self, design: float) -> float:
        """Pixels for a length given in pixels of a frame 1080 wide, the size the modules are designed at."""
        return design * self.width / _DESIGN_WIDTH

    def frames(self, seconds: float) -> int:
        """Nearest number of whole frames, halves up, as ffmpeg's `fps` filter rounds."""
        return int(seconds * self.fps + 0.5)


def overlap(one: Box, other: Box) -> float:
    """Area two boxes share, square pixels."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def clearest(candidates: tuple[Box, ...], obstacles: tuple[Box, ...]) -> Box:
    """The first of the candidates that hides least of the obstacles."""
    return min(candidates, key=lambda box: sum(overlap(box, obstacle) for obstacle in obstacles))


def centred(x: float, y: float, width: float, height: float) -> Box:
    """The box of a size around a point."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
