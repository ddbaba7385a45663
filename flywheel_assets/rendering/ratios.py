"""The shapes of an output."""

from __future__ import annotations

from flywheel_assets.creative.options import Ratio
from flywheel_assets.settings import Rendering


def framed(settings: Rendering, ratio: Ratio) -> Rendering:
    """The settings for that shape; the upright one is the settings' own, the others are as wide, or lie down."""
    width, height = settings.width, settings.height
    sizes: dict[Ratio, tuple[int, int]] = {
        "9:16": (width, height),
        "4:5": (width, _even(width * 5 / 4)),
        "1:1": (width, width),
        "16:9": (height, width),
    }
    wide, high = sizes[ratio]
    return settings.model_copy(update={"width": wide, "height": high})


def _even(pixels: float) -> int:
    """Colour is stored for two by two pixels."""
    return 2 * round(pixels / 2)
