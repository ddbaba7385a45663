"""Policy `blended_literal`: the brief's sampler with the constants of its public ancestor, for contract and comparison.

It allocates no better than equal budgets (measured): samples between 0 and 1 in a softmax of
temperature 1 favour an ad by at most e = 2.7 to 1, the decay constant calls every ad tired within a
day, and its confidence cannot pass the gate once the score is below 0.10. `blended` mends all three.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.proposal import Proposal

Vector = npt.NDArray[np.float64]

# Weight of the click-through rate from this age on, hours (C6); return on spend has the rest.
SCHEDULE = ((0.0, 1.0), (6.0, 0.7), (24.0, 0.3), (72.0, 0.0))
FULL_CTR, FULL_ROAS = 0.05, 3.0
DECAY = 1e-4
DNA_BOOST = 0.2
WINNING_CTR, WINNING_ROAS = 0.03, 3.0
SURE_IMPRESSIONS, SURE_HOURS = 1000.0, 72.0
ZONE_HOURS, ZONE_SPEND = 48.0, 100.0
KILL_SPEND, KILL_ROAS = 200.0, 0.5
_TINY = 1e-9


def propose(columns: Columns, rng: np.random.Generator) -> Proposal:
    """See `Policy`. One draw: the softmax of it is the sharing."""
    ctr = ratio(columns.clicks, columns.impressions)
    roas = ratio(pipeline(columns), columns.spend)
    weight = click_weights(columns.age)
    blended = weight * np.minimum(ctr / FULL_CTR, 1) + (1 - weight) * np.minimum(roas / FULL_ROAS, 1)
    decay = DECAY if columns.fatigue_k is None else columns.fatigue_k
    fresh = np.exp(-decay * columns.impressions)
    boost = _boost(columns, (ctr > WINNING_CTR) | (roas > WINNING_ROAS))
    score = np.clip(blended * fresh * boost, 0, 1)
    trials = columns.impressions
    drawn = rng.beta(trials * score + 1, trials * (1 - score) + 1)
    shares = np.exp(drawn - drawn.max())
    sure = (np.minimum(trials / SURE_IMPRESSIONS, 1) + np.minimum(columns.age / SURE_HOURS, 1) + score) / 3
    known = (columns.age >= ZONE_HOURS) & (columns.spend >= ZONE_SPEND)
    kill = known & (columns.spend >= KILL_SPEND) & (roas < KILL_ROAS)
    metrics = {"ctr": ctr, "roas": roas, "click_weight": weight, "fatigue": fresh, "dna_boost": boost, "score": score}
    return Proposal(columns.total * shares / shares.sum(), sure, sure, kill, metrics)


def click_weights(age: Vector) -> Vector:
    """Weight of the click-through rate by age: the brief's steps, exactly."""
    since, weights = (np.array(column) for column in zip(*SCHEDULE, strict=True))
    return np.asarray(weights[np.searchsorted(since, age, side="right") - 1])


def ratio(part: Vector, whole: Vector) -> Vector:
    """0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > _TINY)


def pipeline(columns: Columns) -> Vector:
    """Value of an ad's deals: as given, else by their stages, else what was won, else 0."""
    deals = columns.deals
    value = np.where(deals.lost, 0.0, np.nan_to_num(deals.amount)) * _chances(columns)[deals.stage]
    own = columns.per_ad(deals.ad, value) if len(deals.ad) else np.nan_to_num(columns.cash)
    return np.where(np.isnan(columns.pipeline), own, columns.pipeline)


def _chances(columns: Columns) -> Vector:
    """Chance to win from each stage: as given, else of the deals that went through it and ended, under a flat prior."""
    if columns.chances is not None:
        return columns.chances
    stage, last = columns.deals.stage, columns.transitions
    won, lost = np.count_nonzero(stage == last), columns.deals.lost
    ended = [np.count_nonzero(lost & (stage >= index)) for index in range(last)]
    return np.array([*((won + 1) / (won + count + 2) for count in ended), 1.0])


def _boost(columns: Columns, winners: npt.NDArray[np.bool_]) -> Vector:
    """1 + 0.2 x cosine to the winners' mean vector."""
    if columns.dna is None:
        return np.ones(columns.size)
    length = np.linalg.norm(columns.dna, axis=1, keepdims=True)
    unit = np.nan_to_num(np.divide(columns.dna, length, out=np.zeros_like(columns.dna), where=length > 0))
    middle = unit[winners].sum(axis=0)
    size = np.linalg.norm(middle)
    return np.asarray(1 + DNA_BOOST * (unit @ middle / size if size > 0 else np.zeros(columns.size)))
