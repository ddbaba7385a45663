"""The gate after rendering: every promise measured on the finished file. Nothing here is read from the render's record."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from flywheel_assets.rendering import probe
from flywheel_assets.rendering.placements import inside
from flywheel_assets.rendering.types import EditPlan, QualityLine
from flywheel_assets.settings import Rendering

_BLACK = 12.0  # luma, 0 to 255; a picture whose brightest fifth begins below this shows nothing
_BLACK_SHARE = 0.1


def inspect(path: Path, plan: EditPlan, settings: Rendering) -> tuple[QualityLine, ...]:
    """Measure a finished file against its plan, one line a promise; all lines passed means it may be published.

    Raises:
        RenderFailed: the file cannot be opened at all.
    """
    seen = probe.decode(path)
    size, wanted_size = f"{seen.width}x{seen.height}", f"{settings.width}x{settings.height}"
    lines = [
        QualityLine(feature="dimensions", passed=size == wanted_size, value=size, wanted=wanted_size),
        _fps(seen.steps, settings.fps),
        QualityLine(feature="frames", passed=seen.frames == plan.frames, value=seen.frames, wanted=str(plan.frames)),
        QualityLine(
            feature="decodes", passed=seen.failure is None, value=seen.failure or "yes", wanted="to the last frame"
        ),
        _not_black(seen.lumas),
        QualityLine(
            feature="audio_track", passed=seen.has_audio, value="yes" if seen.has_audio else "no", wanted="one track"
        ),
    ]
    sound = _sound(path, plan, settings) if seen.has_audio else ()
    return (*lines, *sound, *_safe_zone(plan))


def _fps(steps: frozenset[Fraction], fps: int) -> QualityLine:
    """Constant rate: every picture one frame after the one before it."""
    rates = ", ".join(f"{float(1 / step):.3f}" if step else "none" for step in sorted(steps))
    return QualityLine(
        feature="fps", passed=steps == {Fraction(1, fps)}, value=rates, wanted=f"{fps} between all pictures"
    )


def _not_black(lumas: tuple[float, ...]) -> QualityLine:
    share = sum(luma < _BLACK for luma in lumas) / len(lumas) if lumas else 1.0
    wanted = f"at most {_BLACK_SHARE:.0%} of sampled frames with four fifths below luma {_BLACK:.0f}"
    return QualityLine(feature="not_black", passed=share <= _BLACK_SHARE, value=round(share, 3), wanted=wanted)


def _sound(path: Path, plan: EditPlan, settings: Rendering) -> tuple[QualityLine, ...]:
    """Loudness and peak; not applicable to silence."""
    heard = probe.loudness(path, timeout=settings.timeout_seconds)
    if heard.silent:
        reason = "not applicable: the source is silent" if plan.audio.has_source else "not applicable: no source sound"
        return tuple(
            QualityLine(feature=name, passed=True, value=None, wanted=reason) for name in ("loudness", "true_peak")
        )
    off = abs(heard.lufs - settings.loudness_lufs)
    wanted = f"{settings.loudness_lufs:g} LUFS within {settings.loudness_tolerance:g} LU"
    return (
        QualityLine(feature="loudness", passed=off <= settings.loudness_tolerance, value=heard.lufs, wanted=wanted),
        QualityLine(
            feature="true_peak",
            passed=heard.peak_dbtp <= settings.true_peak_dbtp,
            value=heard.peak_dbtp,
            wanted=f"at most {settings.true_peak_dbtp:g} dBTP",
        ),
    )


def _safe_zone(plan: EditPlan) -> tuple[QualityLine, ...]:
    """Hook and all other text against the box that stays clear of the platform's buttons."""
    safe = plan.canvas.safe
    wanted = f"inside {_show(safe)}"
    hooks = [found for found in plan.overlays if found.role == "hook"]
    outside = [found for found in plan.overlays if not inside(found.box, safe)]
    return (
        QualityLine(
            feature="hook_in_safe_zone",
            passed=bool(hooks) and all(inside(found.box, safe) for found in hooks),
            value=_show(hooks[0].box) if hooks else None,
            wanted=wanted,
        ),
        QualityLine(
            feature="text_in_safe_zone",
            passed=not outside,
            value=f"{outside[0].role} at {_show(outside[0].box)}" if outside else "all",
            wanted=wanted,
        ),
    )


def _show(box: tuple[float, float, float, float]) -> str:
    return ", ".join(f"{edge:.0f}" for edge in box)
