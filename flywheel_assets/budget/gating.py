"""The decision gate (C11): who may move on the evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.placing import Ways
from flywheel_assets.budget.policies.proposal import Proposal
from flywheel_assets.settings import Budget

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gated:
    """What the gate says, by ad; ``rule`` is empty where the ad may move on its own evidence."""

    confidence: Vector
    rule: npt.NDArray[np.str_]
    ways: Ways

    @property
    def held(self) -> Mask:
        """Ads that stay where they are, as long as the total can be met without them."""
        return np.asarray(self.rule != "")


def gate(columns: Columns, proposal: Proposal, rules: Budget) -> Gated:
    """An ad without a current budget is not moved but started: nothing holds it. Nor does doubt save a hopeless one.

    An ad in the ignorance zone is never among the hopeless (`Proposal.kill`), and its target keeps a share to be judged
    by; to forbid every cut there as well cost 1.4 points of the oracle's revenue (measured, 8 seeds of `service`).
    """
    started = np.isnan(columns.current)
    up = ~(proposal.target < columns.current)
    confidence = np.clip(np.where(up, proposal.above, proposal.below), 0, 1)
    sure = confidence >= rules.confidence
    near = np.abs(proposal.target - columns.current) * 100 < rules.min_change_percent * columns.current
    rule = np.where(sure, "", "confidence")
    rule = np.where(near, "min_change", rule)
    rule = np.where(proposal.kill | started, "", rule)
    free = rule == ""
    worse = proposal.kill | (free & ~up & ~started)
    ways = Ways(free=np.asarray(free), worse=np.asarray(worse))
    return Gated(confidence, rule, ways)
