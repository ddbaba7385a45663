"""How like the pixels of a place are to a picture that should have been laid over them.

Neither the picture alone nor the place alone tells: a white mark on a white wall is there and not to be seen, and half
of what is seen of a pale one is the wall. So two differences from what surrounds the mark are compared: the one that is
seen, and the one the mark would make. They correlate as Lin's concordance does, which wants equal strength as well as
equal shape: it is 1 where both are the same, and falls with what is missing, elsewhere, or of another colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.perception.video import Image
from flywheel_assets.rendering.effects import Box

Floats = NDArray[np.float32]

_AROUND = 0.35  # of the shorter side: how much of the surroundings is looked at
_LEAST_AROUND = 10  # pixels
_OPEN, _COVERED = 0.01, 0.25  # cover below which a pixel shows what lies behind; share of the strongest that is judged
_SOFT = 2  # pixels at its edge that the encoder mixes with what lies beside
_REACH = 12  # pixels each way within which a mark is looked for that is not where it should be
# Of the mark's energy, by which another place has to fit better. Measured: where part of the ground has the mark's own
# colour, noise makes one up to 12 pixels aside better by 0.0022; a mark moved by three is better there by 0.045.
_BETTER = 0.01
_SPREAD = 0.25  # of the window, over which what surrounds a mark is carried on under it


@dataclass(frozen=True)
class Mark:
    """A picture at the size it is shown in: colours 0 to 255, and the share of each pixel that it covers."""

    colours: Floats
    cover: Floats


@dataclass(frozen=True)
class Likeness:
    """What was found in the place of a mark.

    Attributes:
        like: 1 where it is there as it should be, about 0 where it is not.
        strength: levels by which the mark should differ from what surrounds it; where that is little, `like` means nothing.
        off: levels by which it differs from how it should look; like `strength` a root mean square.
        shift: pixels to the right and down at which it is found instead; (0, 0) where none fits clearly better.
    """

    like: float
    strength: float
    off: float
    shift: tuple[int, int]


def compare(picture: Image, corner: tuple[int, int], mark: Mark, hidden: Iterable[Box] = ()) -> Likeness:
    """The RGB `picture` against the mark with its upper left corner there; what is under `hidden` boxes does not count."""
    high, wide = mark.cover.shape
    around = max(round(_AROUND * min(high, wide)), _LEAST_AROUND)
    seen, cover, colours = _window(picture, corner, mark, around)
    judged = cover >= max(_COVERED * float(mark.cover.max()), _OPEN)
    judged &= _uncovered(seen.shape[:2], hidden, (corner[0] - around, corner[1] - around))
    behind = _behind(seen, cover)
    wanted = cover[..., None] * (colours - behind)
    found = seen - behind
    if not judged.any():
        return Likeness(0.0, 0.0, 0.0, (0, 0))
    strength, energy = _mean_square(wanted[judged]), _mean_square(found[judged])
    together = float((found[judged] * wanted[judged]).mean())
    like = 2 * together / (energy + strength) if energy + strength > 0 else 0.0
    off = _mean_square(found[judged] - wanted[judged])
    shift = _shift(seen, behind + wanted, judged, around, strength)
    return Likeness(like, strength**0.5, off**0.5, shift)


def _mean_square(values: Floats) -> float:
    return float((values**2).mean())


def _window(picture: Image, corner: tuple[int, int], mark: Mark, around: int) -> tuple[Floats, Floats, Floats]:
    """The place with its surroundings, and the mark in a window as large; beyond the frame its rim goes on."""
    high, wide = mark.cover.shape
    whole = np.pad(picture, ((around, around), (around, around), (0, 0)), mode="edge")
    part = whole[corner[1] : corner[1] + high + 2 * around, corner[0] : corner[0] + wide + 2 * around]
    cover = np.pad(mark.cover, around)
    colours = np.pad(mark.colours, ((around, around), (around, around), (0, 0)))
    return part.astype(np.float32), cover, colours


def _uncovered(shape: tuple[int, ...], hidden: Iterable[Box], origin: tuple[int, int]) -> NDArray[np.bool_]:
    free = np.ones(shape, dtype=bool)
    for left, top, right, bottom in hidden:
        rows = slice(max(int(top) - origin[1] - _SOFT, 0), max(int(bottom) - origin[1] + _SOFT + 1, 0))
        free[rows, max(int(left) - origin[0] - _SOFT, 0) : max(int(right) - origin[0] + _SOFT + 1, 0)] = False
    return free


def _behind(seen: Floats, cover: Floats) -> Floats:
    """What lies behind the mark, as far as its surroundings tell: they are carried on under it."""
    import cv2

    wide = 2 * _SOFT + 1
    shows = (cv2.dilate(cover, np.ones((wide, wide), np.uint8)) < _OPEN).astype(np.float32)
    sigma = _SPREAD * min(cover.shape)
    share = cv2.GaussianBlur(shows, (0, 0), sigma)[..., None]
    spread = cv2.GaussianBlur(seen * shows[..., None], (0, 0), sigma) / np.maximum(share, 1e-6)
    return np.asarray(spread, dtype=np.float32)


def _shift(seen: Floats, wanted: Floats, judged: NDArray[np.bool_], around: int, strength: float) -> tuple[int, int]:
    """Where the composed mark fits clearly better than where it should be; `strength` is its mean square."""
    import cv2

    inner, reach = slice(around, -around), min(around, _REACH)
    outer = slice(around - reach, reach - around or None)
    mask = np.repeat(judged[inner, inner, None].astype(np.float32), 3, axis=2)
    template = np.ascontiguousarray(wanted[inner, inner], dtype=np.float32)
    errors = cv2.matchTemplate(np.ascontiguousarray(seen[outer, outer]), template, cv2.TM_SQDIFF, mask=mask)
    least, _, (x, y), _ = cv2.minMaxLoc(errors)
    if float(errors[reach, reach]) - least <= _BETTER * strength * float(mask.sum()):
        return 0, 0
    return int(x) - reach, int(y) - reach
