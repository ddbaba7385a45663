"""Two short loops of our own, computed from nothing: for who wants music and has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.core.account import LoopName
from flywheel_assets.rendering.tracks import BeatGrid

RATE = 48_000
_BEATS = 16  # four bars
_SEED = 7  # of the noise in the hats; nobody hears which
_PEAK = 0.7

Wave = NDArray[np.float64]


def tempo(name: LoopName) -> float:
    """Beats a minute."""
    return {"pulse": 120.0, "warm": 90.0}[name]


def grid(name: LoopName) -> BeatGrid:
    """Its beats, known rather than found."""
    step = 60.0 / tempo(name)
    return BeatGrid(seconds=_BEATS * step, beats=tuple(round(step * beat, 6) for beat in range(_BEATS)))


def samples(name: LoopName) -> Wave:
    """One turn, mono, -1 to 1; its end runs into its begin."""
    play: dict[LoopName, Callable[[float], Wave]] = {"pulse": _pulse, "warm": _warm}
    wave = play[name](60.0 / tempo(name))
    loudest = float(np.abs(wave).max())
    return wave * (_PEAK / loudest)


def _pulse(step: float) -> Wave:
    """A drum on every beat, a hat between, a bass line and short chords: brisk."""
    noise = np.random.default_rng(_SEED)
    roots = (45, 45, 41, 43)  # A A F G
    mixed = np.zeros(round(_BEATS * step * RATE))
    for beat in range(_BEATS):
        root, at = roots[beat // 4], beat * step
        _add(mixed, at, _drum(0.22))
        _add(mixed, at + step / 2, 0.05 * noise.standard_normal(round(0.05 * RATE)) * _fall(0.05))
        _add(mixed, at + step / 2, 0.15 * _tone((root,), step / 2) * _fall(step / 2))
        if beat % 2:
            _add(mixed, at, 0.10 * _tone((root + 12, root + 15, root + 19), step) * _fall(step))
    return mixed


def _warm(step: float) -> Wave:
    """Slow chords that swell, a soft low note on each beat: calm."""
    chords = ((48, 60, 64, 67), (45, 60, 64, 69), (41, 60, 65, 69), (43, 59, 62, 67))  # C Am F G
    mixed = np.zeros(round(_BEATS * step * RATE))
    for bar, chord in enumerate(chords):
        length = 4 * step
        swell = np.sin(np.pi * np.arange(round(length * RATE)) / (length * RATE)) ** 0.7
        _add(mixed, bar * length, 0.25 * _tone(chord[1:], length) * swell)
        for beat in range(4):
            _add(mixed, bar * length + beat * step, 0.4 * _tone(chord[:1], step) * _fall(step))
    return mixed


def _add(mixed: Wave, at: float, sound: Wave) -> None:
    """Put a sound into the loop; what is over the end goes to the begin."""
    places = (round(at * RATE) + np.arange(len(sound))) % len(mixed)
    mixed[places] += sound


def _tone(notes: Sequence[int], seconds: float) -> Wave:
    """Notes by their MIDI numbers with a few overtones."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitches = [440.0 * 2 ** ((note - 69) / 12) for note in notes]
    parts = [np.sin(2 * np.pi * pitch * k * times) / k**2 for pitch in pitches for k in (1, 2, 3)]
    return np.asarray(np.sum(parts, axis=0) / len(notes), dtype=np.float64)


def _drum(seconds: float) -> Wave:
    """A pitch that falls, as a bass drum's does."""
    times = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * (50 * times + 90 * (1 - np.exp(-30 * times)) / 30)) * _fall(seconds)


def _fall(seconds: float) -> Wave:
    """Loud at once, gone at the end, without a click at either."""
    times = np.arange(round(seconds * RATE)) / RATE
    attack = np.minimum(times / 0.004, 1.0)
    return attack * np.exp(-4 * times / seconds) * (1 - times / seconds)
