"""Policy `funnel`: budgets by what an impression is believed to bring in the end, at the price of wearing the ad out."""

from __future__ import annotations

import numpy as np

from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.outlook import outlook_of, proposal_of
from flywheel_assets.budget.policies.proposal import Proposal


def propose(columns: Columns, rng: np.random.Generator) -> Proposal:
    """See `Policy`."""
    outlook = outlook_of(columns, rng)
    return proposal_of(outlook, outlook.value, {})
