"""What happens inside a shot and is no cut: flashes, whips, shakes, captions, cards, changing light, passers-by.

An effect moves the camera or paints the picture. Times are seconds from the start of the film.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tests.films.footage import Pixels

# Centre x, centre y and width of what the camera sees, as shares of the footage.
Window = tuple[float, float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom, shares of the picture


@dataclass(frozen=True)
class Effect:
    """Something between two times."""

    start: float
    end: float

    def share(self, now: float) -> float:
        """0 before it starts, 1 after it ended."""
        return float(np.clip((now - self.start) / max(self.end - self.start, 1e-6), 0, 1))

    def on(self, now: float) -> bool:
        """Whether it is going on."""
        return self.start <= now < self.end

    def camera(self, window: Window, now: float) -> Window:
        """Where the camera looks."""
        del now
        return window

    def paint(self, picture: Pixels, now: float) -> Pixels:
        """What is done to the picture."""
        del now
        return picture


@dataclass(frozen=True)
class Flash(Effect):
    """A camera flash, a photograph taken, lightning: at once bright, or dark; with ``period`` a strobe."""

    strength: float = 0.9
    level: int = 255
    period: float = 0.0

    def paint(self, picture: Pixels, now: float) -> Pixels:
        lit = self.on(now) and (not self.period or (now - self.start) % self.period < self.period / 2)
        return _mixed(picture, self.level, self.strength) if lit else picture


@dataclass(frozen=True)
class Light(Effect):
    """The light grows or fades to ``gain`` and stays, or returns when ``back``."""

    gain: float = 0.5
    back: bool = False

    def paint(self, picture: Pixels, now: float) -> Pixels:
        share = self.share(now)
        if self.back:
            share = 1 - abs(2 * share - 1)
        return cv2.convertScaleAbs(picture, alpha=1 + (self.gain - 1) * share) if share else picture


@dataclass(frozen=True)
class Shake(Effect):
    """The camera is knocked about by up to ``reach`` of the picture, each frame somewhere else."""

    reach: float = 0.04

    def camera(self, window: Window, now: float) -> Window:
        if not self.on(now):
            return window
        sideways, up = np.sin(now * 131.7), np.cos(now * 97.3)
        x, y, width = window
        return x + self.reach * width * sideways, y + self.reach * width * up, width


@dataclass(frozen=True)
class Whip(Effect):
    """The camera is torn sideways by ``shift`` of the footage, with the smear that makes; ``back`` and home again."""

    shift: float = 0.4
    back: bool = False

    def _path(self, now: float) -> float:
        share = self.share(now)
        if self.back:
            share = 1 - abs(2 * share - 1)
        return self.shift * share * share * (3 - 2 * share)

    def camera(self, window: Window, now: float) -> Window:
        return window[0] + self._path(now), window[1], window[2]

    def paint(self, picture: Pixels, now: float) -> Pixels:
        speed = abs(self._path(now + 1 / 60) - self._path(now - 1 / 60))
        smear = int(speed * picture.shape[1])
        return cv2.blur(picture, (smear, 1)) if smear > 1 else picture


@dataclass(frozen=True)
class Punch(Effect):
    """The picture is enlarged at once, as adverts do within a shot to stay lively."""

    scale: float = 1.08

    def camera(self, window: Window, now: float) -> Window:
        return (window[0], window[1], window[2] / self.scale) if self.on(now) else window


@dataclass(frozen=True)
class Passer(Effect):
    """Somebody dark walks through the picture, close to the camera."""

    width: float = 0.4

    def paint(self, picture: Pixels, now: float) -> Pixels:
        if not self.on(now):
            return picture
        rows, columns = picture.shape[:2]
        left = int((self.share(now) * (1 + self.width) - self.width) * columns)
        layer = picture.copy()
        body = (left + int(self.width * columns / 2), int(rows * 0.62))
        cv2.ellipse(layer, body, (int(self.width * columns / 2), int(rows * 0.6)), 0, 0, 360, (38, 30, 34), -1)
        return np.asarray(cv2.GaussianBlur(layer, (5, 5), 0), np.uint8)


@dataclass(frozen=True)
class Card(Effect):
    """A caption or an end card: a plate with lines on it over ``box``, coming in over ``fade`` seconds."""

    box: Box = (0.1, 0.7, 0.9, 0.85)
    colour: tuple[int, int, int] = (30, 30, 30)
    ink: tuple[int, int, int] = (250, 250, 250)
    text: str = "Order now"
    fade: float = 0.0
    veil: float = 0.0
    plate: bool = True

    def paint(self, picture: Pixels, now: float) -> Pixels:
        if not self.on(now):
            return picture
        seen = 1.0 if self.fade <= 0 else float(np.clip((now - self.start) / self.fade, 0, 1))
        layer = _mixed(picture, 10, self.veil) if self.veil else picture.copy()
        rows, columns = picture.shape[:2]
        left, top, right, bottom = (int(v * s) for v, s in zip(self.box, (columns, rows) * 2, strict=True))
        if self.plate:
            cv2.rectangle(layer, (left, top), (right, bottom), self.colour, -1)
        size = (right - left) / (19 * max(len(self.text), 4))
        middle = ((left + right) // 2 - int(9.2 * size * len(self.text)), (top + bottom) // 2 + int(9 * size))
        cv2.putText(layer, self.text, middle, cv2.FONT_HERSHEY_DUPLEX, size, self.ink, max(1, int(2 * size)))
        return layer if seen >= 1 else cv2.addWeighted(layer, seen, picture, 1 - seen, 0)


def _mixed(picture: Pixels, level: int, share: float) -> Pixels:
    return cv2.convertScaleAbs(picture, alpha=1 - share, beta=level * share)
