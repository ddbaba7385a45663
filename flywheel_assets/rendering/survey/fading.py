"""Which looks near the ends of a scene are mixtures with what lies beyond: dissolves and fades.

Where a picture turns into another, every look between is a mixture of the two in shares that follow the clock, and is
softer, darker or lighter than either. A slow zoom over soft shapes looks like a mixture but stays as sharp and bright;
and so that a zoom does not hide a mixture, the camera is undone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flywheel_assets.rendering.survey import camera
from flywheel_assets.rendering.survey.camera import Grey, Map

_REACH = 7  # looks from an end, 1.2 s at five a second; half of the longest dissolve lies within
_LEAST = 3  # looks; between fewer there is nothing
_IMPURE = 0.15  # mean square distance from the ideal mixture, as a share of that of its ends
_BETWEEN = (0.08, 0.92)  # of the way; nearer to an end it is that end
_LEVELS = 4.0  # grey levels by which a pixel has changed; the end of a scene may be a weak mixture
_SPREAD = 0.5  # of the pixels; a caption that comes in leaves more of the picture as it was
_ALTERED = (0.15, 10.0)  # share of sharpness and grey levels by which no slow zoom changes the end of a scene
_A_LITTLE = (0.05, 3.0)  # by which a look still shows that it belongs to the mixture


@dataclass(frozen=True)
class Look:
    """A small picture, how the camera moved since the one before (None: unknown), and the large one's sharpness."""

    picture: Grey
    step: Map | None
    sharpness: float


@dataclass
class Ends:
    """Takes the looks of one scene in order; keeps those near its ends."""

    count: int = 0
    _first: list[Look] = field(default_factory=list)
    _last: deque[Look] = field(default_factory=lambda: deque(maxlen=_REACH))

    def add(self, look: Look) -> None:
        """The next look."""
        if self.count < _REACH:
            self._first.append(look)
        self._last.append(look)
        self.count += 1

    def fading(self) -> tuple[bool, ...]:
        """For each look whether it is part of a mixture that begins or ends the scene."""
        reach = min(_REACH, (self.count + 1) // 2)
        head = mixed(self._first[:reach])
        tail = mixed(_backwards(list(self._last)[-reach:]))
        return tuple(at < head or at >= self.count - tail for at in range(self.count))


def mixed(looks: Sequence[Look]) -> int:
    """How many looks, from the end of the scene inwards, are a mixture of the first and the last of them."""
    if len(looks) < _LEAST:
        return 0
    inner, (outer, *between) = looks[-1], _from_one_place(looks)
    way = inner.picture - outer
    length = float((way**2).mean())
    if float((np.abs(way) > _LEVELS).mean()) < _SPREAD or not _differs(looks[0], inner, _ALTERED):
        return 0
    found = 0
    for at, picture in enumerate(between, start=1):
        share = float(((picture - outer) * way).mean()) / length
        rest = float(((picture - outer - share * way) ** 2).mean())
        pure = _BETWEEN[0] < share < _BETWEEN[1] and rest <= _IMPURE * length
        if pure and _differs(looks[at], inner, _A_LITTLE):
            found = at + 1
    return found


def _from_one_place(looks: Sequence[Look]) -> list[Grey]:
    """All pictures but the last as they would be from where the camera stood for the last."""
    path, seen = camera.STILL, list[Grey]()
    for look, after in zip(reversed(looks[:-1]), reversed(looks[1:]), strict=True):
        path = camera.joined(camera.STILL if after.step is None else after.step, path)
        seen.append(camera.seen_from(look.picture, path))
    return seen[::-1]


def _backwards(looks: Sequence[Look]) -> list[Look]:
    """The looks as if time ran the other way."""
    steps = [None, *(camera.reverse(look.step) for look in reversed(looks[1:]))]
    return [Look(look.picture, step, look.sharpness) for look, step in zip(reversed(looks), steps, strict=True)]


def _differs(look: Look, inner: Look, bounds: tuple[float, float]) -> bool:
    """Whether it is softer or sharper, darker or lighter."""
    sharpness = abs(look.sharpness - inner.sharpness) > bounds[0] * inner.sharpness
    return sharpness or abs(float(look.picture.mean() - inner.picture.mean())) > bounds[1]
