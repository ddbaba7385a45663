"""A long shot is broken up: now and then the camera seems to stand nearer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from flywheel_assets.creative.types import ScreenText, UnreadText
from flywheel_assets.rendering.canvas import Canvas, overlap
from flywheel_assets.rendering.effects import Box, Effect, PunchIn
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.timeline import Shot

_TWO = 2


@dataclass(frozen=True)
class Defaults:
    """When the picture jumps, and how far."""

    scale: float = 1.12
    least_scale: float = 1.06  # a smaller jump looks like a mistake
    long_seconds: float = 4.0  # without a cut; what is shorter needs no interrupt
    step_seconds: tuple[float, float] = (2.5, 3.5)  # from one jump to the next
    shortest_seconds: float = 1.0  # of a picture before it jumps again, or mixes with the next shot
    most: int = 3
    of_seconds: float = 15.0
    rim: float = 0.03  # share of the picture that its own text keeps from the edge, for the panel it may stand on


class PatternInterrupt(RenderModule):
    """Jumps in and out by turns, at times that follow from the shot alone, so that variations share it."""

    name = "pattern_interrupt"
    version = "1"
    promise = "A shot of over 4 s jumps nearer every 2.5 to 3.5 s, at most 3 times in 15 s, and no text is cut off."
    defaults = Defaults()

    def on_shot(self, shot: Shot, context: PlanContext) -> tuple[Effect, ...]:
        """The jumps of one shot, less those that are one too many in the seconds around them."""
        kept = self._kept(context)
        return tuple(jump for jump in self._jumps(shot, context) if shot.start + jump.start_frame in kept)

    def filter(self, effect: Effect, canvas: Canvas, tag: str) -> str:
        """A crop that is told when to change its size, and a scaler that passes whole pictures on as they are."""
        if not isinstance(effect, PunchIn):
            return super().filter(effect, canvas, tag)
        left, top, right, bottom = (round(edge) for edge in effect.box)
        wide, high = right - left, bottom - top
        near = _even(wide / effect.scale), _even(high / effect.scale)
        moves = [(effect.start_frame, near), (effect.end_frame, (wide, high))]
        told = ";".join(
            f"{max(frame - 0.5, 0) / canvas.fps:.4f} crop@near{tag} w {size[0]},[enter] crop@near{tag} h {size[1]}"
            for frame, size in moves
        )
        jump = f"sendcmd=c='{told}',crop@near{tag}={wide}:{high},scale={wide}:{high}:flags=bicubic,setsar=1"
        if (wide, high) == (canvas.width, canvas.height):
            return jump
        shown = f"between(n,{effect.start_frame},{effect.end_frame - 1})"
        return (
            f"split[far{tag}][part{tag}];[part{tag}]crop={wide}:{high}:{left}:{top},{jump}[near{tag}];"
            f"[far{tag}][near{tag}]overlay={left}:{top}:enable='{shown}'"
        )

    def _kept(self, context: PlanContext) -> frozenset[int]:
        """Output frames of the jumps that stay, earlier ones first."""
        kept: list[int] = []
        span = context.canvas.frames(self.defaults.of_seconds)
        starts = (shot.start + jump.start_frame for shot in context.shots for jump in self._jumps(shot, context))
        for start in starts:
            if sum(start - other < span for other in kept) < self.defaults.most:
                kept.append(start)
        return frozenset(kept)

    def _jumps(self, shot: Shot, context: PlanContext) -> list[PunchIn]:
        """Those of a shot, each as near as its text allows."""
        edges = [0, *(joint - shot.start for joint in shot.joints), shot.frames - shot.blend]
        last = len(edges) - _TWO
        found: list[PunchIn] = []
        for place, (first, end) in enumerate(pairwise(edges)):
            mixes = bool(shot.blend) and place == last
            for span in self._stretch(first, end, mixes=mixes, canvas=context.canvas):
                scale = self._scale(shot, span, context)
                if scale >= self.defaults.least_scale:
                    box = _picture(shot, context)
                    found.append(PunchIn(start_frame=span[0], end_frame=span[1], box=box, scale=scale))
        return found

    def _stretch(self, start: int, end: int, *, mixes: bool, canvas: Canvas) -> list[tuple[int, int]]:
        """Every other part of a stretch without a cut; before a mix it comes back."""
        use = self.defaults
        low, high, least = (canvas.frames(seconds) for seconds in (*use.step_seconds, use.shortest_seconds))
        if end - start <= canvas.frames(use.long_seconds):
            return []
        if mixes:
            end -= least
        parts = math.ceil((end - start) / high)
        step = min(max(math.ceil((end - start) / parts), low), high)
        jumps = [*range(start + step, end - least + 1, step), end]
        return [(a, b) for a, b in zip(jumps[::2], jumps[1::2], strict=False) if b - a >= least]

    def _scale(self, shot: Shot, span: tuple[int, int], context: PlanContext) -> float:
        """How near it can be with all text that is seen in those frames of the shot still clear of the edge."""
        features, canvas = context.features(shot.scene.index), context.canvas
        read, unread = (features.texts or (), features.unread or ()) if features else ((), ())
        texts: tuple[ScreenText | UnreadText, ...] = (*read, *unread)
        first, end = shot.start + span[0], shot.start + span[1]
        shown = [
            one.box for one in texts if shot.frame(one.start, canvas) < end and shot.frame(one.end, canvas) > first
        ]
        window = _picture(shot, context)
        placed = [context.placed(box, shot.scene.index) for box in shown]
        free = 1 - 2 * self.defaults.rim
        scales = [_room(box, window, free) for box in placed if overlap(box, window)]
        return math.floor(100 * min([self.defaults.scale, *scales]) + 1e-9) / 100


def _picture(shot: Shot, context: PlanContext) -> Box:
    """What is seen of a scene's picture, in whole even pixels."""
    left, top, right, bottom = context.picture(shot.scene.index)
    canvas = context.canvas
    return (
        float(_even(max(left, 0))), float(_even(max(top, 0))),
        float(_even(min(right, canvas.width))), float(_even(min(bottom, canvas.height))),
    )  # fmt: skip


def _room(text: Box, window: Box, free: float) -> float:
    """How often a text can grow around the middle of a window and still lie in the free share of it."""
    across = max(abs(edge - (window[0] + window[2]) / 2) for edge in (text[0], text[2]))
    along = max(abs(edge - (window[1] + window[3]) / 2) for edge in (text[1], text[3]))
    return free * min((window[2] - window[0]) / 2 / across, (window[3] - window[1]) / 2 / along)


def _even(length: float) -> int:
    return 2 * round(length / 2)
