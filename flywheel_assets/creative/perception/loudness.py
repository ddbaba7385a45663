"""Loudness as people hear it: ITU-R BS.1770-4 weighting, gated as in EBU R 128."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOUD_RATE = 48_000  # samples a second, for which the recommendation tabulates its filters
HOPS = 10  # a second; blocks of 0.4 s that overlap by three quarters
SILENCE = -70.0  # LUFS, the absolute gate; nothing is called quieter

# Tables 1 and 2 of the recommendation: the head's shelf, then the low cut.
_FILTERS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
_OFFSET = -0.691  # so that a 1 kHz sine reads its own level
_RELATIVE = -10.0  # LU below the mean of what passed the absolute gate
_BLOCK = 4  # hops
_HOP = LOUD_RATE // HOPS  # samples


class LoudnessMeter:
    """Takes sound piece by piece; keeps one number for each tenth of a second."""

    def __init__(self) -> None:
        self._waiting = np.zeros((0, 0), dtype=np.float32)  # the hop before the next, and what came since
        self._power: list[float] = []

    def add(self, piece: NDArray[np.float32]) -> None:
        """Sound at 48 kHz, shape (channels, samples), -1 to 1."""
        if not self._waiting.size:
            self._waiting = np.zeros((piece.shape[0], _HOP), dtype=np.float32)
        self._waiting = np.concatenate([self._waiting, piece], axis=1)
        while self._waiting.shape[1] >= 2 * _HOP:
            # Of what the filters make of two hops, the second is right: they forget within one (to ten digits).
            spectrum = np.fft.rfft(self._waiting[:, : 2 * _HOP].astype(np.float64)) * _weights()
            heard = np.fft.irfft(spectrum)[:, _HOP:]
            self._power.append(float((heard**2).sum(axis=0).mean()))
            self._waiting = self._waiting[:, _HOP:]

    def power(self) -> NDArray[np.float64]:
        """Weighted mean square of each whole tenth of a second."""
        return np.array(self._power, dtype=np.float64)


@cache
def _weights() -> NDArray[np.complex128]:
    """The filters' response at the frequencies of two hops."""
    delay = np.exp(-1j * np.pi * np.arange(_HOP + 1) / _HOP)
    sections = [np.polyval(each[2::-1], delay) / np.polyval(each[:2:-1], delay) for each in _FILTERS]
    return np.asarray(np.prod(sections, axis=0), dtype=np.complex128)


def lufs(power: NDArray[np.float64]) -> float:
    """Loudness of some tenths of a second without gates, LUFS; not below -70."""
    mean = float(power.mean()) if power.size else 0.0
    return round(max(SILENCE, _OFFSET + 10 * float(np.log10(max(mean, 1e-12)))), 2)


def integrated(power: NDArray[np.float64]) -> float:
    """Gated loudness of a whole programme, LUFS; -70 for silence."""
    if len(power) < _BLOCK:
        return lufs(power)
    blocks = np.convolve(power, np.full(_BLOCK, 1 / _BLOCK), "valid")
    loud = blocks[_level(blocks) > SILENCE]
    if not loud.size:
        return SILENCE
    return lufs(loud[_level(loud) > float(_level(loud.mean())) + _RELATIVE])


def _level(power: Any) -> Any:
    return _OFFSET + 10 * np.log10(np.maximum(power, 1e-12))
