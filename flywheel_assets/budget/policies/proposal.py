"""The one interface of the policies that decide on a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Proposal:
    """What a policy would give the ads if every budget could move freely. Major units, in the order of the columns.

    Attributes:
        target: budgets; their sum is the total.
        above, below: probability that the next unit earns more, or less, with this ad than with the account as it
            spends now.
        kill: the target is to be zero.
        metrics: what the score was made of.
        worth: revenue per day of given budgets, one row a draw; None where the policy has no idea of money.
        score: what the total was shared by, per impression, shape (draws, ads); None without a belief.
    """

    target: Vector
    above: Vector
    below: Vector
    kill: Mask
    metrics: dict[str, Vector] = field(default_factory=dict)
    worth: Callable[[Vector], Vector] | None = None
    score: Vector | None = None


# Pure: equal columns and generator give equal proposals.
Policy = Callable[[Columns, np.random.Generator], Proposal]
