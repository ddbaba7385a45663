"""The one audio pass of a variation: cut, join, fade, and bring to the asked loudness."""

from __future__ import annotations

from pathlib import Path

from flywheel_assets.core.ids import digest
from flywheel_assets.rendering import ffmpeg, probe
from flywheel_assets.rendering.modules.audio_enhancement import SAMPLE_RATE, AudioEnhancement
from flywheel_assets.rendering.probe import Loudness
from flywheel_assets.rendering.types import EditPlan
from flywheel_assets.settings import Rendering

_CORRECTIONS = 2
_CLOSE_LU = 0.3
_AAC = ("-c:a", "aac", "-b:a", "192k", "-ar", str(SAMPLE_RATE), "-ac", "2")


def enhanced_source(source: Path, plan: EditPlan, cache: Path, settings: Rendering) -> Path | None:
    """The source's sound as the enhancement module leaves it, made once; None for a source without sound."""
    if not plan.audio.has_source:
        return None
    chain = AudioEnhancement().sound_filter()
    path = cache / f"{digest([plan.video_sha256, chain, ffmpeg.version()])[:32]}.flac"

    def make(part: Path) -> None:
        arguments = [*ffmpeg.local_input(source), "-map", "0:a:0", "-af", chain, "-c:a", "flac", f"file:{part}"]
        ffmpeg.run(arguments, subject="sound of the source", timeout=settings.timeout_seconds)

    if not path.is_file():
        ffmpeg.write(path, make)
    return path


def render_sound(sound: Path | None, plan: EditPlan, target: Path, settings: Rendering) -> Loudness | None:
    """Write the variation's AAC track to `target`; its measured loudness, None if there is nothing to hear.

    The gain follows the first measurement and is corrected at most twice by what came out; whether the result is
    good enough is the quality gate's decision.
    """
    if sound is None:
        _silence(plan, target, settings)
        return None
    module, canvas, timeout = AudioEnhancement(), plan.canvas, settings.timeout_seconds
    mix = module.arrange(plan.audio, canvas)
    before = probe.loudness(sound, timeout=timeout, chain=mix, subject="loudness of the mix")
    if before.silent:
        _silence(plan, target, settings)
        return None
    gain = settings.loudness_lufs - before.lufs
    for _ in range(_CORRECTIONS + 1):
        chain = f"{mix};[mix]{module.level(gain_db=gain, ceiling_dbtp=settings.true_peak_dbtp)}[out]"
        arguments = [*ffmpeg.local_input(sound), "-filter_complex", chain, "-map", "[out]", *_AAC, f"file:{target}"]
        ffmpeg.run(arguments, subject="sound of the variation", timeout=timeout)
        after = probe.loudness(target, timeout=timeout)
        if abs(after.lufs - settings.loudness_lufs) <= _CLOSE_LU:
            break
        gain += settings.loudness_lufs - after.lufs
    return after


def _silence(plan: EditPlan, target: Path, settings: Rendering) -> None:
    """Players and platforms expect a sound track, so one that says nothing is written."""
    seconds = f"{plan.frames / plan.fps:.6f}"
    source = ["-f", "lavfi", "-i", f"anullsrc=r={SAMPLE_RATE}:cl=stereo"]
    ffmpeg.run(
        [*source, "-t", seconds, *_AAC, f"file:{target}"], subject="silent track", timeout=settings.timeout_seconds
    )
