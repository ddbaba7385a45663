"""A segment composed by MoviePy, picture by picture: the second opinion on what a plan looks like.

Several times slower than ffmpeg's own filters. Pictures are taken by number, so a source with a varying
frame rate is refused rather than shown at the wrong times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.core.ids import digest
from flywheel_assets.rendering.backends.base import name_of
from flywheel_assets.rendering.backends.moviepy_effects import applied, mixed
from flywheel_assets.rendering.backends.moviepy_text import written
from flywheel_assets.rendering.probe import even_pace
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.typefaces import FILES
from flywheel_assets.rendering.types import Clip, EditPlan, Segment

if TYPE_CHECKING:
    from moviepy import VideoClip

_HALF = 0.499  # of an output frame: ffmpeg shows the last source picture that begins before the middle of a frame
_WHOLE = 0.01  # of a frame, so that the product of rate and length does not round down


@dataclass(frozen=True)
class MoviepyRecipe:
    """The segment itself; MoviePy needs no other form of it."""

    segment: Segment
    plan: EditPlan
    key: str

    @property
    def subject(self) -> str:
        """What is made."""
        return name_of(self.segment)

    @property
    def frames(self) -> int:
        """Its length."""
        return self.segment.frames

    def encode(self, source: Path, target: Path, kit: Kit, timeout: float) -> None:
        """Compose and write; the encoder's settings are those of the plan."""
        from moviepy import CompositeVideoClip

        if not even_pace(source):
            raise RenderFailed(
                f"{source.name}: varying_frame_rate: MoviePy takes pictures by number; render it with "
                "FLYWHEEL_RENDERING__BACKEND=ffmpeg"
            )
        with ExitStack() as stack:
            base = self._picture(source, kit, stack)
            texts = [part for overlay in self.segment.overlays for part in written(overlay, self.plan.canvas)]
            whole = CompositeVideoClip([base, *texts], size=(self.plan.width, self.plan.height))
            stack.callback(whole.close)
            bounded = whole.with_duration((self.frames + _WHOLE) / self.plan.fps).transform(
                _until(time.monotonic() + timeout, timeout, self.subject)
            )
            self._write(bounded, target)

    def _picture(self, source: Path, kit: Kit, stack: ExitStack) -> VideoClip:
        clips = [self._clip(clip, source, kit, stack) for clip in self.segment.clips]
        seconds = self.frames / self.plan.fps
        base = clips[0] if self.segment.mix is None else mixed(clips, self.segment.mix, seconds)
        for effect in self.segment.effects:
            base = applied(base, effect, self.plan.canvas, kit)
        return base

    def _clip(self, clip: Clip, source: Path, kit: Kit, stack: ExitStack) -> VideoClip:
        from moviepy import ImageClip, VideoFileClip

        opened = VideoFileClip(str(source), audio=False)
        stack.callback(opened.close)
        fps = self.plan.fps
        last: float = max(opened.duration - _HALF / opened.fps, 0.0)
        if clip.source_end > opened.duration + 1 / opened.fps:
            raise RenderFailed(
                f"{self.subject}: frame_count: the source ends at {opened.duration:.3f} s, the plan wants "
                f"{clip.source_end:.3f}; the source is shorter than its analysis says, analyse it again"
            )

        def shown(t: float) -> float:
            return min(clip.source_start + (round(t * fps) + _HALF) / fps, clip.source_end - 1e-4, last)

        if clip.held:
            base = ImageClip(opened.get_frame(clip.source_start + _HALF / opened.fps))
        else:
            base = opened.time_transform(shown)
        base = base.with_duration(clip.frames / fps)
        for effect in clip.effects:
            base = applied(base, effect, self.plan.canvas, kit)
        return base

    def _write(self, clip: VideoClip, target: Path) -> None:
        codec, preset, rest = self.plan.encoder[1], self.plan.encoder[3], self.plan.encoder[4:]
        try:
            clip.write_videofile(
                str(target), fps=self.plan.fps, codec=codec, preset=preset, ffmpeg_params=list(rest), audio=False,
                logger=None,
            )  # fmt: skip
        except OSError as error:
            raise RenderFailed(f"{self.subject}: MoviePy could not write it: {error}") from error


def moviepy_recipe(segment: Segment, plan: EditPlan) -> MoviepyRecipe:
    """The recipe of a segment.

    Raises:
        RenderFailed: its text needs a font that is not ours.
    """
    if others := sorted(set(plan.fonts) - set(FILES)):
        raise RenderFailed(
            f"{name_of(segment)}: other_fonts: MoviePy draws with the bundled fonts only, the plan needs "
            f"{', '.join(others)}; render it with FLYWHEEL_RENDERING__BACKEND=ffmpeg"
        )
    names = sorted({*(e.module for c in segment.clips for e in c.effects), *(o.module for o in segment.overlays)})
    versions = [(name, plan.module_versions.get(name)) for name in names]
    identity = [
        "moviepy", version("moviepy"), plan.video_sha256, segment.model_dump(mode="json"), plan.width, plan.height,
        plan.fps, plan.encoder, versions, plan.fonts,
    ]  # fmt: skip
    return MoviepyRecipe(segment, plan, digest(identity)[:32])


def _until(deadline: float, timeout: float, subject: str) -> Callable[[Callable[[float], Any], float], Any]:
    """A transformation that changes nothing and ends what takes too long."""

    def checked(pictures: Callable[[float], Any], t: float) -> Any:
        if time.monotonic() > deadline:
            raise RenderFailed(
                f"{subject}: timeout: MoviePy was stopped after {timeout:.0f} s; shorten the video or raise "
                "FLYWHEEL_RENDERING__TIMEOUT_SECONDS"
            )
        return pictures(t)

    return checked
