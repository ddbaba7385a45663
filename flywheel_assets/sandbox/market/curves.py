"""Season, response and fatigue of ads, as arrays; and the best sharing of a budget for whoever knows them.

Clocks count hours from a Monday's midnight on the account's own clock.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from flywheel_assets.sandbox.market.scenarios import Scenario
from flywheel_assets.sandbox.market.truth import Truth, Vector

_DAY, _WEEK = 24, 168
_PEAK, _SUNDAY = 18, 156  # hours of the day and of the week, which begins on Monday
_GRID = 160  # budgets at which marginal returns are compared; the smallest is a ten-thousandth of the plan
_SMALLEST = 1e-4


def clock_of(moment: datetime) -> float:
    """The hour of the week that it is on the moment's own clock."""
    return float(_DAY * moment.weekday() + moment.hour)


def delivery_season(hours: Vector, scenario: Scenario) -> Vector:
    """Delivery of an hour relative to the mean one; a day averages 1."""
    return 1 + scenario.swing * np.cos(2 * np.pi * (hours - _PEAK) / _DAY)


def lead_season(hours: Vector, scenario: Scenario) -> Vector:
    """Leads per click relative to the mean of the week: fewest on Sunday."""
    return 1 - scenario.weekend * np.cos(2 * np.pi * (hours - _SUNDAY) / _WEEK)


def cpm(budget: Vector, base: Vector, scenario: Scenario) -> Vector:
    """Cost of 1,000 impressions at a daily budget: more budget reaches dearer people."""
    return np.asarray(base * (1 + scenario.cpm_rise * (budget / scenario.fair_share) ** scenario.cpm_power))


def wanted_spend(daily: Vector, clock: Vector, scenario: Scenario) -> Vector:
    """Mean spend of an hour at a daily budget."""
    return daily / _DAY * delivery_season(clock, scenario)


def ctr_left(shown: Vector, truth: Truth) -> Vector:
    """Clicks per impression of ads that were shown so often before."""
    return truth.ctr * np.exp(-truth.tiring * shown)


def lead_chance(clock: Vector, truth: Truth, scenario: Scenario) -> Vector:
    """Leads per click."""
    return np.minimum(truth.lead_rate * lead_season(clock, scenario), 1)


def best_sharing(truth: Truth, scenario: Scenario, shown: Vector, total: float, days: float) -> Vector:
    """Daily budgets that earn most over the next days, for the first ads, shown so often by now.

    The revenue of an ad is concave in its budget: impressions get dearer, and the more are shown
    the sooner the ad tires. So money goes, piece by piece, where the next piece earns most.
    """
    grid = np.concatenate([[0.0], np.geomspace(_SMALLEST, 1.0, _GRID)]) * total
    ads = slice(0, len(shown))
    worth, tiring = truth.impression_worth[ads, None], truth.tiring[ads, None]
    impressions = days * 1000 * grid / cpm(grid, truth.cpm[ads, None], scenario)
    left = np.exp(-tiring * shown[:, None])
    revenue = worth * left * -np.expm1(-tiring * impressions) / tiring
    pieces = np.diff(grid)
    marginal = np.diff(revenue, axis=1) / pieces
    order = np.argsort(-marginal, axis=None, kind="stable")
    owners, sizes = np.unravel_index(order, marginal.shape)
    spent = np.cumsum(pieces[sizes])
    taken = int(np.searchsorted(spent, total)) + 1
    given = np.bincount(owners[:taken], weights=pieces[sizes[:taken]], minlength=len(worth))
    given[owners[taken - 1]] -= max(float(spent[taken - 1]) - total, 0.0)
    return np.asarray(given)
