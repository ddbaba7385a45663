"""Whether a decision's confidence is a probability: claimed beside right, in worlds where the truth is known.

Every ad of every decision claims that the next unit of money earns more (or less) with it than with all ads as they
share the budgets now. Fresh seeds; the worlds marked * differ in lags, response and correlations from those that
anything was tuned on. "±" is half of the 95 % interval, over runs, because the decisions of one run are alike.
"""

from __future__ import annotations

import argparse

from flywheel_assets.sandbox.market.play import Game
from flywheel_assets.sandbox.market.policies import OURS
from flywheel_assets.sandbox.market.reliability import Claims, claims_of, reliability
from flywheel_assets.sandbox.market.scenarios import SCENARIOS

FIRST_SEED = 20_000
GATE = 0.70
WIDTH = 50


def main() -> None:
    parser = argparse.ArgumentParser(description="Claimed confidence beside how often it was right.")
    parser.add_argument("--seeds", type=int, default=4, help="worlds of each scenario (default 4)")
    parser.add_argument("--days", type=int, default=30, help="length of a run (default 30)")
    parser.add_argument("--policy", choices=OURS, default="funnel")
    asked = parser.parse_args()
    print(f"{asked.policy}, {asked.seeds} seeds from {FIRST_SEED}, {asked.days} days\n")
    runs = {
        name: [claims_of(Game(name, asked.policy, FIRST_SEED + seed, asked.days)) for seed in range(asked.seeds)]
        for name in SCENARIOS
    }
    for name, played in runs.items():
        show_gate(name + (" *" if SCENARIOS[name].held_out else ""), played)
    held_out = [run for name, played in runs.items() if SCENARIOS[name].held_out for run in played]
    tuned = [run for name, played in runs.items() if not SCENARIOS[name].held_out for run in played]
    show_curve("worlds without *", tuned)
    show_curve("worlds marked *", held_out)


def show_gate(name: str, runs: list[Claims]) -> None:
    sure = [run.between(GATE) for run in runs]
    count = sum(len(run.right) for run in sure)
    claimed = sum(float(run.confidence.sum()) for run in sure) / max(count, 1)
    right = sum(float(run.right.sum()) for run in sure) / max(count, 1)
    print(f"{name:20} {GATE:.0%} sure or more: claimed {claimed:5.1%}, right {right:5.1%} of {count:6}", flush=True)


def show_curve(title: str, runs: list[Claims]) -> None:
    print(f"\n{title}\n{'claimed':>8} {'right':>14} {'claims':>8}")
    for one in reliability(runs):
        bar = "".join("|" if place == round(one.claimed * WIDTH) else "#" if place < one.right * WIDTH else " "
                      for place in range(WIDTH + 1))  # fmt: skip
        print(f"{one.claimed:8.1%} {one.right:7.1%} ±{one.half:5.1%} {one.count:8}  {bar}")


if __name__ == "__main__":
    main()
