"""What an advertiser knows of a simulated account as the arrays a decision is made from, without a request in between.

A run decides hundreds of times; writing, checking and reading a request each time would take most of it.
The arrays are those that `seen.Requests` would lead to.
"""

from __future__ import annotations

import numpy as np

from flywheel_assets.budget.columns import Columns, Deals, Hours, Index
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.seen import Seen
from flywheel_assets.sandbox.market.truth import Vector

_HOURLY = ("impressions", "clicks", "spend", "leads", "budget")


def columns_of(seen: Seen) -> Columns:
    """Ads in the order of their names, as everywhere in a decision."""
    names = np.array([f"ad-{ad}" for ad in range(seen.ads)])
    order = np.argsort(names)
    totals = {name: values[order] for name, values in seen.totals.items()}
    pipeline, cash = _value(seen)
    return Columns(
        ids=tuple(names[order].tolist()),
        order=order,
        impressions=totals["impressions"],
        clicks=totals["clicks"],
        spend=np.round(totals["spend"], 2),
        age=seen.age[order].astype(float),
        current=seen.budget[order],
        leads=totals["leads"],
        pipeline=pipeline[order],
        cash=cash[order],
        dna=seen.dna[order],
        measured=seen.age[order] > 0,
        hours=_hours(seen, order),
        deals=_deals(seen, order),
        total=seen.total,
        fatigue_k=None,
        chances=np.array(seen.win_chances),
        transitions=len(STAGES) - 1,
    )


def _value(seen: Seen) -> tuple[Vector, Vector]:
    chances = np.where(seen.deals.lost, 0.0, np.array(seen.win_chances)[seen.deals.stage])
    every = np.ones(len(chances), dtype=bool)
    pipeline, cash = seen.by_ad(every, chances * seen.deals.amount), seen.by_ad(seen.won, seen.deals.amount)
    return np.round(pipeline, 2), np.round(cash, 2)


def _hours(seen: Seen, order: Index) -> Hours:
    hour = np.arange(seen.first, seen.now)
    lived = hour[None, :] >= (seen.now - seen.age[order])[:, None]
    ad, at = np.nonzero(lived)
    columns = {name: seen.hourly[name].T[order][lived].astype(float) for name in _HOURLY}
    when = hour[at].astype(float)
    return Hours(ad=ad, hour=when, age=seen.now - when - 0.5, **columns)


def _deals(seen: Seen, order: Index) -> Deals:
    deals, place = seen.deals, np.argsort(order)
    rows = np.argsort(place[deals.ad], kind="stable")
    return Deals(
        ad=place[deals.ad][rows],
        click_age=(seen.now - deals.click_hour[rows]).astype(float),
        stage=deals.stage[rows].astype(np.intp),
        stage_age=(seen.now - deals.stage_hour[rows]).astype(float),
        lost=deals.lost[rows],
        amount=deals.amount[rows],
    )
