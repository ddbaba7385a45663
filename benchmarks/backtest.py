"""Whether `flywheel backtest` tells the truth: in worlds in which the truth is known.

In each world somebody shares out the budget; Ads Manager's and HubSpot's exports of it, as files, are backtested. Then
the policy that the backtest judged really plays the same world from the beginning, with the evidence that its own
budgets bring, and what it earns in expectation is compared with the estimate: percent above what was really done.

* A world covers if the truth lies in the 95 % interval. "cannot tell" counts apart: nothing was claimed.
* Off by is estimate - truth: the mean is the bias, the other the mean size of it.
* A claim is an interval without 0; it is wrong when the truth has the other sign.

20 worlds of 28 days by default (four kinds, five seeds, three different histories in turn), about ten minutes. No
floor is checked: the numbers are in docs/backtest.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from flywheel_assets.budget.backtest.replay import ACTUAL, POLICIES
from flywheel_assets.budget.backtest.run import backtest, read_history
from flywheel_assets.sandbox.market.export import export_deals, export_insights
from flywheel_assets.sandbox.market.play import Game, play
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.world import World

WORLDS = ("service", "misleading_clicks", "heavy_tails", "flat_response")
LOGS = ("cost_per_lead", "thompson_roas", "blended")
FIRST_SEED = 30_000
BEGIN = datetime(2026, 1, 5)  # noqa: DTZ001 - exports name no zone


@dataclass(frozen=True)
class Case:
    """One world, the history somebody made in it, and how it is exported."""

    scenario: str
    seed: int
    log: str
    days: int
    hourly: bool
    stage_history: bool


@dataclass(frozen=True)
class Judged:
    """One policy in one case; gains in percent over the log."""

    case: Case
    policy: str
    cannot_tell: str | None
    truth: float
    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0


def main() -> None:
    asked = arguments()
    worlds = asked.scenario or WORLDS
    cases = [
        Case(name, FIRST_SEED + seed, LOGS[(place + seed) % len(LOGS)], asked.days, asked.hourly, not asked.no_stages)
        for place, name in enumerate(worlds)
        for seed in range(asked.seeds)
    ]
    print(f"{len(cases)} worlds of {asked.days} days; gain over the history in percent\n")
    print(f"{'world':20}{'history':16}{'policy':18}{'truth':>7}{'estimate':>10}{'95 % interval':>18}", flush=True)
    judged: list[Judged] = []
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        for found in pool.map(judge, cases, [tuple(asked.policy)] * len(cases)):
            judged += found
            for one in found:
                show(one)
    for policy in asked.policy:
        summarise(policy, [one for one in judged if one.policy == policy])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Backtests against the truth of simulated worlds.")
    parser.add_argument("--seeds", type=int, default=5, help="of each world (default 5)")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--scenario", action="append", help="may be repeated; default four of them")
    parser.add_argument("--policy", action="append", choices=[name for name in POLICIES if name != ACTUAL])
    parser.add_argument("--hourly", action="store_true", help="export hours instead of days")
    parser.add_argument("--no-stages", action="store_true", help="export deals without their stage history")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    asked.policy = asked.policy or ["uniform", "blended"]
    return asked


def judge(case: Case, policies: Sequence[str]) -> list[Judged]:
    with tempfile.TemporaryDirectory() as folder:
        insights, deals = Path(folder) / "insights.csv", Path(folder) / "deals.csv"

        def export(world: World) -> None:
            export_insights(world, insights, BEGIN, hourly=case.hourly)
            export_deals(world, deals, BEGIN, stage_history=case.stage_history)

        logged = play(Game(case.scenario, case.log, case.seed, case.days), export)
        history = read_history(insights, deals, zone=ZoneInfo("UTC"), stages=STAGES)
        answer = backtest(history, [name for name in policies if name != case.log], case.seed)
    found = []
    for verdict in answer.verdicts[1:]:
        played = play(Game(case.scenario, verdict.policy, case.seed, case.days))
        truth = 100 * (float(played.revenue.sum()) / float(logged.revenue.sum()) - 1)
        if (estimate := verdict.estimate) is None or (gain := estimate.gain) is None:
            found.append(Judged(case, verdict.policy, verdict.cannot_tell, truth))
        else:
            found.append(Judged(case, verdict.policy, None, truth, gain.mean, gain.low, gain.high))
    return found


def show(one: Judged) -> None:
    head = f"{one.case.scenario:20}{one.case.log:16}{one.policy:18}{one.truth:+7.1f}"
    if one.cannot_tell:
        print(f"{head}  cannot tell: {one.cannot_tell}", flush=True)
        return
    mark = "" if one.low <= one.truth <= one.high else "  missed"
    print(f"{head}{one.mean:+10.1f}{one.low:+10.1f} {one.high:+.1f}{mark}", flush=True)


def summarise(policy: str, judged: Sequence[Judged]) -> None:
    told = [one for one in judged if one.cannot_tell is None]
    print(f"\n{policy}: told in {len(told)} of {len(judged)} worlds")
    if not told:
        return
    covered = sum(one.low <= one.truth <= one.high for one in told)
    off = np.array([one.mean - one.truth for one in told])
    width = np.mean([one.high - one.low for one in told])
    claims = [one for one in told if one.low > 0 or one.high < 0]
    wrong = sum((one.mean > 0) != (one.truth > 0) for one in claims)
    print(f"  {covered} of {len(told)} intervals hold the truth ({covered / len(told):.0%}); mean width {width:.1f}")
    print(f"  off by {off.mean():+.1f} on average, {np.abs(off).mean():.1f} in size")
    print(f"  {len(claims)} claims of more or less, {wrong} wrong")


if __name__ == "__main__":
    main()
