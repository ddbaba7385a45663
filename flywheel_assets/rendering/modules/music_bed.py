"""A track under the speech, quieter while somebody speaks, with the cuts on its beats."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flywheel_assets.rendering import loops, timeline
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.speech import Speech
from flywheel_assets.rendering.timeline import Shot, Span
from flywheel_assets.rendering.tracks import BeatGrid, Music
from flywheel_assets.rendering.types import AudioPlan

_EXACT = 1e-6  # seconds; whole frames come with rounding


@dataclass(frozen=True)
class Defaults:
    """Levels in dB or loudness units, times in seconds."""

    under: float = 15.0  # music below the speech while somebody speaks
    ducking: float = 9.0  # by how much speech presses the music down at `key_lufs`, measured on the sample
    key_lufs: float = -21.0  # loudness of the speech as the compressor hears it
    duck: str = "threshold=0.03:ratio=8:attack=20:release=300"
    fade: float = 1.2
    reach: float = 0.12  # a cut this near to a beat moves onto it
    least_span: float = 0.5  # what stays of the picture that is shortened


@dataclass(frozen=True)
class Levels:
    """What is done to two sounds so that both have one loudness.

    Attributes:
        speech: the loudness, LUFS.
        speech_gain: dB that bring the speech to it.
        music_gain: dB that bring the music to it.
    """

    speech: float
    speech_gain: float
    music_gain: float


class MusicBed(RenderModule):
    """Music is off unless asked for: it is the loudest thing an advert can do wrong."""

    name = "music_bed"
    version = "1"
    promise = "Music lies 12 to 18 dB under the speech, comes up between, fades at the end, and has the cuts near its beats on them."
    defaults = Defaults()

    def lacks(self, context: PlanContext) -> str | None:
        """Why there is no music."""
        return None if context.style.music else "no music is asked for"

    def shape(self, context: PlanContext) -> tuple[Shot, ...]:
        """The shots with their cuts on the beat where one is near and nobody speaks. Mixes stay where they are."""
        grid, shots = _grid(context), context.shots
        if grid is None:
            return shots
        speech = Speech.of(context.perception)
        shots = tuple(self._divided(shot, speech, context.canvas) for shot in shots)
        for place in range(len(shots)):
            moved = self._on_beat(shots[place], grid, speech, context.canvas)
            tried = timeline.in_order((*shots[:place], moved, *shots[place + 1 :]))
            if not timeline.mixes_under_hook(tried, context.canvas):
                shots = tried
        return shots

    def sound(self, plan: AudioPlan, context: PlanContext) -> AudioPlan:
        """The track, from the first frame to the last."""
        if context.style.music is None:
            return plan
        seconds = min(self.defaults.fade, plan.total_frames / context.canvas.fps)
        music = Music(track=context.style.music, under=self.defaults.under, fade_seconds=seconds)
        return plan.model_copy(update={"music": music})

    def alone(self, music: Music, seconds: float, pad: str) -> str:
        """Filter from an endless track at `pad` to one of exact length that fades out at its end, without a name."""
        return (
            f"{pad}atrim=end={seconds:.6f},asetpts=N/SR/TB,"
            f"afade=t=out:st={seconds - music.fade_seconds:.4f}:d={music.fade_seconds:.4f}"
        )

    def under(self, music: Music, levels: Levels, seconds: float) -> str:
        """Filter from `[speech]`, of that length, and an endless track at `[1:a]` to both: `[mix]`.

        The compressor drops what it holds when one of its inputs ends, so neither does.
        """
        use = self.defaults
        return (
            f"[speech]volume={levels.speech_gain:.2f}dB,asplit[said][loud];"
            f"[loud]volume={use.key_lufs - levels.speech:.2f}dB,apad[key];"
            f"[1:a]volume={levels.music_gain - music.under + use.ducking:.2f}dB[bed];"
            f"[bed][key]sidechaincompress={use.duck}[ducked];{self.alone(music, seconds, '[ducked]')}[faded];"
            "[said][faded]amix=inputs=2:duration=first:normalize=0[mix]"
        )

    def _divided(self, shot: Shot, speech: Speech, canvas: Canvas) -> Shot:
        """The shot with a seam before the frames that a beat may take, which differ from variation to variation."""
        last, reach = shot.spans[-1], canvas.frames(self.defaults.reach)
        movable = not shot.blend and speech.quiet(last.end - 1 / canvas.fps, last.end)
        return replace(shot, seams=(*shot.seams, shot.frames - reach)) if movable and last.frames > 2 * reach else shot

    def _on_beat(self, shot: Shot, grid: BeatGrid, speech: Speech, canvas: Canvas) -> Shot:
        """The shot with its end on the beat, earlier or, where its scene goes on in silence, later."""
        if shot.blend:
            return shot
        now = shot.end / canvas.fps
        beat = grid.nearest(now)
        last = shot.spans[-1]
        frames = last.frames + canvas.frames(beat) - shot.end
        end = last.end + (frames - last.frames) / canvas.fps
        possible = (
            abs(beat - now) <= self.defaults.reach
            and frames >= canvas.frames(self.defaults.least_span)
            and end <= shot.bounds[1] + _EXACT
            and speech.quiet(*sorted((last.end, end)))
        )
        return replace(shot, spans=(*shot.spans[:-1], Span(last.start, end, frames))) if possible else shot


def _grid(context: PlanContext) -> BeatGrid | None:
    """Beats of the music that was asked for, as far as they are known."""
    music = context.style.music
    return loops.grid(music) if isinstance(music, str) else context.style.grid if music else None
