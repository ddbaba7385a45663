"""Integer budgets that sum exactly and keep every bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Halvings of the scale's logarithm; after these a float no longer changes.
_HALVINGS = 200
_LARGEST_SCALE = 1e18


@dataclass(frozen=True)
class Projection:
    """Amounts in minor units, in the order of the targets.

    Attributes:
        total: their sum.
        beyond: how much of the asked total does not fit: positive when it is above all upper
            bounds, negative when below all lower ones, 0 when it fits.
    """

    amounts: tuple[int, ...]
    total: int
    beyond: int


def project(targets: Sequence[float], bounds: Sequence[tuple[int, int]], total: int) -> Projection:
    """Scale the targets by one factor, cut each to its bounds, round by largest remainder.

    A total that does not fit is moved to the nearest that does. A target below one minor unit
    counts as one, so that it can be scaled.

    Raises:
        ValueError: a bound is negative or empty, or the numbers of targets and bounds differ.
    """
    for low, high in bounds:
        if not 0 <= low <= high:
            raise ValueError(f"bounds {low} to {high} hold no budget; leave the ad out of the projection")
    wishes = [max(target, 1.0) for target in targets]
    fits = min(max(total, sum(low for low, _ in bounds)), sum(high for _, high in bounds))
    exact = _scaled(wishes, bounds, _scale(wishes, bounds, fits))
    return Projection(_rounded(exact, bounds, fits), fits, total - fits)


def _scaled(wishes: Sequence[float], bounds: Sequence[tuple[int, int]], scale: float) -> list[float]:
    return [min(max(wish * scale, low), high) for wish, (low, high) in zip(wishes, bounds, strict=True)]


def _scale(wishes: Sequence[float], bounds: Sequence[tuple[int, int]], total: int) -> float:
    """The largest factor at which the amounts sum to no more than ``total``, to a float's precision."""
    low, high = 1 / _LARGEST_SCALE, _LARGEST_SCALE
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        if not low < middle < high:
            break
        low, high = (middle, high) if sum(_scaled(wishes, bounds, middle)) <= total else (low, middle)
    return low


def _rounded(exact: Sequence[float], bounds: Sequence[tuple[int, int]], total: int) -> tuple[int, ...]:
    amounts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: (amounts[index] - exact[index], index))
    missing = total - sum(amounts)
    while missing:
        step = 1 if missing > 0 else -1
        for index in by_remainder if step > 0 else reversed(by_remainder):
            low, high = bounds[index]
            if missing and low <= amounts[index] + step <= high:
                amounts[index] += step
                missing -= step
    return tuple(amounts)
