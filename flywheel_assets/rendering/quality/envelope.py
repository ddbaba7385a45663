"""How loud a stretch of sound is, millisecond by millisecond: of a file while it is decoded, or of a part of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import AudioFrame

Loudnesses = NDArray[np.float64]

RATE = 1000  # values a second
_RUN_UP = 0.3  # seconds decoded before a stretch; a decoder that starts in the middle needs some
_MICROSECONDS = 1_000_000  # the unit of a container's own times


class Envelope:
    """Mean absolute value a millisecond of the sound from `start` on, `seconds` long; where nothing came, 0."""

    def __init__(self, start: float, seconds: float) -> None:
        self._start = start
        self._sums = np.zeros(max(round(seconds * RATE), 1))
        self._counts = np.zeros_like(self._sums)

    def add(self, frame: AudioFrame, time: float) -> None:
        """Take in decoded sound that starts at `time`."""
        mono = _mono(frame)
        places = np.floor((time - self._start + np.arange(len(mono)) / frame.sample_rate) * RATE).astype(int)
        keep = (places >= 0) & (places < len(self._sums))
        if not keep.any():
            return
        places = places[keep]
        first = int(places[0])
        counts = np.bincount(places - first)
        self._sums[first : first + len(counts)] += np.bincount(places - first, mono[keep])
        self._counts[first : first + len(counts)] += counts

    @property
    def values(self) -> Loudnesses:
        """The means."""
        return self._sums / np.maximum(self._counts, 1)


def _mono(frame: AudioFrame) -> Loudnesses:
    """Mean absolute value over the channels, of full scale 1, whatever the samples are."""
    samples, channels = np.asarray(frame.to_ndarray()), len(frame.layout.channels)
    rows = (samples if frame.format.is_planar else samples.reshape(-1, channels).T).astype(np.float64)
    if samples.dtype.kind == "f":
        return np.asarray(np.abs(rows).mean(axis=0))
    full = 2.0 ** (8 * samples.dtype.itemsize - 1)
    return np.asarray(np.abs(rows - (full if samples.dtype.kind == "u" else 0)).mean(axis=0) / full)


def of_part(path: Path, start: float, seconds: float) -> Loudnesses:
    """The sound of a file's first audio stream in [start, start + seconds), counted from the start of the file."""
    import av

    found = Envelope(start, seconds)
    with av.open(str(path)) as container:
        origin = (container.start_time or 0) / _MICROSECONDS
        stream = container.streams.audio[0]
        if start > _RUN_UP and stream.time_base:
            container.seek(int((start - _RUN_UP + origin) / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            time = float((frame.pts or 0) * (frame.time_base or 0)) - origin
            if time >= start + seconds:
                break
            found.add(frame, time)
    return found.values
