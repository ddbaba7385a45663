"""A film as its editor knows it: shots, what joins them, and so the exact truth about where it changes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from tests.films.effects import Effect, Window
from tests.films.footage import Footage, Pixels

# A jump cut leaves out some of a shot and goes on with it: same things, same place, a leap in what moves. A wipe uncovers
# the next shot from one side; a push moves both.
Kind = Literal["cut", "dissolve", "fade", "jump", "wipe", "push"]
SUDDEN: frozenset[Kind] = frozenset({"cut", "jump"})


@dataclass(frozen=True)
class Shot:
    """One take: what is filmed and how the camera moves over it between the shot's ends."""

    footage: Footage
    move: tuple[Window, Window] = ((0.5, 0.5, 0.9), (0.5, 0.5, 0.9))
    since: float = 0.0
    sway: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True)
class Joint:
    """How the next shot follows, from ``start`` to ``end``; a cut has no length, a fade rests on ``level`` in between.

    A wipe or push comes from the right, or from below when ``down``.
    """

    kind: Kind
    start: float
    end: float
    level: int = 0
    rest: float = 0.0
    down: bool = False


@dataclass(frozen=True)
class Film:
    """Shots joined by one joint less; ``times`` are those of its frames, ``cadence`` how often the camera exposed.

    An effect belongs to the shot it starts in; overlays lie over the whole film.
    """

    name: str
    shots: Sequence[Shot]
    joints: Sequence[Joint]
    times: Sequence[float]
    effects: Sequence[Effect] = ()
    overlays: Sequence[Effect] = ()
    size: tuple[int, int] = (384, 216)
    grain: float = 0.0
    cadence: float = 0.0
    seed: int = 0
    crf: int = 23

    @property
    def truth(self) -> Truth:
        """Where it changes, in frames."""
        found = Truth()
        for joint in self.joints:
            first, last = bisect_left(self._told, joint.start - 1e-9), bisect_left(self._told, joint.end - 1e-9)
            if joint.kind in SUDDEN:
                found.cuts.append(first)
            else:
                found.gradual.append((first, last, joint.kind))
        return found

    @property
    def _told(self) -> list[float]:
        return [self._exposed(time) for time in self.times]

    def _exposed(self, time: float) -> float:
        return np.floor(time * self.cadence + 1e-6) / self.cadence if self.cadence else time

    def frames(self) -> Iterator[Pixels]:
        """Every frame, BGR."""
        rng = np.random.default_rng(self.seed)
        noise = rng.normal(0, max(self.grain, 1e-3), (self.size[1] * 2, self.size[0] * 2)).astype(np.float32)
        seams = [float("-inf"), *((joint.start + joint.end) / 2 for joint in self.joints), self.times[-1] + 1]
        for time in self._told:
            picture = self._joined(time, seams)
            for overlay in self.overlays:
                picture = overlay.paint(picture, time)
            yield self._grained(picture, noise, rng) if self.grain else picture

    def _joined(self, time: float, seams: list[float]) -> Pixels:
        for index, joint in enumerate(self.joints):
            if joint.kind not in SUDDEN and joint.start <= time < joint.end:
                return self._between(index, joint, time)
        place = max(i for i, seam in enumerate(seams[:-1]) if time >= seam - 1e-9)
        return self._shot(place, time)

    def _between(self, index: int, joint: Joint, time: float) -> Pixels:
        if joint.kind == "dissolve":
            share = (time - joint.start) / (joint.end - joint.start)
            return cv2.addWeighted(self._shot(index, time), 1 - share, self._shot(index + 1, time), share, 0)
        if joint.kind in {"wipe", "push"}:
            share = (time - joint.start) / (joint.end - joint.start)
            return _wiped(self._shot(index, time), self._shot(index + 1, time), share, joint)
        leg = (joint.end - joint.start - joint.rest) / 2
        gone = min((time - joint.start) / leg, (joint.end - time) / leg, 1.0)
        shot = index if time < (joint.start + joint.end) / 2 else index + 1
        return cv2.convertScaleAbs(self._shot(shot, time), alpha=1 - gone, beta=gone * joint.level)

    def _shot(self, index: int, time: float) -> Pixels:
        shot = self.shots[index]
        begins = self.joints[index - 1].start if index else 0.0
        ends = self.joints[index].end if index < len(self.joints) else self.times[-1] + 0.05
        share = (time - begins) / (ends - begins)
        x, y, width = (a + (b - a) * share for a, b in zip(*shot.move, strict=True))
        window = (x + shot.sway * np.sin(time * 2.3 + index), y + shot.sway * np.cos(time * 1.9), width)
        effects = [each for each in self.effects if begins <= each.start < ends]
        for effect in effects:
            window = effect.camera(window, time)
        picture = _seen(shot.footage.at(shot.since + time - begins), window, self.size)
        if shot.gain != 1:
            picture = cv2.convertScaleAbs(picture, alpha=shot.gain)
        for effect in effects:
            picture = effect.paint(picture, time)
        return picture

    def _grained(self, picture: Pixels, noise: np.ndarray, rng: np.random.Generator) -> Pixels:
        width, height = self.size
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        grain = noise[top : top + height, left : left + width, None]
        return np.asarray((picture + grain).clip(0, 255), np.uint8)


def _wiped(before: Pixels, after: Pixels, share: float, joint: Joint) -> Pixels:
    """The first picture, covered by so much of the second."""
    axis = 0 if joint.down else 1
    edge = round(share * before.shape[axis])
    far = before.shape[axis] - edge
    old = np.take(before, range(edge, before.shape[axis]) if joint.kind == "push" else range(far), axis)
    new = np.take(after, range(edge) if joint.kind == "push" else range(far, before.shape[axis]), axis)
    return np.ascontiguousarray(np.concatenate([old, new], axis))


@dataclass
class Truth:
    """First frames of scenes after a cut, and the spans [first, last) of gradual changes with their kind."""

    cuts: list[int] = field(default_factory=list)
    gradual: list[tuple[int, int, Kind]] = field(default_factory=list)


def _seen(picture: Pixels, window: Window, size: tuple[int, int]) -> Pixels:
    """What the camera sees: a window of the picture, cropped to the film's shape; beyond the edge it is mirrored."""
    rows, columns = picture.shape[:2]
    widest = min(columns, rows * size[0] / size[1])
    scale = window[2] * widest / size[0]
    shift = (window[0] * columns - scale * (size[0] - 1) / 2, window[1] * rows - scale * (size[1] - 1) / 2)
    back = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    flags, mode = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(picture, back, size, flags=flags, borderMode=mode), np.uint8)
