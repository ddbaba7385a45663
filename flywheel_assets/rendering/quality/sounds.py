"""Promises about the sound: its level, and that it stays with the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import probe
from flywheel_assets.rendering.quality import envelope
from flywheel_assets.rendering.quality.envelope import RATE, Loudnesses
from flywheel_assets.rendering.quality.lines import line, not_applicable
from flywheel_assets.rendering.types import EditPlan, QualityLine
from flywheel_assets.settings import Rendering

_REACH = 0.25  # seconds of drift that are looked for, each way
_SHORTEST = 0.6  # seconds; a shorter span says too little
_SPANS = 8  # compared at most, evenly over the film
_SMOOTH = 5  # milliseconds
_QUIET = 10 ** (-50 / 20)  # mean level below which there is nothing to compare
_TELLING = 0.95  # a sound that is this like itself one frame later cannot show a drift of one frame
_HEARD = 0.5  # correlation of the same sound before and after our own processing and music
_TOP = 3  # milliseconds around a maximum that belong to it
_TIE = 0.02  # of correlation, between the places of a sound that repeats itself


@dataclass(frozen=True)
class Span:
    """Where a piece of the source's sound lies in the file and in the source, seconds."""

    at: float
    start: float
    seconds: float


@dataclass(frozen=True)
class Lag:
    """How much later than planned a span's sound comes, and how like the source's it is."""

    start: float
    milliseconds: float
    likeness: float


def level(path: Path, plan: EditPlan, settings: Rendering) -> tuple[QualityLine, ...]:
    """Loudness and peak, by ebur128; not applicable to silence."""
    try:
        heard = probe.loudness(path, timeout=settings.timeout_seconds)
    except RenderFailed as reason:
        wanted = "sound that can be decoded"
        return tuple(line(name, passed=False, value=str(reason), wanted=wanted) for name in ("loudness", "true_peak"))
    if heard.silent:
        why = "the source is silent" if plan.audio.has_source else "no source sound"
        return tuple(not_applicable(name, why) for name in ("loudness", "true_peak"))
    off = abs(heard.lufs - settings.loudness_lufs)
    wanted = f"{settings.loudness_lufs:g} LUFS within {settings.loudness_tolerance:g} LU"
    ceiling = settings.true_peak_dbtp
    return (
        line("loudness", passed=off <= settings.loudness_tolerance, value=heard.lufs, wanted=wanted),
        line(
            "true_peak",
            passed=heard.peak_dbtp <= ceiling,
            value=heard.peak_dbtp,
            wanted=f"at most {ceiling:g} dBTP",
        ),
    )


def in_step(heard: Loudnesses, plan: EditPlan, source: Path) -> QualityLine:
    """The loudness of the source's spans, found again in the finished file at the planned times."""
    if not plan.audio.has_source:
        return not_applicable("av_drift", "no source sound")
    frame = 1000 / plan.fps
    smooth = _smooth(heard)
    lags = [found for span in _spans(plan) if (found := _lag(smooth, source, span, round(frame)))]
    if not lags:
        return not_applicable("av_drift", "no span of the source's sound changes enough to be found again")
    wanted = f"the source's sound within {frame:.1f} ms of the plan in {len(lags)} spans"
    lost = next((found for found in lags if found.likeness < _HEARD), None)
    if lost:
        value = f"the source's sound is not heard at {lost.start:.2f} s (likeness {lost.likeness:.2f})"
        return line("av_drift", passed=False, value=value, wanted=wanted)
    far = max(lags, key=lambda found: abs(found.milliseconds))
    value = f"{far.milliseconds:+.0f} ms at {far.start:.2f} s"
    return line("av_drift", passed=abs(far.milliseconds) < frame, value=value, wanted=wanted)


def _spans(plan: EditPlan) -> list[Span]:
    """The spans that are long enough, thinned out evenly."""
    found: list[Span] = []
    offset = 0
    for span in plan.audio.spans:
        if span.frames >= _SHORTEST * plan.fps:
            found.append(Span((offset - span.blend) / plan.fps, span.source_start, span.frames / plan.fps))
        offset += span.frames - span.blend
    count = min(len(found), _SPANS)
    return [found[place * len(found) // count] for place in range(count)]


def _lag(heard: Loudnesses, source: Path, span: Span, frame: int) -> Lag | None:
    """None where the source's own sound is too quiet or too even to tell one frame from the next."""
    original = envelope.of_part(source, span.start, span.seconds)
    asked = _smooth(original)
    if original.mean() < _QUIET or _likeness(asked[frame:], asked[:-frame]) > _TELLING:
        return None
    first, reach = round(span.at * RATE), round(_REACH * RATE)
    lags = range(max(-reach, -first), reach + 1)
    there = [heard[first + lag : first + lag + len(asked)] for lag in lags]
    likeness = np.array([_likeness(asked[: len(part)], part) for part in there])
    tops = [
        place
        for place in np.flatnonzero(likeness >= likeness.max() - _TIE)
        if likeness[place] == likeness[max(place - _TOP, 0) : place + _TOP + 1].max()
    ]
    best = min(tops, key=lambda place: abs(lags[place]))
    return Lag(span.at, float(lags[best]), float(likeness.max()))


def _smooth(found: Loudnesses) -> Loudnesses:
    """Roots, so that a few loud moments do not decide, averaged over what no ear tells apart."""
    return np.convolve(np.sqrt(found), np.ones(_SMOOTH) / _SMOOTH, "same")


def _likeness(one: Loudnesses, other: Loudnesses) -> float:
    """Correlation of two loudnesses."""
    if len(one) != len(other) or len(one) < _SHORTEST * RATE / 2:
        return 0.0
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0
