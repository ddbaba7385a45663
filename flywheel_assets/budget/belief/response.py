"""What a thousand impressions cost at a budget: c (1 + b / h), dearer the more is spent.

The steepness 1/h is fitted to how the cost moved with the budget, after removing what is an ad's own
level and what every ad had in common at the time (the season), and pooled: an ad departs from the
account's as far as its own hours show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.blocks import Blocks

Vector = npt.NDArray[np.float64]

# Steepness in units of one over the mean budget: from "no dearer" to "twice as dear at a seventh of it".
_GRID = np.geomspace(0.01, 8.0, 28)
# Before anything is known: a tenth to twice, the middle at half dearer.
_USUAL, _USUAL_SPREAD = np.log(0.5), 1.0
_OWN_SPREAD = 0.4
_SWEEPS = 3
_FEWEST_SHOWN = 50.0
_RECENT_BLOCKS = 12
_STEADY_BLOCKS, _STEADY_SHOWN = 2.0, 5000.0
# Any number will do where nothing was spent yet: it is the same for all ads.
_USUAL_COST = 10.0
_TINY = 1e-9


@dataclass(frozen=True)
class Response:
    """Cost of a thousand impressions at budget b: ``base * (1 + steep * b)``."""

    base: Vector
    steep: Vector

    def impressions(self, budgets: Vector) -> Vector:
        """Impressions per day at daily budgets."""
        return np.asarray(1000 * budgets / (self.base * (1 + self.steep * budgets)))


@dataclass(frozen=True)
class _Costs:
    """Log costs of a thousand impressions by ad and block; ``weight`` is 1 where both cost and budget are known."""

    log: Vector
    budget: Vector
    weight: Vector

    def left(self, steep: Vector) -> Vector:
        """Log costs without what the budget makes of them, 0 where unknown."""
        return np.asarray((self.log - np.log1p(steep * self.budget)) * self.weight)


def response_of(blocks: Blocks, typical: float, spend: Vector, shown: Vector) -> Response:
    """Fit the curves.

    Args:
        blocks: reports by six hours.
        typical: mean daily budget; the unit of what is usual.
        spend: by ad, with ``shown``, its impressions: for accounts whose past budgets are not known.
        shown: see there.
    """
    use = (blocks.impressions >= _FEWEST_SHOWN) & (blocks.spend > _TINY) & np.isfinite(blocks.budget)
    log = np.log(np.where(use, blocks.spend * 1000, 1.0) / np.where(use, blocks.impressions, 1.0))
    costs = _Costs(log, np.where(use, blocks.budget, 0.0), use.astype(float))
    squares = np.stack([_squares(costs.left(steep), costs.weight) for steep in _GRID / typical])
    steep = _pooled(squares, costs.weight) / typical
    if not use.any():
        return Response(_from_totals(steep, typical, spend, shown), steep)
    return Response(_levels(costs.left(steep[:, None]), costs.weight), steep)


def _squares(left: Vector, weight: Vector) -> Vector:
    """Squares left of each ad after its own level and the time's common one."""
    by_ad, by_time = np.maximum(weight.sum(axis=1), 1.0), np.maximum(weight.sum(axis=0), 1.0)
    for _ in range(_SWEEPS):
        left = left - weight * (left.sum(axis=1) / by_ad)[:, None]
        left = left - weight * (left.sum(axis=0) / by_time)[None, :]
    return np.asarray((left**2).sum(axis=1))


def _pooled(squares: Vector, weight: Vector) -> Vector:
    """Steepness of each ad, in units of the mean budget."""
    logs = np.log(_GRID)
    count = max(float(weight.sum()) - np.count_nonzero(weight.sum(axis=1)) - np.count_nonzero(weight.sum(axis=0)), 1.0)
    noise = max(float(squares.sum(axis=1).min()) / count, 1e-4)
    prior = -((logs - _USUAL) ** 2) / (2 * _USUAL_SPREAD**2)
    likelihood = -squares / (2 * noise)
    pooled = float(_mean(likelihood.sum(axis=1) + prior, logs))
    own = -((logs - pooled) ** 2) / (2 * _OWN_SPREAD**2)
    return np.asarray(np.exp(_mean(likelihood + own[:, None], logs)))


def _mean(log_density: Vector, values: Vector) -> Vector:
    density = np.exp(log_density - log_density.max(axis=0))
    return np.asarray((values.reshape(-1, *[1] * (density.ndim - 1)) * density).sum(axis=0) / density.sum(axis=0))


def _levels(left: Vector, weight: Vector) -> Vector:
    """Each ad's cost at no budget, by its latest blocks, because costs drift; the season is what all have in common."""
    by_time = weight.sum(axis=0)
    middle = float(left.sum() / weight.sum())
    season = np.where(by_time > 1, left.sum(axis=0) / np.maximum(by_time, 1.0) - middle, 0.0)
    fresh = weight * np.exp2(np.arange(-len(by_time) + 1, 1) / _RECENT_BLOCKS)
    own = ((left - weight * season) * fresh).sum(axis=1)
    # Two blocks' worth of the account's level steady an ad that has just begun.
    return np.asarray(np.exp((own + _STEADY_BLOCKS * middle) / (fresh.sum(axis=1) + _STEADY_BLOCKS)))


def _from_totals(steep: Vector, typical: float, spend: Vector, shown: Vector) -> Vector:
    """Cost so far, taken to be at a typical budget, drawn toward the account's."""
    if not (spend.sum() > 0 and shown.sum() > 0):
        return np.full(len(steep), _USUAL_COST)
    whole = max(float(spend.sum() / shown.sum()), _TINY)
    cost = 1000 * (spend + _STEADY_SHOWN * whole) / (shown + _STEADY_SHOWN)
    return np.asarray(cost / (1 + steep * typical))
