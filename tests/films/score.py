"""Changes that were found against a film's truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.films.edit import Truth

_FRAMES = 1  # a cut is found within so many frames of its place
_SECONDS = 0.3  # a gradual change is found within so much of its middle


@dataclass(frozen=True)
class Score:
    """Counts over any number of films. A hit inside a gradual change is neither a cut nor false, the second one is."""

    hits: int = 0
    missed: int = 0
    false: int = 0
    gradual: int = 0
    gradual_missed: int = 0

    def __add__(self, other: Score) -> Score:
        mine, theirs = vars(self), vars(other)
        return Score(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.missed + self.false)

    @property
    def gradual_recall(self) -> float:
        return self.gradual / max(1, self.gradual + self.gradual_missed)


def score(truth: Truth, found: Sequence[int], times: Sequence[float]) -> Score:
    """Score the first frames of the scenes found, the film's own first frame left out."""
    left = sorted(found)
    hits = sum(_take(left, lambda frame, cut=cut: abs(frame - cut) <= _FRAMES) for cut in truth.cuts)
    gradual = 0
    for first, last, _ in truth.gradual:
        opens, closes = times[first], times[min(last, len(times) - 1)]
        middle = (opens + closes) / 2
        if _take(left, lambda frame, middle=middle: abs(times[frame] - middle) <= _SECONDS):
            gradual += 1
        else:
            _take(left, lambda frame, a=opens, b=closes: a - _SECONDS <= times[frame] <= b + _SECONDS)
    return Score(hits, len(truth.cuts) - hits, len(left), gradual, len(truth.gradual) - gradual)


def _take(left: list[int], fits: object) -> bool:
    """Take the first that fits off the list."""
    for frame in left:
        if fits(frame):
            left.remove(frame)
            return True
    return False
