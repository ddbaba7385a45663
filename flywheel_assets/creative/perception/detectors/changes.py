"""All changes of scene in one pass: cuts, and the dissolves and fades between which there is no cut."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flywheel_assets.creative.perception.detectors.gradual import REST, GradualChanges, Span
from flywheel_assets.creative.perception.detectors.pictures import Thumb
from flywheel_assets.creative.perception.detectors.sudden import Cut, SuddenChanges

# Seconds before and after a change in which a flash is looked for; a picture that returns later is a scene of its own.
_REACH = 0.25
_SLACK = 0.1  # seconds; a change this close to a cut is that cut
_MEMORY = 12.0  # seconds; no change is told later than this
_EXACT = 2e-6  # seconds; times are rounded to half of this


class Mix(NamedTuple):
    """Frames [first, last) that are no scene's alone, and the seconds of the change that they belong to."""

    first: int
    last: int
    change: float


class Changes:
    """Takes frames in order, gives the first frames of new scenes, a cut half a second late, a fade several.

    ``mixes`` are the dissolves and fades so far. They may lie at either end of the film, or belong to a cut.
    """

    def __init__(self, shortest: float) -> None:
        """No scene is shorter than ``shortest`` seconds; of two changes closer together the stronger stays."""
        self.mixes: list[Mix] = []
        self._shortest = shortest
        self._sudden = SuddenChanges(min(shortest, _REACH))
        self._gradual = GradualChanges()
        self._frames: deque[tuple[float, int]] = deque()
        self._opened = 0.0
        self._held: tuple[float, Cut] | None = None
        self._told: list[float] = []
        self._ends = float("inf")

    def add(self, thumb: Thumb) -> list[int]:
        """First frames of scenes, as far as they can be told now that this frame is known."""
        if not self._frames:
            self._opened = thumb.time
        self._frames.append((thumb.time, thumb.index))
        while self._frames[0][0] < thumb.time - _MEMORY:
            self._frames.popleft()
        found = self._cuts(self._sudden.add(thumb))
        # By now every cut is judged that might be the stronger of two.
        if self._held is not None and thumb.time - self._held[0] > self._shortest + _REACH + _EXACT:
            found += self._release()
        return found + self._spans(self._gradual.add(thumb))

    def finish(self) -> list[int]:
        """What is left when there are no more frames."""
        if not self._frames:
            return []
        times = [time for time, _ in self._frames]
        self._ends = 2 * times[-1] - times[max(0, len(times) - 2)]  # the last frame lasts as long as the one before
        return [*self._cuts(self._sudden.finish()), *self._release(), *self._spans(self._gradual.finish())]

    def _cuts(self, cuts: list[Cut]) -> list[int]:
        found: list[int] = []
        for cut in cuts:
            time = self._frames[cut.frame - self._frames[-1][1] - 1][0]
            if self._held is None or time - self._held[0] >= self._shortest - _EXACT:
                found += self._release()
                self._held = time, cut
            elif cut.jump > self._held[1].jump:
                self._held = time, cut
        return found

    def _release(self) -> list[int]:
        held, self._held = self._held, None
        return [] if held is None else self._tell(held[0])

    def _spans(self, spans: list[Span]) -> list[int]:
        found: list[int] = []
        for span in spans:
            cut = self._cut_in(span)
            self.mixes.append(self._mix(span, cut))
            if span.side is None and cut is None:
                found += self._tell(span.middle)
        return found

    def _cut_in(self, span: Span) -> float | None:
        """Seconds of a cut that was found in the span; one out of the plain picture of a fade belongs to it as well."""
        opens = span.first.time - (REST if span.first.flat else _SLACK)
        closes = span.last.time + (REST if span.last.flat else _SLACK)
        known = [*self._told, self._held[0]] if self._held is not None else self._told
        return next((time for time in known if opens <= time <= closes), None)

    def _mix(self, span: Span, cut: float | None) -> Mix:
        opens, closes = span.mixed
        change = span.middle if cut is None else cut
        if span.side == "start" and change >= span.middle:
            change = float("-inf")
        elif span.side == "end" and change <= span.middle:
            change = float("inf")
        elif cut is not None:  # what lies beyond a cut is another scene's and whole
            opens = max(opens, cut) if cut <= span.first.time else opens
            closes = min(closes, cut) if cut >= span.last.time else closes
        return Mix(self._frame(opens, bisect_right), self._frame(closes, bisect_left), change)

    def _frame(self, time: float, side: Callable[[Sequence[float], float], int]) -> int:
        """The first frame after this time, or from it on."""
        oldest = self._frames[0][1]
        return oldest + side([each for each, _ in self._frames], time)

    def _tell(self, time: float) -> list[int]:
        """The first frame at or after this time, unless a scene would become too short."""
        time, frame = self._frames[bisect_left(self._frames, (time - _EXACT, 0))]
        others = (self._opened, self._ends, *self._told)
        if any(abs(time - other) < self._shortest - _EXACT for other in others):
            return []
        self._told = [each for each in self._told if each > time - _MEMORY] + [time]
        return [frame]
