"""Moves too small to be worth an action are left to others, as far as the total stays as well met."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flywheel_assets.budget.limits import Mask, Vector, Whole
from flywheel_assets.budget.placing import Placed

# Each turn keeps more ads still; what is left small after these stays.
_TURNS = 4


def few_moves(attempt: Callable[[Mask], Placed], rest: Whole, wishes: Vector, least: Vector) -> Placed:
    """The amounts of ``attempt`` with fewer small moves; what those would have carried goes to as few ads as can carry it.

    Args:
        attempt: places the total while the given ads stay still.
        rest: where ads stay, minor units.
        wishes: what they would get, for whose turn it is first.
        least: the smallest move of each that is worth an action.
    """
    still = np.zeros(len(rest), dtype=bool)
    placed = attempt(still)
    for _ in range(_TURNS):
        moved = np.abs(placed.amounts - rest)
        slight = np.asarray((moved > 0) & (moved < least))
        if not slight.any():
            break
        found = _fewer(attempt, placed, still, _by_turn(slight, placed, rest, wishes))
        if found is None:
            break
        placed, still = found
    return placed


def _by_turn(slight: Mask, placed: Placed, rest: Whole, wishes: Vector) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Ads with small moves, those first who should carry what the others leave: by how much they deserve it, then by size."""
    rising = (placed.amounts - rest)[slight].sum() > 0
    index = np.flatnonzero(slight)
    deserves = wishes[index] / np.maximum(rest[index], 1)
    return index[np.lexsort((-rest[index], -deserves if rising else deserves))]


def _fewer(
    attempt: Callable[[Mask], Placed], placed: Placed, still: Mask, order: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> tuple[Placed, Mask] | None:
    """The same total with all of ``order`` still but the first few, twice as many at each try."""
    carriers = 0
    while carriers < len(order):
        kept = still.copy()
        kept[order[carriers:]] = True
        found = attempt(kept)
        if found.beyond == placed.beyond and found.followed <= placed.followed:
            return found, kept
        carriers = max(2 * carriers, 1)
    return None
