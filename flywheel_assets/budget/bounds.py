"""What budgets may become, beside all evidence: the total, and every rule of the account and of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns, Reach
from flywheel_assets.budget.limits import Limits, Whole, limits
from flywheel_assets.budget.placing import Pool

Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Bounds:
    """Amounts are minor units, in the order of the columns.

    Attributes:
        total: what is to be placed.
        limits: what each ad may get now; one that is held gets what it has.
        below, above: the rule that sets each end of the limits: `velocity`, `floor`, `ceiling`, `pool`.
        held: the rule that holds an ad whatever the evidence and the total: `opt_out`, `cooldown`; else empty.
        pools: parts of the total that groups of ads share.
        floor, ceiling: lasting ends, which every better budget has to keep as well; None where there are none.
        minor: minor units in a major one.
    """

    total: int
    limits: Limits
    below: Names
    above: Names
    held: Names
    minor: int
    pools: tuple[Pool, ...] = ()
    floor: Whole | None = None
    ceiling: Whole | None = None

    @property
    def reach(self) -> Reach | None:
        """The lasting bounds in major units."""
        if self.floor is None or self.ceiling is None:
            return None
        pools = tuple((pool.members, pool.low / self.minor, pool.high / self.minor) for pool in self.pools)
        return Reach(self.floor / self.minor, self.ceiling / self.minor, pools)


def asked_bounds(columns: Columns, minor: int, percent: float) -> Bounds:
    """Those of a request: its total and the velocity rule."""
    total = round(columns.total * minor)
    lowest, highest = columns.past_budgets
    allowed = limits(columns.current * minor, (lowest * minor, highest * minor), percent, total)
    velocity = np.full(columns.size, "velocity")
    return Bounds(total, allowed, velocity, velocity, np.full(columns.size, ""), minor)
