"""A request as arrays: ads by id, their hours and deals flat, each row with the number of its ad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flywheel_assets.settings import Safety

Vector = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

_VELOCITY_HOURS = Safety().velocity_window_hours


@dataclass(frozen=True)
class Hours:
    """Rows of reports, by ad and then by hour. Ages are hours before now, of the middle of the hour."""

    ad: Index
    hour: Vector
    age: Vector
    impressions: Vector
    clicks: Vector
    spend: Vector
    leads: Vector
    budget: Vector


@dataclass(frozen=True)
class Deals:
    """Rows of deals. Ages are hours before now; an unknown amount is NaN."""

    ad: Index
    click_age: Vector
    stage: Index
    stage_age: Vector
    lost: npt.NDArray[np.bool_]
    amount: Vector


@dataclass(frozen=True)
class Reach:
    """Lasting bounds of budgets, major units: what the best sharing may count on.

    Attributes:
        pools: members, and the least and most that they get together; no two overlap.
    """

    low: Vector
    high: Vector
    pools: tuple[tuple[npt.NDArray[np.bool_], float, float], ...] = ()


@dataclass(frozen=True)
class Columns:
    """One decision's evidence. Ads are sorted by id, so that the order of the request changes nothing.

    Attributes:
        order: position in the request of each ad.
        current: NaN where not given. Amounts are major units.
        leads, pipeline, cash: NaN where not given.
        dna: one row an ad, NaN where not given; None when no ad has one.
        measured: ads whose hours were given, not spread from totals.
        fatigue_k: decay per impression where it is not to be estimated.
        chances: probability to win from each stage, where the request gives them.
        transitions: steps between stages; 0 without stages.
        frequency: impressions per person reached in the last week, NaN where not known; None where nobody tells.
        reach: None where budgets have no lasting bounds.
    """

    ids: tuple[str, ...]
    order: Index
    impressions: Vector
    clicks: Vector
    spend: Vector
    age: Vector
    current: Vector
    leads: Vector
    pipeline: Vector
    cash: Vector
    dna: Vector | None
    measured: npt.NDArray[np.bool_]
    hours: Hours
    deals: Deals
    total: float
    fatigue_k: float | None
    chances: Vector | None
    transitions: int
    frequency: Vector | None = None
    reach: Reach | None = None

    @property
    def size(self) -> int:
        """Number of ads."""
        return len(self.ids)

    @property
    def unclicked(self) -> Vector:
        """Leads or deals of each ad beyond its clicks: a click report that lacks some; 0 for most."""
        deals = self.per_ad(self.deals.ad, np.ones(len(self.deals.ad)))
        return np.maximum(np.fmax(deals, self.leads) - self.clicks, 0.0)

    @property
    def past_budgets(self) -> tuple[Vector, Vector]:
        """Lowest and highest budget in force in the last six hours; NaN where not reported."""
        hours = self.hours
        recent = (hours.age < _VELOCITY_HOURS) & (hours.budget > 0)
        lowest, highest = np.full(self.size, np.nan), np.full(self.size, np.nan)
        np.fmin.at(lowest, hours.ad[recent], hours.budget[recent])
        np.fmax.at(highest, hours.ad[recent], hours.budget[recent])
        return lowest, highest

    def per_ad(self, ad: Index, values: Vector) -> Vector:
        """Sum of row values by ad."""
        return np.bincount(ad, weights=values, minlength=self.size).astype(np.float64)
