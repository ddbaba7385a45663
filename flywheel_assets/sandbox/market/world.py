"""A simulated account: budgets go in, hours pass, and what an advertiser could see comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.market.capped import WINDOW_HOURS, Cents
from flywheel_assets.sandbox.market.deals import Deals, Whole, draw_deals, no_deals
from flywheel_assets.sandbox.market.delivery import deliver
from flywheel_assets.sandbox.market.scenarios import Scenario
from flywheel_assets.sandbox.market.seen import HISTORY_HOURS, Seen, seen_deals
from flywheel_assets.sandbox.market.truth import Truth, Vector, draw_truth


class World:
    """One run. The luck of an hour depends on seed and hour, not on the policy's past.

    Attributes:
        now: closed hours since the beginning.
        running: ads that have been launched, the first so many of ``truth``.
        budgets, spend, revenue: by hour and ad: cents a day, money, and the revenue that the hour's
            impressions will bring in expectation.
    """

    def __init__(self, scenario: Scenario, seed: int, days: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.truth: Truth = draw_truth(scenario, seed, days)
        shape = (days * 24, scenario.ads)
        self.now = self.running = 0
        self.budgets = np.zeros(shape, dtype=np.int64)
        self.spend, self.revenue = np.zeros((2, *shape))
        self._impressions, self._clicks, self._leads = np.zeros((3, *shape), dtype=np.int64)
        self._began = np.zeros(scenario.ads, dtype=np.int64)
        self._deals = no_deals()
        self._awaited = np.zeros(0, dtype=np.int64)

    @property
    def shown(self) -> Vector:
        """Impressions of each running ad so far."""
        return np.asarray(self._impressions[: self.now, : self.running].sum(axis=0), dtype=np.float64)

    @property
    def over(self) -> bool:
        """Every hour has passed."""
        return self.now >= len(self.budgets)

    def waiting(self) -> int:
        """Ads that are ready to begin."""
        return int((self.truth.start <= self.now).sum()) - self.running

    def past_budgets(self) -> Cents:
        """Cents a day of the running ads in the last six hours; before an ad ran it had those of now."""
        past = self.budgets[max(self.now - WINDOW_HOURS, 0) : self.now, : self.running]
        return np.where(past == 0, past[-1], past)

    def run(self, budgets: Cents, hours: int) -> None:
        """Let hours pass at these daily budgets, in cents; ads beyond those that ran are launched."""
        span, ads = slice(self.now, min(self.now + hours, len(self.budgets))), slice(0, len(budgets))
        self._began[self.running : len(budgets)] = self.now
        self.running = len(budgets)
        self.budgets[span, ads] = budgets
        random = rng("market luck", self.scenario.name, self.seed, self.now)
        leads = self._deliver(span, ads, budgets / 100, random)
        drawn = draw_deals(leads, span.start, self.running, truth=self.truth, scenario=self.scenario, random=random)
        self._awaited = np.concatenate([self._awaited, np.arange(len(self._deals), len(self._deals) + len(drawn))])
        self._deals = self._deals.joined(drawn)
        self.now = span.stop
        self._reveal_leads()

    def _deliver(self, span: slice, ads: slice, daily: Vector, random: np.random.Generator) -> Whole:
        """Spend, impressions and clicks; the leads that will come of these clicks are the answer."""
        clock, truth = np.arange(span.start, span.stop, dtype=float), self.truth.only(ads)
        got = deliver(daily, clock, self.shown, truth=truth, scenario=self.scenario, random=random)
        self._impressions[span, ads], self._clicks[span, ads], self.spend[span, ads] = (
            got.impressions, got.clicks, got.spend,
        )  # fmt: skip
        self.revenue[span, ads] = got.revenue
        return got.leads

    def _reveal_leads(self) -> None:
        """Leads are counted in the hour of their click, as the platform does, once they are there."""
        here = self._deals.entered[self._awaited, 0] <= self.now
        came = self._awaited[here]
        np.add.at(self._leads, (self._deals.click_hour[came], self._deals.ad[came]), 1)
        self._awaited = self._awaited[~here]

    @property
    def deals(self) -> Deals:
        """All leads and what becomes of them, also later."""
        return self._deals

    def report(self) -> dict[str, npt.NDArray[Any]]:
        """What the platform reports by hour and ad, of all hours that have passed."""
        columns = {"impressions": self._impressions, "clicks": self._clicks, "spend": self.spend, "leads": self._leads}
        return {name: array[: self.now] for name, array in columns.items()}

    def see(self, total: int) -> Seen:
        """What an advertiser knows now, who may give the running ads ``total`` cents a day."""
        first, ads = max(self.now - HISTORY_HOURS, 0), slice(0, self.running)
        window = slice(first, self.now)
        hourly: dict[str, npt.NDArray[Any]] = {
            "impressions": self._impressions,
            "clicks": self._clicks,
            "spend": self.spend,
            "leads": self._leads,
            "budget": self.budgets / 100,
        }
        return Seen(
            now=self.now,
            total=total / 100,
            age=self.now - self._began[ads],
            dna=self.truth.dna[ads],
            budget=self.budgets[self.now - 1, ads] / 100,
            first=first,
            hourly={name: array[window, ads] for name, array in hourly.items()},
            totals={name: array[: self.now, ads].sum(axis=0).astype(float) for name, array in hourly.items()},
            deals=seen_deals(self._deals, self.now),
            win_chances=self.scenario.win_chances,
        )
