"""Everybody who may share out the budget of a simulated account, by name."""

from __future__ import annotations

import numpy as np

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.sandbox.market import rules
from flywheel_assets.sandbox.market.curves import best_sharing
from flywheel_assets.sandbox.market.rules import Rule
from flywheel_assets.sandbox.market.seen import Requests, Seen
from flywheel_assets.sandbox.market.truth import Vector
from flywheel_assets.sandbox.market.world import World

SIMPLE: dict[str, Rule] = {
    "uniform": rules.uniform,
    "greedy_ctr": rules.greedy_ctr,
    "thompson_ctr": rules.thompson_ctr,
    "thompson_roas": rules.thompson_roas,
    "cost_per_lead": rules.cost_per_lead,
}
OURS = ("blended_literal", "blended", "funnel")
ORACLE = "oracle"
POLICIES = (*SIMPLE, *OURS, ORACLE)

_LARGEST_SEED = 2**31


def policy_of(name: str, world: World) -> Rule:
    """A policy for one run; only the oracle looks at the world.

    Raises:
        ConfigurationError: nobody has that name.
    """
    if name in SIMPLE:
        return SIMPLE[name]
    if name in OURS:
        return ours(name)
    if name == ORACLE:
        return oracle(world)
    raise ConfigurationError(f"policy {name!r} is not known; choose from {', '.join(POLICIES)}")


def ours(name: str) -> Rule:
    """The platform's own decision, through the request that anybody may send."""
    from flywheel_assets.budget import select

    requests = Requests()

    def decide(seen: Seen, random: np.random.Generator) -> Vector:
        answer = select(requests.request(seen, name, int(random.integers(_LARGEST_SEED))))
        budgets = {one.ad_id: float(one.recommended_budget) for one in answer.recommendations}
        return np.array([budgets[f"ad-{ad}"] for ad in range(seen.ads)])

    return decide


def oracle(world: World) -> Rule:
    """Knows every rate and how ads tire, and plans for the rest of the run; nobody knows the ads to come."""

    def decide(seen: Seen, random: np.random.Generator) -> Vector:
        del random
        days = (len(world.budgets) - world.now) / 24
        return best_sharing(world.truth, world.scenario, world.shown, seen.total, days)

    return decide
