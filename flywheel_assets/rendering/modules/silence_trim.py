"""Silence between words taken out, so that the talk keeps its pace."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.speech import Said, Speech, unknown_speech
from flywheel_assets.rendering.timeline import Shot, Span

_Time = tuple[float, float]  # source seconds from, to
_EXACT = 1e-6  # of a picture; times that are whole pictures come with rounding


@dataclass(frozen=True)
class Defaults:
    """Seconds."""

    pause: float = 0.45  # a longer one is cut; a shorter one is how people speak
    before: float = 0.10  # kept before the earliest moment at which a word may begin
    after: float = 0.15  # kept after the latest at which one may end
    least_cut: float = 0.10  # a smaller jump is seen and saves nothing
    least_span: float = 0.30  # a shorter picture is a flash
    least_shot: float = 1.0  # a scene is shown so long, however little is said in it


class SilenceTrim(RenderModule):
    """Jump cuts over the pauses of scenes that speak; scenes without words are left alone."""

    name = "silence_trim"
    version = "1"
    promise = "Pauses above 0.45 s shrink to a breath, every word stays whole, and lips stay with their sound."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why it is not known where somebody speaks."""
        return unknown_speech(context.perception, [shot.scene.index for shot in context.shots])

    def shape(self, context: PlanContext) -> tuple[Shot, ...]:
        """The shots without their pauses. A shot depends on its scene alone, so that variations share it."""
        speech = Speech.of(context.perception)
        return tuple(self._trimmed(shot, speech, context) for shot in context.shots)

    def _trimmed(self, shot: Shot, speech: Speech, context: PlanContext) -> Shot:
        found = [part for span in shot.spans for part in self._parts(span, shot, speech, context)]
        return replace(shot, spans=tuple(found))

    def _parts(self, span: Span, shot: Shot, speech: Speech, context: PlanContext) -> list[Span]:
        words = speech.between(span.start, span.end)
        own = any(span.start <= (word.start + word.end) / 2 < span.end for word in words)
        if not own or shot.scene in speech.unclear:
            return [span]
        cuts = self._cuts(words, span, context.perception.fps)
        kept = _without(cuts, span)
        while cuts and min(end - start for start, end in kept) < self.defaults.least_span:
            short = min(range(len(kept)), key=lambda place: kept[place][1] - kept[place][0])
            beside = [cut for cut in cuts if kept[short][0] == cut[1] or kept[short][1] == cut[0]]
            cuts.remove(min(beside, key=_length))
            kept = _without(cuts, span)
        if not cuts:
            return [span]
        return [Span(start, end, context.canvas.frames(end - start)) for start, end in kept]

    def _cuts(self, words: Sequence[Said], span: Span, fps: float) -> list[_Time]:
        """What is taken out, on whole pictures of the source, so that none is shown in part."""
        use = self.defaults
        ends = [word.end for word in words]
        lasts = [word.last + use.after for word in words]
        # Words may overlap: a pause begins when all before it have ended.
        done = [(max(ends[: place + 1]), max(lasts[: place + 1])) for place in range(len(words))]
        quiet_from = [(span.start, span.start), *done]
        quiet_to = [*((word.start, word.first - use.before) for word in words), (span.end, span.end)]
        cuts: list[_Time] = []
        for (heard, start), (said, end) in zip(quiet_from, quiet_to, strict=True):
            low = start if start == span.start else math.ceil(start * fps - _EXACT) / fps
            high = end if end == span.end else math.floor(end * fps + _EXACT) / fps
            if said - heard > use.pause and high - low >= use.least_cut:
                cuts.append((low, high))
        return _given_back(cuts, span, fps, use)


def _length(time: _Time) -> float:
    return time[1] - time[0]


def _without(cuts: Sequence[_Time], span: Span) -> list[_Time]:
    """What stays of a span; an edge that is cut off leaves nothing before or after it."""
    edges = [span.start, *(edge for cut in cuts for edge in cut), span.end]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def _given_back(cuts: list[_Time], span: Span, fps: float, use: Defaults) -> list[_Time]:
    """The cuts, so much shorter from the last one on that what stays is long enough to be seen."""
    missing = use.least_shot - (span.end - span.start) + sum(map(_length, cuts))
    found: list[_Time] = []
    for start, end in reversed(cuts):
        back = min(math.ceil(max(missing, 0.0) * fps - _EXACT) / fps, end - start)
        missing -= back
        shorter = (start, end - back) if start == span.start else (start + back, end)
        if _length(shorter) >= use.least_cut:
            found.append(shorter)
    return found[::-1]
