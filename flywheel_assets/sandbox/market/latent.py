"""The truth about an ad, which no other part may read: how often it is clicked, and what its leads are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flywheel_assets.core.ids import rng


@dataclass(frozen=True)
class MarketConfig:
    """A service business on Meta. Medians are typical of the trade; spreads make policies differ.

    Amounts are minor units of the account's currency, a hundred of which buy about what one
    dollar buys; in a currency without cents a budget is therefore a hundred times the dollars.

    Attributes:
        ctr, lead_rate, win_chance: medians over ads of clicks per impression, leads per click and
            deals won per deal opened; the spreads are standard deviations of their logarithms.
        click_bait: correlation of an ad's CTR with its lead rate. Below zero, so that CTR alone
            is a mediocre guide to value (correlation about 0.3 of the logarithms).
        deal_share: leads that become a deal, the same for every ad.
        deal_value: median amount of a deal; an ad attracts customers of its own size
            (``ad_value_spread``), and each deal varies around that (``deal_value_spread``).
        fatigue: median loss of CTR per impression, as in exp(-k x impressions): half after 35,000.
        base_cpm, cpm_per_budget: cost of 1,000 impressions at daily budget b is c + d b:
            12 dollars plus 8 cents a dollar, 18 at 75 a day.
        season: relative swing of delivery over the day, highest at 18:00 account time.
        noise: standard deviation of the logarithm of an hour's spend.
    """

    ctr: float = 0.01
    ctr_spread: float = 0.35
    lead_rate: float = 0.06
    lead_spread: float = 0.4
    click_bait: float = -0.3
    deal_share: float = 0.3
    win_chance: float = 0.2
    win_spread: float = 0.35
    deal_value: float = 300_000.0
    ad_value_spread: float = 0.3
    deal_value_spread: float = 0.4
    fatigue: float = 2e-5
    fatigue_spread: float = 0.6
    base_cpm: float = 1_200.0
    cpm_per_budget: float = 0.08
    season: float = 0.45
    noise: float = 0.06


MARKET = MarketConfig()
_LARGEST = {"ctr": 0.2, "lead_rate": 0.6, "win_chance": 0.8}  # six and more standard deviations out


@dataclass(frozen=True)
class Latent:
    """One ad's truth: rates per impression, click and deal; median deal in minor units; fatigue per impression."""

    ctr: float
    lead_rate: float
    win_chance: float
    deal_value: float
    fatigue: float


def latent_of(ad_id: str, seed: int, config: MarketConfig = MARKET) -> Latent:
    """The truth about the ad with this id at the platform; equal ids and seeds give equal ads."""
    click, lead, win, value, tire = rng("latent", ad_id, seed).standard_normal(5)
    lead = config.click_bait * click + math.sqrt(1 - config.click_bait**2) * lead
    return Latent(
        ctr=_rate("ctr", config.ctr, config.ctr_spread * click),
        lead_rate=_rate("lead_rate", config.lead_rate, config.lead_spread * lead),
        win_chance=_rate("win_chance", config.win_chance, config.win_spread * win),
        deal_value=config.deal_value * math.exp(config.ad_value_spread * value),
        fatigue=config.fatigue * math.exp(config.fatigue_spread * tire),
    )


def _rate(name: str, median: float, shift: float) -> float:
    return min(_LARGEST[name], median * math.exp(shift))
