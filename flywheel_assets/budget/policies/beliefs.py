"""What is believed about rates of ads, as draws: Gamma posteriors under a prior learned from all of them.

Flat priors are overconfident: a claimed 75 % was right in 43 % of real tests, in 59 % under a
prior pooled from the account (measured).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

# What is assumed before the account has data: rates of ads vary by 35 %, worth twelve well-known ads.
_PRIOR_VARIANCE, _PRIOR_ADS = 0.35**2, 12.0
# Ads are never believed to be all alike (5 %) nor without anything in common (100 %).
_SMALLEST_VARIANCE, _LARGEST_VARIANCE = 0.05**2, 1.0


def relative_draws(
    events: Vector, exposure: Vector, prior_mean: Vector, draws: int, rng: np.random.Generator
) -> Vector:
    """Rates relative to the account's own, shape (draws, ads); the prior mean is 1 for an ordinary ad.

    Args:
        events: successes per ad: clicks, leads, or deals in units of the mean deal.
        exposure: what they are counted against, any unit: impressions, spend, expected leads.
        prior_mean: where the prior of each ad lies.
        draws: how many.
        rng: seeded.

    An ad without exposure keeps its prior, whatever its events: they cannot be a rate.
    """
    counted = np.where(exposure > 0, events, 0.0)
    pooled = counted.sum() / exposure.sum() if exposure.sum() > 0 else 0.0
    expected = pooled * exposure
    shape = 1 / spread(counted, expected)
    drawn = rng.gamma(shape + counted, 1 / (shape / prior_mean + expected), size=(draws, len(events)))
    return np.asarray(drawn)


def spread(events: Vector, expected: Vector) -> float:
    """Variance of the ads' true relative rates: what differs more than counting noise explains.

    Moments per ad, weighted by how much of an ad's deviation would be real under the prior, and
    pooled with the prior's own ads.
    """
    # (reliability / expected) squared, written so that nothing is divided by an expectation of zero.
    factor = (_PRIOR_VARIANCE / (1 + _PRIOR_VARIANCE * expected)) ** 2
    weight = factor * expected**2
    excess = factor * ((events - expected) ** 2 - expected)
    pooled = (_PRIOR_ADS * _PRIOR_VARIANCE + excess.sum()) / (_PRIOR_ADS + weight.sum())
    return float(np.clip(pooled, _SMALLEST_VARIANCE, _LARGEST_VARIANCE))
