"""How fast the account's ads wear out, and which of them are tired.

The decay of the click-through rate is exp(-k x impressions). k is not a constant: it is fitted to
the account's own ads, and 0 as long as they show no decay. A constant of 0.0001, as others use,
calls every normal ad tired within a day (measured).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.types import AdState, Window

Vector = npt.NDArray[np.float64]

# A decay is believed from two standard errors on.
_STANDARD_ERRORS = 2.0
_STEPS = 50
# exp(-10) to exp(10) between an ad's first and last impression: beyond, a fit means nothing.
_LARGEST_EXPONENT = 10.0
# The last day's rate this far below the days before is a falling trend (a week-on-week rule of
# practitioners), if chance explains it in fewer than one of twenty cases.
_TREND_DROP = 0.20
_TREND_Z = 1.645
_TREND_WINDOWS = 2


@dataclass(frozen=True)
class DecayRate:
    """The account's decay per impression.

    Attributes:
        k: used rate; 0 when the evidence does not show one.
        estimate: maximum-likelihood value; None when there is nothing to fit.
        error: its standard error.
    """

    k: float
    estimate: float | None
    error: float | None


@dataclass(frozen=True)
class Fatigue:
    """How worn one ad is.

    Attributes:
        factor: exp(-k x impressions), 0 to 1.
        trend: last day's click-through rate relative to the days before; None when unknown.
        tired: the factor is below the limit and the trend confirms it.
    """

    ad_id: str
    factor: float
    trend: float | None
    tired: bool
    reason: str


def decay_rate(states: Sequence[AdState]) -> DecayRate:
    """One k for all ads, each with its own level: Poisson clicks per window, levels profiled out.

    Only the fall within an ad counts, so a bad ad with many impressions is not taken for a tired one.
    """
    ads = [_columns(state.windows) for state in states]
    ads = [ad for ad in ads if ad[1].sum() > 0 and np.count_nonzero(ad[2]) >= _TREND_WINDOWS]
    if not ads:
        return DecayRate(0.0, None, None)
    unit = max(float(position.max()) for position, _, _ in ads)  # keeps exponents near 1
    k, information = _fit([(position / unit, clicks, shown) for position, clicks, shown in ads])
    if information <= 0:
        return DecayRate(0.0, None, None)
    estimate, error = k / unit, 1 / (math.sqrt(information) * unit)
    return DecayRate(estimate if estimate > _STANDARD_ERRORS * error else 0.0, estimate, error)


def _columns(windows: Sequence[Window]) -> tuple[Vector, Vector, Vector]:
    """Impressions the ad had behind it in the middle of each window, clicks, impressions."""
    shown = np.array([window.impressions for window in windows], dtype=float)
    clicks = np.array([window.clicks for window in windows], dtype=float)
    return np.cumsum(shown) - shown / 2, clicks, shown


def _fit(ads: Sequence[tuple[Vector, Vector, Vector]]) -> tuple[float, float]:
    """Newton's method on the concave profile likelihood; the estimate and its information."""
    k = 0.0
    for _ in range(_STEPS):
        slope, information = _derivatives(ads, k)
        if information <= 0:
            return k, information
        moved = min(max(k + slope / information, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
        if abs(moved - k) < 1e-9:  # noqa: PLR2004 - of an exponent near 1: far below any standard error
            break
        k = moved
    return k, _derivatives(ads, k)[1]


def _derivatives(ads: Sequence[tuple[Vector, Vector, Vector]], k: float) -> tuple[float, float]:
    slope = information = 0.0
    for position, clicks, shown in ads:
        weight = shown * np.exp(-k * position)
        weight /= weight.sum()
        mean = float(weight @ position)
        total = float(clicks.sum())
        slope += total * mean - float(clicks @ position)
        information += total * float(weight @ (position - mean) ** 2)
    return slope, information


def fresh_share(windows: Sequence[Window], k: float) -> Vector:
    """Share of the fresh ad's response left in each window: what exposure is discounted by."""
    position, _, _ = _columns(windows)
    return np.asarray(np.exp(-k * position))


def fatigue_of(state: AdState, rate: DecayRate, limit: float) -> Fatigue:
    """How worn an ad is; ``limit`` is the factor below which a refresh is worth asking for (C8)."""
    factor = math.exp(-rate.k * state.impressions)
    trend, significant = _trend(state.windows)
    worn = factor < limit
    falling = trend is not None and trend <= 1 - _TREND_DROP and significant
    shown = "unknown" if trend is None else f"{trend:.2f} x that of the days before"
    reason = (
        f"decay factor {factor:.2f} after {state.impressions} impressions (limit {limit:g}); "
        f"the last day's click-through rate is {shown}"
    )
    return Fatigue(state.ad_id, factor, trend, worn and falling, reason)


def _trend(windows: Sequence[Window]) -> tuple[float | None, bool]:
    """Rate of the newest window relative to all before it, and whether the fall is more than chance."""
    if len(windows) < _TREND_WINDOWS:
        return None, False
    last, before = windows[-1], windows[:-1]
    clicks, shown = sum(w.clicks for w in before), sum(w.impressions for w in before)
    if not (clicks and shown and last.impressions):
        return None, False
    # Given all clicks, the last window's number is binomial if nothing changed.
    share, number = last.impressions / (shown + last.impressions), clicks + last.clicks
    z = (number * share - last.clicks) / math.sqrt(number * share * (1 - share))
    return (last.clicks / last.impressions) / (clicks / shown), z > _TREND_Z
