"""The history played again: every six hours each policy is asked with what was known then.

The evidence is the one that really came in, under the budgets that really were in force: a policy that would have
shown an ad more would also have learnt more about it. The budgets are the policy's own from one step to the next,
begin where the real ones were, sum to what was really spent, and move by at most a fifth in six hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flywheel_assets.budget import select
from flywheel_assets.budget.backtest.history import History, Mask, Vector
from flywheel_assets.budget.request import BudgetRequest, parse

STEP_HOURS = 6
ACTUAL, UNIFORM = "actual", "uniform"
OURS = ("blended_literal", "blended", "funnel")
POLICIES = (ACTUAL, UNIFORM, *OURS)
_DAY = 24.0
_WINDOW = 28 * _DAY
_CAP = 0.2
_ROUNDS = 50


@dataclass(frozen=True)
class Moment:
    """What was known at one hour about the ads that ran then."""

    history: History
    hour: float
    running: Mask
    seed: int

    def request(self, budgets: Vector, total: float, policy: str, *, everything: bool = False) -> dict[str, Any]:
        """The question to `select`; ``budgets`` of the running ads, per day. ``everything`` goes beyond four weeks."""
        delivery, deals = self.history.delivery, self._deals()
        closed = int(np.searchsorted(delivery.start + delivery.hours, self.hour, side="right"))
        first = 0 if everything else int(np.searchsorted(delivery.start, self.hour - _WINDOW))
        ads = np.flatnonzero(self.running)
        states = [
            self._state(int(ad), slice(first, closed), float(budget), deals.get(int(ad), []))
            for ad, budget in zip(ads, budgets, strict=True)
        ]
        stages = list(self.history.stages) or None
        asked = {"total_budget": total, "ad_states": states, "now_hour": self.hour, "policy": policy}
        return {**asked, "stages": stages, "seed": self.seed, "currency": delivery.currency}

    def _state(self, ad: int, rows: slice, budget: float, deals: list[dict[str, Any]]) -> dict[str, Any]:
        delivery = self.history.delivery
        until = slice(0, rows.stop)
        columns = (delivery.impressions, delivery.clicks, delivery.spend, delivery.leads)
        totals = [float(values[until, ad].sum()) for values in columns]
        shown = np.flatnonzero(delivery.impressions[:, ad] > 0)
        begin = delivery.start[shown[0]] if len(shown) else self.hour
        rows = slice(min(max(rows.start, int(shown[0]) if len(shown) else rows.stop), rows.stop), rows.stop)
        hourly = {
            "hour": delivery.start[rows] + (delivery.hours - 1) / 2,
            **{
                name: values[rows, ad]
                for name, values in zip(("impressions", "clicks", "spend", "leads"), columns, strict=True)
            },
            # Budgets are what was spent: exports do not hold them. The last hours' would bind a policy to what others did.
            "budget": _known_budgets(delivery.spend[rows, ad] * _DAY / delivery.hours, delivery.start[rows], self.hour),
        }
        return {
            "ad_id": delivery.ads[ad],
            "impressions": totals[0],
            "clicks": min(totals[1], totals[0]),
            "spend": totals[2] if totals[0] else 0.0,
            "leads": totals[3],
            "age_hours": max(self.hour - float(begin), 0.0),
            "current_budget": budget,
            "hourly": hourly,
            "deals": deals,
        }

    def _deals(self) -> dict[int, list[dict[str, Any]]]:
        deals = self.history.deals
        stage = deals.stage_at(self.hour) if len(deals.ad) else np.zeros(0, dtype=np.intp)
        found: dict[int, list[dict[str, Any]]] = {}
        for index in np.flatnonzero(stage >= 0) if self.history.stages else ():
            since = max(float(deals.entered[index, stage[index]]), float(deals.created[index]))
            since = float(deals.created[index]) if np.isinf(since) else since
            amount = float(deals.amount[index])
            found.setdefault(int(deals.ad[index]), []).append({
                "deal_id": deals.ids[index],
                "click_hour": float(deals.click[index]),
                "stage": int(stage[index]),
                "stage_entered_hour": max(since, float(deals.click[index])),
                "lost": bool(deals.lost[index] <= self.hour),
                "amount": None if np.isnan(amount) else amount,
            })  # fmt: skip
        return found


def _known_budgets(spend: Vector, start: Vector, now: float) -> Vector:
    return np.where((spend > 0) & (start < now - STEP_HOURS), spend, np.nan)


def replay(history: History, policy: str, seed: int = 0) -> Vector:
    """Daily budgets of the policy in each period, shape (periods, ads); 0 where an ad did not run.

    What really ran is known from its spend: an ad runs in a period in which it was shown.
    """
    delivery = history.delivery
    real = delivery.spend * _DAY / delivery.hours
    if policy == ACTUAL:
        return real
    given = np.zeros_like(real)
    own = np.zeros(len(delivery.ads))
    steps = max(delivery.hours // STEP_HOURS, 1)
    every = max(STEP_HOURS // delivery.hours, 1)
    for period in np.flatnonzero(~delivery.gaps):
        running = np.asarray(real[period] > 0)
        before, own = own, _begun(own, real[period], running)
        if period and (period % every == 0 or not np.array_equal(before > 0, running)):
            moment = Moment(history, float(delivery.start[period]), running, seed + int(period) * steps)
            own[running] = _moved(policy, moment, own[running], steps)
        own *= float(real[period].sum()) / own.sum()
        given[period] = own
    return given


def _begun(own: Vector, real: Vector, running: Mask) -> Vector:
    """A new ad begins with what it really got, one that stopped leaves its money to the others."""
    new = running & (own <= 0)
    kept = running & ~new
    begun = np.where(new, real, np.where(kept, own, 0.0))
    rest = float(real.sum() - begun[new].sum())
    if kept.any() and rest > 0:
        begun[kept] *= rest / begun[kept].sum()
    return np.asarray(begun)


def _moved(policy: str, moment: Moment, budgets: Vector, steps: int) -> Vector:
    """Budgets after so many steps within one period, in which nothing new becomes known."""
    if policy == UNIFORM:
        for _ in range(steps):
            budgets = _capped(np.full(len(budgets), budgets.mean()), budgets)
        return budgets
    question = parse(moment.request(budgets, float(budgets.sum()), policy))
    for step in range(steps):
        answer = select(_with(question, budgets, moment.seed + step))
        budgets = _capped(np.array([one.recommended_budget for one in answer.recommendations]), budgets)
    return budgets


def _with(question: BudgetRequest, budgets: Vector, seed: int) -> BudgetRequest:
    """The same evidence under other budgets; checked already."""
    pairs = zip(question.ad_states, budgets.tolist(), strict=True)
    states = tuple(state.model_copy(update={"current_budget": budget}) for state, budget in pairs)
    return question.model_copy(update={"ad_states": states, "seed": seed})


def _capped(wish: Vector, before: Vector) -> Vector:
    """One factor for all, within a fifth of what was, with the same sum."""
    low, high = before * (1 - _CAP), before * (1 + _CAP)
    wish = np.maximum(wish, 1e-9 * before.sum())
    least, most = -50.0, 50.0
    for _ in range(_ROUNDS):
        middle = (least + most) / 2
        over = np.clip(wish * np.exp(middle), low, high).sum() > before.sum()
        least, most = (least, middle) if over else (middle, most)
    return np.asarray(np.clip(wish * np.exp(least), low, high))
