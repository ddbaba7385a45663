"""What the request lets one believe, in one place: the policies differ only in what they do with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.blocks import Blocks, blocks_of
from flywheel_assets.budget.belief.dna import features
from flywheel_assets.budget.belief.evidence import Evidence, evidence_of
from flywheel_assets.budget.belief.posterior import LARGEST_LOG, log_value, posterior_of
from flywheel_assets.budget.belief.response import Response, response_of
from flywheel_assets.budget.belief.wear import Wear, price, tiring, wear_of
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.proposal import Mask, Proposal
from flywheel_assets.budget.policies.sharing import best_sharing
from flywheel_assets.settings import Budget

Vector = npt.NDArray[np.float64]

_RULES = Budget()
# While too little is known to judge an ad, it keeps at least this part of an equal share.
_LEARNING_SHARE = 0.1


@dataclass(frozen=True)
class Outlook:
    """Beliefs about every ad. ``value`` and ``clicks`` are per impression, shape (draws, ads)."""

    columns: Columns
    evidence: Evidence
    blocks: Blocks
    wear: Wear
    response: Response
    value: Vector
    clicks: Vector

    @property
    def fatigue_price(self) -> Vector:
        """Share of an impression's value that is taken from the ad's own future."""
        return price(self.wear, self.blocks)


def outlook_of(columns: Columns, rng: np.random.Generator) -> Outlook:
    """Work everything out once."""
    blocks = blocks_of(columns)
    wear = wear_of(blocks, columns.fatigue_k)
    evidence = evidence_of(columns)
    draws = posterior_of(evidence, features(columns.dna, columns.size)).draws(rng)
    typical = columns.total / columns.size
    hours = columns.hours
    spend, shown = (columns.per_ad(hours.ad, values) for values in (hours.spend, hours.impressions))
    response = response_of(blocks, typical, spend, shown)
    clicks = np.exp(np.clip(draws[:, :, 0], -LARGEST_LOG, LARGEST_LOG))
    return Outlook(columns, evidence, blocks, wear, response, np.exp(log_value(draws)), clicks)


def proposal_of(outlook: Outlook, score: Vector, metrics: dict[str, Vector]) -> Proposal:
    """Share the total by ``score`` per impression: the mean of the best sharings over the draws."""
    columns = outlook.columns
    best = best_sharing(score, outlook.response, columns)
    target = best.mean(axis=0)
    target = np.maximum(target, np.where(_unknown(columns), _LEARNING_SHARE * columns.total / columns.size, 0.0))
    reference = np.where(np.isnan(columns.current), target, columns.current)
    above, below = (best > reference).mean(axis=0), (best < reference).mean(axis=0)
    if not _anything_known(columns):
        target, above, below = np.full(columns.size, 1.0), np.zeros(columns.size), np.zeros(columns.size)
    worth = (lambda budgets: outlook.value * outlook.response.impressions(budgets)) if outlook.evidence.priced else None
    target = target * columns.total / target.sum()
    return Proposal(target, above, below, _hopeless(outlook), _metrics(outlook) | metrics, worth, score)


def _metrics(outlook: Outlook) -> dict[str, Vector]:
    fresh = np.exp(-outlook.wear.k * outlook.columns.impressions)
    agrees = tiring(outlook.blocks, outlook.columns.frequency, _RULES.fatigue_frequency)
    return {
        "value_per_1000": 1000 * outlook.value.mean(axis=0),
        "click_rate": outlook.clicks.mean(axis=0),
        "cost_per_1000": outlook.response.base,
        "fatigue": fresh,
        "refresh": ((fresh < _RULES.fatigue_refresh) & agrees).astype(float),
    }


def _anything_known(columns: Columns) -> bool:
    """Without a single impression every ad is as good as any other, unless its DNA had something to be compared with."""
    return bool(columns.impressions.any())


def _unknown(columns: Columns) -> Mask:
    return np.asarray((columns.age < _RULES.ignorance_hours) | (columns.spend < _RULES.ignorance_spend))


def _hopeless(outlook: Outlook) -> Mask:
    """Known well enough, and probably earning less than it costs even at the little it would be cut to."""
    columns = outlook.columns
    if not outlook.evidence.priced:
        return np.zeros(columns.size, dtype=bool)
    small = np.nan_to_num(columns.current) * 0.8
    cost = outlook.response.base * (1 + outlook.response.steep * small) / 1000
    losing = (outlook.value < cost).mean(axis=0)
    return np.asarray(~_unknown(columns) & (losing >= _RULES.confidence))
