"""Loudness as people hear it: ITU-R BS.1770-4 weighting, gated as in EBU R 128."""

from __future__ import annotations

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


class LoudnessMeter:
    """Takes sound piece by piece; keeps one number for each tenth of a second."""

    def __init__(self) -> None:
        self._state: NDArray[np.float64] | None = None
        self._rest = np.zeros(0)
        self._power: list[float] = []

    def add(self, piece: NDArray[np.float32]) -> None:
        """Sound at 48 kHz, shape (channels, samples), -1 to 1."""
        from scipy.signal import sosfilt

        if self._state is None:
            self._state = np.zeros((len(_FILTERS), piece.shape[0], 2))
        heard: Any
        heard, self._state = sosfilt(np.array(_FILTERS), piece.astype(np.float64), axis=-1, zi=self._state)
        waiting = np.concatenate([self._rest, (heard**2).sum(axis=0)])
        hop = LOUD_RATE // HOPS
        whole = len(waiting) // hop
        self._power += waiting[: whole * hop].reshape(whole, hop).mean(axis=1).tolist()
        self._rest = waiting[whole * hop :]

    def power(self) -> NDArray[np.float64]:
        """Weighted mean square of each whole tenth of a second."""
        return np.array(self._power, dtype=np.float64)


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
