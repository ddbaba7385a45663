"""The shake of a hand taken out of the source, in scenes that have it."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Effect, Steady
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.timeline import Shot

_EXACT = 1e-6  # of a frame; whole numbers of frames come with rounding


@dataclass(frozen=True)
class Defaults:
    """When to steady, and how much."""

    # px of a picture 1080 wide, as `SceneSurvey.shake`. A tripod, a slow pan and a slow zoom measure below 0.1; two
    # pixels in a fifteenth of a second are seen. Below it, sharpness and 3 % of the picture are worth more.
    shake: float = 2.0
    smoothing: int = 12  # pictures on either side: 0.8 s at 30 a second, longer than a hand takes to shake
    zoom: float = 3.0  # per cent; hides borders of 16 px on either side of a picture 1080 wide
    shakiness: int = 8  # of 10: how far the search for each small field goes
    accuracy: int = 15  # of 15: how many of the fields are looked at


class Stabilize(RenderModule):
    """Two passes of vidstab over each clip of a shaken scene; a calm scene is left byte for byte as it is."""

    name = "stabilize"
    version = "1"
    promise = "Shake over the limit is at least halved; a scene without it is not touched."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why it is not known how much the played scenes shake."""
        return context.unsurveyed()

    def on_shot(self, shot: Shot, context: PlanContext) -> tuple[Effect, ...]:
        """Steadied where its scene shakes."""
        shake = self._shake(shot, context)
        if shake is None or shake <= self.defaults.shake:
            return ()
        use = self.defaults
        return (Steady(smoothing=use.smoothing, zoom=use.zoom, edges=_edges(shot, context.canvas)),)

    def notes(self, context: PlanContext) -> dict[str, str]:
        """How much each scene shakes."""
        return {f"scene {shot.scene.index}": self._note(self._shake(shot, context)) for shot in context.shots}

    def survey(self, effect: Effect, tag: str) -> str | None:
        """Notes how the camera moves from picture to picture."""
        del effect
        use = self.defaults
        return f"vidstabdetect=shakiness={use.shakiness}:accuracy={use.accuracy}:result={_file(tag)}"

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """Moves each picture to where a calm camera would have shown it, then drops what was only looked at."""
        if not isinstance(effect, Steady):
            return super().filter(effect, canvas, tag)
        # `gauss` looks at the pictures around and no others; the default shifts each part of a shot by another amount.
        smooth = f"smoothing={effect.smoothing}:optalgo=gauss"
        steady = f"vidstabtransform=input={_file(tag)}:{smooth}:zoom={effect.zoom}:optzoom=0"
        return f"{steady},trim=start_frame={effect.lead},setpts=PTS-STARTPTS" if effect.lead else steady

    def _shake(self, shot: Shot, context: PlanContext) -> float | None:
        found = context.survey.scene(shot.scene.index) if context.survey else None
        return found.shake if found else None

    def _note(self, shake: float | None) -> str:
        if shake is None:
            return "shake could not be measured: the picture holds nothing to measure it by"
        done = "steadied" if shake > self.defaults.shake else "left as it is"
        return f"shake {shake:.1f} px, limit {self.defaults.shake:.1f}: {done}"


def _edges(shot: Shot, canvas: Canvas) -> tuple[int, ...]:
    """Frames of the shot where its pictures jump, the outer ones as far away as there are pictures of its own.

    So a part that variations share is steadied alike, whether the shot's ends mix with others or not.
    """
    first, last = shot.bounds
    before = int((shot.spans[0].start - first) * canvas.fps + _EXACT)
    after = int((last - shot.spans[-1].end) * canvas.fps + _EXACT)
    inner = (joint - shot.start for joint in shot.joints)
    return -before, *inner, shot.frames + after


def _file(tag: str) -> str:
    """In the working folder, one for each clip of the graph."""
    return f"shake{tag}.trf"
