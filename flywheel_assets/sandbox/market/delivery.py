"""One hour of one ad: spend near its share of the day, impressions by a concave curve, clicks that tire."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from flywheel_assets.sandbox.market.latent import MARKET, Latent, MarketConfig

_HOURS = 24
_PEAK = 18
# Meta spends up to 75 % more than the budget when it sees a chance; here per hour, so also per day.
OVERSPEND = 1.75


@dataclass(frozen=True)
class HourDelivery:
    """What an ad got in an hour; clicks are link clicks, spend is minor units."""

    impressions: int
    clicks: int
    leads: int
    spend_minor: int


def season(hour: int, config: MarketConfig = MARKET) -> float:
    """Delivery in this hour of the account's day relative to the mean hour; the 24 values average 1."""
    return 1 + config.season * math.cos(2 * math.pi * (hour - _PEAK) / _HOURS)


def cpm(daily_budget_minor: float, config: MarketConfig = MARKET) -> float:
    """Minor units that 1,000 impressions cost at this daily budget: more budget reaches dearer people."""
    return config.base_cpm + config.cpm_per_budget * daily_budget_minor


def tired(latent: Latent, cumulative_impressions: float) -> float:
    """Share of the first CTR that is left."""
    return math.exp(-latent.fatigue * cumulative_impressions)


def deliver(
    latent: Latent,
    daily_budget_minor: int,
    hour: datetime,
    cumulative_impressions: int,
    rng: np.random.Generator,
    *,
    config: MarketConfig = MARKET,
) -> HourDelivery:
    """Draw one hour; ``hour`` is its start on the account's own clock."""
    share = daily_budget_minor / _HOURS
    wanted = share * season(hour.hour, config) * math.exp(config.noise * rng.standard_normal())
    spend = min(int(wanted + rng.random()), int(OVERSPEND * share))  # rounded at random, so that cents do not vanish
    impressions = int(rng.poisson(1000 * spend / cpm(daily_budget_minor, config)))
    clicks = int(rng.binomial(impressions, latent.ctr * tired(latent, cumulative_impressions)))
    return HourDelivery(impressions, clicks, int(rng.binomial(clicks, latent.lead_rate)), spend)
