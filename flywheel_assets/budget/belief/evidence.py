"""What each step from impression to money has shown, in the units of that step: clicks, leads, deals, amounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.belief.lags import Steps, steps_of
from flywheel_assets.budget.columns import Columns

Vector = npt.NDArray[np.float64]

# Click-through rates drift; a week-old click says half as much about today's.
_CLICK_HALF_LIFE = 168.0
_LEAD_HOURS = 6.0
# Deals below this share of the platform's leads: leads that never reach the CRM are a step of their own.
_COMPLETE = 0.9
# Deals whose stages nobody shows: value comes as late as the brief says, and varies as much as deals do.
_VALUE_HOURS, _VALUE_SPREAD = 144.0, 1.5
_AMOUNT_SPREAD, _AMOUNT_PSEUDO = 0.6, 10.0
_SMALLEST_AMOUNT = 0.01


@dataclass(frozen=True)
class Evidence:
    """Columns are steps; the first two are rates a step, the last is the logarithm of an amount.

    Attributes:
        events, exposure: Poisson steps: clicks of impressions, leads of clicks; shape (ads, 2).
        moved, trials: binomial steps between stages; (ads, steps).
        weight, mean: precision and mean of the log amounts of an ad; (ads,).
        usual: chances of the binomial steps before anything was seen.
        priced: any amount is known at all; else values have no unit.
    """

    events: Vector
    exposure: Vector
    moved: Vector
    trials: Vector
    weight: Vector
    mean: Vector
    priced: bool
    usual: Vector


def evidence_of(columns: Columns) -> Evidence:
    """Gather it."""
    hours, deals = columns.hours, columns.deals
    recency = np.exp2(-hours.age / _CLICK_HALF_LIFE)
    clicks = columns.per_ad(hours.ad, recency * hours.clicks)
    shown = columns.per_ad(hours.ad, recency * hours.impressions)
    asked = columns.per_ad(hours.ad, hours.clicks * -np.expm1(-hours.age / _LEAD_HOURS))
    count = np.bincount(deals.ad, minlength=columns.size).astype(float)
    leads = _leads(columns, count)
    # Leads without a click were clicked all the same: as many are assumed as there are leads.
    lacking = columns.unclicked > 0
    every = np.maximum(columns.per_ad(hours.ad, hours.impressions), 1.0)
    clicks = np.where(lacking, np.maximum(clicks, leads * shown / every), clicks)
    asked = np.where(lacking, np.maximum(asked, leads), asked)
    steps = steps_of(columns)
    foreign = _foreign(columns, count)[:, None]
    trials, usual = steps.trials * (1 - foreign), steps.usual
    # What the others' deals did is what the account's deals do; the rest is the ad's own.
    moved = np.clip(steps.moved - foreign * steps.trials * _pooled(steps), 0.0, trials)
    if columns.transitions and 0 < count.sum() < _COMPLETE * leads.sum():
        moved = np.column_stack([np.minimum(count, leads), moved])
        trials = np.column_stack([leads, trials])
        usual = np.concatenate([[_COMPLETE], usual])
    weight, mean = _amounts(columns, leads)
    weight = weight * (1 - foreign[:, 0])
    events, exposure = np.stack([clicks, leads], axis=1), np.stack([np.maximum(shown, clicks), asked], axis=1)
    return Evidence(events, exposure, moved, trials, weight, mean, priced=bool(weight.sum() > 0), usual=usual)


def _foreign(columns: Columns, count: Vector) -> Vector:
    """Share of an ad's deals that are other ads': attribution gave it more than it had leads.

    It matters for ads that hardly run: a tenth of everybody's deals is more than all of their own.
    """
    known = np.isfinite(columns.leads)
    leads = np.where(known, columns.leads, 0.0)
    if not leads.any():
        return np.zeros(columns.size)
    reach = min(float(count[known].sum()) / float(leads.sum()), 1.0)
    own = np.divide(leads * reach, count, out=np.ones(columns.size), where=known & (count > 0))
    return 1 - np.minimum(own, 1.0)


def _pooled(steps: Steps) -> Vector:
    whole = steps.trials.sum(axis=0)
    return np.asarray(np.divide(steps.moved.sum(axis=0), whole, out=np.zeros(len(whole)), where=whole > 0))


def _leads(columns: Columns, deals: Vector) -> Vector:
    """The platform's leads by the hour, else its total in proportion to the clicks seen, else the deals."""
    hours = columns.hours
    reported = columns.per_ad(hours.ad, hours.leads)
    seen = columns.per_ad(hours.ad, hours.clicks)
    share = np.divide(seen, columns.clicks, out=np.ones(columns.size), where=columns.clicks > 0)
    total = np.nan_to_num(columns.leads) * np.minimum(share, 1)
    leads = np.where(reported > 0, reported, total)
    return leads if leads.sum() > 0 else deals


def _amounts(columns: Columns, leads: Vector) -> tuple[Vector, Vector]:
    deals = columns.deals
    known = deals.amount >= _SMALLEST_AMOUNT
    if known.any():
        return _deal_amounts(columns, deals.ad[known], np.log(deals.amount[known]))
    if len(deals.ad):
        return np.zeros(columns.size), np.zeros(columns.size)
    return _attributed(columns, leads)


def _deal_amounts(columns: Columns, ad: npt.NDArray[np.intp], logs: Vector) -> tuple[Vector, Vector]:
    count = columns.per_ad(ad, np.ones(len(ad)))
    mean = columns.per_ad(ad, logs) / np.maximum(count, 1)
    freedom = max(len(ad) - int(np.count_nonzero(count)), 0)
    left = float(((logs - mean[ad]) ** 2).sum())
    variance = (left + _AMOUNT_PSEUDO * _AMOUNT_SPREAD**2) / (freedom + _AMOUNT_PSEUDO)
    return count / variance, mean


def _attributed(columns: Columns, leads: Vector) -> tuple[Vector, Vector]:
    """Value per lead (or click) from an ad's pipeline or cash, for accounts whose deals are not shown."""
    value = np.where(np.isnan(columns.pipeline), np.nan_to_num(columns.cash), columns.pipeline)
    hours = columns.hours
    ripe = -np.expm1(-hours.age / _VALUE_HOURS)
    clicks = columns.per_ad(hours.ad, hours.clicks)
    ripeness = np.divide(
        columns.per_ad(hours.ad, hours.clicks * ripe), clicks, out=np.zeros(columns.size), where=clicks > 0
    )
    base = np.asarray((leads if leads.sum() > 0 else clicks) * ripeness)
    whole = float(value.sum()) / float(base.sum()) if base.any() else 0.0
    if whole <= 0:
        return np.zeros(columns.size), np.zeros(columns.size)
    # An ad without value yet is not worthless: it is weighed as though a tenth of a usual lead's value had come.
    mean = np.log((value + 0.1 * whole) / (base + 0.1))
    return base / (base + 10) * np.minimum(base, 100) / _VALUE_SPREAD**2, mean
