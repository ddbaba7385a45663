"""Cuts: sudden changes of most of the picture after which nothing looks like what came before.

The bounds were chosen on films made from a seed, and judged on films from other seeds and other footage, see
`benchmarks/scenes.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from flywheel_assets.creative.perception.detectors.pictures import Thumb, difference, moved_share, unexplained_share

# A change is looked into when it is this many levels, the largest around, and so many times the larger half of them;
# where everything moves, a change of _OUTRIGHT levels that still exceeds every other around is looked into as well.
_LEVELS, _ABOVE_USUAL, _OUTRIGHT, _ABOVE_ALL = 12.0, 2.0, 40.0, 1.5
_AROUND, _LEAST = 0.1, 2  # seconds, and frames at the least, on either side
_ENOUGH = 8  # frames compared on either side, whatever the rate
_MOVED_SHARE = 0.5  # a caption or end card popping up moves less of the picture
_STRANGE_SHARE = 0.5  # light and movement explain more of the same scene
_SAME_SHARE = 0.62  # pictures around a flash differ by less than this share of the jump itself
_DIFFERENT_LEVELS = 14.0  # or by this much outright


class Cut(NamedTuple):
    """The first frame of a new scene, and how far the picture jumped, 0 to 255."""

    frame: int
    jump: float


class SuddenChanges:
    """Takes frames in order, gives cuts about a quarter of a second late."""

    def __init__(self, reach: float) -> None:
        """``reach``: seconds on either side of a change that are compared, the length of the shortest scene.

        A picture that returns later than that is a real scene and not a flash.
        """
        self._reach = reach
        self._window: deque[Thumb] = deque()
        self._jumps: deque[float] = deque()
        self._next = 1  # place in the window of the frame to be judged next

    def add(self, thumb: Thumb) -> list[Cut]:
        """Cuts that can be told now that this frame is known."""
        self._jumps.append(difference(self._window[-1], thumb) if self._window else 0.0)
        self._window.append(thumb)
        cuts: list[Cut] = []
        while self._next < len(self._window) and self._window[self._next].time + self._reach <= thumb.time:
            cuts += self._judge()
        return cuts

    def finish(self) -> list[Cut]:
        """Cuts in the last frames, with nothing to follow."""
        cuts: list[Cut] = []
        while self._next < len(self._window):
            cuts += self._judge()
        return cuts

    def _judge(self) -> list[Cut]:
        """Judge the next frame, and let go of those that no later one can reach back to."""
        place = self._next
        self._next += 1
        found = [Cut(self._window[place].index, self._jumps[place])] if self._is_cut(place) else []
        oldest = self._window[place].time - 2 * self._reach
        while self._next > _LEAST and self._window[1].time < oldest:
            self._window.popleft()
            self._jumps.popleft()
            self._next -= 1
        return found

    def _is_cut(self, place: int) -> bool:
        if self._jumps[place] < _LEVELS or not self._stands_out(place):
            return False
        thumbs = list(self._window)
        here = thumbs[place].time
        before = [each for each in thumbs[:place] if each.time >= here - self._reach] or thumbs[place - 1 : place]
        after = [each for each in thumbs[place:] if each.time < here + self._reach]
        return confirmed(_thinned(before[::-1])[::-1], _thinned(after))

    def _stands_out(self, place: int) -> bool:
        own, here = self._jumps[place], self._window[place].time
        frames = zip(count(-place), self._jumps, self._window, strict=False)
        around = sorted(
            jump
            for away, jump, thumb in list(frames)[1:]
            if away and (abs(thumb.time - here) <= _AROUND or abs(away) <= _LEAST)
        )
        if not around or own < around[-1]:
            return not around
        # Every second change is nothing where frames are shown twice.
        usual = float(np.mean(around[len(around) // 2 :]))
        return own >= _ABOVE_USUAL * usual or (own >= _OUTRIGHT and own >= _ABOVE_ALL * around[-1])


def _thinned(side: list[Thumb]) -> list[Thumb]:
    """The two frames next to the change and no more than `_ENOUGH` in all, the farthest among them."""
    if len(side) <= _ENOUGH:
        return side
    return [side[0], *(side[round(place)] for place in np.linspace(1, len(side) - 1, _ENOUGH - 1))]


def confirmed(before: Sequence[Thumb], after: Sequence[Thumb]) -> bool:
    """Whether the change between the last frame before and the first after is a cut.

    Args:
        before: frames up to the change, oldest first, at least one.
        after: frames from the change on, at least one.
    """
    last, first = before[-1], after[0]
    if moved_share(last, first) <= _MOVED_SHARE or unexplained_share(last, first) <= _STRANGE_SHARE:
        return False
    # The frames next to the jump may be half of a flash themselves.
    apart = [difference(old, new) for old in before[:-1] for new in after[1:]]
    if apart and min(apart) < min(_SAME_SHARE * difference(last, first), _DIFFERENT_LEVELS):
        return False
    second_last, second = before[-min(2, len(before))], after[min(1, len(after) - 1)]
    pairs = [*((old, second) for old in before[:-1:2]), *((second_last, new) for new in after[:0:-2])]
    return all(unexplained_share(*pair) > _STRANGE_SHARE for pair in pairs)
