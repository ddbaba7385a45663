"""What an advertiser can know of a simulated account, and the same as a request for a budget decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flywheel_assets.sandbox.market.deals import NOBODY, Deals, Whole
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.truth import Vector

HISTORY_HOURS = 28 * 24


@dataclass(frozen=True)
class SeenDeals:
    """Deals of the CRM whose ad attribution names, rightly or not; hours are indices.

    Attributes:
        number: which deal, for good.
        stage: index into `STAGES`.
        stage_hour: in which it entered that stage.
        lost: somebody marked it.
    """

    number: Whole
    ad: Whole
    click_hour: Whole
    stage: Whole
    stage_hour: Whole
    lost: np.ndarray[Any, np.dtype[np.bool_]]
    amount: Vector


def seen_deals(deals: Deals, now: int) -> SeenDeals:
    """The deals that are there by now, without what becomes of them."""
    stage = deals.stage_at(now)
    known = np.flatnonzero((stage >= 0) & (deals.seen_ad != NOBODY))
    reached = stage[known]
    return SeenDeals(
        number=known,
        ad=deals.seen_ad[known],
        click_hour=deals.click_hour[known],
        stage=reached,
        stage_hour=deals.entered[known, reached].astype(np.int64),
        lost=deals.lost[known] <= now,
        amount=deals.amount[known],
    )


@dataclass(frozen=True)
class Seen:
    """Arrays over the running ads; money in major units.

    Attributes:
        now: closed hours since the beginning, so the index of the hour that begins.
        total: what may be shared out.
        age: hours since each ad began.
        budget: daily budget in force.
        first: index of the first row of ``hourly``.
        hourly: impressions, clicks, spend, leads and budget, shape (hours, ads), at most 28 days.
        totals: the same columns summed since each ad began.
        win_chances: of a deal by stage, as the CRM is set up.
    """

    now: int
    total: float
    age: Whole
    dna: Vector
    budget: Vector
    first: int
    hourly: dict[str, Vector]
    totals: dict[str, Vector]
    deals: SeenDeals
    win_chances: tuple[float, ...]

    @property
    def ads(self) -> int:
        """How many run."""
        return len(self.age)

    def by_ad(self, which: np.ndarray[Any, np.dtype[np.bool_]], weights: Vector | None = None) -> Vector:
        """Number, or summed weights, of the chosen deals of each ad."""
        chosen = None if weights is None else weights[which]
        return np.bincount(self.deals.ad[which], weights=chosen, minlength=self.ads).astype(float)

    @property
    def won(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Deals that brought cash."""
        return np.asarray(self.deals.stage == len(STAGES) - 1)


class Requests:
    """Makes requests of one run; deals that did not change since the last one are not written again."""

    def __init__(self) -> None:
        self._by_ad: dict[int, list[dict[str, Any]]] = {}
        self._deals: dict[int, dict[str, Any]] = {}

    def request(self, seen: Seen, policy: str, seed: int) -> dict[str, Any]:
        """Exactly what the budget function is given."""
        self._note(seen.deals)
        chances = np.where(seen.deals.lost, 0.0, np.array(seen.win_chances)[seen.deals.stage])
        every = np.ones(len(chances), dtype=bool)
        pipeline, cash = seen.by_ad(every, chances * seen.deals.amount), seen.by_ad(seen.won, seen.deals.amount)
        return {
            "total_budget": seen.total,
            "ad_states": [self._state(seen, ad, pipeline[ad], cash[ad]) for ad in range(seen.ads)],
            "now_hour": seen.now,
            "stages": list(STAGES),
            "stage_win_probability": list(seen.win_chances),
            "policy": policy,
            "seed": seed,
        }

    def _state(self, seen: Seen, ad: int, pipeline: float, cash: float) -> dict[str, Any]:
        begin = max(seen.now - int(seen.age[ad]), seen.first)
        rows = slice(begin - seen.first, None)
        return {
            "ad_id": f"ad-{ad}",
            **{name: int(seen.totals[name][ad]) for name in ("impressions", "clicks", "leads")},
            "spend": round(float(seen.totals["spend"][ad]), 2),
            "age_hours": int(seen.age[ad]),
            "pipeline_value": round(float(pipeline), 2),
            "cash_revenue": round(float(cash), 2),
            "current_budget": float(seen.budget[ad]),
            "dna": seen.dna[ad].tolist(),
            "hourly": {
                "hour": list(range(begin, seen.now)),
                **{name: values[rows, ad].tolist() for name, values in seen.hourly.items()},
            },
            "deals": self._by_ad.get(ad, []),
        }

    def _note(self, deals: SeenDeals) -> None:
        columns = (deals.number, deals.ad, deals.click_hour, deals.stage, deals.stage_hour, deals.lost, deals.amount)
        for number, ad, click, stage, since, lost, amount in zip(*(c.tolist() for c in columns), strict=True):
            known = self._deals.get(number)
            if known is None:
                known = self._deals[number] = {"deal_id": f"d-{number}", "click_hour": click, "amount": amount}
                self._by_ad.setdefault(ad, []).append(known)
            known.update(stage=stage, stage_entered_hour=since, lost=lost)
