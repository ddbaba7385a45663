"""Promises about the file itself: what is in it, how it is coded and cut, and how large and long it is."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from flywheel_assets.rendering import probe
from flywheel_assets.rendering.placements import Placement
from flywheel_assets.rendering.probe import Packets
from flywheel_assets.rendering.quality.lines import line
from flywheel_assets.rendering.quality.watching import Watched
from flywheel_assets.rendering.types import EditPlan, QualityLine

PICTURE, SOUND = "h264 High yuv420p", "aac LC stereo 48000"
_GOP_SECONDS = 2  # the longest the platform advises


def coded(found: Packets, seen: Watched, plan: EditPlan) -> tuple[QualityLine, ...]:
    """Streams, size and codecs."""
    streams, turned = ", ".join(found.streams), f", turned by {seen.rotation}" if seen.rotation else ""
    size = f"{found.size[0]}x{found.size[1]}, pixels {found.pixel.numerator}:{found.pixel.denominator}{turned}"
    wanted = f"{plan.width}x{plan.height}, pixels 1:1"
    both = "one video, one audio"
    return (
        line("streams", passed=sorted(found.streams) == ["audio", "video"], value=streams, wanted=both),
        line("dimensions", passed=size == wanted, value=size, wanted=wanted),
        line("video_codec", passed=found.picture == PICTURE, value=found.picture or "none", wanted=PICTURE),
        line("audio_codec", passed=found.sound == SOUND, value=found.sound or "none", wanted=SOUND),
        _gops(found, plan),
    )


def timed(found: Packets, seen: Watched, plan: EditPlan) -> tuple[QualityLine, ...]:
    """Rate, length, and the two streams against one another."""
    frame, end = Fraction(1, plan.fps), found.picture_span[1]
    steps = sorted({later - earlier for earlier, later in pairwise(seen.times)})
    rates = ", ".join(f"{float(1 / step):.3f}" if step > 0 else "none" for step in steps)
    length = f"{len(seen.times)} pictures, {float(end):.3f} s"
    wanted = f"{plan.frames} pictures, {plan.frames / plan.fps:.3f} s"
    first = float(seen.times[0]) if seen.times else -1.0
    apart = [float(one - other) for one, other in zip(found.sound_span, found.picture_span, strict=True)]
    return (
        line("fps", passed=steps == [frame], value=rates or "none", wanted=f"{plan.fps} between all pictures"),
        line("frames", passed=length == wanted, value=length, wanted=wanted),
        line("starts_at_zero", passed=first == 0, value=first, wanted="0 s"),
        _decodes(found, seen),
        line(
            "av_ends",
            passed=all(abs(seconds) < frame for seconds in apart),
            value=f"sound starts {apart[0] * 1000:+.1f} ms and ends {apart[1] * 1000:+.1f} ms after the picture",
            wanted=f"both within {float(frame) * 1000:.1f} ms",
        ),
    )


def placed(path: Path, found: Packets, placement: Placement) -> tuple[QualityLine, ...]:
    """What the placement takes: shape, length, bytes; and that a player can start before it has all of it."""
    width, height = found.size
    seconds, (least, most) = float(found.picture_span[1]), placement.seconds
    size, boxes = path.stat().st_size, probe.boxes(path)
    ready = "moov" in boxes and "mdat" in boxes and boxes.index("moov") < boxes.index("mdat")
    return (
        line(
            "placement_shape",
            passed=placement.takes(width, height),
            value=f"{width}x{height}",
            wanted=f"{placement.name}: {placement.size[0]}:{placement.size[1]} within {placement.tolerance:.0%}",
        ),
        line(
            "placement_length",
            passed=least <= seconds <= most,
            value=round(seconds, 3),
            wanted=f"{placement.name}: {least:g} to {most:g} s",
        ),
        line(
            "file_size", passed=size <= placement.max_bytes, value=size, wanted=f"at most {placement.max_bytes} bytes"
        ),
        line("faststart", passed=ready, value=" ".join(boxes), wanted="moov before mdat"),
    )


def _decodes(found: Packets, seen: Watched) -> QualityLine:
    """To the last picture of the file's own index, by the second decoder: ffmpeg's program wrote it, PyAV reads it."""
    missing = None if len(seen.times) == found.indexed else f"{len(seen.times)} of {found.indexed} pictures"
    fault = seen.failure or missing
    return line("decodes", passed=fault is None, value=fault or "yes", wanted="to the last picture, by PyAV")


def _gops(found: Packets, plan: EditPlan) -> QualityLine:
    """Closed groups of pictures, none longer than advised."""
    marks = [*found.keys, found.picture_span[1]]
    longest = max((float(later - earlier) for earlier, later in pairwise(marks)), default=0.0)
    first = bool(found.keys) and found.keys[0] == found.picture_span[0]
    value = f"longest {longest:.2f} s, {found.open_gops} open" + ("" if first else ", does not begin with a keyframe")
    passed = first and longest <= _GOP_SECONDS + 0.5 / plan.fps and not found.open_gops
    return line("closed_gop", passed=passed, value=value, wanted=f"closed, at most {_GOP_SECONDS} s")
