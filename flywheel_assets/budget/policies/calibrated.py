"""Policy `blended` on a request: the brief's schedule exactly, between calibrated beliefs of clicks and of revenue.

Both are relative to the account's own mean, so that the weights mean what they say: what an ad's
impression brings in clicks while it is young, what it brings in revenue once it is old.
"""

from __future__ import annotations

import numpy as np

from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.literal import click_weights
from flywheel_assets.budget.policies.outlook import outlook_of, proposal_of
from flywheel_assets.budget.policies.proposal import Proposal


def propose(columns: Columns, rng: np.random.Generator) -> Proposal:
    """See `Policy`."""
    outlook = outlook_of(columns, rng)
    clicks, value = outlook.clicks / outlook.clicks.mean(), outlook.value / outlook.value.mean()
    weight = click_weights(columns.age)
    score = weight * clicks + (1 - weight) * value
    metrics = {"click_weight": weight, "click_ratio": clicks.mean(axis=0), "value_ratio": value.mean(axis=0)}
    return proposal_of(outlook, score, metrics)
