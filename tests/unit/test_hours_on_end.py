"""Two days of decisions, each applied with the executor's fuzz before the next: what holds in one hour holds in all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flywheel_assets.budget.allocating import allocate
from flywheel_assets.budget.faults import faults
from flywheel_assets.core.ids import rng
from flywheel_assets.settings import Settings
from tests.unit.hour_world import HOUR, account, hours, state

_HOURS, _ADS, _WINDOW, _START = 48, 8, 6, 7500
_ACCOUNT = account(daily_plan="1000.00", new_creative_share=0.4)  # 600.00 for those that run


@dataclass
class Running:
    """One ad: its budgets with the hour each came into force, and how well it does."""

    ad_id: str
    rate: float
    budgets: list[tuple[int, int]] = field(default_factory=lambda: [(-100, _START)])

    def window(self, now: int) -> list[int]:
        """Budgets in force within the velocity window."""
        ends = [start for start, _ in self.budgets[1:]] + [now + 1]
        return [minor for (_, minor), end in zip(self.budgets, ends, strict=True) if end > now - _WINDOW]

    def state(self, now: int) -> Any:
        minor, age = self.budgets[-1][1], 96 + now
        window = self.window(now)
        changed = self.budgets[-1][0]
        held = "cooldown: changed lately" if now - changed < Settings().budget.cooldown_hours else None
        allowed = (-(-max(window) * 8 // 10), min(window) * 12 // 10)
        seen = hours(age, rate=self.rate, budget=minor)
        return state(self.ad_id, budget=minor, age=float(age), hours=seen, allowed=allowed, held=held)


def test_two_days_of_hours_keep_every_rule_and_bring_the_money_to_the_best() -> None:
    ads = [Running(str(index), 0.006 + 0.0015 * index) for index in range(_ADS)]
    fuzz, changes = np.random.default_rng(1), 0
    for now in range(_HOURS):
        states = [ad.state(now) for ad in ads]
        found = allocate(states, _ACCOUNT, Settings(), HOUR, rng("hours on end", now))
        assert faults(found, states, _ACCOUNT) == []
        for ad, one, line in zip(ads, states, found.recommendations, strict=True):
            if line.worth_an_action:
                low, high = one.interval
                target = int(line.recommended_budget * (1 + fuzz.uniform(-0.03, 0.03)))
                ad.budgets.append((now, min(max(target, low), high)))
                changes += 1
    for ad in ads:
        by_hour = [next(minor for start, minor in reversed(ad.budgets) if start <= now) for now in range(_HOURS)]
        for now in range(_HOURS):
            near = by_hour[now : now + _WINDOW]
            assert min(near) * 5 >= max(near) * 4, (ad.ad_id, now)
    last = [ad.budgets[-1][1] for ad in ads]
    assert last == sorted(last)
    assert last[-1] > 3 * last[0]
    assert changes < _HOURS * _ADS / 4  # an hour has something to do for few of them
