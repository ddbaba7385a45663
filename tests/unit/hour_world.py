"""Made-up accounts and ad states for the tests of the hourly decision: rates as they are asked for, without noise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from flywheel_assets.budget.allocating import allocate
from flywheel_assets.budget.types import AdState, Allocation, Deal, Hours, StageEntered
from flywheel_assets.core.account import Account
from flywheel_assets.core.ids import rng
from flywheel_assets.settings import Settings

HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
NOW = HOUR + timedelta(hours=1)
EPOCH_HOUR = int(NOW.timestamp() // 3600)
FLOOR, CEILING = 2000, 30_000
HUBSPOT = {
    "portal_id": 1,
    "stages": {
        "met": {"win_probability": 0.2},
        "offered": {"win_probability": 0.6},
        "won": {"win_probability": 1.0, "outcome": "won"},
        "lost": {"win_probability": 0.0, "outcome": "lost"},
    },
}


def account(**more: Any) -> Account:
    values: dict[str, Any] = {
        "account_id": "act_1",
        "name": "n",
        "currency": "USD",
        "time_zone": "America/New_York",
        "page_id": "1",
        "targeting": {"geo_locations": {"countries": ["US"]}},
        "daily_plan": "500.00",
        "ad_set_floor": "20.00",
        "ad_set_ceiling": "300.00",
        "new_creative_share": 0.2,
    }
    return Account(**(values | more))


def hours(count: int, *, rate: float, shown: int = 600, decay: float = 0.0, budget: int = 10_000) -> Hours:
    """``count`` equal hours up to now; clicks fall by exp(-decay x impressions)."""
    behind = np.arange(count) * shown
    clicks = np.floor(np.cumsum(shown * rate * np.exp(-decay * behind)) + 1e-9)
    each = np.diff(clicks, prepend=0).astype(int).tolist()
    leads = np.diff(np.floor(clicks / 5), prepend=0).astype(int).tolist()
    return Hours(
        hour=tuple(range(EPOCH_HOUR - count, EPOCH_HOUR)),
        impressions=(shown,) * count,
        clicks=tuple(each),
        leads=tuple(leads),
        spend=(shown // 2,) * count,
        budget=(budget,) * count,
    )


def state(
    ad_id: str, *, budget: int = 10_000, rate: float = 0.01, age: float = 100.0, decay: float = 0.0, **more: Any
) -> AdState:
    """An ad that has run for ``age`` hours; its click rate is ``rate``, a fifth of the clicks are leads."""
    seen = more.pop("hours", hours(int(age), rate=rate, decay=decay, budget=budget))
    sums = {name: sum(getattr(seen, name)) for name in ("impressions", "clicks", "leads", "spend")}
    values: dict[str, Any] = {
        "ad_id": ad_id,
        "ad_ref": f"c_1/v{ad_id}/ad",
        "object_ref": f"c_1/v{ad_id}/adset",
        "currency": "USD",
        "active": True,
        "age_hours": age,
        "current_budget": budget,
        "allowed": (-(-budget * 8 // 10), budget * 12 // 10),
        "floor": FLOOR,
        "ceiling": CEILING,
        "hours": seen,
        "blocked": None,
        **sums,
    }
    return AdState(**(values | more))


def deal(number: int, *stages: str, days: float = 5.0, amount: int | None = 100_000) -> Deal:
    """A deal clicked ``days`` ago that came into its stages a day apart."""
    clicked = NOW - timedelta(days=days)
    steps = (StageEntered(stage=name, at=clicked + timedelta(days=index)) for index, name in enumerate(stages))
    return Deal(deal_id=number, clicked_at=clicked, created_at=clicked, stages=tuple(steps), amount=amount)


def decide(*states: AdState, settings: Settings | None = None, **more: Any) -> Allocation:
    return allocate(states, account(**more), settings or Settings(), HOUR, rng("test"))
