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
from flywheel_assets.budget.belief.wear import Wear, tiring, wear_of, worn
from flywheel_assets.budget.columns import Columns, Reach
from flywheel_assets.budget.policies.proposal import Mask, Proposal
from flywheel_assets.budget.policies.sharing import best_sharing
from flywheel_assets.settings import Budget

Vector = npt.NDArray[np.float64]

_RULES = Budget()
# While too little is known to judge an ad, it keeps at least this part of an equal share.
_LEARNING_SHARE = 0.1
# Prior, lags, wear and costs are estimates that the draws take as known. Draws as they are claimed 85 % where 80 % were
# right; 1.3 times as wide, 81 % where 80 % were, and too little for the surest (simulated runs of six worlds; checked on
# others by benchmarks/reliability.py).
_DOUBT = 1.2
# As many as the pseudo-deals that steady the fit of the lags.
_FEWEST_WON = 10
_TINY, _SMALLEST = 1e-9, 1e-300


@dataclass(frozen=True)
class Outlook:
    """Beliefs about every ad. ``value`` and ``clicks`` are per impression, shape (draws, ads).

    ``market`` is what money buys today, ``response`` what it buys a day in the mean of the weeks ahead, as ads tire.
    """

    columns: Columns
    evidence: Evidence
    blocks: Blocks
    wear: Wear
    market: Response
    response: Response
    value: Vector
    clicks: Vector

    @property
    def fatigue_price(self) -> Vector:
        """Share of the next unit's return that is taken from the ad's own future."""
        equal = self.columns.total / self.columns.size
        budgets = np.where(np.isnan(self.columns.current), equal, self.columns.current)
        return 1 - ((1 + self.market.steep * budgets) / (1 + self.response.steep * budgets)) ** 2


def outlook_of(columns: Columns, rng: np.random.Generator) -> Outlook:
    """Work everything out once."""
    blocks = blocks_of(columns)
    wear = wear_of(blocks, columns.fatigue_k)
    evidence = evidence_of(columns)
    draws = posterior_of(evidence, features(columns.dna, columns.size)).draws(rng)
    typical = columns.total / columns.size
    hours = columns.hours
    spend, shown = (columns.per_ad(hours.ad, values) for values in (hours.spend, hours.impressions))
    market = response_of(blocks, typical, spend, shown)
    clicks = np.exp(np.clip(draws[:, :, 0], -LARGEST_LOG, LARGEST_LOG))
    return Outlook(columns, evidence, blocks, wear, market, worn(market, wear), np.exp(log_value(draws)), clicks)


def proposal_of(outlook: Outlook, score: Vector, metrics: dict[str, Vector]) -> Proposal:
    """Share the total by ``score`` per impression: the mean of the best sharings over the draws."""
    columns = outlook.columns
    target = best_sharing(score, outlook.response, columns).mean(axis=0)
    target = np.maximum(target, np.where(_unknown(columns), _LEARNING_SHARE * columns.total / columns.size, 0.0))
    above, below = _sides(outlook, score, np.where(np.isnan(columns.current), target, columns.current))
    if not _anything_known(columns):
        target, above, below = np.full(columns.size, 1.0), np.zeros(columns.size), np.zeros(columns.size)
    worth = (lambda budgets: outlook.value * outlook.response.impressions(budgets)) if outlook.evidence.priced else None
    target = target * columns.total / target.sum()
    return Proposal(target, above, below, _hopeless(outlook, below), _metrics(outlook) | metrics, worth, score)


def _sides(outlook: Outlook, score: Vector, budgets: Vector) -> tuple[Vector, Vector]:
    """Probability that the next unit earns more, and less, with an ad than with all as they share the budgets now."""
    response = outlook.response
    returns = _widened(score, _DOUBT) / (response.base * (1 + response.steep * budgets) ** 2)
    usual = np.empty_like(returns)
    for members in _sharers(outlook.columns.reach, budgets):
        weights = budgets[members] * _between(outlook.columns.reach, budgets, members)
        usual[:, members] = (returns[:, members] @ weights / max(float(weights.sum()), _TINY))[:, None]
    return (returns > usual * (1 + _TINY)).mean(axis=0), (returns < usual * (1 - _TINY)).mean(axis=0)


def _sharers(reach: Reach | None, budgets: Vector) -> list[Mask]:
    """Ads among which money can move: those of a pool that has all, or as little as, it may; and all others."""
    rest = np.ones(len(budgets), dtype=bool)
    closed: list[Mask] = []
    for members, least, most in reach.pools if reach is not None else ():
        if members.any() and not least < budgets[members].sum() < most:
            closed.append(members)
            rest &= ~members
    return [*closed, *([rest] if rest.any() else [])]


def _between(reach: Reach | None, budgets: Vector, members: Mask) -> Vector:
    """1 for each that could get more and could get less, and for all where none can.

    Ads that stand at a lasting bound are no measure: what they earn beyond it, or would not miss below it, nobody can move.
    """
    if reach is None:
        return np.ones(int(members.sum()))
    between = ((reach.low < budgets) & (budgets < reach.high))[members]
    return np.where(between | ~(between & (budgets[members] > 0)).any(), 1.0, 0.0)


def _widened(score: Vector, factor: float) -> Vector:
    """Draws so many times as far from their geometric mean."""
    logs = np.log(np.maximum(score, _SMALLEST))
    middle = logs.mean(axis=0)
    return np.asarray(np.exp(middle + factor * (logs - middle)))


def _metrics(outlook: Outlook) -> dict[str, Vector]:
    fresh = np.exp(-outlook.wear.k * outlook.columns.impressions)
    agrees = tiring(outlook.blocks, outlook.columns.frequency, _RULES.fatigue_frequency)
    return {
        "value_per_1000": 1000 * outlook.value.mean(axis=0),
        "click_rate": outlook.clicks.mean(axis=0),
        "cost_per_1000": outlook.market.base,
        "fatigue": fresh,
        "fatigue_price": outlook.fatigue_price,
        "refresh": ((fresh < _RULES.fatigue_refresh) & agrees).astype(float),
    }


def _anything_known(columns: Columns) -> bool:
    """Without a single impression every ad is as good as any other, unless its DNA had something to be compared with."""
    return bool(columns.impressions.any())


def _unknown(columns: Columns) -> Mask:
    return np.asarray((columns.age < _RULES.ignorance_hours) | (columns.spend < _RULES.ignorance_spend))


def _hopeless(outlook: Outlook, below: Vector) -> Mask:
    """Known well enough, probably earning less than it costs even at the little it would be cut to, and less than others.

    Without the last, an account that loses money as a whole would wind down its best ads with its worst.
    """
    columns = outlook.columns
    if not (outlook.evidence.priced and _settled(columns)):
        return np.zeros(columns.size, dtype=bool)
    small = np.nan_to_num(columns.current) * 0.8
    cost = outlook.market.base * (1 + outlook.market.steep * small) / 1000
    losing = (outlook.value < cost).mean(axis=0)
    return np.asarray(~_unknown(columns) & (losing >= _RULES.confidence) & (below >= _RULES.confidence))


def _settled(columns: Columns) -> bool:
    """Enough deals were won to say what a lead is worth in money; until then the lags are mostly assumed."""
    if not columns.transitions:
        return True
    return int((columns.deals.stage == columns.transitions).sum()) >= _FEWEST_WON
