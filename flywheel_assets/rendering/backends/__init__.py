"""What can encode a segment: ffmpeg's own filters by default, MoviePy by name. Both make the same plan with one encoder."""

from __future__ import annotations

from flywheel_assets.rendering.backends.base import Recipe
from flywheel_assets.rendering.backends.with_ffmpeg import ffmpeg_recipe
from flywheel_assets.rendering.backends.with_moviepy import moviepy_recipe
from flywheel_assets.rendering.typefaces import Typefaces
from flywheel_assets.rendering.types import EditPlan, Segment
from flywheel_assets.settings import Rendering

__all__ = ["Recipe", "recipe"]


def recipe(segment: Segment, plan: EditPlan, settings: Rendering) -> Recipe:
    """How the backend of the settings encodes a segment."""
    if settings.backend == "moviepy":
        return moviepy_recipe(segment, plan)
    return ffmpeg_recipe(segment, plan, Typefaces.of(settings.font_folders))
