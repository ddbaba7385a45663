"""Facts of a finished file, read with PyAV and ebur128 rather than from the plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel_assets.core.errors import RenderFailed
from flywheel_assets.rendering import ffmpeg

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

SILENCE_LUFS = -70.0  # the absolute gate of EBU R 128: below it there is nothing to measure
_THUMB = (64, 114)
_BRIGHT_PERCENT = 80
_SUMMARY = re.compile(r"I:\s+(-?[\d.]+|-inf) LUFS.*Peak:\s+(-?[\d.]+|-inf) dBFS", re.DOTALL)


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness and true peak."""

    lufs: float
    peak_dbtp: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.lufs <= SILENCE_LUFS


@dataclass(frozen=True)
class Decoded:
    """A file decoded from end to end.

    Attributes:
        steps: the distinct times between pictures, seconds.
        lumas: 80th percentiles of two pictures a second, 0 (black) to 255; our own text is never a fifth of a frame.
        failure: what the decoder said when it stopped early.
    """

    width: int
    height: int
    steps: frozenset[Fraction]
    frames: int
    lumas: tuple[float, ...]
    has_audio: bool
    failure: str | None


def count_frames(path: Path) -> int:
    """Video packets of a file, without decoding; 0 when it cannot be opened."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return sum(1 for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, IndexError, OSError):
        return 0


def even_pace(path: Path) -> bool:
    """Whether all pictures of a file last equally long, to a tenth of one."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        shown = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
    steps = [later - earlier for earlier, later in pairwise(shown)]
    return not steps or max(steps) - min(steps) <= 0.1 * max(steps) + 1


def decode(path: Path) -> Decoded:
    """Decode every picture and every sound of a file; a failure is a fact, not an error.

    Raises:
        RenderFailed: the file cannot be opened or has no picture.
    """
    import av

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise RenderFailed(f"{path.name}: unreadable: {error}; render it again") from error
    with container:
        if not container.streams.video:
            raise RenderFailed(f"{path.name}: no_picture: it has no video stream; render it again")
        return _decode(container)


def loudness(path: Path, *, timeout: float, chain: str = "[0:a]anull[mix]", subject: str = "loudness") -> Loudness:
    """Measure a file's sound, after `chain` (from `[0:a]` to `[mix]`).

    Raises:
        RenderFailed: the sound cannot be decoded.
    """
    log = ffmpeg.run(
        [*ffmpeg.local_input(path), "-filter_complex", f"{chain};[mix]ebur128=peak=true:framelog=quiet[out]",
         "-map", "[out]", "-f", "null", "-"],
        subject=subject, timeout=timeout,
    )  # fmt: skip
    found = _SUMMARY.search(log[log.rindex("Summary:") :]) if "Summary:" in log else None
    if found is None:
        raise RenderFailed(f"{subject}: ebur128 gave no summary for {path.name}; its sound cannot be judged")
    return Loudness(float(found[1]), float(found[2]))


def _decode(container: InputContainer) -> Decoded:
    import av

    video = container.streams.video[0]
    video.thread_type = "AUTO"
    every = max(round(float(video.average_rate or 1) / 2), 1)
    times: list[int] = []
    lumas: list[float] = []
    failure = None
    try:
        for frame in container.decode():
            if isinstance(frame, av.VideoFrame):
                if len(times) % every == 0:
                    lumas.append(_bright_luma(frame))
                times.append(frame.pts or 0)
    except av.FFmpegError as error:
        failure = str(error)
    base = video.time_base or Fraction(1)
    steps = frozenset((later - earlier) * base for earlier, later in pairwise(times))
    sound = bool(container.streams.audio)
    return Decoded(video.width, video.height, steps, len(times), tuple(lumas), sound, failure)


def _bright_luma(frame: VideoFrame) -> float:
    import numpy as np

    small = frame.reformat(width=_THUMB[0], height=_THUMB[1], format="gray").to_ndarray()
    return float(np.percentile(small, _BRIGHT_PERCENT))
