"""Finds a planned text among the lines that were read in a picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from flywheel_assets.rendering.effects import Box
from flywheel_assets.rendering.quality.eyes import Line

SURE = 0.85  # of the letters, in order; what is left is the recogniser's own error
_SAME_ROW = 0.5  # of the lower line's height
_PARTS = 3  # boxes into which the finder may divide a line at most
_UNDRAWN = ("Z", "C", "M", "So", "Sk")  # spaces, invisible marks, accents, emoji: recognisers lose or never see them
_NEARLY = 0.02  # of likeness; among equals the place decides


@dataclass(frozen=True)
class Match:
    """The lines most like a planned text.

    Attributes:
        likeness: 0 to 1.
        boxes: of the letters that were read, one a line.
    """

    text: str
    likeness: float
    boxes: tuple[Box, ...]

    @property
    def sure(self) -> bool:
        """Whether the text was read."""
        return self.likeness >= SURE


def find(lines: Sequence[str], seen: Iterable[Line], near: Box) -> Match:
    """The best match of a text's lines; where the same words stand twice, the ones nearer to the box `near`."""
    candidates = _candidates(list(seen))
    best = [_best(text, candidates, near) for text in lines]
    picked = [found for found in best if found is not None]
    text = " ".join(found.text for found in picked)
    return Match(text, likeness(" ".join(lines), text), tuple(found.box for found in picked))


def likeness(one: str, other: str) -> float:
    """Share of letters two texts have in common, in order; spaces, accents and capitals do not count."""
    a, b = plain(one), plain(other)
    return SequenceMatcher(None, a, b, autojunk=False).ratio() if a and b else 0.0


def plain(text: str) -> str:
    """The text as recognisers see it: no spaces, no marks above letters, no emoji, one case."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in apart if not unicodedata.category(each).startswith(_UNDRAWN))


def _best(text: str, candidates: list[Line], near: Box) -> Line | None:
    rated = [(likeness(text, found.text), found) for found in candidates]
    top = max((rate for rate, _ in rated), default=0.0)
    if top <= 0:
        return None
    return min((found for rate, found in rated if rate >= top - _NEARLY), key=lambda found: _distance(found.box, near))


def _candidates(seen: list[Line]) -> list[Line]:
    """Every line, and neighbours on one row as one."""
    found = list(seen)
    by_left = sorted(seen, key=lambda line: line.box[0])
    for first, begun in enumerate(by_left):
        row = [line for line in by_left[first:] if _on_row(begun.box, line.box)]
        found += [_joined(row[:count]) for count in range(2, min(len(row), _PARTS) + 1)]
    return found


def _joined(parts: list[Line]) -> Line:
    lefts, tops, rights, bottoms = zip(*(part.box for part in parts), strict=True)
    return Line(" ".join(part.text for part in parts), (min(lefts), min(tops), max(rights), max(bottoms)))


def _on_row(one: Box, other: Box) -> bool:
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared >= _SAME_ROW * min(one[3] - one[1], other[3] - other[1])


def _distance(one: Box, other: Box) -> float:
    return abs(one[0] + one[2] - other[0] - other[2]) + abs(one[1] + one[3] - other[1] - other[3])
