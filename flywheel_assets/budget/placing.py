"""Budgets in whole minor units that sum exactly, keep the 20 % rule, and leave held ads where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HALVINGS = 100
# What a float in minor units may be off by before it counts as a fraction of one.
_DUST = 1e-6


@dataclass(frozen=True)
class Placed:
    """Amounts in minor units.

    Attributes:
        beyond: part of the total that fits nowhere; negative when the lower bounds exceed it.
        followed: held ads had to follow the total, because the others could not carry it.
    """

    amounts: Whole
    beyond: int
    followed: bool


@dataclass(frozen=True)
class Limits:
    """Whole amounts each ad may get, and where it stays if nothing moves it; minor units."""

    low: Whole
    high: Whole
    rest: Whole

    def hold(self, total: int) -> bool:
        """The total can be met inside them."""
        return bool(self.low.sum() <= total <= self.high.sum())


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
    low = np.ceil(_clean(highest) * (100 - percent) / 100 - _DUST)
    high = np.floor(_clean(lowest) * (100 + percent) / 100 + _DUST)
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
    near = np.abs(known - np.rint(known)) < _DUST
    return np.where(near, np.rint(known), known)


def place(wishes: Vector, limits: Limits, held: Mask, total: int) -> Placed:
    """Amounts nearest to ``wishes`` in proportion; held ads stay where they rest as long as the total allows it."""
    low, high, rest = limits.low, limits.high, limits.rest
    low_held, high_held = np.where(held, rest, low), np.where(held, rest, high)
    if low_held.sum() <= total <= high_held.sum():
        return Placed(_projected(wishes, low_held, high_held, total), 0, followed=False)
    rising = total > high_held.sum()
    # What is not held has gone as far as it may; the held ones carry the rest.
    low_free = np.where(held, rest if rising else low, high if rising else low)
    high_free = np.where(held, high if rising else rest, high if rising else low)
    fits = int(min(max(total, low.sum()), high.sum()))
    return Placed(_projected(wishes, low_free, high_free, fits), total - fits, followed=bool(held.any()))


def _projected(wishes: Vector, low: Whole, high: Whole, total: int) -> Whole:
    """One factor for all, cut to the bounds, rounded by largest remainder."""
    log_wish = np.log(np.maximum(wishes, _DUST))
    lowest, highest = -np.log(np.maximum(wishes.max(), 1.0)) - 60, np.log(max(total, 1)) + 60
    for _ in range(_HALVINGS):
        middle = (lowest + highest) / 2
        if np.clip(np.exp(np.minimum(log_wish + middle, 60)), low, high).sum() <= total:
            lowest = middle
        else:
            highest = middle
    exact = np.clip(np.exp(np.minimum(log_wish + lowest, 60)), low, high)
    return _rounded(exact, low, high, total)


def _rounded(exact: Vector, low: Whole, high: Whole, total: int) -> Whole:
    amounts = np.floor(exact + _DUST).astype(np.int64)
    order = np.argsort(amounts - exact, kind="stable")
    while missing := total - int(amounts.sum()):
        step = 1 if missing > 0 else -1
        ranked = order if step > 0 else order[::-1]
        open_ = ranked[(amounts[ranked] + step >= low[ranked]) & (amounts[ranked] + step <= high[ranked])]
        each = max(abs(missing) // len(open_), 1)
        room = np.where(step > 0, high[open_] - amounts[open_], amounts[open_] - low[open_])
        moved = np.minimum(room, each)[: abs(missing)] if each == 1 else np.minimum(room, each)
        amounts[open_[: len(moved)]] += step * moved
    return amounts
