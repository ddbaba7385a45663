"""All changes of scene in one pass: cuts, and the dissolves and fades between which there is no cut."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from flywheel_assets.creative.perception.detectors.gradual import REST, GradualChanges, Span
from flywheel_assets.creative.perception.detectors.pictures import Thumb
from flywheel_assets.creative.perception.detectors.sudden import Cut, SuddenChanges

# Seconds before and after a change in which a flash is looked for; a picture that returns later is a scene of its own.
_REACH = 0.25
_SLACK = 0.1  # seconds; a change this close to a cut is that cut
_MEMORY = 12.0  # seconds; no change is told later than this
_EXACT = 2e-6  # seconds; times are rounded to half of this


class Changes:
    """Takes frames in order, gives the first frames of new scenes, a cut half a second late, a fade several."""

    def __init__(self, shortest: float) -> None:
        """No scene is shorter than ``shortest`` seconds; of two changes closer together the stronger stays."""
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
        return [frame for span in spans if not self._cut_in(span) for frame in self._tell(span.middle)]

    def _cut_in(self, span: Span) -> bool:
        """Whether a cut was found in the span; one out of the plain picture of a fade belongs to it as well."""
        opens = span.first.time - (REST if span.first.flat else _SLACK)
        closes = span.last.time + (REST if span.last.flat else _SLACK)
        known = [*self._told, self._held[0]] if self._held is not None else self._told
        return any(opens <= time <= closes for time in known)

    def _tell(self, time: float) -> list[int]:
        """The first frame at or after this time, unless a scene would become too short."""
        time, frame = self._frames[bisect_left(self._frames, (time - _EXACT, 0))]
        others = (self._opened, self._ends, *self._told)
        if any(abs(time - other) < self._shortest - _EXACT for other in others):
            return []
        self._told = [each for each in self._told if each > time - _MEMORY] + [time]
        return [frame]
