"""Small charts on a picture: a frame with axes, lines, stacked areas. Drawn large and shrunk, so that edges are smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from flywheel_assets.sandbox.market.truth import Vector

Colour = tuple[int, int, int]

INK: Colour = (32, 36, 44)
SOFT: Colour = (112, 118, 128)
GRID: Colour = (226, 229, 234)
_PAPER: Colour = (255, 255, 255)
_SCALE = 3
_STEPS = (1, 2, 2.5, 5, 10)


class Paper:
    """A white picture; all places and sizes are pixels of the final one."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), _PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(
        self, place: tuple[float, float], words: str, *, size: int = 12, colour: Colour = INK, anchor: str = "la"
    ) -> None:
        """Words; the anchor is Pillow's."""
        font = ImageFont.load_default(size * _SCALE)
        self._draw.text(_large(place), words, fill=colour, font=font, anchor=anchor)

    def line(self, places: Sequence[tuple[float, float]], *, colour: Colour = INK, width: float = 1) -> None:
        """Through all places."""
        self._draw.line([_large(place) for place in places], colour, max(round(width * _SCALE), 1), joint="curve")

    def area(self, places: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([_large(place) for place in places], colour)

    def finished(self) -> Image.Image:
        """The picture at its size."""
        return self._image.resize(self._size, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Frame:
    """Axes on a paper: days to the right, from 0 to ``top`` upwards."""

    paper: Paper
    left: float
    upper: float
    width: float
    height: float
    days: float
    top: float

    def place(self, day: float, value: float) -> tuple[float, float]:
        """Where a point lies."""
        return self.left + self.width * day / self.days, self.upper + self.height * (1 - value / self.top)

    def axes(self, title: str, *, percent: bool = False) -> None:
        """Title, lines of round values, days below."""
        paper = self.paper
        paper.text((self.left, self.upper - 10), title, size=13, anchor="ls")
        for value in round_values(self.top):
            y = self.place(0, value)[1]
            paper.line([(self.left, y), (self.left + self.width, y)], colour=GRID)
            told = f"{value:.0%}" if percent else short(value)
            paper.text((self.left - 6, y), told, size=11, colour=SOFT, anchor="rm")
        for day in round_values(self.days):
            paper.text(
                (self.place(day, 0)[0], self.upper + self.height + 5), f"{day:g}", size=11, colour=SOFT, anchor="ma"
            )
        paper.text((self.left + self.width, self.upper + self.height + 20), "days", size=11, colour=SOFT, anchor="ra")

    def curve(self, values: Vector, colour: Colour, width: float) -> None:
        """Values at the end of each day, from nothing."""
        self.paper.line(
            [self.place(day, value) for day, value in enumerate([0.0, *values])], colour=colour, width=width
        )

    def stack(self, layers: Vector, colours: Sequence[Colour]) -> None:
        """Shares, shape (days, layers), the first at the bottom; a day is a step."""
        edges = np.concatenate([np.zeros((len(layers), 1)), np.cumsum(layers, axis=1)], axis=1)
        for index, colour in enumerate(colours):
            below, above = edges[:, index], edges[:, index + 1]
            outline = [self.place(x, value) for day, value in enumerate(above) for x in (day, day + 1)]
            back = [self.place(x, below[day]) for day in reversed(range(len(below))) for x in (day + 1, day)]
            self.paper.area(outline + back, colour)


def round_values(top: float) -> list[float]:
    """About four round numbers from 0 up to ``top``."""
    size = 10.0 ** math.floor(math.log10(top / 4))
    step = next(size * factor for factor in _STEPS if size * factor >= top / 5)
    return [step * index for index in range(int(top / step + 1e-9) + 1)]


def short(value: float) -> str:
    """An amount in few letters."""
    for unit, name in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _large(place: tuple[float, float]) -> tuple[float, float]:
    return place[0] * _SCALE, place[1] * _SCALE
