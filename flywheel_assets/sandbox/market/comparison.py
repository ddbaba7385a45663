"""What a path of budgets earns in expectation, so that two paths can be compared without luck.

Both sides of "ROAS beside equal budgets" are computed here from the same truth: the budgets that
were really in force, and the same total of every hour in equal parts. No draw is involved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from flywheel_assets.sandbox.market.curves import clock_of, cpm, ctr_left, lead_chance, wanted_spend
from flywheel_assets.sandbox.market.delivery import CENTS
from flywheel_assets.sandbox.market.scenarios import Scenario
from flywheel_assets.sandbox.market.truth import Truth, Vector, truth_of

# Daily budget in minor units by ad, for each hour on the account's own clock.
BudgetPath = Mapping[datetime, Mapping[str, int]]


@dataclass(frozen=True)
class Expected:
    """Arrays over ads; ``spend`` and ``revenue`` in the scenario's units, revenue whenever it comes."""

    spend: Vector
    impressions: Vector
    clicks: Vector
    leads: Vector
    revenue: Vector

    def __add__(self, other: Expected) -> Expected:
        return Expected(
            *(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True))
        )

    @property
    def roas(self) -> float | None:
        """Revenue for each unit spent, all ads together; None when nothing was spent."""
        spend = float(self.spend.sum())
        return float(self.revenue.sum()) / spend if spend else None


def expected_hour(daily: Vector, clock: float, shown: Vector, *, truth: Truth, scenario: Scenario) -> Expected:
    """The mean of `deliver` for one hour, up to the rounding of spend to cents."""
    hour = np.array(clock)
    spend = wanted_spend(daily, hour, scenario)
    impressions = 1000 * spend / cpm(daily, truth.cpm, scenario)
    clicks = impressions * ctr_left(shown, truth)
    leads = clicks * lead_chance(hour, truth, scenario)
    return Expected(spend, impressions, clicks, leads, leads * truth.stages.prod(axis=1) * truth.value)


def simulate_budgets(path: BudgetPath, scenario: Scenario, seed: int) -> Expected:
    """The whole path, ads by name: every ad tires by what this path shows of it."""
    ads = sorted({ad for budgets in path.values() for ad in budgets})
    truth, so_far = truth_of(scenario, seed, ads), Expected(*np.zeros((5, len(ads))))
    for hour in sorted(path):
        daily = np.array([path[hour].get(ad, 0) for ad in ads]) / CENTS
        so_far += expected_hour(daily, clock_of(hour), so_far.impressions, truth=truth, scenario=scenario)
    return so_far


def simulate_equal(path: BudgetPath, scenario: Scenario, seed: int) -> Expected:
    """The same path with each hour's total in equal parts over that hour's ads."""
    return simulate_budgets({hour: _equal(budgets) for hour, budgets in path.items()}, scenario, seed)


def _equal(budgets: Mapping[str, int]) -> dict[str, int]:
    """Integer parts that differ by at most one minor unit, in a fixed order."""
    if not budgets:
        return {}
    part, rest = divmod(sum(budgets.values()), len(budgets))
    return {ad: part + (index < rest) for index, ad in enumerate(sorted(budgets))}
