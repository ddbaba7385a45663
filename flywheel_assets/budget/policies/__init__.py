"""Policies: what each ad should get if it could move freely. The gate and the projection come after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from flywheel_assets.budget.policies.blended import Blended
from flywheel_assets.budget.types import AdState, Target
from flywheel_assets.core.account import Account


class Policy(Protocol):
    """Pure: equal states, total and generator give equal targets."""

    def targets(self, states: Sequence[AdState], total: int, rng: np.random.Generator) -> tuple[Target, ...]:
        """A target for every state, in their order. ``total`` is what the ads may spend per day, minor units."""
        ...


def policy_of(account: Account) -> Policy:
    """The policy that the account's owner chose."""
    policies: dict[str, Policy] = {"blended": Blended()}
    return policies[account.policy]
