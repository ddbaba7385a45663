"""The table a draft is reworked at: the brief, the footage, the hooks and orders at hand, and the measuring judges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from flywheel_assets.creative.council.performance import vote_from_prediction
from flywheel_assets.creative.council.rubric import judge
from flywheel_assets.creative.director.draft import ranked_openings
from flywheel_assets.creative.director.orders import Order, orders
from flywheel_assets.creative.types import Blueprint, Brief, Hook, Perception, RubricLine, ScenePrediction, Vote

_OPENINGS = 12  # best predicted scenes tried as openings
_ORDERS_EACH = 8  # best paced orders tried per opening


@dataclass(frozen=True)
class Studio:
    """Everything a rewrite may draw on."""

    brief: Brief
    perception: Perception
    predictions: tuple[ScenePrediction, ...]
    hooks: tuple[Hook, ...]
    orders: tuple[Order, ...]
    approval_score: float

    def votes(self, blueprint: Blueprint) -> tuple[Vote, ...]:
        """The two judges that need nobody else: the rubric and the CTR model."""
        return judge(blueprint, self.brief, self.perception), vote_from_prediction(blueprint, self.predictions)

    def standing(self, blueprint: Blueprint) -> float:
        """Weighted mean of those votes, 0 to 100."""
        return weighted_mean(self.votes(blueprint))

    def best(self, candidates: Iterable[Blueprint], others: Sequence[Blueprint]) -> Blueprint | None:
        """The candidate to take: among those that pass, the one least like the ``others``; else the highest."""

        def rank(candidate: Blueprint) -> tuple[bool, int, float]:
            standing = self.standing(candidate)
            passes = standing > self.approval_score
            return not passes, likeness(candidate, others) if passes else 0, -standing

        return min(candidates, key=rank, default=None)


def orders_at_hand(
    perception: Perception, predictions: Sequence[ScenePrediction], rng: np.random.Generator
) -> tuple[Order, ...]:
    """Orders worth trying: the best paced ones of each of the best predicted openings."""
    openings = ranked_openings(perception, predictions)[:_OPENINGS]
    return tuple(order for opening in openings for order in orders(opening, perception, rng)[:_ORDERS_EACH])


def weighted_mean(votes: Iterable[Vote]) -> float:
    """Mean of the scores that were given."""
    scored = [(vote.score, vote.weight) for vote in votes if vote.score is not None]
    return math.fsum(score * weight for score, weight in scored) / math.fsum(weight for _, weight in scored)


def likeness(blueprint: Blueprint, others: Iterable[Blueprint]) -> int:
    """How much of a draft other drafts already use; the whole order counts beside its opening."""
    return sum(
        (other.hook.family == blueprint.hook.family)
        + (other.scene_order[0] == blueprint.scene_order[0])
        + (other.scene_order == blueprint.scene_order)
        for other in others
    )


def share(line: RubricLine) -> float:
    """Points of a line as a share of its full marks; a line left out counts as below any."""
    return line.points / line.out_of if line.out_of else -1.0
