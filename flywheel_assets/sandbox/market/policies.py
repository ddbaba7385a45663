"""Everybody who may share out the budget of a simulated account, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flywheel_assets.budget.deciding import Decision
from flywheel_assets.core.account import PolicyName
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.sandbox.market import rules
from flywheel_assets.sandbox.market.curves import best_sharing
from flywheel_assets.sandbox.market.noted import columns_of
from flywheel_assets.sandbox.market.rules import Rule
from flywheel_assets.sandbox.market.seen import Seen
from flywheel_assets.sandbox.market.truth import Vector
from flywheel_assets.sandbox.market.world import World

SIMPLE: dict[str, Rule] = {
    "uniform": rules.uniform,
    "greedy_ctr": rules.greedy_ctr,
    "thompson_ctr": rules.thompson_ctr,
    "thompson_roas": rules.thompson_roas,
    "cost_per_lead": rules.cost_per_lead,
}
OURS: tuple[PolicyName, ...] = ("blended_literal", "blended", "funnel")
ORACLE = "oracle"
POLICIES = (*SIMPLE, *OURS, ORACLE)

_LARGEST_SEED = 2**31
_CENTS = 100


# Told of every decision of ours, and the world it was made in.
Listener = Callable[[World, Decision], None]


def policy_of(name: str, world: World, listen: Listener | None = None) -> Rule:
    """A policy for one run; only the oracle looks at the world, and ``listen``.

    Raises:
        ConfigurationError: nobody has that name.
    """
    if name in SIMPLE:
        return SIMPLE[name]
    for own in OURS:
        if name == own:
            return ours(own, world, listen)
    if name == ORACLE:
        return oracle(world)
    raise ConfigurationError(f"policy {name!r} is not known; choose from {', '.join(POLICIES)}")


def ours(name: PolicyName, world: World, listen: Listener | None = None) -> Rule:
    """The platform's own decision on what is seen; `noted` says how it comes to be the one a request would get."""
    from flywheel_assets.budget.selection import decision_of

    def decide(seen: Seen, random: np.random.Generator) -> Vector:
        decision = decision_of(columns_of(seen), name, int(random.integers(_LARGEST_SEED)), _CENTS)
        if listen is not None:
            listen(world, decision)
        return np.asarray(decision.budgets[np.argsort(decision.columns.order)])

    return decide


def oracle(world: World) -> Rule:
    """Knows every rate and how ads tire, and plans for the rest of the run; nobody knows the ads to come."""

    def decide(seen: Seen, random: np.random.Generator) -> Vector:
        del random
        days = (len(world.budgets) - world.now) / 24
        return best_sharing(world.truth, world.scenario, world.shown, seen.total, days)

    return decide
