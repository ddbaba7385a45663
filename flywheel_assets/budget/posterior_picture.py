"""A decision as a picture: what each ad is believed to be worth, and its budget before and after."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel_assets.budget.allocation_lines import QUANTILES
from flywheel_assets.budget.types import Allocation, Recommendation
from flywheel_assets.core.money import minor_digits

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]

_INK: Colour = (32, 36, 44)
_SOFT: Colour = (112, 118, 128)
_GRID: Colour = (226, 229, 234)
_UP: Colour = (11, 110, 79)
_DOWN: Colour = (192, 57, 43)
_STILL: Colour = (130, 138, 148)
_PAPER: Colour = (255, 255, 255)
# Drawn large and shrunk, so that edges are smooth.
_SCALE = 2
_WIDTH, _ROW, _HEAD, _FOOT = 900, 26, 70, 34
_WORTH, _BUDGET = (190, 500), (560, 800)
# A picture stays small enough for the event log; the table beside it has every ad.
_MOST_ADS = 40
# A few hopefuls of whom little is known must not press all others against the edge.
_SHOWN_OF_WIDEST = 0.9


def posterior_png(allocation: Allocation) -> bytes:
    """PNG of at most forty ads, the largest budgets; the width of a bar is how little is known."""
    from PIL import Image, ImageDraw

    lines = sorted(allocation.recommendations, key=lambda line: (-line.recommended_budget, line.ad_id))[:_MOST_ADS]
    height = _HEAD + _ROW * max(len(lines), 1) + _FOOT
    image = Image.new("RGB", (_WIDTH * _SCALE, height * _SCALE), _PAPER)
    chart = _Chart(ImageDraw.Draw(image), allocation, lines)
    chart.draw()
    stream = io.BytesIO()
    image.resize((_WIDTH, height), Image.Resampling.LANCZOS).quantize(64).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _quantiles(line: Recommendation) -> list[float] | None:
    """Of the return on the budget, else of the score beside the mean ad's; None where nothing is believed."""
    for name in ("return", "relative"):
        found = [line.metrics.get(f"{name}_{quantile:02}") for quantile in QUANTILES]
        if None not in found:
            return [float(value) for value in found if value is not None]
    return None


class _Chart:
    def __init__(self, pen: ImageDraw, allocation: Allocation, lines: Sequence[Recommendation]) -> None:
        self._pen, self._allocation, self._lines = pen, allocation, lines
        self._minor = 10 ** minor_digits(allocation.currency)
        believed = [found for line in lines if (found := _quantiles(line)) is not None]
        widest = sorted(found[-1] for found in believed) or [1.0]
        self._most = max(
            widest[int(_SHOWN_OF_WIDEST * (len(widest) - 1))], max((one[2] for one in believed), default=0)
        )
        self._dearest = max((max(line.current_budget, line.recommended_budget) for line in lines), default=1)

    def draw(self) -> None:
        money = any("return_50" in line.metrics for line in self._lines)
        worth = "revenue for each unit of money, as believed" if money else "worth of an impression, the mean ad is 1"
        self._text((16, 12), f"{self._allocation.hour:%Y-%m-%d %H:%M} UTC, policy {self._allocation.policy}", size=15)
        self._text((_WORTH[0], 40), f"{worth} (bar 50 %, line 90 %)", colour=_SOFT)
        self._text((_BUDGET[0], 40), f"budget a day, {self._allocation.currency}: ring before, dot after", colour=_SOFT)
        bottom = _HEAD + _ROW * len(self._lines)
        self._axis(_WORTH, self._most, bottom)
        self._axis(_BUDGET, self._dearest / self._minor, bottom)
        for row, line in enumerate(self._lines):
            self._row(_HEAD + _ROW * row + _ROW / 2, line)

    def _axis(self, span: tuple[int, int], top: float, bottom: float) -> None:
        for part in (0.0, 0.5, 1.0):
            x = span[0] + part * (span[1] - span[0])
            self._line([(x, _HEAD - 6), (x, bottom)], _GRID)
            self._text((x, bottom + 6), f"{top * part:,.3g}" if top < 1000 else f"{top * part:,.0f}", colour=_SOFT, anchor="ma")  # noqa: PLR2004 # fmt: skip

    def _row(self, y: float, line: Recommendation) -> None:
        move = line.recommended_budget - line.current_budget
        colour = _UP if move > 0 else _DOWN if move < 0 else _STILL
        self._text((_WORTH[0] - 12, y), line.ad_id[-22:], anchor="rm")
        if (found := _quantiles(line)) is not None:
            at = [self._x(_WORTH, value, self._most) for value in found]
            self._line([(at[0], y), (at[-1], y)], colour)
            self._line([(at[1], y), (at[3], y)], colour, width=9)
            self._dot((at[2], y), 3, _PAPER)
        else:
            self._text(
                (_WORTH[0], y), (line.binding or "nothing is believed").replace("_", " "), colour=_SOFT, anchor="lm"
            )
        before, after = (
            (self._x(_BUDGET, budget, self._dearest), y) for budget in (line.current_budget, line.recommended_budget)
        )
        self._line([before, after], colour, width=2)
        self._dot(before, 5, _PAPER, outline=colour)
        self._dot(after, 4, colour)
        change = f"{line.change_percent:+.1f} %" if move else "="
        self._text((_BUDGET[1] + 16, y), change, colour=colour, anchor="lm")

    @staticmethod
    def _x(span: tuple[int, int], value: float, top: float) -> float:
        return span[0] + (span[1] - span[0]) * min(value / top if top > 0 else 0.0, 1.0)

    def _text(
        self, place: tuple[float, float], words: str, *, size: int = 12, colour: Colour = _INK, anchor: str = "la"
    ) -> None:
        from PIL import ImageFont

        font = ImageFont.load_default(size * _SCALE)
        self._pen.text((place[0] * _SCALE, place[1] * _SCALE), words, fill=colour, font=font, anchor=anchor)

    def _line(self, places: Sequence[tuple[float, float]], colour: Colour, *, width: int = 1) -> None:
        self._pen.line([(x * _SCALE, y * _SCALE) for x, y in places], colour, width * _SCALE)

    def _dot(self, place: tuple[float, float], radius: float, colour: Colour, *, outline: Colour | None = None) -> None:
        x, y = place[0] * _SCALE, place[1] * _SCALE
        reach = radius * _SCALE
        self._pen.ellipse((x - reach, y - reach, x + reach, y + reach), colour, outline, 2 * _SCALE if outline else 1)
