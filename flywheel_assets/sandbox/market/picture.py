"""The picture of a simulation: a row a scenario, with revenue by policy and where three policies put the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from flywheel_assets.sandbox.market.chart import INK, SOFT, Colour, Frame, Paper
from flywheel_assets.sandbox.market.paired import Line
from flywheel_assets.sandbox.market.play import Played
from flywheel_assets.sandbox.market.policies import ORACLE, OURS
from flywheel_assets.sandbox.market.scenarios import SCENARIOS
from flywheel_assets.sandbox.market.truth import Vector

_MARGIN, _HEAD, _ROW = 24, 62, 380
_CHART = 230
_REVENUE_AT, _REVENUE_WIDTH = 76, 380
_SHARE_AT, _SHARE_WIDTH, _SHARE_GAP = 674, 200, 24
_WIDTH = 1_360
_APART = 15  # pixels between two names

_COLOURS: Mapping[str, Colour] = {
    "funnel": (11, 110, 79),
    "blended": (46, 134, 222),
    "blended_literal": (243, 156, 18),
    "oracle": (32, 36, 44),
    "cost_per_lead": (192, 57, 43),
    "thompson_roas": (142, 68, 173),
    "thompson_ctr": (214, 120, 160),
    "greedy_ctr": (160, 120, 90),
    "uniform": (130, 138, 148),
}
_BEST, _MIDDLE, _WORST = (11, 110, 79), (240, 220, 150), (205, 92, 92)


def draw(runs: Mapping[str, Sequence[Played]], lines: Mapping[str, Sequence[Line]], *, seeds: int) -> Image.Image:
    """All scenarios, one below the other."""
    paper = Paper(_WIDTH, _HEAD + _ROW * len(runs))
    paper.text((_MARGIN, 18), "Simulated budgets", size=20)
    told = f"revenue: mean of {seeds} seeds, expected from the spend; budget shares: first seed, best ad at the bottom"
    paper.text((_MARGIN, 44), told, size=12, colour=SOFT)
    for row, (name, played) in enumerate(runs.items()):
        _scenario(paper, _HEAD + row * _ROW, name, played, lines[name])
    return paper.finished()


def _scenario(paper: Paper, top: float, name: str, runs: Sequence[Played], lines: Sequence[Line]) -> None:
    scenario = SCENARIOS[name]
    paper.text((_MARGIN, top + 16), name, size=16)
    paper.text((_MARGIN, top + 38), scenario.says, size=12, colour=SOFT)
    _revenue(paper, top + 90, runs, lines)
    for place, policy in enumerate(_worth_showing(lines)):
        first = min((run for run in runs if run.game.policy == policy), key=lambda run: run.game.seed)
        left = _SHARE_AT + place * (_SHARE_WIDTH + _SHARE_GAP)
        _shares(Frame(paper, left, top + 90, _SHARE_WIDTH, _CHART, len(first.share), 1.0), first, labelled=place == 0)


def _revenue(paper: Paper, top: float, runs: Sequence[Played], lines: Sequence[Line]) -> None:
    curves = {
        line.policy: np.mean(
            [np.cumsum(run.revenue.sum(axis=1)) for run in runs if run.game.policy == line.policy], axis=0
        )
        for line in lines
    }
    highest = max(float(curve[-1]) for curve in curves.values())
    days = len(next(iter(curves.values())))
    frame = Frame(paper, _REVENUE_AT, top, _REVENUE_WIDTH, _CHART, days, highest * 1.03)
    frame.axes("Revenue so far")
    ends = _spread([frame.place(days, float(curves[line.policy][-1]))[1] for line in lines])
    for line, y in zip(reversed(lines), reversed(ends), strict=True):
        colour = _COLOURS.get(line.policy, INK)
        frame.curve(curves[line.policy], colour, 2.4 if line.policy in OURS else 1.4)
        words = f"{line.policy}  {line.of_oracle.mean:.0f} %"
        paper.text((_REVENUE_AT + _REVENUE_WIDTH + 8, y), words, size=12, colour=colour, anchor="lm")


def _spread(heights: Sequence[float]) -> list[float]:
    """Heights of names, from the highest down, moved down until none covers another."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + _APART) if placed else height)
    return placed


def _worth_showing(lines: Sequence[Line]) -> list[str]:
    """The best simple rule, the best of ours, the oracle; as far as they played. Lines are best first."""
    against = [line.against for line in lines[:1] if line.against]
    ours = [line.policy for line in lines if line.policy in OURS][:1]
    return [*against, *ours, ORACLE]


def _shares(frame: Frame, run: Played, *, labelled: bool) -> None:
    order = np.argsort(-run.worth)
    frame.stack(run.share[:, order], [_shade(place) for place in np.linspace(0, 1, len(order))])
    frame.paper.text((frame.left, frame.upper - 10), f"Budget: {run.game.policy}", size=13, anchor="ls")
    frame.paper.text((frame.left, frame.upper + frame.height + 5), "0", size=11, colour=SOFT, anchor="ma")
    end = (frame.left + frame.width, frame.upper + frame.height + 5)
    frame.paper.text(end, f"day {len(run.share)}", size=11, colour=SOFT, anchor="ra")
    if labelled:
        for share in (0.0, 0.5, 1.0):
            at = frame.place(0, share)
            frame.paper.text((at[0] - 6, at[1]), f"{share:.0%}", size=11, colour=SOFT, anchor="rm")


def _shade(place: float) -> Colour:
    """From the best ad's colour over the middle to the worst's."""
    first, last, part = (_BEST, _MIDDLE, 2 * place) if place < 0.5 else (_MIDDLE, _WORST, 2 * place - 1)  # noqa: PLR2004
    mixed: Vector = np.array(first) * (1 - part) + np.array(last) * part
    return int(mixed[0]), int(mixed[1]), int(mixed[2])
