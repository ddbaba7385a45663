"""The performance judge: what the CTR model thinks of the opening scene."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from flywheel_assets.creative.types import Blueprint, RubricLine, ScenePrediction, Vote

JUDGE = "ctr model"
FEATURE = "predicted click-through rate"

# The prior of an opening's predicted rate, log-normal. Median 1 % inline link clicks per impression, the
# cold model's own base; one standard deviation is the largest effect of a single element that has been
# measured (captions, +12 % view time). 1.12 % then stands at the 84th percentile, 1.00 % at the 50th.
_MEDIAN_CTR, _SPREAD = 0.01, math.log(1.12)
# Impressions of evidence at which the model's vote weighs half a seat: from 1,000 on an advert's own rate is
# trusted when the model's accuracy is measured, so a model worth as much is. The cold prior, worth about
# 70 impressions, has 0.07 of a seat; a model worth 3,000 has 0.75.
_HALF_SEAT = 1000.0


def vote_from_prediction(blueprint: Blueprint, predictions: Sequence[ScenePrediction]) -> Vote:
    """Percentile, 0 to 100, of the opening scene's predicted rate under the prior; abstains without a prediction."""
    opening = blueprint.scene_order[0]
    found = next((prediction for prediction in predictions if prediction.index == opening), None)
    if found is None:
        return Vote(judge=JUDGE, score=None, weight=0, reason=f"no prediction for scene {opening}")
    score = 100 * NormalDist().cdf(math.log(found.ctr / _MEDIAN_CTR) / _SPREAD)
    evidence = f"scene {opening} predicted at {found.ctr:.2%}, prior median {_MEDIAN_CTR:.2%}"
    return Vote(
        judge=JUDGE,
        score=score,
        weight=found.strength / (found.strength + _HALF_SEAT),
        reason=f"{evidence}; {found.model}, worth {found.strength:.0f} impressions",
        lines=(RubricLine(feature=FEATURE, points=score, out_of=100, evidence=evidence),),
    )
