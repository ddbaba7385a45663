"""A little more contrast and colour, and a look where one is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flywheel_assets.creative.types import SceneFeatures
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Effect, Grade, Material
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.timeline import Shot

_CHROMA = 112  # from no colour to the strongest, in the codes of a video


@dataclass(frozen=True)
class Defaults:
    """Factors around 1. A ramp gives a measure at which all of a correction is made, and one at which none is."""

    contrast: float = 1.06
    contrast_ramp: tuple[float, float] = (0.25, 0.40)  # of how far the mean brightness is from the middle
    saturation: float = 1.12
    saturation_ramp: tuple[float, float] = (0.45, 0.75)  # of the mean saturation
    lift: float = 0.03
    lift_ramp: tuple[float, float] = (0.15, 0.35)  # of the mean brightness: only dark pictures are lifted


class ColorGrading(RenderModule):
    """Works on the pixels of the source, before they are enlarged: there are fewer of them.

    The curves leave black, white and full colours where they are, so that no light or shadow clips that did not
    before; the plain factors of ffmpeg's `eq` clip up to three per cent more. A scene that is very bright, dark or
    colourful already gets less.
    """

    name = "color_grading"
    version = "1"
    promise = "Scenes gain a little contrast and colour, no light or shadow clips, and the end card stays as it is."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why the scenes cannot be judged."""
        if context.style.look:
            return None
        played = [shot.scene.index for shot in context.shots]
        unknown = [index for index in played if context.features(index) is None]
        return f"brightness and saturation of scenes {unknown} were not measured" if unknown else None

    def on_shot(self, shot: Shot, context: PlanContext) -> tuple[Effect, ...]:
        """One grade a scene, the same in every variation; none where it would change nothing."""
        grade = self._grade(context.features(shot.scene.index), context.style.look)
        return (grade,) if grade.look or (grade.brightness, grade.contrast, grade.saturation) != (0, 1, 1) else ()

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """One table a plane, the look last."""
        if not isinstance(effect, Grade):
            return super().filter(effect, canvas, tag)
        steps = ["scale=out_range=tv", "format=yuv420p", _curves(effect)]
        if effect.look:
            steps += ["format=gbrp16le", "lut3d=file=[file]:interp=tetrahedral", "format=yuv420p"]
        return ",".join(steps)

    def material(self, effect: Effect) -> Material | None:
        """The look."""
        return effect.look if isinstance(effect, Grade) else None

    def _grade(self, seen: SceneFeatures | None, look: Material | None) -> Grade:
        if seen is None:
            return Grade(brightness=0, contrast=1, saturation=1, look=look)
        use = self.defaults
        contrast = (use.contrast - 1) * _share(abs(seen.brightness - 0.5), use.contrast_ramp)
        saturation = (use.saturation - 1) * _share(seen.saturation, use.saturation_ramp)
        lift = use.lift * _share(seen.brightness, use.lift_ramp)
        return Grade(
            brightness=round(lift, 3), contrast=round(1 + contrast, 3), saturation=round(1 + saturation, 3), look=look
        )


def _share(measure: float, ramp: tuple[float, float]) -> float:
    """1 up to where the ramp begins, 0 from where it ends."""
    full, none = ramp
    return min(max((none - measure) / (none - full), 0.0), 1.0)


def _curves(grade: Grade) -> str:
    """Luma: a wave around the straight line, at rest in black, in the middle and in white. Chroma: less the farther out."""
    tone = "clip((val-16)/219,0,1)"
    wave = (grade.contrast - 1) * 219 / math.tau
    luma = f"val+0.5-{wave:.4f}*sin(2*PI*{tone})+{4 * 219 * grade.brightness:.4f}*{tone}*(1-{tone})"
    chroma = f"128.5+(val-128)*(1+{grade.saturation - 1:.3f}*(1-abs(val-128)/{_CHROMA}))"
    return f"lutyuv=y='{luma}':u='{chroma}':v='{chroma}'"
