"""The best sharing of a total when budgets have lasting bounds: floors, ceilings, ads a person keeps, pools.

Without them in every draw, an ad at its ceiling would make all others look as though they deserved
less, while what they give could go nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.response import Response
from flywheel_assets.budget.columns import Columns, Reach
from flywheel_assets.budget.policies.filling import fill

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# As in `filling`: without any saturation the best would take all.
_WIDEST = 50.0
# Of the logarithm of the price of money, which spans hundreds at most: to a float's precision.
_HALVINGS = 64


@dataclass(frozen=True)
class _Curves:
    """Best budgets at a price of money: with x = price^(-1/2) they are (x root - 1) / steep, cut to the bounds."""

    root: Vector
    steep: Vector
    low: Vector
    high: Vector

    def at(self, x: Vector) -> Vector:
        return np.asarray(np.clip((x[:, None] * self.root - 1) / self.steep, self.low, self.high))

    def of(self, members: Mask) -> _Curves:
        return _Curves(self.root[:, members], self.steep[members], self.low[members], self.high[members])

    def ends(self) -> tuple[Vector, Vector]:
        """Logarithms of x at which all are at their lowest, and at their highest."""
        first, last = (1 + self.low * self.steep) / self.root, (1 + self.high * self.steep) / self.root
        return np.log(first.min(axis=1)), np.log(last.max(axis=1))


def best_sharing(value: Vector, response: Response, columns: Columns) -> Vector:
    """Budgets that maximise the revenue of ``value`` per impression within ``columns.reach``; shape (draws, ads).

    A total that the bounds cannot hold is moved to the nearest that they can.
    """
    reach = columns.reach
    if reach is None:
        return fill(value, response, columns.total)
    steep = np.maximum(response.steep, 1 / (_WIDEST * columns.total))
    curves = _Curves(np.sqrt(np.maximum(1000 * value / response.base, 1e-300)), steep, reach.low, reach.high)
    groups = _groups(reach)
    totals = np.full(len(value), columns.total)
    if not reach.pools:
        return curves.at(_price(curves, totals, groups))
    parts = _parts(curves.at(_price(curves, totals, groups)), groups)
    best = np.empty_like(curves.root)
    for index, (members, _, _) in enumerate(groups):
        inner = curves.of(members)
        best[:, members] = inner.at(_price(inner, parts[:, index], [(members[members], 0.0, np.inf)]))
    return best


Group = tuple[Mask, float, float]


def _groups(reach: Reach) -> list[Group]:
    """The pools and the rest; a pool asks for no less and no more than its ads' own bounds can give."""
    rest = np.ones(len(reach.low), dtype=bool)
    groups: list[Group] = []
    for members, least, most in reach.pools:
        if members.any():
            low, high = float(reach.low[members].sum()), float(reach.high[members].sum())
            groups.append((members, min(max(least, low), high), min(max(most, low), high)))
        rest &= ~members
    return [*groups, *([(rest, 0.0, np.inf)] if rest.any() else [])]


def _parts(budgets: Vector, groups: list[Group]) -> Vector:
    sums = [np.clip(budgets[:, members].sum(axis=1), least, most) for members, least, most in groups]
    return np.stack(sums, axis=1)


def _price(curves: _Curves, totals: Vector, groups: list[Group]) -> Vector:
    """The x of each draw at which the groups together take its total."""
    low, high = curves.ends()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = _parts(curves.at(np.exp(middle)), groups).sum(axis=1) > totals
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.asarray(np.exp(low))
