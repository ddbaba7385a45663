"""Music with a known beat: clicks and drum patterns at a tempo, played as people and machines play them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Sound = NDArray[np.float32]
Pattern = Literal["clicks", "waltz", "floor", "rock", "busy", "half", "sparse", "chords"]

# Per sound the places in a bar at which it falls, in beats; a bar has four, a waltz three.
_BARS: dict[Pattern, tuple[int, dict[str, tuple[float, ...]]]] = {
    "clicks": (4, {"click": (0, 1, 2, 3)}),
    "waltz": (3, {"kick": (0,), "snare": (1, 2), "hat": (0, 1, 2)}),
    "floor": (4, {"kick": (0, 1, 2, 3), "hat": (0.5, 1.5, 2.5, 3.5), "snare": (1, 3)}),
    "rock": (4, {"kick": (0, 2, 2.5), "snare": (1, 3), "hat": (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)}),
    "busy": (4, {"kick": (0, 1.5, 2), "snare": (1, 3), "hat": tuple(n / 4 for n in range(16))}),
    "half": (4, {"kick": (0, 0.75), "snare": (2,), "hat": (0, 1, 2, 3)}),
    "sparse": (4, {"kick": (0, 2), "snare": (1, 3)}),
    "chords": (4, {"chord": (0, 2), "bass": (0, 1, 2, 3)}),
}
PATTERNS = tuple(_BARS)


@dataclass(frozen=True)
class Loop:
    """A pattern at a tempo, and when its beats fall."""

    pattern: Pattern
    tempo: float
    samples: Sound
    beats: tuple[float, ...]


def drawn_loop(seed: int, pattern: Pattern, tempo: float, seconds: float = 15.0) -> Loop:
    """Equal arguments give equal sound; the seed draws the instruments, the looseness, the noise and where it begins."""
    rng = np.random.default_rng((seed, PATTERNS.index(pattern), round(tempo * 100)))
    length, bar = _BARS[pattern]
    beat = 60 / tempo
    first = float(rng.uniform(0, beat))
    loose = float(rng.choice((0.0, 0.003, 0.008)))
    kit = {name: _instrument(name, rng) for name in bar}
    samples = rng.normal(0, float(rng.choice((0.0005, 0.003, 0.01))), round(seconds * RATE)).astype(np.float32)
    for number in range(int(seconds / (length * beat)) + 1):
        for name, places in bar.items():
            for place in places:
                accent = 1.0 if place == 0 else float(rng.uniform(0.6, 0.9))
                _strike(samples, kit[name] * accent, first + (number * length + place) * beat + rng.normal(0, loose))
    return Loop(pattern, tempo, samples, tuple(np.arange(first, seconds, beat)))


def _strike(samples: Sound, sound: Sound, seconds: float) -> None:
    at = round(seconds * RATE)
    if 0 <= at < len(samples):
        heard = sound[: len(samples) - at]
        samples[at : at + len(heard)] += heard


def _instrument(name: str, rng: np.random.Generator) -> Sound:
    lasts = {"click": 0.03, "kick": 0.18, "snare": 0.15, "hat": 0.04, "chord": 0.6, "bass": 0.25}[name]
    clock = np.arange(round(lasts * RATE)) / RATE
    fall = np.exp(-clock / (lasts / 4))
    noise = rng.normal(0, 1, len(clock))
    tone = float(rng.uniform(0.9, 1.1))
    match name:
        case "click":
            wave = np.sin(2 * np.pi * 1500 * tone * clock)
        case "kick":
            wave = np.sin(2 * np.pi * tone * (55 * clock + 4 * (1 - np.exp(-clock / 0.02))))
        case "snare":
            wave = 0.5 * noise + 0.5 * np.sin(2 * np.pi * 190 * tone * clock)
        case "hat":
            wave = 0.4 * np.diff(noise, prepend=0.0)
        case "chord":
            wave = sum(np.sin(2 * np.pi * each * tone * clock) for each in (262, 330, 392)) / 3
        case _:
            wave = np.sin(2 * np.pi * 82 * tone * clock)
    return (0.3 * fall * wave).astype(np.float32)
