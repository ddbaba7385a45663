"""Where the beats of music fall, and whether there is a steady beat at all.

After Ellis, "Beat Tracking by Dynamic Programming" (2007): a curve of how much sets in at each
moment, the tempo from its autocorrelation, and the chain of onsets that fits the tempo best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VERSION = "2"  # raise it when a change here changes a result

_RATE = 16_000  # samples a second
_WINDOW, _HOP = 1024, 160  # samples; a hundred moments a second
_MOMENTS = 100
_BANDS = 40
_SLOWEST, _FASTEST = 58.0, 190.0  # beats a minute
# A beat, twice and half of it fit the same sound; what decides was chosen on loops of `tests/films/loops.py`. People tap
# at about 120 (the prior lies above, because a slower beat repeats itself better), the bass tells beats from what hats
# put between, and where nothing lies between slow clicks nothing is to be imagined.
_USUAL, _SPREAD = 135.0, 0.7  # beats a minute, octaves
_BASS_HERTZ, _BASS = 200.0, 0.5  # the bass, and its share in choosing the tempo
_FILLED, _LEAST_SHARE = 0.5, 0.05  # power of how alike every beat is, against every second one (chance below the least)
_STEADY = 0.35  # autocorrelation at the tempo from which a beat is steady; speech stays below
_TIGHT = 100.0  # how much a beat off the tempo costs against the strength of its onset
_LEAST_SECONDS = 4.0  # of sound, below which two bars cannot be told from chance


@dataclass(frozen=True)
class Beats:
    """Beats a minute and the seconds of the beats; None and empty without a steady beat."""

    tempo: float | None
    times: tuple[float, ...]


def find_beats(samples: NDArray[np.float32]) -> Beats:
    """The beats of mono 16 kHz sound, -1 to 1."""
    if len(samples) < _LEAST_SECONDS * _RATE:
        return Beats(None, ())
    curve, bass = onsets(samples)
    lag, steadiness = _period(curve, bass)
    if steadiness < _STEADY:
        return Beats(None, ())
    times = _chain(curve, lag)
    return Beats(round(60.0 * _MOMENTS / lag, 1), tuple(round(int(at) / _MOMENTS, 2) for at in times))


def onsets(samples: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much sets in at each hundredth of a second, in all and in the bass.

    Each with mean 0 and deviation 1; all 0 for silence.
    """
    pad = np.concatenate([np.zeros(_WINDOW // 2, np.float32), samples, np.zeros(_WINDOW // 2, np.float32)])
    count = 1 + (len(pad) - _WINDOW) // _HOP
    edges = np.unique(np.geomspace(2, _WINDOW // 2, _BANDS + 1).astype(int))
    rows = np.empty((count, len(edges) - 1))
    window = np.hanning(_WINDOW)
    for start in range(0, count, 2000):  # in pieces, so that ten minutes stay small
        stop = min(count, start + 2000)
        frames = np.lib.stride_tricks.sliding_window_view(pad, _WINDOW)[start * _HOP : (stop - 1) * _HOP + 1 : _HOP]
        power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
        rows[start:stop] = np.sqrt(np.sqrt(np.add.reduceat(power, edges[:-1], axis=1)))
    rises = np.maximum(np.diff(rows, axis=0, prepend=rows[:1]), 0)
    bass = edges[:-1] * _RATE / _WINDOW < _BASS_HERTZ
    return _curve(rises.sum(axis=1)), _curve(rises[:, bass].sum(axis=1))


def _curve(rise: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = np.convolve(rise, np.hanning(7) / np.hanning(7).sum(), "same")
    slow = np.convolve(smooth, np.full(_MOMENTS, 1 / _MOMENTS), "same")
    curve = np.maximum(smooth - slow, 0)
    deviation = float(curve.std())
    return (curve - curve.mean()) / deviation if deviation > 0 else np.zeros_like(curve)


def _period(curve: NDArray[np.float64], bass: NDArray[np.float64]) -> tuple[float, float]:
    """The likeliest beat in moments, and how steady it is, 0 to 1."""
    whole = _shares(curve)
    mixed = (1 - _BASS) * whole + _BASS * _shares(bass)
    # A steady beat repeats after one, two and four of its periods; one that is off by a little does not.
    lags = np.arange(60.0 * _MOMENTS / _FASTEST, 60.0 * _MOMENTS / _SLOWEST, 0.1)
    once, twice, often = (_at(mixed, lags * times) for times in (1, 2, 4))
    likely = np.exp(-0.5 * (np.log2(60.0 * _MOMENTS / lags / _USUAL) / _SPREAD) ** 2)
    filled = np.clip(once / np.maximum(twice, _LEAST_SHARE), 0, 1) ** _FILLED
    best = float(lags[np.argmax((once + twice + often) * likely * filled)])
    steady = float(np.mean([_at(whole, np.array([best * times])) for times in (1, 2, 4)]))
    return best, max(0.0, steady)


def _shares(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """How alike the curve is to itself so many moments later, 1 at none; all 0 for silence."""
    size = 1 << (2 * len(curve) - 1).bit_length()
    spectrum = np.fft.rfft(curve, size)
    alike = np.fft.irfft(spectrum * spectrum.conj(), size)[: len(curve)]
    left = np.maximum(len(curve) - np.arange(len(curve)), 1)
    return np.asarray(alike / alike[0] * len(curve) / left if alike[0] > 0 else np.zeros_like(curve))


def _at(shares: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.interp(lags, np.arange(len(shares)), shares))


def _chain(curve: NDArray[np.float64], lag: float) -> NDArray[np.int64]:
    """Moments of the chain of onsets that fits the period best."""
    reach = np.arange(-round(2 * lag), -max(1, round(lag / 2)) + 1)
    cost = -_TIGHT * np.log(-reach / lag) ** 2
    score, before = curve.copy(), np.full(len(curve), -1)
    for at in range(len(curve)):
        from_ = at + reach
        inside = from_ >= 0
        if inside.any():
            values = score[from_[inside]] + cost[inside]
            best = int(np.argmax(values))
            if values[best] > 0:
                score[at] += values[best]
                before[at] = from_[inside][best]
    chain = [int(np.argmax(score[-round(lag) :])) + len(curve) - round(lag)]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return np.array(chain[::-1], dtype=np.int64)
