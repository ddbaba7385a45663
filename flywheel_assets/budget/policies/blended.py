"""The brief's sampler (C6 to C9): its schedule exactly, its scores calibrated.

Click-through rate and return on spend are both taken relative to the account's own, so that the
schedule's weights mean what they say; each is drawn from a posterior whose certainty comes from
its own evidence: clicks for the one, leads and deals for the other, never impressions for money.
In each draw the plan is shared out in the best way for that draw; the target is the mean of those.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.fatigue import decay_rate, fresh_share
from flywheel_assets.budget.policies.beliefs import relative_draws
from flywheel_assets.budget.types import AdState, Target

Vector = npt.NDArray[np.float64]

# Weight of the click-through rate from this age on, hours (C6); return on spend has the rest.
SCHEDULE = ((0.0, 1.0), (6.0, 0.7), (24.0, 0.3), (72.0, 0.0))
DRAWS = 100
# Revenue shows 5 to 7 days after the click (brief): share shown after an age is 1 - exp(-age / 6 days).
_REVENUE_LAG_HOURS = 144.0
# Prior mean of an ad as like the winners as can be, relative to an ordinary one.
_DNA_BOOST = 0.2
# Relative growth of an ad's result with its budget: twice the money buys 1.4 times as much, because
# more money reaches dearer people. At 12 dollars plus 8 cents a dollar per thousand impressions, it
# falls from 0.9 at 20 a day to 0.3 at 300. Without it all money goes to one ad at a time, and even
# among equal ads each would nearly always seem to deserve less.
_ELASTICITY = 0.5
# Of a logarithm that spans thousands at most: to a float's precision.
_HALVINGS = 70


def click_weight(age_hours: float) -> float:
    """Weight of the click-through rate in the score of an ad of this age."""
    return next(weight for since, weight in reversed(SCHEDULE) if age_hours >= since)


class Blended:
    """Policy `blended`."""

    def targets(self, states: Sequence[AdState], total: int, rng: np.random.Generator) -> tuple[Target, ...]:
        """See `policies.Policy`."""
        if not states:
            return ()
        k = decay_rate(states).k
        clicks, value = _click_draws(states, k, rng), _value_draws(states, k, rng)
        weight = np.array([click_weight(state.age) for state in states])
        worn = np.array([k * state.impressions for state in states])
        # Ranked by logarithms: the decay factor of an ad shown a billion times is 0 as a float.
        scores = np.log(weight * clicks + (1 - weight) * value) - worn
        best = shares(scores, states, total)
        budgets = np.array([state.budget for state in states])
        above, below = (best > budgets).mean(axis=0), (best < budgets).mean(axis=0)
        metrics = {
            "click_ratio": clicks.mean(axis=0),
            "value_ratio": value.mean(axis=0),
            "click_weight": weight,
            "fatigue": np.exp(-worn),
        }
        return tuple(
            Target(
                ad_id=state.ad_id,
                budget=float(best[:, index].mean()),
                above=float(above[index]),
                below=float(below[index]),
                metrics={name: round(float(values[index]), 6) for name, values in metrics.items()},
            )
            for index, state in enumerate(states)
        )


def shares(scores: Vector, states: Sequence[AdState], total: int) -> Vector:
    """The best sharing of ``total`` in each draw, between floors and ceilings; minor units.

    An ad's result grows with the square root of its budget, so money goes where the next unit
    earns most: in proportion to the squared score. ``scores`` are logarithms; they and the
    result have the shape (draws, ads).
    """
    floor = np.array([state.floor for state in states], dtype=float)
    ceiling = np.array([state.ceiling for state in states], dtype=float)
    weight = (scores - scores.max(axis=1, keepdims=True)) / (1 - _ELASTICITY)
    cap = np.log(np.maximum(ceiling, 1))
    # The logarithm of the common factor lies between all at their floors and all at their ceilings.
    low = np.full((len(scores), 1), np.log(max(float(floor.min()), 1.0)) - 1)
    high = cap.max() - weight.min(axis=1, keepdims=True)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = _given(weight + middle, floor, ceiling, cap).sum(axis=1, keepdims=True) > total
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return _given(weight + low, floor, ceiling, cap)


def _given(logarithms: Vector, floor: Vector, ceiling: Vector, cap: Vector) -> Vector:
    return np.asarray(np.clip(np.exp(np.minimum(logarithms, cap)), floor, ceiling))


def _click_draws(states: Sequence[AdState], k: float, rng: np.random.Generator) -> Vector:
    events = np.array([state.clicks for state in states], dtype=float)
    exposure = np.array([_exposure(state, k, "impressions") for state in states])
    return relative_draws(events, exposure, _prior_means(states), DRAWS, rng)


def _value_draws(states: Sequence[AdState], k: float, rng: np.random.Generator) -> Vector:
    """Return on spend: leads per spend, times value per lead where deals are known at all."""
    leads = np.array([state.leads for state in states], dtype=float)
    spend = np.array([_exposure(state, k, "spend") for state in states])
    ratio = relative_draws(leads, spend, np.ones(len(states)), DRAWS, rng)
    deals = _effective_deals(states)
    if not deals.any():
        return ratio
    basis = "leads" if leads.any() else "spend"
    shown = np.array([_shown(state, basis) for state in states])
    return ratio * relative_draws(deals, shown, np.ones(len(states)), DRAWS, rng)


def _prior_means(states: Sequence[AdState]) -> Vector:
    return np.array([1 + _DNA_BOOST * max(state.dna_similarity or 0.0, 0.0) for state in states])


def _exposure(state: AdState, k: float, what: str) -> float:
    """Impressions or spend in units of a fresh ad's: what came late in a worn ad promised less."""
    amounts = np.array([getattr(window, what) for window in state.windows], dtype=float)
    return float(amounts @ fresh_share(state.windows, k))


def _effective_deals(states: Sequence[AdState]) -> Vector:
    """Attributed value in units of the account's mean deal: few trials, as few as there were deals."""
    number, value = sum(state.deals for state in states), sum(state.pipeline for state in states)
    if number == 0 or value <= 0:
        return np.zeros(len(states))
    return np.array([max(state.pipeline, 0) * number / value for state in states])


def _shown(state: AdState, basis: str) -> float:
    """Leads, or spend where no leads are reported, whose revenue could have shown by now."""
    amounts = np.array([getattr(window, basis) for window in state.windows], dtype=float)
    ages = np.array([window.age_hours for window in state.windows])
    return float(amounts @ -np.expm1(-ages / _REVENUE_LAG_HOURS))
