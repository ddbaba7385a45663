"""Speech that is clear and as loud as the platform plays it.

Loudness is set in two passes, like `loudnorm=linear=true`: measure the mix, apply one gain. Where that gain would
lift peaks over the ceiling, loudnorm silently changes to riding the level and misses its target on short, peaky
material; here a limiter at four times the sample rate holds the true peaks instead, and the result is measured again.
"""

from __future__ import annotations

from dataclasses import dataclass

from flywheel_assets.creative.types import Perception
from flywheel_assets.rendering.canvas import Canvas
from flywheel_assets.rendering.modules.base import PlanContext, RenderModule
from flywheel_assets.rendering.noise import Quiet, between, stereo
from flywheel_assets.rendering.speech import Speech
from flywheel_assets.rendering.timeline import Shot
from flywheel_assets.rendering.types import AudioPlan, AudioSpan

SAMPLE_RATE = 48_000
_PACKET = 0.025  # seconds, longer than a packet of AAC at any rate worth having
_AFFTDN_DELAY = 1200  # samples at that rate, measured
_AFFTDN_FLOORS = (-80.0, -20.0)  # dB, what it takes


@dataclass(frozen=True)
class Defaults:
    """Levels in dB."""

    highpass_hz: int = 80  # below speech: rumble, wind, handling
    denoise_db: float = 12.0
    over_floor_db: float = (
        6.0  # afftdn takes for noise what is this much above the measured floor, of white and of pink noise
    )
    peak_margin_db: float = 0.7  # AAC overshoots what it is given
    tail_seconds: float = 1.0  # source sound over the end card, fading
    least_fade_seconds: float = 0.15
    joint_seconds: float = 0.006  # faded in and out at every joint; a cut wave clicks


class AudioEnhancement(RenderModule):
    """Rumble and steady noise out, level range narrowed, loudness and peaks set; measured twice, applied once."""

    name = "audio_enhancement"
    version = "2"
    promise = (
        "48 kHz stereo at the asked loudness within 1 LU, true peaks under the ceiling, steady noise 10 dB lower, "
        "faded out at the end."
    )
    defaults = Defaults()

    def sound_filter(self, floor_db: float | None, quiet: Quiet) -> str:
        """Filter from the source's sound at `[0:a:0]` to `[out]`, before anything is cut from it.

        Args:
            floor_db: level of the noise in it; None leaves noise alone.
            quiet: where nobody speaks. From there the noise's colour is learnt, for which the source is opened
                a second time, at `[1:a:0]`.
        """
        even = f"{stereo(SAMPLE_RATE)},highpass=f={self.defaults.highpass_hz}"
        compress = "acompressor=threshold=-22dB:ratio=3:attack=8:release=160:knee=6[out]"
        if floor_db is None:
            return f"[0:a:0]{even},{compress}"
        low, high = _AFFTDN_FLOORS
        level = min(max(floor_db + self.defaults.over_floor_db, low), high)
        # What is chosen begins and ends with whole packets, so that of each span a little may be missing.
        seconds = sum(end - start - 2 * _PACKET for start, end in quiet)
        count = round(seconds * SAMPLE_RATE)
        # The program gives the sound back later than it took it without saying so.
        return (
            f"[1:a:0]{even},aselect='{between(quiet)}',asetpts=N/SR/TB,"
            f"apad=whole_len={count},atrim=end_sample={count}[noise];"
            f"[0:a:0]{even},apad=pad_len={_AFFTDN_DELAY}[whole];[noise][whole]concat=n=2:v=0:a=1,"
            f"asendcmd=c='0.05 afftdn sn start;{seconds - 0.05:.3f} afftdn sn stop',"
            f"afftdn=nr={self.defaults.denoise_db:g}:nf={level:g},"
            f"atrim=start_sample={count + _AFFTDN_DELAY},asetpts=N/SR/TB,{compress}"
        )

    def plan(self, context: PlanContext) -> AudioPlan:
        """The sound of every shot, and of the time after the last one until somebody speaks again."""
        perception, canvas = context.perception, context.canvas
        tail = min(
            canvas.frames(_quiet_after(context, self.defaults.tail_seconds)), context.card_end - context.card_start
        )
        return AudioPlan(
            has_source=perception.has_audio,
            spans=_spans(context.shots),
            tail_frames=tail,
            fade_seconds=max(tail / canvas.fps, self.defaults.least_fade_seconds),
            total_frames=context.card_end,
            quiet=Speech.of(perception).pauses(_source_seconds(perception)),
        )

    def arrange(self, plan: AudioPlan, canvas: Canvas, name: str = "mix") -> str:
        """Filter that cuts the spans from `[0:a]`, joins them, fades the end and fills up with silence: `[mix]`."""
        joint = self.defaults.joint_seconds
        last = plan.spans[-1]
        spans = (*plan.spans[:-1], last.model_copy(update={"frames": last.frames + plan.tail_frames}))
        inputs = "".join(f"[c{i}]" for i in range(len(spans)))
        cuts = ";".join(f"[c{i}]{_cut(span, canvas, joint)}[s{i}]" for i, span in enumerate(spans))
        heard = sum(span.frames - span.blend for span in spans) / canvas.fps
        return (
            f"[0:a]asplit={len(spans)}{inputs};{cuts};{_joined(spans, canvas)}"
            f"afade=t=out:st={heard - plan.fade_seconds:.4f}:d={plan.fade_seconds:.4f},"
            f"apad=whole_len={_samples(plan.total_frames, canvas)}[{name}]"
        )

    def level(self, *, gain_db: float, ceiling_dbtp: float) -> str:
        """Filter that applies a gain under a ceiling of true peaks, found at four times the sample rate."""
        limit = 10 ** ((ceiling_dbtp - self.defaults.peak_margin_db) / 20)
        return (
            f"volume={gain_db:.2f}dB,aresample={4 * SAMPLE_RATE},"
            f"alimiter=limit={limit:.4f}:attack=4:release=60:level=0:latency=1,aresample={SAMPLE_RATE}"
        )


def _joined(spans: tuple[AudioSpan, ...], canvas: Canvas) -> str:
    """Filters from `[s0]`, `[s1]` … to one stream, of which the last has no name yet: they follow or cross over."""
    text = "[s0]"
    for i, span in enumerate(spans[1:], start=1):
        cross = f"acrossfade=ns={_samples(span.blend, canvas)}:c1=qsin:c2=qsin"
        text += f"[s{i}]{cross if span.blend else 'concat=n=2:v=0:a=1'}[j{i}];[j{i}]"
    return text


def _spans(shots: tuple[Shot, ...]) -> tuple[AudioSpan, ...]:
    """The sound of all spans in order; the first of a shot begins over the end of the shot before, as far as they mix."""
    blends = (0, *(shot.blend for shot in shots))
    return tuple(
        AudioSpan(source_start=span.start, frames=span.frames, blend=blend if span is shot.spans[0] else 0)
        for shot, blend in zip(shots, blends, strict=False)
        for span in shot.spans
    )


def _quiet_after(context: PlanContext, longest: float) -> float:
    """Seconds of source after the last shot in which no new word begins, at most `longest`."""
    end = context.shots[-1].spans[-1].end
    perception = context.perception
    left = _source_seconds(perception) - end
    words = [word.start - end for found in perception.features for word in found.words or () if word.end > end]
    return max(min([longest, left, *words]), 0.0)


def _source_seconds(perception: Perception) -> float:
    return perception.frame_count / perception.fps


def _samples(frames: int, canvas: Canvas) -> int:
    return round(frames * SAMPLE_RATE / canvas.fps)


def _cut(span: AudioSpan, canvas: Canvas, joint: float) -> str:
    """A span of exact length; source sound that ends early goes on as silence."""
    start = round(span.source_start * SAMPLE_RATE)
    count = _samples(span.frames, canvas)
    seconds = span.frames / canvas.fps
    return (
        f"atrim=start_sample={start}:end_sample={start + count},asetpts=N/SR/TB,apad=whole_len={count},"
        f"afade=t=in:d={joint},afade=t=out:st={max(seconds - joint, 0):.4f}:d={joint}"
    )
