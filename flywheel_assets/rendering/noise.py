"""The noise of a recording, measured where nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.rendering import ffmpeg

_RATE = 48_000  # samples a second, that of the output: what takes the noise out counts all of its band
_WINDOW = 2400  # samples, a twentieth of a second
_LEAST_WINDOWS = 8
_STEADY_DB = 6.0  # between the quietest and the loudest tenth of the windows; music and steps vary more
_AUDIBLE_DB, _NOISE_DB = -75.0, -25.0  # quieter cannot be heard, louder is meant to be
_BAND_HZ = (100.0, 7000.0)
_FLAT = 0.05  # geometric over arithmetic mean of the spectrum; a tone or a chord stays below

Quiet = Sequence[tuple[float, float]]


def stereo(rate: int) -> str:
    """Filter that makes of any sound two channels at a rate, beginning with the file."""
    return f"aresample={rate}:async=1:first_pts=0,aformat=channel_layouts=stereo"


def between(quiet: Quiet) -> str:
    """Expression that chooses those seconds."""
    return "+".join(f"between(t,{start:.3f},{end:.3f})" for start, end in quiet)


def floor(source: Path, quiet: Quiet, *, timeout: float) -> int | None:
    """Level of a source's noise in dB of full scale; None where there is too little silence, no noise, or something else than noise.

    Args:
        source: the file whose sound it is.
        quiet: seconds in which nobody speaks.
        timeout: wall seconds of the decoding.

    Raises:
        RenderFailed: the sound cannot be decoded.
    """
    if not quiet:
        return None
    # The left channel: a mean of both would make noise that differs between them too quiet.
    chain = f"{stereo(_RATE)},highpass=f=80,aselect='{between(quiet)}'"
    with TemporaryDirectory(prefix="flywheel-noise-") as folder:
        raw = Path(folder) / "quiet.f32"
        arguments = ["-map", "0:a:0", "-af", chain, "-f", "f32le", f"file:{raw}"]
        ffmpeg.run([*ffmpeg.original(source), *arguments], subject="noise of the source", timeout=timeout)
        samples = np.fromfile(raw, dtype=np.float32)
    return level(samples[::2])


def level(samples: NDArray[np.float32]) -> int | None:
    """The level of noise at 48 kHz; None where it is none, not steady, or a tone."""
    count = len(samples) // _WINDOW
    if count < _LEAST_WINDOWS:
        return None
    windows = samples[: count * _WINDOW].reshape(count, _WINDOW).astype(np.float64)
    levels = 10 * np.log10((windows**2).mean(axis=1) + 1e-12)
    low, middle, high = np.percentile(levels, (10, 50, 90))
    if high - low > _STEADY_DB or not _AUDIBLE_DB <= middle <= _NOISE_DB or _flatness(windows) < _FLAT:
        return None
    return round(float(middle))


def _flatness(windows: NDArray[np.float64]) -> float:
    """Of the mean spectrum: near 1 for white noise, near 0 for a tone."""
    power = (np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)) ** 2).mean(axis=0)
    pitches = np.fft.rfftfreq(_WINDOW, 1 / _RATE)
    band = power[(pitches >= _BAND_HZ[0]) & (pitches <= _BAND_HZ[1])] + 1e-20
    return float(np.exp(np.log(band).mean()) / band.mean())
