"""The click-through rate of an opening, learned from delivered ads, with the cold-start prior as its base.

Clicks ~ Poisson(impressions x prior x exp(level + weights . features)). The level is the
one-number recalibration that drift asks for first; the weights are what openings teach beyond it.
With little data both stay near zero, so the model stays near the prior:

* the prior enters as one more row, worth the impressions it is documented to be worth;
* a weight's prior deviation is log 1.12 a standard deviation of its feature (the largest effect of a single
  element that has been measured), and clicks count less by how much ads differ beyond chance.

A missing modality takes the feature's mean, which is to say: no effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.creative.types import Perception, ScenePrediction
from flywheel_assets.learning.cold_start import STRENGTH, ColdStartCtr
from flywheel_assets.learning.features import NAMES, OpeningFeatures, matrix, opening_features

_WEIGHT_DEVIATION = math.log(1.12)
_REASON_FROM = 0.005  # smaller effects, relative, are not worth a line
# The prior's 70 impressions at 1 % are a gamma of shape 0.7: ads spread around it by 1 / 0.7 of their
# squared rate. That spread is worth this many observed ads when the model's own is estimated.
_PRIOR_SPREAD, _PRIOR_ADS = 1 / (STRENGTH * 0.01), 5


@dataclass(frozen=True)
class Example:
    """One delivered ad: its opening, the prior's prediction for it and what came of it."""

    ad_id: str
    creative_id: str
    features: OpeningFeatures
    prior_ctr: float
    impressions: int
    clicks: int


@dataclass(frozen=True)
class Columns:
    """Examples as arrays of one length."""

    features: NDArray[np.float64]
    prior: NDArray[np.float64]
    shown: NDArray[np.float64]
    clicks: NDArray[np.float64]


def columns(examples: Sequence[Example]) -> Columns:
    """The examples' numbers, row by row."""
    return Columns(
        matrix([each.features for each in examples]),
        np.array([each.prior_ctr for each in examples], dtype=float),
        np.array([each.impressions for each in examples], dtype=float),
        np.array([each.clicks for each in examples], dtype=float),
    )


def fit(examples: Sequence[Example]) -> Any:
    """A fitted scikit-learn pipeline that predicts the ratio of an opening's rate to its prior.

    Raises:
        ValueError: no example, or one without impressions.
    """
    if not examples or any(each.impressions <= 0 for each in examples):
        raise ValueError("training needs ads with impressions")
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import PoissonRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

    data = columns(examples)
    expected = data.shown * data.prior
    # A row of unknowns becomes the mean ad: there the prior is right, for 70 impressions' worth.
    features = np.vstack([data.features, np.full((1, len(NAMES)), np.nan)])
    weights = np.append(expected, STRENGTH * float(np.mean(data.prior)))
    ratios = np.append(data.clicks / expected, 1.0)
    penalty = _excess(data.clicks, expected) / (weights.sum() * _WEIGHT_DEVIATION**2)
    steps = [
        ("fill", SimpleImputer(keep_empty_features=True)),
        ("scale", StandardScaler()),
        ("rate", PoissonRegressor(alpha=penalty, max_iter=1000)),
    ]
    with threadpool_limits(1):  # on a few hundred rows threads wait for one another six times as long as they work
        return Pipeline(steps).fit(features, ratios, rate__sample_weight=weights)


def _excess(clicks: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """How much more ads differ than chance would have it, once the level is right; at least 1."""
    level = expected * (clicks.sum() / expected.sum())
    if clicks.size < 2 or not level.all():  # noqa: PLR2004 - one ad has nothing to differ from
        return 1.0
    return max(1.0, float(((clicks - level) ** 2 / level).sum() / (clicks.size - 1)))


def predicted(pipeline: Any, features: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rates strictly between 0 and 1."""
    return np.asarray(np.clip(prior * pipeline.predict(features), 1e-9, 1 - 1e-9), dtype=float)


def strength(clicks: NDArray[np.float64], expected: NDArray[np.float64], shown: NDArray[np.float64]) -> float:
    """Impressions of evidence a prediction for a new ad is worth, from predictions of ads the model had not seen.

    The spread of ads around their prediction, beyond chance, is that of a gamma; its shape over the
    mean rate is a number of impressions. Few ads cannot show that the spread is small, so the prior's
    counts as five ads; and no model is worth more than all impressions it learned from.
    """
    known = float(((clicks - expected) ** 2 - expected).sum() / (expected**2).sum())
    spread = (_PRIOR_ADS * _PRIOR_SPREAD + clicks.size * max(0.0, known)) / (_PRIOR_ADS + clicks.size)
    rate = float(expected.sum() / shown.sum())
    return float(np.clip(1 / (spread * rate), 1.0, shown.sum()))


@dataclass(frozen=True)
class TrainedCtr:
    """A registered model as a predictor of opening scenes.

    Attributes:
        pipeline: as `fit` made it.
        strength: impressions of evidence, from `strength`.
        name: name and version, as every prediction will carry it.
    """

    pipeline: Any
    strength: float
    name: str

    def predict(self, perception: Perception) -> tuple[ScenePrediction, ...]:
        """Every scene as an opening, best first; equal scenes in playing order. The hook is not known yet."""
        if not perception.scenes:
            return ()
        prior = {each.index: each.ctr for each in ColdStartCtr().predict(perception)}
        order = [scene.index for scene in perception.scenes]
        rows = matrix([opening_features(perception, index) for index in order])
        rates = predicted(self.pipeline, rows, np.array([prior[index] for index in order]))
        reasons = self._reasons(rows)
        best = sorted(range(len(order)), key=lambda at: (-rates[at], order[at]))
        return tuple(
            ScenePrediction(
                index=order[at],
                rank=rank,
                ctr=float(rates[at]),
                strength=self.strength,
                model=self.name,
                reasons=(f"prior {prior[order[at]]:.2%}", *reasons[at]),
            )
            for rank, at in enumerate(best, 1)
        )

    def _reasons(self, rows: NDArray[np.float64]) -> list[tuple[str, ...]]:
        """The level, then what each feature adds to it, largest first."""
        rate = self.pipeline.named_steps["rate"]
        effects = self.pipeline[:-1].transform(rows) * rate.coef_
        level = f"{math.expm1(rate.intercept_):+.1%} level of this account's ads"
        told = []
        for row in effects:
            named = sorted(zip(np.expm1(row), NAMES, strict=True), key=lambda pair: -abs(pair[0]))
            told.append((level, *(f"{by:+.1%} {name}" for by, name in named if abs(by) >= _REASON_FROM)))
        return told
