"""Now and then a soft transition instead of a cut, where nobody speaks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from flywheel_assets.core.ids import digest
from flywheel_assets.creative.types import Scene
from flywheel_assets.rendering import timeline
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.speech import Speech, unknown_speech
from flywheel_assets.rendering.timeline import Shot, Span
from flywheel_assets.rendering.types import Mix, MixKind

_EXACT = 1e-6  # of a frame; whole numbers of frames come with rounding


@dataclass(frozen=True)
class Defaults:
    """Which pairs of scenes mix, how long and how."""

    share: float = 0.3  # of all pairs; cuts are what keeps an advert moving
    seconds: float = 1 / 3
    least_spans: int = 3  # a shot shows at least so many windows of one span beside the mix
    moving: float = 0.04  # mean change of luma in a tenth of a second; the sample's one pan has 0.06, its stills 0.02
    still: tuple[MixKind, ...] = ("fade",)
    lively: tuple[MixKind, ...] = ("slideleft", "smoothleft", "hblur")


@dataclass(frozen=True)
class _Edges:
    """A shot, and what its begin and its end have to spare for mixes of so many frames."""

    shot: Shot
    speech: Speech
    window: int
    canvas: Canvas

    @property
    def first(self) -> Span | None:
        """Its first span with enough of the silence before its first word; None where it cannot be mixed into."""
        span = self.shot.spans[0]
        firsts = [word.first for word in self.speech.between(span.start, span.end)]
        missing = span.start - min(firsts) + self._seconds if firsts else 0.0
        start = max(span.start - _whole(missing, self.canvas), self.shot.bounds[0])
        return self._if_spare(Span(start, span.end, self.canvas.frames(span.end - start)), start, start + self._seconds)

    @property
    def last(self) -> Span | None:
        """Its last span with enough of the silence after its last word; None where it cannot give way."""
        span = self.shot.spans[-1]
        lasts = [word.last for word in self.speech.between(span.start, span.end)]
        missing = max(lasts) + self._seconds - span.end if lasts else 0.0
        end = min(span.end + _whole(missing, self.canvas), self.shot.bounds[1])
        return self._if_spare(Span(span.start, end, self.canvas.frames(end - span.start)), end - self._seconds, end)

    @property
    def seams(self) -> tuple[int, ...]:
        """Where its part that never mixes begins and ends, so that all variations share that."""
        first, last = self.first, self.last
        times = [first.start + self._seconds] if first else []
        times += [last.end - self._seconds] if last else []
        return tuple(self.shot.frame(time, self.canvas) - self.shot.start for time in times)

    @property
    def _seconds(self) -> float:
        return self.window / self.canvas.fps

    def _if_spare(self, span: Span, start: float, end: float) -> Span | None:
        spare = span.frames >= SceneTransitions.defaults.least_spans * self.window and self.speech.quiet(start, end)
        return span if spare else None


class SceneTransitions(RenderModule):
    """Fades between still scenes, slides and whips between moving ones; which pairs mix depends on the pair alone."""

    name = "scene_transitions"
    version = "1"
    promise = "Three cuts in four stay hard; where two scenes mix, nobody speaks and no frame is lost or doubled."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why it is not known where nobody speaks. In a source without sound nobody does."""
        if not context.perception.has_audio:
            return None
        return unknown_speech(context.perception, [shot.scene.index for shot in context.shots])

    def shape(self, context: PlanContext) -> tuple[Shot, ...]:
        """The shots with mixes after the hook has gone."""
        shots, speech, window = context.shots, Speech.of(context.perception), self.window(context.canvas)
        for place, (one, other) in enumerate(pairwise(context.shots)):
            kind = self._kind(one.scene, other.scene, context)
            last = _Edges(shots[place], speech, window, context.canvas).last
            first = _Edges(other, speech, window, context.canvas).first
            if kind is None or last is None or first is None:
                continue
            before = replace(shots[place], spans=(*shots[place].spans[:-1], last), blend=window, mix=Mix(kind=kind))
            after = replace(other, spans=(first, *other.spans[1:]))
            tried = timeline.in_order((*shots[:place], before, after, *shots[place + 2 :]))
            if not timeline.mixes_under_hook(tried, context.canvas):
                shots = tried
        return tuple(replace(shot, seams=_Edges(shot, speech, window, context.canvas).seams) for shot in shots)

    def window(self, canvas: Canvas) -> int:
        """Frames of a mix; an even number, so that one of them shows both pictures alike."""
        return 2 * round(self.defaults.seconds * canvas.fps / 2)

    def _kind(self, one: Scene, other: Scene, context: PlanContext) -> MixKind | None:
        """How the pair mixes, wherever it stands; None for a cut."""
        drawn = int(digest([context.perception.video_sha256, one.index, other.index])[:8], 16)
        share, turn = drawn % 1000 / 1000, drawn // 1000
        if share >= self.defaults.share:
            return None
        found = [context.features(scene.index) for scene in (one, other)]
        lively = all(features and features.motion >= self.defaults.moving for features in found)
        kinds = self.defaults.lively if lively else self.defaults.still
        return kinds[turn % len(kinds)]


def _whole(seconds: float, canvas: Canvas) -> float:
    """Seconds of whole frames that last at least so long; 0 for nothing."""
    return max(math.ceil(seconds * canvas.fps - _EXACT), 0) / canvas.fps
