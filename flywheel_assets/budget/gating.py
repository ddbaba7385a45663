"""The decision gate on a request (C11): who may move on the evidence, and what a decision is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.placing import Limits, Placed
from flywheel_assets.budget.policies.proposal import Proposal
from flywheel_assets.settings import Budget

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gated:
    """What the gate says, by ad; ``rule`` is empty where the ad may move."""

    confidence: Vector
    rule: npt.NDArray[np.str_]

    @property
    def held(self) -> Mask:
        """Ads that stay where they are, as long as the total can be met without them."""
        return np.asarray(self.rule != "")


@dataclass(frozen=True)
class Decision:
    """Everything the sentences are made from; amounts in ``placed`` and ``limits`` are minor units."""

    columns: Columns
    proposal: Proposal
    gated: Gated
    placed: Placed
    limits: Limits
    minor: int

    @property
    def budgets(self) -> Vector:
        """Recommended, in major units."""
        return self.placed.amounts / self.minor


def gate(columns: Columns, proposal: Proposal, rules: Budget) -> Gated:
    """An ad without a current budget is not moved but started: nothing holds it. Nor does doubt save a hopeless one."""
    up = proposal.target >= columns.current
    confidence = np.clip(np.where(up, proposal.above, proposal.below), 0, 1)
    near = np.abs(proposal.target - columns.current) * 100 < rules.min_change_percent * columns.current
    rule = np.where(confidence < rules.confidence, "confidence", "")
    rule = np.where(near, "min_change", rule)
    free = proposal.kill | np.isnan(columns.current)
    return Gated(confidence, np.where(free, "", rule))
