"""What ads get for their budgets, hour by hour: the one market of `flywheel simulate` and of the sandbox's Meta."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flywheel_assets.sandbox.market.curves import cpm, ctr_left, lead_chance, lead_season, wanted_spend
from flywheel_assets.sandbox.market.deals import Whole
from flywheel_assets.sandbox.market.scenarios import Scenario
from flywheel_assets.sandbox.market.truth import Truth, Vector

# Minor units of an account for one unit of a scenario's money. A hundred buy about what one dollar buys
# in every currency; where there are no cents, a budget is therefore a hundred times the dollars.
CENTS = 100


@dataclass(frozen=True)
class Delivery:
    """Arrays of shape (hours, ads); money in the scenario's units.

    Attributes:
        spend: in whole cents.
        leads: that will come of the hour's clicks, most of them later.
        revenue: that the hour's impressions will bring in expectation, whenever it comes.
    """

    spend: Vector
    impressions: Whole
    clicks: Whole
    leads: Whole
    revenue: Vector


def deliver(
    daily: Vector, clock: Vector, shown: Vector, *, truth: Truth, scenario: Scenario, random: np.random.Generator
) -> Delivery:
    """Draw some hours at constant daily budgets, for ads that were shown so often before the first of them."""
    hours = clock[:, None]
    noise = scenario.noise * random.standard_normal((len(clock), len(daily))) - scenario.noise**2 / 2
    spend = np.round(wanted_spend(daily, hours, scenario) * np.exp(noise), 2)
    impressions = random.poisson(1000 * spend / cpm(daily, truth.cpm, scenario))
    ctr = ctr_left(shown + np.cumsum(impressions, axis=0) - impressions, truth)
    clicks = random.binomial(impressions, ctr)
    leads = random.binomial(clicks, lead_chance(hours, truth, scenario))
    revenue = impressions * ctr * truth.click_worth * lead_season(hours, scenario)
    return Delivery(spend, impressions, clicks, leads, revenue)
