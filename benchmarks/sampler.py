"""How long a budget decision takes beside reading its question, beside MABWiser, and beside a plain numpy draw.

The question: ads with 28 days of hours and 25 deals each, as JSON of about 25 kB an ad. In one process, in turns:

* parsing is what the endpoint does before it decides: JSON to objects, and every field of them checked;
* deciding is everything after that, by policy: arrays, belief, draws, best sharing, gate, projection, sentences;
* MABWiser's Thompson sampling learns ten trials an arm and names one; from nothing (`fit`), and with as many trials
  more (`partial_fit`). It knows no budgets, delays, stages or limits;
* the draw is what one would write by hand: one Beta variate an ad and the largest of them.

Times are of the processor and so is every ratio: the median of the rounds, with the least and the most. The floors:
at 1,000 ads every policy decides in at most twice the time of parsing; and at 10,000 ads (`--full`) it is linear, as
parsing is, which touches every number once: relative to parsing it takes at most half as much again as at 1,000. Both
take more than ten times as long then, because the numbers no longer fit into the processor's caches. The script ends
with 1 if one does not hold.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

import numpy as np

from flywheel_assets.budget.request import BudgetRequest, PolicyName, parse
from flywheel_assets.budget.selection import decide

POLICIES: tuple[PolicyName, ...] = ("blended_literal", "blended", "funnel")
STAGES = ("lead", "qualified", "proposal", "won")
HOURS, DEALS = 28 * 24, 25
MOST = 2.0
CACHES = 1.5
T = TypeVar("T")
PARSING, DRAW, FIT, BATCH = "parsing", "numpy draw", "MABWiser fit", "MABWiser partial_fit"


@dataclass(frozen=True)
class Times:
    """Seconds of each round, by what was done."""

    ads: int
    megabytes: float
    rounds: dict[str, list[float]]

    def of(self, what: str) -> float:
        return median(self.rounds[what])

    def ratio(self, what: str, to: str) -> str:
        ratios = [one / other for one, other in zip(self.rounds[what], self.rounds[to], strict=True)]
        return f"{median(ratios):8.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    asked = arguments()
    sizes = asked.ads or ([1_000, 10_000] if asked.full else [1_000])
    found = [timed(ads, asked.rounds) for ads in sizes]
    for times in found:
        show(times)
    checked = floors(found)
    for told, holds in checked:
        print(f"{'holds' if holds else 'FAILS':>6}  {told}")
    sys.exit(not all(holds for _, holds in checked))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time of a budget decision relative to parsing its request.")
    parser.add_argument("--ads", type=int, action="append", help="ads of the request; may be repeated (default 1000)")
    parser.add_argument("--full", action="store_true", help="1,000 and 10,000 ads")
    parser.add_argument("--rounds", type=int, default=7, help="times that everything is done in turn (default 7)")
    return parser.parse_args()


def timed(ads: int, rounds: int) -> Times:
    raw = question(ads)
    took: dict[str, list[float]] = {}
    for number in range(rounds + 1):  # the first one loads and warms, and is not counted
        once = one_round(raw, ads, number)
        for what, seconds in once.items() if number else ():
            took.setdefault(what, []).append(seconds)
    return Times(ads, len(raw) / 1e6, took)


def one_round(raw: bytes, ads: int, number: int) -> dict[str, float]:
    request, parsing = clocked(lambda: parse(json.loads(raw)))
    took = {PARSING: parsing}
    # The first one after parsing also waits for the kernel to hand out memory, so each is the first in its turn.
    for policy in (*POLICIES[number % len(POLICIES) :], *POLICIES[: number % len(POLICIES)]):
        again = request.model_copy(update={"policy": policy, "seed": number})
        took[policy] = clocked(lambda again=again: decide(again))[1]
    arms = Arms.of(request, np.random.default_rng(number))
    took[DRAW] = clocked(arms.draw)[1]
    if ads <= 1_000:  # beyond, its fit takes minutes
        took[FIT] = clocked(arms.fit)[1]
        took[BATCH] = clocked(arms.partial_fit)[1]
    return took


def clocked(work: Callable[[], T]) -> tuple[T, float]:
    gc.collect()
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


# --- the peers --------------------------------------------------------------------------------------


@dataclass
class Arms:
    """Clicks and impressions of the ads, also as a bandit library wants them: a decision and a reward a trial.

    Ten trials an arm, in its favour: it would take one for every impression, of which an ad has 200,000.
    """

    clicks: Any
    shown: Any
    random: np.random.Generator
    decisions: Any
    rewards: Any
    learnt: Any = None

    @classmethod
    def of(cls, request: BudgetRequest, random: np.random.Generator) -> Arms:
        clicks = np.array([ad.clicks for ad in request.ad_states])
        shown = np.array([ad.impressions for ad in request.ad_states])
        decisions = np.repeat(np.arange(len(clicks)), 10)
        rewards = (random.random(len(decisions)) < np.repeat(clicks / shown, 10)).astype(int)
        return cls(clicks, shown, random, decisions, rewards)

    def draw(self) -> int:
        return int(np.argmax(self.random.beta(self.clicks + 1, self.shown - self.clicks + 1)))

    def fit(self) -> Any:
        from mabwiser.mab import MAB, LearningPolicy

        self.learnt = MAB(list(range(len(self.clicks))), LearningPolicy.ThompsonSampling())
        self.learnt.fit(self.decisions, self.rewards)
        return self.learnt.predict()

    def partial_fit(self) -> Any:
        self.learnt.partial_fit(self.decisions, self.rewards)
        return self.learnt.predict()


# --- the question -----------------------------------------------------------------------------------


def question(ads: int) -> bytes:
    """JSON of a request whose numbers are drawn from plausible rates."""
    random = np.random.default_rng(ads)
    parts = (json.dumps(ad(index, random)) for index in range(ads))
    head = {"total_budget": 100.0 * ads, "now_hour": HOURS, "stages": STAGES, "seed": 1}
    return (json.dumps(head)[:-1] + ', "ad_states": [' + ", ".join(parts) + "]}").encode()


def ad(index: int, random: np.random.Generator) -> dict[str, Any]:
    rate = 0.01 * np.exp(0.4 * random.standard_normal())
    spend = np.round(100 / 24 * np.exp(0.1 * random.standard_normal(HOURS)), 2)
    shown = random.poisson(1000 * spend / 14)
    clicks = random.binomial(shown, rate)
    leads = random.binomial(clicks, 0.04)
    budget = np.round(np.repeat(100 * np.exp(0.1 * random.standard_normal(HOURS // 6)), 6), 2)
    return {
        "ad_id": f"ad-{index}",
        "impressions": int(shown.sum()),
        "clicks": int(clicks.sum()),
        "spend": round(float(spend.sum()), 2),
        "leads": int(leads.sum()),
        "age_hours": HOURS,
        "current_budget": float(budget[-1]),
        "hourly": {
            "hour": list(range(HOURS)),
            "impressions": shown.tolist(),
            "clicks": clicks.tolist(),
            "spend": spend.tolist(),
            "leads": leads.tolist(),
            "budget": budget.tolist(),
        },
        "deals": deals(index, random),
    }


def deals(index: int, random: np.random.Generator) -> list[dict[str, Any]]:
    click = np.round(random.uniform(0, HOURS - 1, DEALS), 2)
    entered = np.round(np.minimum(click + random.exponential(60, DEALS), HOURS - 0.01), 2)
    stage = random.choice(len(STAGES), DEALS, p=(0.5, 0.25, 0.15, 0.1))
    lost = (random.random(DEALS) < 0.3) & (stage < len(STAGES) - 1)
    amount = np.round(1600 * np.exp(0.8 * random.standard_normal(DEALS)), 2)
    columns = (click.tolist(), stage.tolist(), entered.tolist(), lost.tolist(), amount.tolist())
    return [
        {
            "deal_id": f"{index}-{number}",
            "click_hour": clicked,
            "stage": STAGES[place],
            "stage_entered_hour": since,
            "lost": marked,
            "amount": value,
        }
        for number, (clicked, place, since, marked, value) in enumerate(zip(*columns, strict=True))
    ]


# --- what is told -----------------------------------------------------------------------------------


def show(times: Times) -> None:
    print(f"{times.ads:,} ads, {times.megabytes:.0f} MB; parsing takes {1000 * times.of(PARSING):,.0f} ms")
    print(f"{'':22}{'ms':>10}   of parsing")
    for what in times.rounds:
        print(f"{what:22}{1000 * times.of(what):10,.1f} {times.ratio(what, PARSING)}")
    if FIT in times.rounds:
        print(f"funnel / {FIT}: {times.ratio('funnel', FIT)}; / {BATCH}: {times.ratio('funnel', BATCH)}")
    print(f"funnel / {DRAW}: {times.of('funnel') / times.of(DRAW):,.0f}\n", flush=True)


def floors(found: list[Times]) -> list[tuple[str, bool]]:
    told = []
    for times in found:
        for policy in POLICIES:
            ratio = times.of(policy) / times.of(PARSING)
            told.append((f"{times.ads:,} ads, {policy}: {ratio:.2f} x parsing, at most {MOST:.0f}", ratio <= MOST))
    first, last = found[0], found[-1]
    for policy in POLICIES if len(found) > 1 else ():
        growth, base, size = (
            last.of(policy) / first.of(policy),
            last.of(PARSING) / first.of(PARSING),
            last.ads / first.ads,
        )
        words = f"{policy}: {size:.0f} x the ads take {growth:.1f} x the time, parsing {base:.1f} x"
        told.append((f"{words}; at most {CACHES} of that", growth <= base * CACHES))
    return told


if __name__ == "__main__":
    main()
