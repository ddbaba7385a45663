"""Champion against challenger: which predicts ads better that neither has seen.

Ads of one creative share their video and their days, so they are held out together, and the paired
bootstrap draws creatives, not ads. Fewer than three cannot show anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel_assets.learning.accuracy import deviance
from flywheel_assets.learning.ctr_model import Example, columns, fit, predicted

MIN_CREATIVES = 3
_DRAWS = 2000
_MIN_GAIN = 0.01  # a model that is one per cent better is not worth the change
Predict = Callable[[Sequence[Example]], NDArray[np.float64]]


@dataclass(frozen=True)
class Scores:
    """Predictions of held-out ads: rmse and mae weighted by impressions, mean Poisson deviance an ad."""

    deviance: float
    rmse: float
    mae: float


@dataclass(frozen=True)
class Comparison:
    """Challenger against the model in use and against the mean of the other ads.

    Attributes:
        held_out: what was held out together: ``creative``, or ``ad`` when there are too few creatives;
            the latter is shown, and promotes nothing.
        better_than_current, better_than_mean: bootstrap probabilities.
        gain: share of the current model's deviance that the challenger removes.
        unseen: the ads that were held out.
        expected: the challenger's expected clicks of each.
    """

    held_out: str
    groups: int
    unseen: tuple[Example, ...]
    challenger: Scores
    current: Scores
    mean: Scores
    better_than_current: float
    better_than_mean: float
    gain: float
    expected: NDArray[np.float64]

    def refusal(self, probability: float) -> str | None:
        """Why the challenger may not replace the current model; None when it may."""
        if self.held_out != "creative":
            return f"{self.groups} ads of too few creatives were held out; {MIN_CREATIVES} unseen creatives are needed"
        if self.better_than_mean < probability:
            return f"better than the mean with probability {self.better_than_mean:.2f}, {probability:.2f} is asked for"
        if self.better_than_current < probability:
            return f"better than the current model with probability {self.better_than_current:.2f}, {probability:.2f} is asked for"
        if self.gain < _MIN_GAIN:
            return f"removes {self.gain:.1%} of the current model's deviance, {_MIN_GAIN:.0%} is asked for"
        return None


def compare(
    examples: Sequence[Example], unseen: Sequence[Example], current: Predict, rng: np.random.Generator
) -> Comparison:
    """Hold every creative of ``unseen`` out once, train on the rest of ``examples`` and predict it.

    Args:
        examples: all matured ads.
        unseen: those of creatives the current model was not trained on; at least two ads.
        current: predicts rates with the model in use.
        rng: of the bootstrap.

    Raises:
        ValueError: fewer than two ads to hold out.
    """
    creatives = {each.creative_id for each in unseen}
    held_out = "creative" if len(creatives) >= MIN_CREATIVES else "ad"
    groups = [each.creative_id if held_out == "creative" else each.ad_id for each in unseen]
    if len(set(groups)) < 2:  # noqa: PLR2004 - one group leaves nothing to compare it with
        raise ValueError(f"{len(unseen)} unseen ads cannot be held out one after the other")
    data = columns(unseen)
    rates, means = _held_out(examples, unseen, held_out)
    now = current(unseen)
    losses = {
        name: deviance(data.clicks, data.shown * r) for name, r in (("new", rates), ("now", now), ("mean", means))
    }
    draws = _resampled(groups, rng)
    total = {name: draws @ loss for name, loss in losses.items()}
    before = losses["now"].sum()
    return Comparison(
        held_out=held_out,
        groups=len(set(groups)),
        unseen=tuple(unseen),
        challenger=_scores(data.clicks, data.shown, rates),
        current=_scores(data.clicks, data.shown, now),
        mean=_scores(data.clicks, data.shown, means),
        better_than_current=float((total["new"] < total["now"]).mean()),
        better_than_mean=float((total["new"] < total["mean"]).mean()),
        gain=float(1 - losses["new"].sum() / before) if before > 0 else 0.0,
        expected=data.shown * rates,
    )


def _held_out(
    examples: Sequence[Example], unseen: Sequence[Example], held_out: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates of the unseen ads by models, and by means, that were made without their group."""
    rates, means = np.empty(len(unseen)), np.empty(len(unseen))
    name = "creative_id" if held_out == "creative" else "ad_id"
    for group in sorted({getattr(each, name) for each in unseen}):
        rest = [each for each in examples if getattr(each, name) != group]
        at = [index for index, each in enumerate(unseen) if getattr(each, name) == group]
        data = columns([unseen[index] for index in at])
        rates[at] = predicted(fit(rest), data.features, data.prior)
        # Half a click more keeps the mean of ads without any above zero.
        means[at] = (sum(each.clicks for each in rest) + 0.5) / sum(each.impressions for each in rest)
    return rates, means


def _resampled(groups: Sequence[str], rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each ad is in each bootstrap sample of groups; shape (draws, ads)."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    times = rng.multinomial(names.size, np.full(names.size, 1 / names.size), size=_DRAWS)
    return np.asarray(times[:, member], dtype=float)


def _scores(clicks: NDArray[np.float64], shown: NDArray[np.float64], rates: NDArray[np.float64]) -> Scores:
    missed = clicks / shown - rates
    return Scores(
        deviance=float(deviance(clicks, shown * rates).mean()),
        rmse=float(np.sqrt(shown @ missed**2 / shown.sum())),
        mae=float(shown @ np.abs(missed) / shown.sum()),
    )
