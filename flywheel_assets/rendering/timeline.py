"""From the scenes of a blueprint to shots on the output timeline, and from shots to what is encoded on its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Blueprint, Perception, Scene
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.speech import Speech
from flywheel_assets.rendering.types import Mix, Overlay, shifted

HOOK_SECONDS = (2.0, 2.5)  # shorter is not read, longer hides the picture's own start
_EXACT = 1e-6  # of a picture; times that are whole pictures come with rounding
_SETTLE_SECONDS = 0.5  # a title that leaves shortly before a cut flickers


@dataclass(frozen=True)
class Span:
    """Source seconds [start, end) that play on so many output frames."""

    start: float
    end: float
    frames: int


@dataclass(frozen=True)
class Shot:
    """A scene, the spans of it that play one after the other, and where on the output they do.

    Attributes:
        start: output frame of its first picture.
        blend: frames at its end that it shares with the next shot, which starts so much earlier.
        mix: how the two mix; None with a hard cut.
        seams: frames of the shot before which it is divided when it is encoded, and in no other way, so that variations
            which differ in a part of it share the rest.
    """

    scene: Scene
    spans: tuple[Span, ...]
    start: int
    blend: int = 0
    mix: Mix | None = None
    seams: tuple[int, ...] = ()

    @property
    def bounds(self) -> tuple[float, float]:
        """Source seconds within which its spans may grow: its own pictures, and what plays already."""
        return min(self.scene.clean_start, self.spans[0].start), max(self.scene.clean_end, self.spans[-1].end)

    @property
    def frames(self) -> int:
        """Length."""
        return sum(span.frames for span in self.spans)

    @property
    def end(self) -> int:
        """Output frame after its last picture."""
        return self.start + self.frames

    @property
    def joints(self) -> tuple[int, ...]:
        """Output frames at which a span other than the first begins."""
        return tuple(accumulate((span.frames for span in self.spans[:-1]), initial=self.start))[1:]

    def plays(self, time: float) -> bool:
        """Whether the picture and sound of that source time are in the shot."""
        return any(span.start <= time < span.end for span in self.spans)

    def frame(self, time: float, canvas: Canvas) -> int:
        """Output frame of a source time; of one that is left out, the frame at which the shot goes on after it."""
        begin = self.start
        for span in self.spans:
            if time < span.end:
                return begin + min(canvas.frames(max(time - span.start, 0.0)), span.frames)
            begin += span.frames
        return self.end

    def source(self, start: int, end: int, canvas: Canvas) -> tuple[float, float]:
        """Source seconds of output frames [start, end), which have to lie in one span."""
        begin = self.start
        for span in self.spans:
            if start < begin + span.frames:
                whole = end == begin + span.frames
                first = span.start + (start - begin) / canvas.fps
                return round(first, 6), round(span.end if whole else span.start + (end - begin) / canvas.fps, 6)
            begin += span.frames
        raise ValueError(f"frames [{start}, {end}) are not in the shot of scene {self.scene.index}")


@dataclass(frozen=True)
class Piece:
    """Output frames [start, end) that show one span of one shot, or the mix of two shots."""

    shots: tuple[Shot, ...]
    start: int
    end: int


def shots(blueprint: Blueprint, perception: Perception, canvas: Canvas) -> tuple[Shot, ...]:
    """The scenes in playing order, with hard cuts, without the frames that are mixed with their neighbours.

    Raises:
        RenderFailed: the blueprint plays a scene the video does not have, or one too short to fill a frame.
    """
    known = {scene.index: scene for scene in perception.scenes}
    speech = Speech.of(perception)
    found: list[Shot] = []
    for index in blueprint.scene_order:
        if index not in known:
            raise RenderFailed(
                f"blueprint {blueprint.key}: unknown_scene: it plays scene {index}, the video has scenes "
                f"{sorted(known)}; plan it again from the current scenes"
            )
        scene = known[index]
        frames = canvas.frames(scene.seconds)
        if frames < 1:
            raise RenderFailed(
                f"blueprint {blueprint.key}: empty_scene: scene {index} lasts {scene.seconds:.3f} s, "
                f"less than one frame at {canvas.fps} fps; leave it out"
            )
        start, end = _clean(scene, speech, perception.fps)
        found.append(Shot(scene, (Span(start, end, canvas.frames(end - start)),), 0))
    return in_order(found)


def _clean(scene: Scene, speech: Speech, fps: float) -> tuple[float, float]:
    """The pictures that are the scene's own, and those on which its first and last word are said; all, where few are its own."""
    (start, end), own = scene.shown, speech.within(scene)
    first = math.floor(min([word.first for word in own], default=start) * fps + _EXACT) / fps
    last = math.ceil(max([word.end for word in own], default=end) * fps - _EXACT) / fps
    return max(min(first, start), scene.start), min(max(last, end), scene.end)


def in_order(played: Iterable[Shot]) -> tuple[Shot, ...]:
    """The shots, each starting where the one before it ends, or so much earlier as the two mix."""
    found: list[Shot] = []
    for shot in played:
        found.append(replace(shot, start=found[-1].end - found[-1].blend if found else 0))
    if found:
        found[-1] = replace(found[-1], blend=0, mix=None)
    return tuple(found)


def hook_end(played: tuple[Shot, ...], canvas: Canvas) -> int:
    """Frame at which the hook leaves: with a cut where one falls in its time, else well before the next one."""
    low, high = (canvas.frames(seconds) for seconds in HOOK_SECONDS)
    settle = canvas.frames(_SETTLE_SECONDS)
    ends = [shot.end for shot in played]
    with_cut = [end for end in ends if low <= end <= high]
    if with_cut:
        return with_cut[-1]
    soon = [end for end in ends if high < end < high + settle]
    return min(soon[0] - settle if soon else high, ends[-1])


def mixes_under_hook(played: tuple[Shot, ...], canvas: Canvas) -> bool:
    """Whether two shots mix while the hook is shown, which is then read against two pictures and shared by nobody."""
    leaves = hook_end(played, canvas)
    return any(one.blend and other.start < leaves for one, other in pairwise(played))


def pieces(played: tuple[Shot, ...], cut: int) -> tuple[Piece, ...]:
    """What is encoded on its own: each span, divided at frame `cut` so that its rest is free of the hook, and each mix."""
    mixes = [Piece((one, other), other.start, one.end) for one, other in pairwise(played) if one.blend]
    singles: list[Piece] = []
    for before, shot in zip((None, *played[:-1]), played, strict=True):
        first = shot.start + (before.blend if before else 0)
        last = shot.end - shot.blend
        # Under the hook nothing is shared, so there is no reason to divide.
        seams = (shot.start + seam for seam in shot.seams if shot.start + seam > cut)
        inner = (*shot.joints, *seams, cut)
        edges = sorted({first, last, *(edge for edge in inner if first < edge < last)})
        singles += [Piece((shot,), a, b) for a, b in pairwise(edges)]
    return tuple(sorted((*mixes, *singles), key=lambda piece: piece.start))


def overlays_within(overlays: tuple[Overlay, ...], start: int, end: int) -> tuple[Overlay, ...]:
    """The parts of overlays shown in output frames [start, end), counted from `start`."""
    return tuple(
        shifted(_clipped(overlay, start, end), -start)
        for overlay in overlays
        if overlay.start_frame < end and overlay.end_frame > start
    )


def _clipped(overlay: Overlay, start: int, end: int) -> Overlay:
    """Words keep all their text; one that is lit outside [start, end) is lit for no frame of it."""
    words = tuple(
        word.model_copy(
            update={
                "start_frame": min(max(word.start_frame, start), end),
                "end_frame": max(min(word.end_frame, end), start),
            }
        )
        for word in overlay.words
    )
    return overlay.model_copy(
        update={
            "start_frame": max(overlay.start_frame, start),
            "end_frame": min(overlay.end_frame, end),
            "entering": overlay.entering and overlay.start_frame >= start,
            "words": words,
        }
    )
