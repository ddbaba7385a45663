"""What other budgets would have earned on the history's own days, and how sure that is.

The estimate of a path of budgets is doubly robust in the sense of Dudík, Langford and Li (2011), adapted to budgets,
which have no probability to weigh by. An hour of an ad that got b and would have got b' has the ratio

    r = impressions(b') / impressions(b) × exp(-k × (impressions the ad would have had by then - those it had)),

impressions(b) = b / (1 + s b), with s and k fitted to the history. The model says that it would have brought
r × clicks × value of a click; the ad's value is a posterior under the account's prior, scaled so that the model and
the outcomes agree on what really came in all. To this is added what the model missed of the single outcomes,
r̄ × (value of the hour's deals - model) with r̄ = min(r, 1): luck of the past is never multiplied, and where a policy
gives more than was tried the model alone speaks. With r = 1 the model falls out and what came is left.

Each draw takes one value of all clicks from the posterior, one s and k fitted to ads drawn with replacement, and
whole weeks of every ad drawn with replacement for the outcomes. The middle 95 % of the draws are the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flywheel_assets.budget.backtest.history import History, Vector
from flywheel_assets.budget.backtest.outcome import DRAWS, Outcome, outcome_of
from flywheel_assets.budget.backtest.replay import ACTUAL

_WEEK = 168.0
_LARGEST_WEIGHT = 1.0
_LEVEL = (2.5, 97.5)


@dataclass(frozen=True)
class Range:
    """An estimate with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """One policy's.

    Attributes:
        revenue: of the history's clicks as they would have been; major units.
        gain: percent above what was really done; None for that itself.
        outside: share of the budget that lies above the most or below the least the ad ever really had, by
            more than a half.
        deals: number of equally weighty deals that the estimate rests on.
    """

    policy: str
    revenue: Range
    gain: Range | None
    outside: float
    deals: float


def estimates(history: History, given: dict[str, Vector], seed: int = 0) -> list[Estimate]:
    """An estimate for each path of daily budgets, shape (periods, ads); `ACTUAL` must be among them."""
    rng = np.random.default_rng(seed)
    outcome = outcome_of(history, rng)
    weights = _weights(history, rng)
    real = given[ACTUAL]
    drawn = {name: _revenue(history, outcome, budgets, real, weights) for name, budgets in given.items()}
    return [_estimate(name, drawn, history, outcome, given) for name in given]


def _revenue(history: History, outcome: Outcome, budgets: Vector, real: Vector, weights: Vector) -> Vector:
    """Revenue of each draw."""
    delivery = history.delivery
    shape = real.shape
    came = np.zeros(shape)
    np.add.at(came, (outcome.period, history.deals.ad), outcome.deal_value)
    found = np.zeros(DRAWS)
    for draw in range(DRAWS):
        ratio = ratios(budgets, real, delivery.impressions, outcome.steep[draw], outcome.tiring[draw])
        drawn = came * weights[draw]
        usual = delivery.clicks * outcome.click_value[draw]
        usual *= drawn.sum() / usual.sum()
        missed = np.minimum(ratio, _LARGEST_WEIGHT) * (drawn - usual)
        found[draw] = (ratio * usual).sum() + missed.sum()
    return found


def ratios(budgets: Vector, real: Vector, shown: Vector, steep: Vector, tiring: Vector) -> Vector:
    """Clicks that the budgets would have brought over those that came; 0 where the ad did not run."""
    ran = real > 0
    factor = np.divide(budgets * (1 + steep * real), real * (1 + steep * budgets), out=np.zeros_like(real), where=ran)
    more = np.cumsum(shown * factor, axis=0) - np.cumsum(shown, axis=0)
    return np.asarray(factor * np.exp(np.clip(-tiring * more, -5, 5)))


def _weights(history: History, rng: np.random.Generator) -> Vector:
    """How often each period of each ad was drawn: whole weeks of an ad together; shape (draws, periods, ads)."""
    start = history.delivery.start
    week = np.floor_divide(start, _WEEK).astype(int)
    drawn = rng.poisson(1.0, (DRAWS, int(week[-1]) + 1, len(history.delivery.ads)))
    return np.asarray(drawn[:, week], dtype=np.float64)


def _estimate(
    name: str, drawn: dict[str, Vector], history: History, outcome: Outcome, given: dict[str, Vector]
) -> Estimate:
    real = given[ACTUAL]
    gain = None if name == ACTUAL else _range(100 * (drawn[name] / drawn[ACTUAL] - 1))
    most, least = real.max(axis=0), np.where(real > 0, real, np.inf).min(axis=0)
    budgets = given[name]
    beyond = (budgets > 1.5 * most) | ((budgets > 0) & (budgets < least / 1.5))
    steep, tiring = outcome.steep.mean(axis=0), outcome.tiring.mean(axis=0)
    ratio = ratios(budgets, real, history.delivery.impressions, steep, tiring)
    worth = ratio[outcome.period, history.deals.ad] * outcome.deal_value
    return Estimate(
        name, _range(drawn[name]), gain, float(budgets[beyond].sum() / max(budgets.sum(), 1e-9)), effective(worth)
    )


def effective(worth: Vector) -> float:
    """Kish's number of equal parts that vary as much as these."""
    squares = float((worth**2).sum())
    return float(worth.sum()) ** 2 / squares if squares > 0 else 0.0


def _range(values: Vector) -> Range:
    low, high = np.percentile(values, _LEVEL)
    return Range(float(values.mean()), float(low), float(high))
