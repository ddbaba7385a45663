"""The one interface of render modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from flywheel_assets.creative.types import Blueprint, Perception, SceneFeatures, ScreenText
from flywheel_assets.rendering.ass import Event
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.timeline import Shot
from flywheel_assets.rendering.types import Box, Overlay, Picture, Segment


@dataclass(frozen=True)
class PlanContext:
    """What a module may look at when it plans one variation; the end card starts at `card_start`."""

    blueprint: Blueprint
    perception: Perception
    canvas: Canvas
    picture: Picture
    shots: tuple[Shot, ...]
    hook_end: int
    card_start: int
    card_end: int

    def features(self, scene_index: int) -> SceneFeatures | None:
        """What was measured of a scene; None when nothing was."""
        return next((found for found in self.perception.features if found.index == scene_index), None)

    def source_text(self, scene_index: int) -> tuple[Box, ...]:
        """Where the scene's own text lies on the output, as far as it was read."""
        features = self.features(scene_index)
        texts: tuple[ScreenText, ...] = (features.texts if features else None) or ()
        left, top, right, bottom = self.picture.box
        wide, high = right - left, bottom - top
        return tuple(
            (left + t.box[0] * wide, top + t.box[1] * high, left + t.box[2] * wide, top + t.box[3] * high)
            for t in texts
        )


class RenderModule:
    """A named step of the edit. A module overrides what it contributes; the rest contributes nothing.

    Attributes:
        name: registry name.
        version: raised whenever the output of the module changes; part of every cache key.
        promise: what can be checked on the finished file.
        defaults: the numbers it works with, a frozen dataclass; lengths in pixels of a 1080-wide frame.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    promise: ClassVar[str]
    defaults: ClassVar[Any]

    def overlays(self, context: PlanContext) -> tuple[Overlay, ...]:
        """Text to show, in frames of the output. Pure."""
        del context
        return ()

    def draw(self, overlay: Overlay, canvas: Canvas) -> tuple[Event, ...]:
        """One of the module's overlays as libass events. Pure."""
        del overlay, canvas
        return ()

    def picture_filter(self, segment: Segment, canvas: Canvas) -> str | None:
        """Filter text that turns the source pictures `[in]` into the output picture `[base]`; None if not its job."""
        del segment, canvas
        return None

    def sound_filter(self) -> str | None:
        """Filter text applied once to the whole source sound; None if not its job."""
        return None
