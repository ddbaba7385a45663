"""The one audio pass of a variation: cut, join, put music under it, fade, and bring to the asked loudness.

Like a segment, a finished track is kept under a name that says what is in it. It does not depend on what is shown, so
that a new hook and the other shapes of a variation take the track that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from flywheel_assets.core.ids import digest
from flywheel_assets.rendering import ffmpeg, music, noise, probe, recorded
from flywheel_assets.rendering.modules.audio_enhancement import SAMPLE_RATE, AudioEnhancement
from flywheel_assets.rendering.modules.music_bed import Levels, MusicBed
from flywheel_assets.rendering.probe import Loudness
from flywheel_assets.rendering.style import Kit
from flywheel_assets.rendering.types import EditPlan
from flywheel_assets.settings import Rendering

_CORRECTIONS = 2
_CLOSE_LU = 0.3
_ANSWERS = (0.5, 2.0)  # beyond them a measurement says more about gating than about gain
_HEARD = TypeAdapter[Loudness | None](Loudness | None)  # what is on record beside a finished track
_AAC = ("-c:a", "aac", "-b:a", "192k", "-ar", str(SAMPLE_RATE), "-ac", "2")


@dataclass(frozen=True)
class _Mix:
    """Filter text from the sounds of input arguments to `[mix]`, and how loud that is; not yet at the asked loudness."""

    inputs: tuple[str, ...]
    chain: str
    lufs: float


def finished_track(
    source: Path, plan: EditPlan, kit: Kit, cache: Path, settings: Rendering
) -> tuple[Path, Loudness | None]:
    """The variation's AAC track and its measured loudness, None if there is nothing to hear; made once.

    Raises:
        RenderFailed: its music is missing or silent, or ffmpeg failed.
    """
    track = music_file(plan, kit, cache, settings)
    path = cache / f"{_identity(plan, track, settings)}.m4a"
    known = recorded.read(path)
    if known is None:
        sound = enhanced_source(source, plan, cache, settings)
        known = recorded.write(path, lambda part: _HEARD.dump_python(_render(sound, track, plan, part, settings)))
    return path, _HEARD.validate_python(known.facts)


def enhanced_source(source: Path, plan: EditPlan, cache: Path, settings: Rendering) -> Path | None:
    """The source's sound as the enhancement module leaves it, made once; None for a source without sound."""
    if not plan.audio.has_source:
        return None
    module, quiet, timeout = AudioEnhancement(), plan.audio.quiet, settings.timeout_seconds
    parts = [plan.video_sha256, module.version, list(quiet), ffmpeg.version()]
    path = cache / f"{digest(parts)[:32]}.flac"

    def make(part: Path) -> None:
        floor = noise.floor(source, quiet, timeout=timeout)
        opened = ffmpeg.original(source)
        again = () if floor is None else ("-t", f"{quiet[-1][1]:.3f}", *opened)
        chain = module.sound_filter(floor, quiet)
        arguments = [*opened, *again, "-filter_complex", chain, "-map", "[out]", "-c:a", "flac", f"file:{part}"]
        ffmpeg.run(arguments, subject="sound of the source", timeout=timeout)

    return recorded.once(path, make)


def music_file(plan: EditPlan, kit: Kit, cache: Path, settings: Rendering) -> Path | None:
    """The track that the plan asks for, ready to be mixed; None where it asks for none.

    Raises:
        RenderFailed: it is missing, unreadable or silent.
    """
    if plan.audio.music is None:
        return None
    return music.prepared(plan.audio.music, kit, cache, timeout=settings.timeout_seconds)


def _identity(plan: EditPlan, track: Path | None, settings: Rendering) -> str:
    """Hash of all that decides a finished track. The name of prepared music says what is in it."""
    heard = [plan.video_sha256, plan.audio.model_dump(mode="json"), plan.fps, track.name if track else None]
    levels = [settings.loudness_lufs, settings.true_peak_dbtp]
    makers = [AudioEnhancement.version, MusicBed.version, _AAC, ffmpeg.version()]
    return digest([heard, levels, makers])[:32]


def _render(
    sound: Path | None, track: Path | None, plan: EditPlan, target: Path, settings: Rendering
) -> Loudness | None:
    """Write the track; its measured loudness.

    The gain follows the first measurement and is corrected at most twice by what came out; whether the result is
    good enough is the quality gate's decision.
    """
    mix = _mixed(sound, track, plan, settings)
    if mix is None:
        _silence(plan, target, settings)
        return None
    gain = settings.loudness_lufs - mix.lufs
    tried: list[tuple[float, float]] = []
    for _ in range(_CORRECTIONS + 1):
        level = AudioEnhancement().level(gain_db=gain, ceiling_dbtp=settings.true_peak_dbtp)
        chain = f"{mix.chain};[mix]{level}[out]"
        arguments = [*mix.inputs, "-filter_complex", chain, "-map", "[out]", *_AAC, f"file:{target}"]
        ffmpeg.run(arguments, subject="sound of the variation", timeout=settings.timeout_seconds)
        after = probe.loudness(target, timeout=settings.timeout_seconds)
        if abs(after.lufs - settings.loudness_lufs) <= _CLOSE_LU:
            break
        tried.append((gain, after.lufs))
        gain += (settings.loudness_lufs - after.lufs) / _answer(tried)
    return after


def _answer(tried: list[tuple[float, float]]) -> float:
    """Loudness that the last dB of gain gave: less than 1 where the limiter holds high peaks down."""
    if len(tried) < 2:  # noqa: PLR2004 - a slope needs two points
        return 1.0
    (gain, lufs), (more, louder) = tried[-2:]
    low, high = _ANSWERS
    return min(max((louder - lufs) / (more - gain), low), high)


def _mixed(sound: Path | None, track: Path | None, plan: EditPlan, settings: Rendering) -> _Mix | None:
    """Speech, music, both, or None when neither can be heard."""
    heard = None if sound is None else _speech(sound, plan, settings)
    if track is None or plan.audio.music is None:
        return heard
    seconds = plan.frames / plan.fps
    endless = ("-stream_loop", "-1", *ffmpeg.local_input(track))
    loud = music.loudness(track, settings.timeout_seconds)
    bed = MusicBed()
    if heard is None:
        return _Mix(endless, f"{bed.alone(plan.audio.music, seconds, '[0:a]')}[mix]", loud.lufs)
    target = settings.loudness_lufs
    levels = Levels(target, speech_gain=target - heard.lufs, music_gain=target - loud.lufs)
    both = bed.under(plan.audio.music, levels, seconds)
    speech = AudioEnhancement().arrange(plan.audio, plan.canvas, "speech")
    return _Mix((*heard.inputs, *endless), f"{speech};{both}", target)


def _speech(sound: Path, plan: EditPlan, settings: Rendering) -> _Mix | None:
    chain = AudioEnhancement().arrange(plan.audio, plan.canvas)
    found = probe.loudness(sound, timeout=settings.timeout_seconds, chain=chain, subject="loudness of the mix")
    return None if found.silent else _Mix(ffmpeg.local_input(sound), chain, found.lufs)


def _silence(plan: EditPlan, target: Path, settings: Rendering) -> None:
    """Players and platforms expect a sound track, so one that says nothing is written."""
    seconds = f"{plan.frames / plan.fps:.6f}"
    source = ["-f", "lavfi", "-i", f"anullsrc=r={SAMPLE_RATE}:cl=stereo"]
    ffmpeg.run(
        [*source, "-t", seconds, *_AAC, f"file:{target}"], subject="silent track", timeout=settings.timeout_seconds
    )
