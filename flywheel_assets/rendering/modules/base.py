"""The one interface of render modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flywheel_assets.creative.types import Blueprint, Perception, SceneFeatures, ScreenText
from flywheel_assets.rendering import timeline
from flywheel_assets.rendering.ass import Event
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Box, Effect, Framing, Material
from flywheel_assets.rendering.style import Style
from flywheel_assets.rendering.survey.types import Survey
from flywheel_assets.rendering.timeline import Shot
from flywheel_assets.rendering.types import AudioPlan, Overlay

BAR_STRIP = 26.0  # design pixels: the bar, and air above it


@dataclass(frozen=True)
class PlanContext:
    """What a module may look at when it plans one variation.

    Attributes:
        shots: as the modules before this one have left them.
        framings: how each played scene fits the frame, by scene index; empty while shots are being shaped.
        card_frames: length of the end card; 0 without one.
        survey: of at least the played scenes; None where nobody looked.
    """

    blueprint: Blueprint
    perception: Perception
    style: Style
    canvas: Canvas
    shots: tuple[Shot, ...]
    card_frames: int
    framings: Mapping[int, Framing]
    overlays: tuple[Overlay, ...] = ()
    survey: Survey | None = None

    @property
    def hook_end(self) -> int:
        """Output frame at which the hook leaves."""
        return timeline.hook_end(self.shots, self.canvas)

    @property
    def card_start(self) -> int:
        """Output frame at which the end card begins."""
        return self.shots[-1].end

    @property
    def card_end(self) -> int:
        """Length of the output, in frames."""
        return self.card_start + self.card_frames

    @property
    def text_box(self) -> Box:
        """Where text may go: the safe box without the strip at its bottom that a progress bar needs."""
        left, top, right, bottom = self.canvas.safe
        return left, top, right, bottom - (self.canvas.px(BAR_STRIP) if self.style.progress_bar else 0)

    def features(self, scene_index: int) -> SceneFeatures | None:
        """What was measured of a scene; None when nothing was."""
        return next((found for found in self.perception.features if found.index == scene_index), None)

    def unsurveyed(self) -> str | None:
        """Why it is not known what the survey tells of the played scenes; None where it is."""
        if self.survey is None:
            return "the source was not surveyed"
        missing = sorted(s.scene.index for s in self.shots if self.survey.scene(s.scene.index) is None)
        return f"scenes {missing} were not surveyed" if missing else None

    def picture(self, scene_index: int) -> Box:
        """Where the whole picture of a played scene lies on the output as it begins; parts of it may lie outside."""
        return self.framings[scene_index].source_box(self.canvas.width, self.canvas.height)

    def source_text(self, scene_index: int) -> tuple[Box, ...]:
        """Where the scene's own text lies on the output, as far as it was read."""
        features = self.features(scene_index)
        texts: tuple[ScreenText, ...] = (features.texts if features else None) or ()
        return tuple(self.placed(text.box, scene_index) for text in texts)

    def placed(self, share: Box, scene_index: int) -> Box:
        """A box in shares of the source's picture as pixels of the output: around all its places, where that moves."""
        places = self.framings[scene_index].source_boxes(self.canvas.width, self.canvas.height)
        lefts, tops, rights, bottoms = zip(*(_inside(place, share) for place in places), strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)

    def placed_at(self, share: Box, shot: Shot, frame: int) -> Box:
        """Likewise where it lies in one frame of the output."""
        framing = self.framings[shot.scene.index]
        return _inside(framing.source_at(frame - shot.start, self.canvas.width, self.canvas.height), share)


def _inside(place: Box, share: Box) -> Box:
    left, top, right, bottom = place
    wide, high = right - left, bottom - top
    return left + share[0] * wide, top + share[1] * high, left + share[2] * wide, top + share[3] * high


class RenderModule:
    """A named step of the edit. A module overrides what it contributes; the rest contributes nothing. All of it is pure.

    Planning asks all modules in the order of their registry: `shape` first, then the effects, the text
    and the sound of what has been shaped. Drawing turns the values they gave into the program's words.

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

    # --- planning ---------------------------------------------------------------------------------

    def lacks(self, context: PlanContext) -> str | None:
        """What this module would need and does not have, in words; None when it can work."""
        del context
        return None

    def shape(self, context: PlanContext) -> tuple[Shot, ...]:
        """The shots, with other spans or mixes; `timeline.in_order` puts them one after the other again."""
        return context.shots

    def on_shot(self, shot: Shot, context: PlanContext) -> tuple[Effect, ...]:
        """Effects on the pictures of one shot, in frames of the shot. Depend on no other shot where that can be, so that variations share it."""
        del shot, context
        return ()

    def on_output(self, context: PlanContext) -> tuple[Effect, ...]:
        """Effects on the finished picture below the text, in frames of the output."""
        del context
        return ()

    def overlays(self, context: PlanContext) -> tuple[Overlay, ...]:
        """Text to show, in frames of the output."""
        del context
        return ()

    def sound(self, plan: AudioPlan, context: PlanContext) -> AudioPlan:
        """The plan of the sound with what this module adds."""
        del context
        return plan

    def notes(self, context: PlanContext) -> dict[str, str]:
        """What it decided and why, by what it decided about, for a person to read."""
        del context
        return {}

    # --- drawing ----------------------------------------------------------------------------------

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """One of the module's effects as filter text from one unnamed input to one unnamed output.

        Inner labels end in `tag`, which is unlike that of any other effect of the graph. `[image]` stands
        for the pad of the effect's `material` where that is a picture, which comes once (`overlay` repeats it with
        `eof_action=repeat`, and ends with its source); `[file]` for its name where it is not.
        """
        raise NotImplementedError(f"{self.name} has no effect {effect.kind}, canvas {canvas}, tag {tag}")

    def material(self, effect: Effect) -> Material | None:
        """The file that `filter` needs: a picture becomes an input, anything else lies in the working folder."""
        del effect
        return None

    def survey(self, effect: Effect, tag: str) -> str | None:
        """Filter text run over the clip once before it is encoded; what it writes into the working folder, `filter` may read.

        Names in the folder end in `tag`, which is the one that `filter` is given for the effect.
        """
        del effect, tag
        return None

    def draw(self, overlay: Overlay, canvas: Canvas) -> tuple[Event, ...]:
        """One of the module's overlays as libass events."""
        del overlay, canvas
        return ()
