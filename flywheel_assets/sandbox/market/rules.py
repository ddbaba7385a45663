"""The simple rules that a budget policy has to beat, each as good as it can be made without more knowledge.

Every rule says what it would give each ad if it could; `capped` comes after it. Thompson sampling
of budgets is probability matching: an ad gets the share of draws in which it is the best.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flywheel_assets.sandbox.market.seen import Seen
from flywheel_assets.sandbox.market.truth import Vector

Rule = Callable[[Seen, np.random.Generator], Vector]

_DRAWS = 100
_EXPLORED = 0.1  # of the budget, by epsilon-greedy
# An hour counts half after three days, because ads tire; cost per lead does best so, among 1, 3, 7, 14 days and all.
_HALF_LIFE_HOURS = 72.0


def uniform(seen: Seen, random: np.random.Generator) -> Vector:
    """Equal budgets."""
    del random
    return np.full(seen.ads, seen.total / seen.ads)


def greedy_ctr(seen: Seen, random: np.random.Generator) -> Vector:
    """All but a tenth to the ad with the highest CTR."""
    del random
    ctr = _recent(seen, "clicks") / np.maximum(_recent(seen, "impressions"), 1)
    wish = np.full(seen.ads, _EXPLORED / seen.ads)
    wish[int(np.argmax(ctr))] += 1 - _EXPLORED
    return wish * seen.total


def thompson_ctr(seen: Seen, random: np.random.Generator) -> Vector:
    """Thompson sampling on CTR under Beta(1, 1)."""
    clicks, impressions = _recent(seen, "clicks"), _recent(seen, "impressions")
    return _matched(random.beta(clicks + 1, impressions - clicks + 1, size=(_DRAWS, seen.ads)), seen.total)


def thompson_roas(seen: Seen, random: np.random.Generator) -> Vector:
    """Thompson sampling on cash per spend, as it is seen: won deals of all time, at the account's mean amount."""
    wins, cash = seen.by_ad(seen.won), seen.by_ad(seen.won, seen.deals.amount)
    mean = cash.sum() / max(wins.sum(), 1.0) or 1.0
    return _matched(_rates(cash / mean, seen.totals["spend"], random), seen.total)


def cost_per_lead(seen: Seen, random: np.random.Generator) -> Vector:
    """Thompson sampling on leads per spend: our stand-in for the platform's own budget optimiser."""
    return _matched(_rates(_recent(seen, "leads"), _recent(seen, "spend"), random), seen.total)


def _rates(events: Vector, spend: Vector, random: np.random.Generator) -> Vector:
    """Draws of events per spend, under a prior worth one event at the account's own rate."""
    pooled = max(float(spend.sum()), 1.0) / (float(events.sum()) + 1)
    return random.gamma(events + 1, 1 / (spend + pooled), size=(_DRAWS, len(events)))


def _matched(draws: Vector, total: float) -> Vector:
    best = np.argmax(draws, axis=1)
    return np.bincount(best, minlength=draws.shape[1]) / len(draws) * total


def _recent(seen: Seen, name: str) -> Vector:
    column = seen.hourly[name]
    age = np.arange(len(column), 0, -1)
    return np.asarray(0.5 ** (age / _HALF_LIFE_HOURS) @ column)
