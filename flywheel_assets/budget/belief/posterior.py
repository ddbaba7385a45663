"""One belief an ad over all steps at once: Laplace posteriors under a Gaussian prior learned from the account.

theta = (log click rate, log lead rate, logits of the steps between stages, log amount) of an ad is
N(mu + B x, Sigma), x being its creative DNA. (mu, B, Sigma) come by EM across the ads, so that an ad
with little evidence borrows from the others, and a cheap early step tells about a dear late one as
far as they go together in this account.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.evidence import Evidence

Vector = npt.NDArray[np.float64]

# Prior of the spread between ads, worth eight ads: of log rates, logits, log amounts.
_PRIOR_ADS = 8.0
_RATE_SPREAD, _STEP_SPREAD, _AMOUNT_SPREAD = 0.4, 0.35, 0.3
_DNA_RIDGE = 24.0
_ROUNDS, _FIRST_STEPS, _STEPS = 10, 6, 2
_LARGEST_STEP = 1.5
# An account without data: a click in a hundred impressions, a lead in twenty clicks.
_USUAL_RATES = (0.01, 0.05)
_PRIOR_EVENTS = 1.0
_MIN_DRAWS = 256
# Reports that contradict themselves may ask for more than a float can hold.
LARGEST_LOG = 60.0
_LARGE = 128


@dataclass(frozen=True)
class Posterior:
    """Belief about each ad.

    Attributes:
        mean: (ads, d).
        root: lower triangular R of the precision's Cholesky factor: draws are mean + R^-T z; (ads, d, d).
    """

    mean: Vector
    root: Vector

    def draws(self, rng: np.random.Generator) -> Vector:
        """Samples (draws, ads, d).

        The noise of one draw is handed around the ads in the next ones, so that ads about which the
        same is believed get the same on average, exactly where the draws go full circle.
        """
        count, size = self.mean.shape
        turns = min(count, _LARGE)
        bases = -(-_MIN_DRAWS // turns) if count <= _LARGE else 1
        noise = rng.standard_normal((bases, count, size))
        shift = (np.arange(turns) * count) // turns
        places = (np.arange(count)[None, :] + shift[:, None]) % count
        z = noise[:, places].reshape(bases * turns, count, size)
        inverse = np.linalg.inv(self.root)
        return np.asarray(self.mean + np.einsum("nji,dnj->dni", inverse, z))


def posterior_of(evidence: Evidence, features: Vector) -> Posterior:
    """Fit the prior and every ad's posterior under it."""
    middle, spread = _start(evidence)
    count, size = len(evidence.events), len(middle)
    prior = np.broadcast_to(middle, (count, size))
    theta, root = _mode(evidence, prior.copy(), prior, _inverse(spread), _FIRST_STEPS)
    ridge = np.linalg.inv(features.T @ features + _DNA_RIDGE * np.eye(features.shape[1]))
    start = spread
    for _ in range(_ROUNDS):
        inverse = np.linalg.inv(root)
        covariance = np.swapaxes(inverse, 1, 2) @ inverse
        effect = ridge @ features.T @ (theta - middle)
        middle = _middle(theta - features @ effect, middle, evidence)
        prior = middle + features @ effect
        away = theta - prior
        spread = (_PRIOR_ADS * start + covariance.sum(axis=0) + away.T @ away) / (_PRIOR_ADS + count)
        theta, root = _mode(evidence, theta, prior, _inverse(spread), _STEPS)
    return Posterior(theta, root)


def _start(evidence: Evidence) -> tuple[Vector, Vector]:
    """The account's own totals, and the usual spread around them."""
    usual = np.array(_USUAL_RATES)
    events, exposure = evidence.events.sum(axis=0), evidence.exposure.sum(axis=0)
    rates = np.log((events + _PRIOR_EVENTS) / (exposure + _PRIOR_EVENTS / usual))
    moved, trials = evidence.moved.sum(axis=0), evidence.trials.sum(axis=0)
    share = np.clip((moved + 2 * evidence.usual) / (trials + 2), 1e-4, 1 - 1e-4)
    weight = evidence.weight.sum()
    amount = float((evidence.weight * evidence.mean).sum() / weight) if weight > 0 else 0.0
    spreads = [_RATE_SPREAD] * 2 + [_STEP_SPREAD] * len(share) + [_AMOUNT_SPREAD if evidence.priced else 1e-3]
    return np.concatenate([rates, np.log(share / (1 - share)), [amount]]), np.diag(np.square(spreads))


def _middle(theta: Vector, before: Vector, evidence: Evidence) -> Vector:
    """The account's mean; a step nobody has shown yet keeps its own, which no ad could correct."""
    known = np.concatenate([
        evidence.events.sum(axis=0) > 0, evidence.trials.sum(axis=0) > 0, [evidence.priced]
    ])  # fmt: skip
    return np.where(known, theta.mean(axis=0), before)


def _mode(evidence: Evidence, theta: Vector, prior: Vector, precision: Vector, steps: int) -> tuple[Vector, Vector]:
    """Newton's method for all ads at once; the mode and the Cholesky factor of the precision there."""
    curvature = precision
    for _ in range(steps):
        slope, information = _derivatives(evidence, theta)
        slope = slope - (theta - prior) @ precision
        curvature = precision + information[:, :, None] * np.eye(theta.shape[1])
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        theta = theta + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    information = _derivatives(evidence, theta)[1]
    curvature = precision + information[:, :, None] * np.eye(theta.shape[1])
    return theta, np.asarray(np.linalg.cholesky(curvature), dtype=np.float64)


def _inverse(matrix: Vector) -> Vector:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _derivatives(evidence: Evidence, theta: Vector) -> tuple[Vector, Vector]:
    """Slope and diagonal information of the log likelihood."""
    expected = evidence.exposure * np.exp(np.minimum(theta[:, :2], 5.0))
    share = 1 / (1 + np.exp(-np.clip(theta[:, 2:-1], -30, 30)))
    slope = np.column_stack([
        evidence.events - expected,
        evidence.moved - evidence.trials * share,
        evidence.weight * (evidence.mean - theta[:, -1]),
    ])  # fmt: skip
    information = np.column_stack([expected, evidence.trials * share * (1 - share), evidence.weight])
    return slope, information


def log_value(draws: Vector) -> Vector:
    """Logarithm of the revenue an impression brings, of each draw and ad."""
    steps = -np.logaddexp(0.0, -draws[:, :, 2:-1]).sum(axis=2)
    value = draws[:, :, 0] + draws[:, :, 1] + steps + draws[:, :, -1]
    return np.asarray(np.clip(value, -LARGEST_LOG, LARGEST_LOG))
