"""Small made-up accounts for the tests of the budget decision: every number is drawn from known rates."""

from __future__ import annotations

from typing import Any

import numpy as np

STAGES = ["lead", "qualified", "offer", "won"]
CHANCES = (0.5, 0.5, 0.5)
STAGE_HOURS = (24.0, 48.0, 60.0)
NOW = 2000


def ad(ad_id: str = "a", **changed: Any) -> dict[str, Any]:
    """The required fields of an ordinary ad, and what the test adds."""
    fields = {"ad_id": ad_id, "impressions": 20_000, "clicks": 200, "spend": 400.0, "age_hours": 200.0}
    return {**fields, **changed}


def request(*ads: dict[str, Any], total: float | None = None, **changed: Any) -> dict[str, Any]:
    """A request; the total is what runs now, or a hundred an ad."""
    given = (one.get("current_budget") for one in ads)
    running = sum(100.0 if budget is None else budget for budget in given)
    return {"total_budget": round(running, 2) if total is None else total, "ad_states": list(ads), **changed}


def lived(
    ad_id: str,
    *,
    hours: int = 480,
    budget: float = 100.0,
    ctr: float = 0.01,
    lead: float = 0.05,
    chances: tuple[float, ...] = CHANCES,
    amount: float = 2000.0,
    k: float = 0.0,
    seed: int = 0,
    **changed: Any,
) -> dict[str, Any]:
    """An ad with hours and deals as its rates made them; clicks tire by exp(-k x impressions)."""
    random = np.random.default_rng([seed, *ad_id.encode()])
    shown = random.poisson(budget / 24 / 18 * 1000, hours)
    clicks = random.binomial(shown, ctr * np.exp(-k * (np.cumsum(shown) - shown)))
    begin = NOW - hours
    clicked = np.repeat(np.arange(begin, NOW), clicks) + 0.5
    came = clicked + random.exponential(6.0, len(clicked))
    asked = (random.random(len(clicked)) < lead) & (came < NOW)
    leads = np.bincount((came[asked] - begin).astype(int), minlength=hours)
    return ad(
        ad_id,
        impressions=int(shown.sum()),
        clicks=int(clicks.sum()),
        spend=round(float(shown.sum()) * 0.018, 2),
        age_hours=float(hours),
        leads=int(leads.sum()),
        current_budget=budget,
        hourly={
            "hour": list(range(begin, NOW)),
            "impressions": shown.tolist(),
            "clicks": clicks.tolist(),
            "spend": np.round(shown * 0.018, 4).tolist(),
            "leads": leads.tolist(),
            "budget": [budget] * hours,
        },
        deals=_deals(ad_id, (clicked[asked], came[asked]), chances, amount, random),
        **changed,
    )


def _deals(
    ad_id: str,
    leads: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]],
    chances: tuple[float, ...],
    amount: float,
    random: np.random.Generator,
) -> list[dict[str, Any]]:
    found = []
    clicked, came = leads
    for number, (click, lead) in enumerate(zip(clicked.tolist(), came.tolist(), strict=True)):
        stage, lost, entered = 0, False, lead
        while stage < len(chances):
            leaves = entered + STAGE_HOURS[stage] * float(np.exp(0.5 * random.standard_normal()))
            if leaves > NOW:
                break
            if random.random() >= chances[stage]:
                lost = bool(random.random() < 0.6)  # the others are forgotten where they are
                break
            stage, entered = stage + 1, leaves
        value = round(amount * float(np.exp(0.4 * random.standard_normal())), 2)
        found.append(
            {
                "deal_id": f"{ad_id}-{number}",
                "click_hour": click,
                "stage": stage,
                "stage_entered_hour": entered,
                "lost": lost,
                "amount": value,
            }
        )
    return found


def account(count: int = 6, **changed: Any) -> dict[str, Any]:
    """Ordinary ads with CRM stages."""
    return request(*(lived(f"ad-{index}") for index in range(count)), now_hour=NOW, stages=STAGES, **changed)
