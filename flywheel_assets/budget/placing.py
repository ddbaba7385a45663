"""Budgets that sum exactly: first as far as each ad's own evidence goes, then as far as the total asks for more.

What ads may get are nested boxes: only those move whom the evidence moves; then the others follow the
total; then everything that the limits allow. The total is met in the smallest box that holds it, and in the shell between two of them the inner one's
edge is kept. Pools are met the same way, before the ads within them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flywheel_assets.budget.limits import Limits, Mask, Vector, Whole
from flywheel_assets.budget.projection import log_factor, project, whole

_LARGEST_LOG = 60.0


@dataclass(frozen=True)
class Ways:
    """What the evidence says of each ad.

    Attributes:
        free: it may move; the others only follow the total.
        worse: it is known to deserve less, so it is raised last.
    """

    free: Mask
    worse: Mask


@dataclass(frozen=True)
class Box:
    """Whole amounts, lowest and highest."""

    low: Whole
    high: Whole

    def of(self, members: Mask) -> Box:
        """The same for some."""
        return Box(self.low[members], self.high[members])


@dataclass(frozen=True)
class Pool:
    """Ads that share a part of the plan: together at least ``low`` and at most ``high`` minor units."""

    name: str
    members: Mask
    low: int
    high: int


@dataclass(frozen=True)
class Placed:
    """Amounts in minor units.

    Attributes:
        beyond: part of the total that fits nowhere; negative when the lower bounds exceed it.
        followed: ads had to follow the total, because the evidence of the others could not carry it.
    """

    amounts: Whole
    beyond: int
    followed: bool


def boxes(limits: Limits, ways: Ways, total: int) -> tuple[Box, ...]:
    """From what the evidence moves to all that the limits allow, as ``total`` needs it.

    Who may move may be moved both ways, to where all of them together are best: keeping the worse ones from
    being raised, or the better ones from being cut, cost one or two points of the oracle's revenue (measured).
    Only a total that asks for more than the better ones can take raises the undecided before the worse.
    """
    low, high, rest = limits.low, limits.high, limits.rest
    least, most = np.where(ways.free, low, rest), np.where(ways.worse, rest, high)
    without_worse = Box(least, np.where(ways.free, most, rest))
    if total > without_worse.high.sum():
        return without_worse, Box(low, most), Box(low, high)
    return Box(least, np.where(ways.free, high, rest)), Box(low, high)


def place(wishes: Vector, nested: Sequence[Box], total: int, pools: Sequence[Pool] = ()) -> Placed:
    """Amounts nearest to ``wishes`` in proportion, in the smallest of the ``nested`` boxes that can hold the total.

    Pools do not overlap; one whose part cannot be reached now gets as near to it as its ads may go.
    """
    groups = [_reachable(group, nested[-1]) for group in _groups(len(wishes), pools)]
    totals, followed = _totals(wishes, nested, groups, total)
    amounts = np.zeros(len(wishes), dtype=np.int64)
    for group, part in zip(groups, totals, strict=True):
        inner = [box.of(group.members) for box in nested]
        shell, beyond_own = _shell(inner, int(part))
        amounts[group.members] = project(wishes[group.members], shell.low, shell.high, int(part))
        followed = followed or beyond_own
    return Placed(amounts, total - int(amounts.sum()), followed)


def _groups(count: int, pools: Sequence[Pool]) -> list[Pool]:
    free = np.ones(count, dtype=bool)
    for pool in pools:
        free &= ~pool.members
    rest = Pool("", free, 0, np.iinfo(np.int64).max)
    return [*(pool for pool in pools if pool.members.any()), *([rest] if free.any() else [])]


def _reachable(pool: Pool, widest: Box) -> Pool:
    inner = widest.of(pool.members)
    lowest, highest = int(inner.low.sum()), int(inner.high.sum())
    low, high = (min(max(bound, lowest), highest) for bound in (pool.low, pool.high))
    return Pool(pool.name, pool.members, low, high)


def _totals(wishes: Vector, nested: Sequence[Box], groups: Sequence[Pool], total: int) -> tuple[Whole, bool]:
    """What each group gets of the total, or of what of it fits."""
    ranges = [_range(box, groups) for box in nested]
    fits = int(np.clip(total, ranges[-1].low.sum(), ranges[-1].high.sum()))
    shell, beyond_own = _shell(ranges, fits)
    if len(groups) == 1:
        return np.array([fits]), beyond_own
    widest = nested[-1]
    logs = np.log(np.maximum(wishes, 1e-6))

    def parts(factor: float) -> Vector:
        amounts = np.clip(np.exp(np.minimum(logs + factor, _LARGEST_LOG)), widest.low, widest.high)
        sums = np.array([amounts[group.members].sum() for group in groups])
        return np.asarray(np.clip(sums, shell.low, shell.high))

    exact = parts(log_factor(lambda factor: float(parts(factor).sum()), wishes, fits))
    return whole(exact, shell.low, shell.high, fits), beyond_own


def _range(box: Box, groups: Sequence[Pool]) -> Box:
    """What the groups can get in a box, narrowed to what their pools ask for; where they miss, the pool's nearer end."""
    low = np.array([box.low[group.members].sum() for group in groups], dtype=np.int64)
    high = np.array([box.high[group.members].sum() for group in groups], dtype=np.int64)
    least, most = (np.array([getattr(group, side) for group in groups], dtype=np.int64) for side in ("low", "high"))
    return Box(np.clip(low, least, most), np.clip(high, least, most))


def _shell(nested: Sequence[Box], total: int) -> tuple[Box, bool]:
    """Where the total lies: in the first box, or between two; and whether it is beyond the first."""
    for index, box in enumerate(nested):
        if box.low.sum() <= total <= box.high.sum():
            if index == 0:
                return box, False
            inner = nested[index - 1]
            return (Box(inner.high, box.high) if total > inner.high.sum() else Box(box.low, inner.low)), True
    raise ValueError(f"{total} lies in none of the boxes; cut it to the widest first")
