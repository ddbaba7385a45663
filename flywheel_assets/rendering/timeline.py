"""From the scenes of a blueprint to shots on the output timeline, and the cuts between encoded segments."""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.creative.types import Blueprint, Perception, Scene
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.types import Overlay, shifted

HOOK_SECONDS = (2.0, 2.5)  # shorter is not read, longer hides the picture's own start
_SETTLE_SECONDS = 0.5  # a title that leaves shortly before a cut flickers


@dataclass(frozen=True)
class Shot:
    """A scene and the output frames [start, end) in which it plays."""

    scene: Scene
    start: int
    end: int

    @property
    def frames(self) -> int:
        """Length."""
        return self.end - self.start


def shots(blueprint: Blueprint, perception: Perception, canvas: Canvas) -> tuple[Shot, ...]:
    """The scenes in playing order.

    Raises:
        RenderFailed: the blueprint plays a scene the video does not have, or one too short to fill a frame.
    """
    known = {scene.index: scene for scene in perception.scenes}
    found: list[Shot] = []
    for index in blueprint.scene_order:
        if index not in known:
            raise RenderFailed(
                f"blueprint {blueprint.key}: unknown_scene: it plays scene {index}, the video has scenes "
                f"{sorted(known)}; plan it again from the current scenes"
            )
        frames = canvas.frames(known[index].seconds)
        if frames < 1:
            raise RenderFailed(
                f"blueprint {blueprint.key}: empty_scene: scene {index} lasts {known[index].seconds:.3f} s, "
                f"less than one frame at {canvas.fps} fps; leave it out"
            )
        start = found[-1].end if found else 0
        found.append(Shot(known[index], start, start + frames))
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


def pieces(played: tuple[Shot, ...], cut: int) -> tuple[Shot, ...]:
    """The shots, with the one playing at frame `cut` divided there so that its rest is free of the hook."""
    found: list[Shot] = []
    for shot in played:
        if shot.start < cut < shot.end:
            found += [Shot(shot.scene, shot.start, cut), Shot(shot.scene, cut, shot.end)]
        else:
            found.append(shot)
    return tuple(found)


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
