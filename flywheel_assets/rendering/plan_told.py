"""An edit plan in words: one row a segment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from flywheel_assets.rendering.effects import Crop, Effect, Grade, PunchIn
from flywheel_assets.rendering.types import EditPlan, Segment


@dataclass(frozen=True)
class Row:
    """A segment as a person reads it; times are seconds of the output and of the source."""

    start: float
    end: float
    frames: int
    shows: str
    source: str
    effects: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


def rows(plan: EditPlan) -> tuple[Row, ...]:
    """All segments in playing order."""
    starts = accumulate((segment.frames for segment in plan.segments), initial=0)
    return tuple(_row(segment, start, plan.fps) for segment, start in zip(plan.segments, starts, strict=False))


def shows(segment: Segment) -> str:
    """What is to be seen: a scene, one that gives way to another, or the end card."""
    if segment.kind == "end_card":
        return "end card"
    scenes = " → ".join(str(clip.scene_index) for clip in segment.clips)
    return f"scene {scenes}{f' ({segment.mix.kind})' if segment.mix else ''}"


def effect_told(effect: Effect, fps: int) -> str:
    """One effect in a few words; one that is not known here by its name."""
    told = _TOLD.get(effect.kind)
    return told(effect, fps) if told else effect.kind.replace("_", " ")


def _row(segment: Segment, start: int, fps: int) -> Row:
    clips = [
        f"{clip.source_start:.2f}" if clip.held else f"{clip.source_start:.2f}–{clip.source_end:.2f}"
        for clip in segment.clips
    ]
    effects = [effect for clip in segment.clips for effect in clip.effects] + list(segment.effects)
    return Row(
        start=round(start / fps, 3),
        end=round((start + segment.frames) / fps, 3),
        frames=segment.frames,
        shows=shows(segment),
        source=", ".join(clips),
        effects=", ".join(dict.fromkeys(effect_told(effect, fps) for effect in effects)),
        text=_text(segment),
    )


def _text(segment: Segment) -> str:
    """Each role once, its texts in order."""
    by_role: dict[str, list[str]] = {}
    for overlay in segment.overlays:
        by_role.setdefault(overlay.role, []).append(overlay.text)
    return "; ".join(f"{role}: {' | '.join(texts)}" for role, texts in by_role.items())


def _grade(effect: Effect, fps: int) -> str:
    del fps
    if not isinstance(effect, Grade):
        return effect.kind
    parts = [
        f"contrast {effect.contrast:g}" if effect.contrast != 1 else "",
        f"colour {effect.saturation:g}" if effect.saturation != 1 else "",
        f"light {effect.brightness:+g}" if effect.brightness else "",
        "look" if effect.look else "",
    ]
    return " ".join(part for part in parts if part)


def _jump(effect: Effect, fps: int) -> str:
    if not isinstance(effect, PunchIn):
        return effect.kind
    return f"{effect.scale:g}x {effect.start_frame / fps:.2f}–{effect.end_frame / fps:.2f}"


def _crop(effect: Effect, fps: int) -> str:
    del fps
    return "crop that follows" if isinstance(effect, Crop) and effect.reach else "crop"


_TOLD: dict[str, Callable[[Effect, int], str]] = {"grade": _grade, "punch_in": _jump, "crop": _crop}
