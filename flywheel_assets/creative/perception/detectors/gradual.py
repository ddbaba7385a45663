"""Dissolves and fades: one picture turns into another so slowly that no frame jumps.

While a picture dissolves, every frame is the mixture of its first and its last, in shares that follow the clock. A
pan, a zoom or a passer-by also ends far from where it began, but what lies between is no mixture of the two ends. Of
all spans that might end now, the one that covers most change as a clean mixture is held until nothing better overlaps
it; then its ends must be different scenes, and what is around it must be calmer. A fade is a mixture with a plain
picture: two of them that meet in the same plain picture are one change. In a wipe a straight edge parts the two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from flywheel_assets.creative.perception.detectors.mixtures import VALUES, impurity, steps, values
from flywheel_assets.creative.perception.detectors.pictures import (
    Thumb,
    parted_share,
    unexplained_share,
    unfollowed_share,
)

REST = 1.0  # seconds; a plain picture that stays longer is a scene of its own

_STEP = 0.06  # seconds; frames closer together than this teach nothing new
_SHORTEST, _LONGEST = 0.15, 2.0  # seconds a change may take
_LEVELS = 12.0  # root mean square by which a change moves the picture at least
_IMPURE = 0.1  # mean square distance from the ideal mixture, as a share of that of the two ends
_BUSY = 0.75  # what happens before and after, a second for a second, as a share of the change itself
_AROUND = 0.5  # seconds looked at before and after
_STRANGE_SHARE = 0.5  # a text that fades in, or light that fades, leaves more of the picture as it was
_NEARLY = 0.5  # a span worth less than this share of the best one is no other reading of the same change
_UNFOLLOWED_SHARE = 0.5  # a pan, a zoom or a turn leaves less unlike
_EDGED_SHARE = 0.88  # of a picture half wiped, on the right side of the edge
_KEPT = 2 * _LONGEST + REST  # seconds


@dataclass(frozen=True)
class Span:
    """A gradual change from one frame to another; ``moved`` is the mean square by which it moved the picture.

    Attributes:
        wipe: the one picture covers the other, rather than that they mix.
        side: of a fade that parts no scenes, the end of the film that it lies at.
        far: seconds of the frames furthest out that may be mixtures as well; none before the span is told.
    """

    first: Thumb
    last: Thumb
    moved: float
    worth: float
    wipe: bool = False
    side: Literal["start", "end"] | None = None
    far: tuple[float, float] = (float("inf"), float("-inf"))

    @property
    def middle(self) -> float:
        """Seconds."""
        return (self.first.time + self.last.time) / 2

    @property
    def mixed(self) -> tuple[float, float]:
        """Seconds between which frames are no scene's alone; a frame more at either end, as only some were compared."""
        return min(self.first.time, self.far[0]) - _STEP, max(self.last.time, self.far[1]) + _STEP


class GradualChanges:
    """Takes frames in order; gives dissolves half a second after they ended, fades when it is known what follows."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._thumbs: deque[Thumb] = deque()
        self._pictures = np.zeros((0, VALUES), np.float32)
        self._apart = np.zeros((0, 0), np.float32)  # mean square distance of every two pictures
        self._opened = 0.0  # seconds, the first frame
        self._told = float("-inf")  # seconds, the end of the last change
        self._held: list[Span] = []  # overlapping, one of each end
        self._leg: Span | None = None  # a fade into a plain picture

    def add(self, thumb: Thumb) -> list[Span]:
        """Changes that can be told now that this frame is known."""
        if not self._thumbs:
            self._opened = thumb.time
        elif thumb.time < self._thumbs[-1].time + _STEP:
            return []
        self._keep(thumb)
        found = self._hold(self._ending_now())
        if self._held and thumb.time > self._best.last.time + _AROUND:
            found += self._settle()
        if self._leg is not None and not self._held and thumb.time > self._leg.last.time + REST + _LONGEST:
            found.append(self._whole(self._leg))
            self._leg = None
        return found

    def finish(self) -> list[Span]:
        """Changes towards the end; a fade-out that nothing follows is no new scene."""
        found = self._settle()
        leg, self._leg = self._leg, None
        if leg is None:
            return found
        parts = self._thumbs[-1].time > leg.last.time + REST
        return [*found, self._whole(leg) if parts else replace(leg, side="end")]

    def _keep(self, thumb: Thumb) -> None:
        """Take the newest frame in, let go of those no change can reach back to."""
        old = sum(each.time < thumb.time - _KEPT for each in self._thumbs)
        for _ in range(old):
            self._thumbs.popleft()
        known, picture = self._pictures[old:], values(thumb)
        # |a - b|^2 = |a|^2 + |b|^2 - 2ab; around the middle grey, so that single precision is enough.
        squares = np.einsum("ij,ij->i", known, known) + picture @ picture - 2 * (known @ picture)
        distances = np.maximum(squares / VALUES, 0)
        apart = np.zeros((len(known) + 1, len(known) + 1), np.float32)
        apart[:-1, :-1] = self._apart[old:, old:]
        apart[-1, :-1] = apart[:-1, -1] = distances
        self._thumbs.append(thumb)
        self._pictures, self._apart = np.vstack([known, picture]), apart

    def _ending_now(self) -> Span | None:
        """The span that ends with the newest frame and covers most change as a clean mixture."""
        times = np.array([each.time for each in self._thumbs])
        end = len(times) - 1
        lasts = times[end] - times[: max(0, end - 1)]  # at least one frame between
        fits = (lasts >= _SHORTEST) & (lasts <= _LONGEST) & (times[: len(lasts)] >= self._told)
        starts = np.flatnonzero(fits & (self._apart[: len(lasts), end] >= _LEVELS**2))
        if not len(starts):
            return None
        impure, wiped = impurity(self._apart, starts, times)
        worth = self._apart[starts, end] * (1 - impure / _IMPURE)
        best = int(np.argmax(worth))
        if worth[best] <= 0:
            return None
        start = int(starts[best])
        moved = float(self._apart[start, end])
        return Span(self._thumbs[start], self._thumbs[end], moved, float(worth[best]), wipe=bool(wiped[best]))

    @property
    def _best(self) -> Span:
        return max(self._held, key=lambda span: span.worth)

    def _hold(self, span: Span | None) -> list[Span]:
        """Keep a span with those it overlaps; if it does not overlap the best of them, they are settled first."""
        if span is None:
            return []
        found = self._settle() if self._held and span.first.time >= self._best.last.time else []
        self._held.append(span)
        return found

    def _settle(self) -> list[Span]:
        """Take the best of the held spans that bears a closer look: it is a change, half of a fade, or nothing."""
        held, self._held = sorted(self._held, key=lambda span: -span.worth), []
        near = (each for each in held if each.worth >= _NEARLY * held[0].worth)
        span = next((each for each in near if self._accepted(each)), None)
        if span is None:
            return []
        self._told = span.last.time
        leg, self._leg = self._leg, None
        if leg is not None and span.first.flat and span.first.time <= leg.last.time + REST:
            whole = Span(leg.first, span.last, max(leg.moved, span.moved), 0.0)
            return [whole] if unexplained_share(leg.first, span.last) > _STRANGE_SHARE else []
        found = [self._whole(leg)] if leg is not None else []
        if span.first.flat and span.first.time <= self._opened + REST:
            return [*found, replace(span, side="start")]  # a fade-in that nothing precedes
        if span.last.flat:
            self._leg = span
            return found
        return [*found, self._whole(span)]

    def _whole(self, span: Span) -> Span:
        """The span, of a fade with the half of it that moved too much to be taken for a mixture."""
        thumbs = list(self._thumbs)
        start, end = self._place(span.first), self._place(span.last)
        before = self._faded(thumbs[start::-1]) if span.first.flat and start is not None else span.first.time
        after = self._faded(thumbs[end:]) if span.last.flat and end is not None else span.last.time
        return replace(span, far=(before, after))

    def _place(self, thumb: Thumb) -> int | None:
        """Where a frame is among those kept."""
        return next((at for at, each in enumerate(self._thumbs) if each.index == thumb.index), None)

    def _faded(self, away: Sequence[Thumb]) -> float:
        """Seconds of the frame at which the pictures have come out of a plain one, the first of them.

        A cut out of it comes out in one step, and a plain picture that stays is a scene: then that of the first.
        """
        plain = next((at for at, each in enumerate(away) if not each.flat), len(away)) - 1
        if abs(away[plain].time - away[0].time) > REST:
            return away[0].time
        reach = [each for each in away[plain:] if abs(each.time - away[plain].time) <= _LONGEST]
        going = steps(reach)
        count = next((at for at, grows in enumerate(going) if not grows), len(going))
        return reach[count].time if count > 1 else away[0].time

    def _accepted(self, span: Span) -> bool:
        """Whether all is calmer before and after, and the ends are different scenes."""
        return (
            self._calm(span)
            and unexplained_share(span.first, span.last) > _STRANGE_SHARE
            and unfollowed_share(span.first, span.last) > _UNFOLLOWED_SHARE
            and (not span.wipe or self._edged(span))
        )

    def _edged(self, span: Span) -> bool:
        """Whether in all frames between a straight edge parts the two pictures."""
        between = [each for each in self._thumbs if span.first.time < each.time < span.last.time]
        shares = [parted_share(span.first, span.last, each) for each in between]
        return len(shares) > 1 and min(shares) >= _EDGED_SHARE  # a single frame is half of a cut

    def _calm(self, span: Span) -> bool:
        """A plain end may be followed, or preceded, by anything."""
        times = np.array([each.time for each in self._thumbs])
        lasts = span.last.time - span.first.time
        around = min(lasts, _AROUND)
        at = np.searchsorted(times, [span.first.time - around - _STEP / 2, span.first.time, span.last.time])
        after = min(int(np.searchsorted(times, span.last.time + around - _STEP / 2)), len(times) - 1)
        earlier = 0.0 if span.first.flat else float(self._apart[at[0], at[1]])
        later = 0.0 if span.last.flat else float(self._apart[at[2], after])
        return max(earlier, later) <= _BUSY * span.moved * around / lasts
