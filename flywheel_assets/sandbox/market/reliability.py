"""Whether "80 % sure" is right in 80 of 100 cases: what decisions claimed, beside what was true of the ads.

A decision claims for every ad that the next unit of money earns more (or less) with it than with all ads as they
share the budgets now. In a simulated account that is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.wear import AHEAD_DAYS
from flywheel_assets.budget.deciding import Decision
from flywheel_assets.sandbox.market.curves import cpm
from flywheel_assets.sandbox.market.play import Game, play
from flywheel_assets.sandbox.market.truth import Vector
from flywheel_assets.sandbox.market.world import World

EDGES = (0.0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_PIECE = 1e-3
_SURE = 1.96


@dataclass(frozen=True)
class Claims:
    """One entry for every ad of every decision of a run."""

    confidence: Vector
    right: npt.NDArray[np.bool_]

    def between(self, least: float, below: float = 1.0) -> Claims:
        """Those at least so sure and less than so; 1 belongs to the last."""
        chosen = (self.confidence >= least) & ((self.confidence < below) | (below >= 1))
        return Claims(self.confidence[chosen], self.right[chosen])


@dataclass(frozen=True)
class Bin:
    """Claims of about the same confidence; ``half`` is half the 95 % interval of ``right``, over runs."""

    claimed: float
    right: float
    half: float
    count: int


def claims_of(game: Game) -> Claims:
    """Play a run of one of our policies and compare every claim with the truth of its moment."""
    claimed, right = [], []

    def listen(world: World, decision: Decision) -> None:
        proposal, columns = decision.proposal, decision.columns
        better = _earns_more(world, columns.current[np.argsort(columns.order)])[columns.order]
        up = proposal.target >= columns.current
        claimed.append(decision.gated.confidence)
        right.append(np.where(up, better, ~better))

    play(game, listen=listen)
    return Claims(np.concatenate(claimed), np.concatenate(right))


def _earns_more(world: World, budgets: Vector) -> npt.NDArray[np.bool_]:
    """Whether the next unit earns more with an ad than with all, over the weeks a decision looks ahead."""
    truth, ads = world.truth, slice(0, len(budgets))
    worth, tiring = truth.impression_worth[ads] * np.exp(-truth.tiring[ads] * world.shown), truth.tiring[ads]

    def earned(daily: Vector) -> Vector:
        impressions = AHEAD_DAYS * 1000 * daily / cpm(daily, truth.cpm[ads], world.scenario)
        return np.asarray(worth * -np.expm1(-tiring * impressions) / tiring)

    returns = (earned(budgets * (1 + _PIECE)) - earned(budgets)) / (budgets * _PIECE)
    return np.asarray(returns > (returns * budgets).sum() / budgets.sum())


def reliability(runs: Sequence[Claims]) -> list[Bin]:
    """The curve; bins that hold nothing are left out. Decisions of a run resemble each other, so runs are the units."""
    found = []
    for low, high in itertools.pairwise(EDGES):
        parts = [run.between(low, high) for run in runs]
        count = sum(len(part.right) for part in parts)
        if count == 0:
            continue
        claimed = sum(float(part.confidence.sum()) for part in parts) / count
        right = sum(float(part.right.sum()) for part in parts) / count
        off = np.array([float(part.right.sum()) - right * len(part.right) for part in parts])
        found.append(Bin(claimed, right, _SURE * float(np.sqrt((off**2).sum())) / count, count))
    return found
