"""What the parts of the renderer hand to one another. Output time is counted in frames, never in seconds.

Boxes are left, top, right, bottom in output pixels; source times are seconds from the start of the source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.effects import Box, Effect
from flywheel_assets.rendering.fontfile import FontName as FontName  # noqa: PLC0414 - modules take it from here
from flywheel_assets.rendering.placements import BY_NAME
from flywheel_assets.rendering.tracks import Music

Role = Literal["hook", "caption", "brand", "headline", "cta", "proof"]
MixKind = Literal["fade", "slideleft", "smoothleft", "hblur"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OverlayWord(_Value):
    """One spoken word of a caption card and the frames, counted like its overlay's, in which it is lit."""

    text: str
    start_frame: int
    end_frame: int


class Overlay(_Value):
    """Text on the picture: laid out, measured and timed, so that the file can be checked against it."""

    module: str
    role: Role
    lines: tuple[str, ...] = Field(min_length=1)
    font: FontName
    em: float = Field(gt=0, description="Font size in pixels per em.")
    box: Box
    start_frame: int = Field(ge=0)
    end_frame: int = Field(gt=0)
    entering: bool = Field(default=True, description="False where a cut of the segments goes through a shown overlay.")
    words: tuple[OverlayWord, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one string."""
        return " ".join(self.lines)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Clip(_Value):
    """Source pictures of [source_start, source_end) on exactly `frames` output frames, and what is done to them in order.

    A held clip shows the one picture at source_start all the time.
    """

    scene_index: int
    source_start: float = Field(ge=0)
    source_end: float = Field(gt=0)
    frames: int = Field(ge=1)
    held: bool = False
    effects: tuple[Effect, ...] = ()


class Mix(_Value):
    """How the first clip of a segment gives way to the second, over the whole segment; ffmpeg's name for it."""

    kind: MixKind


class Segment(_Value):
    """A run of output frames that is encoded on its own: one clip, or two that mix. Overlay frames count from its start."""

    kind: Literal["scene", "transition", "end_card"]
    clips: tuple[Clip, ...] = Field(min_length=1, max_length=2)
    mix: Mix | None = None
    frames: int = Field(ge=1)
    effects: tuple[Effect, ...] = Field((), description="On the finished picture, below the text.")
    overlays: tuple[Overlay, ...] = ()

    @property
    def scene_index(self) -> int | None:
        """The scene that plays, or that gives way; None for the end card."""
        return None if self.kind == "end_card" else self.clips[0].scene_index


class AudioSpan(_Value):
    """Source sound from `source_start`, lasting exactly `frames` output frames, the first `blend` of them over the end of the one before."""

    source_start: float = Field(ge=0)
    frames: int = Field(ge=1)
    blend: int = Field(default=0, ge=0)


class AudioPlan(_Value):
    """Which source sound plays, and how it ends: it fades out in the last `fade_seconds`, then silence."""

    has_source: bool
    spans: tuple[AudioSpan, ...]
    tail_frames: int = Field(ge=0, description="Of the end card's frames, those over which source sound continues.")
    fade_seconds: float = Field(gt=0)
    total_frames: int = Field(ge=1)
    quiet: tuple[tuple[float, float], ...] = Field(
        (), description="Source seconds, anywhere in the source, in which nobody speaks: its noise is measured there."
    )
    music: Music | None = None


class EditPlan(_Value):
    """Everything that decides what a rendered file shows and says."""

    video_sha256: str
    width: int
    height: int
    fps: int
    placement: str
    source_fps: float
    segments: tuple[Segment, ...] = Field(min_length=1)
    audio: AudioPlan
    cover_frame: int = Field(ge=0, description="Output frame that becomes the cover picture.")
    unavailable: dict[str, str] = Field(description="Modules that lacked what they work on, and what that was.")
    module_versions: dict[str, str]
    fonts: dict[str, str] = Field(description="Those of all texts by name, with the digests of their files.")
    encoder: tuple[str, ...] = Field(description="Video encoder arguments, part of the identity of the file.")
    notes: dict[str, str] = Field(description="Why modules decided as they did; does not decide what the file shows.")
    plan_hash: str = Field(description="Hash of all other fields but the notes; equal plans give one file.")

    @property
    def canvas(self) -> Canvas:
        """The frame it is made for."""
        return Canvas(self.width, self.height, self.fps, BY_NAME[self.placement])

    @property
    def frames(self) -> int:
        """Length of the output."""
        return sum(segment.frames for segment in self.segments)

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """All overlays with frames counted from the start of the output; those cut by a segment appear in pieces."""
        found: list[Overlay] = []
        offset = 0
        for segment in self.segments:
            found += [shifted(overlay, offset) for overlay in segment.overlays]
            offset += segment.frames
        return tuple(found)


class Render(_Value):
    """A finished variation and what was measured on it. Loudness is None when there is nothing to hear."""

    key: str
    path: Path
    cover_path: Path
    captions_srt: Path | None
    width: int
    height: int
    fps: int
    frames: int
    seconds: float
    plan_hash: str
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    segments_encoded: int
    segments_reused: int
    module_versions: dict[str, str]


class QualityLine(_Value):
    """One measured promise of a finished file."""

    feature: str
    passed: bool
    value: float | str | None
    wanted: str


def shifted(overlay: Overlay, frames: int) -> Overlay:
    """The overlay, later by `frames`."""
    words = tuple(
        word.model_copy(update={"start_frame": word.start_frame + frames, "end_frame": word.end_frame + frames})
        for word in overlay.words
    )
    moved = {"start_frame": overlay.start_frame + frames, "end_frame": overlay.end_frame + frames, "words": words}
    return overlay.model_copy(update=moved)
