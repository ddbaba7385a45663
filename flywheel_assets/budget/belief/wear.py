"""How fast ads wear out: click-through rates fall as exp(-k x impressions), k by ad and pooled.

Only the fall within an ad counts; its level is profiled out. Where the account shows no fall, k is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.blocks import Blocks
from flywheel_assets.budget.belief.response import Response

Vector = npt.NDArray[np.float64]

_STEPS = 12
# exp(-6) from an ad's first to its last impression: beyond, a fit means nothing.
_LARGEST = 6.0
# Relative spread of k between the ads of an account.
_SPREAD = 0.6
# An ad is planned for four weeks, as long as its history is read. With two, the best are worn out too soon: in 48
# simulated runs of 45 days they earned 89.8 % of the oracle's revenue instead of 91.2 %.
AHEAD_DAYS = 28.0
_BLOCKS_A_DAY = 4
# The last day's rate a fifth below the days before, and chance explains it in fewer than one of twenty cases.
_TREND_DROP, _TREND_Z = 0.20, 1.645


@dataclass(frozen=True)
class Wear:
    """Decay per impression of each ad, and the account's."""

    k: Vector
    pooled: float


def wear_of(blocks: Blocks, given: float | None) -> Wear:
    """Newton's method on the pooled profile likelihood, then one step an ad toward its own; or the rate that is given."""
    count = len(blocks.impressions)
    if given is not None:
        return Wear(np.full(count, given), given)
    unit = float(blocks.shown.max(initial=0.0))
    if unit <= 0 or blocks.clicks.sum() == 0:
        return Wear(np.zeros(count), 0.0)
    position = blocks.position / unit
    k = 0.0
    for _ in range(_STEPS):
        slope, information = _derivatives(blocks, position, k)
        if information.sum() <= 0:
            return Wear(np.zeros(count), 0.0)
        step = slope.sum() / information.sum()
        k = float(np.clip(k + step, -_LARGEST, _LARGEST))
        if abs(step) < 1e-6:  # noqa: PLR2004 - of an exponent near 1: far below any standard error
            break
    slope, information = _derivatives(blocks, position, k)
    if k <= 0:
        return Wear(np.zeros(count), 0.0)
    # Shrunk by how much of it chance would explain.
    pooled = max(0.0, k - 1 / (float(information.sum()) * k))
    own = pooled + slope / (information + 1 / (_SPREAD * max(pooled, 1e-9)) ** 2)
    own = np.clip(own, pooled / 4, pooled * 4)
    return Wear(own / unit, pooled / unit)


def _derivatives(blocks: Blocks, position: Vector, k: float) -> tuple[Vector, Vector]:
    """Slope and information of the log likelihood in k, by ad."""
    weight = blocks.impressions * np.exp(-k * position)
    whole = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    weight = weight / whole
    mean = (weight * position).sum(axis=1)
    total = blocks.clicks.sum(axis=1)
    spread = (weight * position**2).sum(axis=1) - mean**2
    return total * mean - (blocks.clicks * position).sum(axis=1), total * np.maximum(spread, 0.0)


def worn(response: Response, wear: Wear) -> Response:
    """The response when an ad's impressions are paid with its own future.

    Of n impressions a day, over the weeks ahead, an ad that tires keeps (1 - exp(-x)) / x in the mean,
    x = k n days; that is close to 1 / (1 + x / 2), which makes wear a part of the steepness.
    """
    return Response(response.base, response.steep + 500 * wear.k * AHEAD_DAYS / response.base)


def tiring(blocks: Blocks, frequency: Vector | None, limit: float) -> npt.NDArray[np.bool_]:
    """The second signal of a tired ad: a falling click rate, or people who see it more often than ``limit`` a week.

    A frequency that is not known, NaN or None, is no signal.
    """
    falls = falling(blocks)
    return falls if frequency is None else np.asarray(falls | (frequency > limit))


def falling(blocks: Blocks) -> npt.NDArray[np.bool_]:
    """Whether an ad's click rate of the last day is below that of the days before, by more than chance explains."""
    last, before = slice(-_BLOCKS_A_DAY, None), slice(0, -_BLOCKS_A_DAY)
    clicks, shown = blocks.clicks[:, last].sum(axis=1), blocks.impressions[:, last].sum(axis=1)
    old_clicks, old_shown = blocks.clicks[:, before].sum(axis=1), blocks.impressions[:, before].sum(axis=1)
    known = (old_clicks > 0) & (shown > 0) & (old_shown > 0)
    # Given all clicks, the last day's number is binomial if nothing changed.
    share = shown / np.maximum(shown + old_shown, 1)
    number = clicks + old_clicks
    z = (number * share - clicks) / np.sqrt(np.maximum(number * share * (1 - share), 1e-9))
    dropped = clicks * old_shown <= (1 - _TREND_DROP) * old_clicks * shown
    return np.asarray(known & dropped & (z > _TREND_Z))
