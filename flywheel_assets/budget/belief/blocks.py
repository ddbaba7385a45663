"""The last four weeks in blocks of six hours, one row an ad: fine enough for trends, coarse enough to count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns

Vector = npt.NDArray[np.float64]

HOURS = 6.0
COUNT = 112


@dataclass(frozen=True)
class Blocks:
    """Matrices (ads, blocks), oldest block first; ``budget`` is the mean daily budget, NaN where unknown."""

    impressions: Vector
    clicks: Vector
    spend: Vector
    budget: Vector
    position: Vector

    @property
    def shown(self) -> Vector:
        """Impressions of an ad in all blocks."""
        return np.asarray(self.impressions.sum(axis=1))


def blocks_of(columns: Columns) -> Blocks:
    """Only ads whose hours were reported have blocks that differ; totals that were spread show no trend."""
    hours = columns.hours
    back = np.floor(hours.age / HOURS).astype(np.intp)
    recent = (back < COUNT) & columns.measured[hours.ad]
    cell = (hours.ad * COUNT + COUNT - 1 - back)[recent]

    def summed(values: Vector) -> Vector:
        flat = np.bincount(cell, weights=values[recent], minlength=columns.size * COUNT)
        return flat.reshape(columns.size, COUNT).astype(np.float64)  # of nothing it would be whole numbers

    impressions = summed(hours.impressions)
    known = np.isfinite(hours.budget)
    times = summed(known.astype(float))
    amounts = summed(np.where(known, hours.budget, 0.0))
    budget = np.divide(amounts, times, out=np.full_like(amounts, np.nan), where=times > 0)
    position = np.cumsum(impressions, axis=1) - impressions / 2
    return Blocks(impressions, summed(hours.clicks), summed(hours.spend), budget, position)
