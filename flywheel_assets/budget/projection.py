"""Wishes turned into whole amounts that sum exactly and keep every bound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flywheel_assets.budget.limits import DUST, Vector, Whole

# Of a logarithm that spans two hundred at most: to a float's precision.
_HALVINGS = 64
_LARGEST_LOG = 60.0


def project(wishes: Vector, low: Whole, high: Whole, total: int) -> Whole:
    """One factor for all wishes, each cut to its bounds, rounded by largest remainder.

    ``total`` lies between the sums of the bounds.
    """
    return whole(scaled(wishes, low, high, total), low, high, total)


def scaled(wishes: Vector, low: Vector | Whole, high: Vector | Whole, total: float) -> Vector:
    """The amounts before they are rounded."""
    logs = np.log(np.maximum(wishes, DUST))

    def amounts(factor: float) -> Vector:
        return np.asarray(np.clip(np.exp(np.minimum(logs + factor, _LARGEST_LOG)), low, high))

    return amounts(log_factor(lambda factor: float(amounts(factor).sum()), wishes, total))


def log_factor(spent: Callable[[float], float], wishes: Vector, total: float) -> float:
    """Logarithm of the largest factor at which no more than ``total`` is spent; ``spent`` rises with it."""
    lowest = -float(np.log(np.maximum(wishes.max(initial=1.0), 1.0))) - _LARGEST_LOG
    highest = float(np.log(max(total, 1.0))) + _LARGEST_LOG
    for _ in range(_HALVINGS):
        middle = (lowest + highest) / 2
        lowest, highest = (middle, highest) if spent(middle) <= total else (lowest, middle)
    return lowest


def whole(exact: Vector, low: Whole, high: Whole, total: int) -> Whole:
    """Rounded by largest remainder; of equal ones the first gets the unit."""
    amounts = np.clip(np.floor(exact + DUST).astype(np.int64), low, high)
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
