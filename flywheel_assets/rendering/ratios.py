"""What a request asks of an output: its shape, and what is left out of it."""

from __future__ import annotations

from dataclasses import replace

from flywheel_assets.creative.options import Options, Ratio
from flywheel_assets.rendering.modules.auto_captions import AutoCaptions
from flywheel_assets.rendering.placements import for_size
from flywheel_assets.rendering.style import Kit
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
    placement = settings.placement if ratio == "9:16" else for_size(wide, high).name
    return settings.model_copy(update={"width": wide, "height": high, "placement": placement})


def styled(kit: Kit, options: Options) -> Kit:
    """The kit without what is not asked for."""
    if options.captions == "karaoke":
        return kit
    without = kit.style.without | {AutoCaptions.name}
    return replace(kit, style=kit.style.model_copy(update={"without": without}))


def _even(pixels: float) -> int:
    """Colour is stored for two by two pixels."""
    return 2 * round(pixels / 2)
