"""The one projection that every simulated policy passes: whole cents, the exact total, at most a fifth in six hours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flywheel_assets.sandbox.market.truth import Vector

Cents = npt.NDArray[np.int64]

STEP = 0.2
WINDOW_HOURS = 6
MINIMUM = 100  # cents a day: the platform takes no less
_HALVINGS = 60
_TINY = 1e-9


def bounds(past: Cents) -> tuple[Cents, Cents]:
    """Budgets that may be set now, from those in force in the last six hours, shape (hours, ads)."""
    low = np.ceil((1 - STEP) * past.max(axis=0) - _TINY).astype(np.int64)
    high = np.floor((1 + STEP) * past.min(axis=0) + _TINY).astype(np.int64)
    low = np.maximum(low, MINIMUM)
    return low, np.maximum(high, low)


def capped(wish: Vector, low: Cents, high: Cents, total: int) -> Cents:
    """The wish times one factor, cut to the bounds, in whole cents that sum to the total.

    Raises:
        ValueError: the bounds do not allow the total.
    """
    if not low.sum() <= total <= high.sum():
        raise ValueError(f"budgets between {low.sum()} and {high.sum()} cents cannot sum to {total}")
    wish = np.maximum(np.nan_to_num(wish, nan=0.0), _TINY)
    smallest, largest = np.log(low.min() / wish.max()) - 1, np.log(high.max() / wish.min()) + 1
    for _ in range(_HALVINGS):
        middle = (smallest + largest) / 2
        over = np.clip(wish * np.exp(middle), low, high).sum() > total
        smallest, largest = (smallest, middle) if over else (middle, largest)
    return _whole(np.clip(wish * np.exp(smallest), low, high), low, high, total)


def _whole(exact: Vector, low: Cents, high: Cents, total: int) -> Cents:
    """Rounded by largest remainder; a cent that does not fit goes to the next ad with room."""
    amounts = np.clip(np.floor(exact + _TINY).astype(np.int64), low, high)
    order = np.argsort(amounts - exact, kind="stable")
    while missing := int(total - amounts.sum()):
        room = order[(amounts < high)[order]] if missing > 0 else order[::-1][(amounts > low)[order[::-1]]]
        amounts[room[: abs(missing)]] += 1 if missing > 0 else -1
    return amounts
