"""What a path of budgets earns in expectation, so that two paths can be compared without luck.

Both sides of "ROAS beside equal budgets" are computed here from the same truth: the budgets that
were really in force, and the same total of every hour in equal parts. No draw is involved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flywheel_assets.sandbox.market.delivery import cpm, season, tired
from flywheel_assets.sandbox.market.latent import MARKET, Latent, MarketConfig

# Daily budget in minor units by ad, for each hour on the account's own clock.
BudgetPath = Mapping[datetime, Mapping[str, int]]


@dataclass(frozen=True)
class Expected:
    """Expectations, so not whole numbers; ``spend`` and ``revenue`` in minor units, revenue whenever it comes."""

    spend: float = 0.0
    impressions: float = 0.0
    clicks: float = 0.0
    leads: float = 0.0
    revenue: float = 0.0

    def __add__(self, other: Expected) -> Expected:
        return Expected(
            self.spend + other.spend,
            self.impressions + other.impressions,
            self.clicks + other.clicks,
            self.leads + other.leads,
            self.revenue + other.revenue,
        )

    @property
    def roas(self) -> float | None:
        """Revenue for each unit spent; None when nothing was spent."""
        return self.revenue / self.spend if self.spend else None


def expected_revenue(latent: Latent, leads: float, config: MarketConfig = MARKET) -> float:
    """Minor units of closed deals that ``leads`` of this ad will bring in the mean.

    The mean of a log-normal deal lies exp(spread^2 / 2) above its median.
    """
    mean_value = latent.deal_value * (math.exp(config.deal_value_spread**2 / 2))
    return leads * config.deal_share * latent.win_chance * mean_value


def expected_hour(
    latent: Latent, daily_budget_minor: float, hour: datetime, cumulative: float, config: MarketConfig = MARKET
) -> Expected:
    """One hour of one ad after ``cumulative`` impressions."""
    spend = daily_budget_minor / 24 * season(hour.hour, config)
    impressions = 1000 * spend / cpm(daily_budget_minor, config)
    clicks = impressions * latent.ctr * tired(latent, cumulative)
    leads = clicks * latent.lead_rate
    return Expected(spend, impressions, clicks, leads, expected_revenue(latent, leads, config))


def simulate_budgets(latents: Mapping[str, Latent], path: BudgetPath, config: MarketConfig = MARKET) -> Expected:
    """The whole path: every ad tires by what this path shows of it."""
    by_ad: dict[str, Expected] = {}
    for hour in sorted(path):
        for ad, budget in path[hour].items():
            so_far = by_ad.get(ad, Expected())
            by_ad[ad] = so_far + expected_hour(latents[ad], budget, hour, so_far.impressions, config)
    return sum(by_ad.values(), Expected())


def simulate_equal(latents: Mapping[str, Latent], path: BudgetPath, config: MarketConfig = MARKET) -> Expected:
    """The same path with each hour's total in equal parts over that hour's ads."""
    return simulate_budgets(latents, {hour: _equal(budgets) for hour, budgets in path.items()}, config)


def _equal(budgets: Mapping[str, int]) -> dict[str, int]:
    """Integer parts that differ by at most one minor unit, in a fixed order."""
    if not budgets:
        return {}
    part, rest = divmod(sum(budgets.values()), len(budgets))
    return {ad: part + (index < rest) for index, ad in enumerate(sorted(budgets))}
