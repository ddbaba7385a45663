"""How far each budget may go at once: whole minor units, and where it stays if nothing moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# What a float in minor units may be off by before it counts as a fraction of one.
DUST = 1e-6


@dataclass(frozen=True)
class Limits:
    """Whole amounts each ad may get, and where it stays if nothing moves it; minor units."""

    low: Whole
    high: Whole
    rest: Whole

    def hold(self, total: int) -> bool:
        """The total can be met inside them."""
        return bool(self.low.sum() <= total <= self.high.sum())

    def pinned(self, where: Mask) -> Limits:
        """The same, with some ads kept where they rest."""
        return Limits(np.where(where, self.rest, self.low), np.where(where, self.rest, self.high), self.rest)


def limits(current: Vector, past: tuple[Vector, Vector], percent: float, total: int) -> Limits:
    """The velocity rule, in whole minor units; 0 to ``total`` where there is no current budget (NaN).

    Args:
        current: budgets in force, minor units, perhaps with fractions.
        past: lowest and highest budget in force in the last six hours; NaN where unknown.
        percent: how far budgets of six hours may lie apart.
        total: what is to be met.

    The budgets of six hours bind as long as the total can be met within them; they cannot after an
    ad has left or the plan was changed. ``percent`` of the current budget binds always.
    """
    wide = _within(current, current, current, percent, total)
    narrow = _within(current, np.fmin(current, past[0]), np.fmax(current, past[1]), percent, total)
    return narrow if narrow.hold(total) else wide


def _within(current: Vector, lowest: Vector, highest: Vector, percent: float, total: int) -> Limits:
    # Multiplied before it is divided: 80 % of 5 minor units is 4 and not a float a little above it.
    low = np.ceil(_clean(highest) * (100 - percent) / 100 - DUST)
    high = np.floor(_clean(lowest) * (100 + percent) / 100 + DUST)
    stays = np.rint(_clean(current))
    # Moved by more than the rule allows already, or too small for any whole amount to be near enough.
    stuck = high < low
    low, high = np.where(stuck, stays, low), np.where(stuck, stays, high)
    free = np.isnan(current)
    low, high = np.where(free, 0, low).astype(np.int64), np.where(free, total, high).astype(np.int64)
    return Limits(low, high, np.clip(stays.astype(np.int64), low, high))


def _clean(amounts: Vector) -> Vector:
    """0 for unknown, and whole where only a float's dust is missing."""
    known = np.nan_to_num(amounts)
    near = np.abs(known - np.rint(known)) < DUST
    return np.where(near, np.rint(known), known)
