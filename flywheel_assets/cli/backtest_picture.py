"""The picture of a backtest: what each policy is estimated to earn against what was done, and where it puts the money."""

from __future__ import annotations

import numpy as np
from PIL import Image

from flywheel_assets.budget.backtest.history import Vector
from flywheel_assets.budget.backtest.replay import ACTUAL
from flywheel_assets.budget.backtest.run import Backtest, Verdict
from flywheel_assets.sandbox.market.chart import GRID, INK, SOFT, Colour, Frame, Paper, round_values

_WIDTH, _MARGIN, _TOP, _LINE = 1_240, 24, 110, 34
_NAMES, _BAR, _WORDS = 160, 460, 24
_SHARE, _GAP, _HEIGHT = 200, 24, 210
_GOOD: Colour = (11, 110, 79)
_BAD: Colour = (192, 57, 43)
_BEST, _WORST = np.array((11, 110, 79)), np.array((235, 180, 160))
_LEAST = 5.0  # percent, so that small intervals do not fill the axis


def draw(answer: Backtest) -> Image.Image:
    """Intervals above, budget shares by policy below."""
    rows = [one for one in answer.verdicts if one.policy != ACTUAL]
    shares = list(answer.budgets)
    below = _TOP + _LINE * len(rows) + 80
    paper = Paper(_WIDTH, below + (_HEIGHT + 50 if shares else 0))
    paper.text((_MARGIN, 18), "Backtest: revenue against what was done", size=20)
    told = "percent, 95 % interval; below, shares of the budget, the ad that really got most at the bottom"
    paper.text((_MARGIN, 48), told, size=12, colour=SOFT)
    _intervals(paper, rows)
    order = np.argsort(-_by_day(answer, ACTUAL).sum(axis=0)) if shares else np.zeros(0, dtype=np.intp)
    for place, name in enumerate(shares):
        left = _MARGIN + 36 + place * (_SHARE + _GAP)
        daily = _by_day(answer, name)
        frame = Frame(paper, left, below, _SHARE, _HEIGHT, len(daily), 1.0)
        frame.stack(daily[:, order], [_shade(index / max(len(order) - 1, 1)) for index in range(len(order))])
        paper.text((left, below - 10), name, size=13, anchor="ls")
        paper.text((left + _SHARE, below + _HEIGHT + 5), f"day {len(daily)}", size=11, colour=SOFT, anchor="ra")
    return paper.finished()


def _intervals(paper: Paper, rows: list[Verdict]) -> None:
    gains = [one.estimate.gain for one in rows if one.estimate and one.estimate.gain]
    reach = max([_LEAST, *(abs(edge) for gain in gains for edge in (gain.low, gain.high))]) * 1.08
    left, bottom = _MARGIN + _NAMES, _TOP + _LINE * len(rows)

    def x(percent: float) -> float:
        return left + _BAR * (percent + reach) / (2 * reach)

    steps = round_values(reach)
    for percent in (*(-step for step in steps[1:]), *steps):
        paper.line([(x(percent), _TOP - 12), (x(percent), bottom)], colour=SOFT if percent == 0 else GRID)
        paper.text((x(percent), bottom + 6), f"{percent:+g} %" if percent else "0", size=11, colour=SOFT, anchor="ma")
    for place, one in enumerate(rows):
        y = _TOP + _LINE * place + 4
        paper.text((_MARGIN, y), one.policy, size=13, anchor="lm")
        gain = one.estimate.gain if one.estimate else None
        if gain is None:
            words = f"cannot tell: {one.cannot_tell}"
            paper.text((left + _BAR + _WORDS, y), words, size=12, colour=SOFT, anchor="lm")
            continue
        colour = _GOOD if gain.low > 0 else _BAD if gain.high < 0 else INK
        paper.line([(x(gain.low), y), (x(gain.high), y)], colour=colour, width=4)
        paper.line([(x(gain.mean), y - 7), (x(gain.mean), y + 7)], colour=colour, width=3)
        words = f"{gain.mean:+.1f} %  ({gain.low:+.1f} to {gain.high:+.1f})"
        paper.text((left + _BAR + _WORDS, y), words, size=12, colour=colour, anchor="lm")


def _by_day(answer: Backtest, name: str) -> Vector:
    delivery = answer.history.delivery
    day = np.floor_divide(delivery.start, 24.0).astype(int)
    found = np.zeros((int(day[-1]) + 1, len(delivery.ads)))
    np.add.at(found, day, answer.budgets[name])
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)


def _shade(place: float) -> Colour:
    mixed = _BEST * (1 - place) + _WORST * place
    return int(mixed[0]), int(mixed[1]), int(mixed[2])
