"""How much of the oracle's revenue each budget policy earns in worlds that nobody tuned on.

Fresh seeds (from 10,000 on; `flywheel simulate` begins with 1), 60 days, a decision every six hours, at most 20 % in
six hours for everybody. The worlds marked * differ from the others in lags, response and correlations as well.

* A cell is the mean % of the oracle's revenue with half of its 95 % interval.
* "against" are points above the best simple rule of that world, seed by seed, with the lower 95 % bound; the best rule
  is chosen after the fact, in its own favour.
* Decisions that missed the total or moved a budget by more than 20 % are counted before the common projection.

The floors: on average `funnel` 88 % and `blended` 83 %; the paired bound of both never more than 1 point below the best
simple rule in any world; no decision outside the rules. The script ends with 1 if one does not hold.

Four seeds by default; `--full` plays twenty: with 30 days ten minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from flywheel_assets.sandbox.market.paired import Line, compared
from flywheel_assets.sandbox.market.play import Game, Played, play_all
from flywheel_assets.sandbox.market.policies import ORACLE, OURS, POLICIES
from flywheel_assets.sandbox.market.scenarios import SCENARIOS

FLOORS = {"funnel": 88.0, "blended": 83.0}
POINTS_BELOW = 1.0
FIRST_SEED = 10_000


def main() -> None:
    asked = arguments()
    played: list[Played] = []
    lines: dict[str, dict[str, Line]] = {}
    print(f"{asked.seeds} seeds from {FIRST_SEED}, {asked.days} days, a decision every {asked.every} h\n")
    print(f"{'% of oracle':21}" + "".join(f"{policy:>17}" for policy in POLICIES), flush=True)
    for name in asked.scenario or SCENARIOS:
        runs = play_world(name, asked.seeds, asked.days, asked.every)
        played += runs
        lines[name] = {line.policy: line for line in compared(runs)}
        show_shares(name, lines[name])
    show_means(lines)
    show_gains(lines)
    checked = floors(lines, played)
    for told, holds in checked:
        print(f"{'holds' if holds else 'FAILS':>6}  {told}")
    sys.exit(not all(holds for _, holds in checked))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Percent of the oracle's revenue by policy and world.")
    parser.add_argument("--seeds", type=int, default=4, help="worlds of each scenario (default 4)")
    parser.add_argument(
        "--full", action="store_const", dest="seeds", const=20, help="twenty seeds, as the floors are meant"
    )
    parser.add_argument("--days", type=int, default=60, help="length of a run (default 60)")
    parser.add_argument("--every", type=int, choices=(1, 6), default=6, help="hours between decisions (default 6)")
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append", help="may be repeated; default all")
    return parser.parse_args()


def play_world(name: str, seeds: int, days: int, every: int) -> list[Played]:
    numbers = range(FIRST_SEED, FIRST_SEED + seeds)
    # The slow ones first, so that both processes end together.
    order = sorted(POLICIES, key=lambda policy: policy not in OURS)
    games = [Game(name, policy, seed, days, every) for policy in order for seed in numbers]
    return list(play_all(games))


def show_shares(name: str, row: dict[str, Line]) -> None:
    cells = (row[policy].of_oracle for policy in POLICIES)
    print(f"{titled(name):21}" + "".join(f"{cell.mean:11.1f} ±{cell.half or 0:4.1f}" for cell in cells), flush=True)


def show_means(lines: dict[str, dict[str, Line]]) -> None:
    for label, names in groups(lines):
        print(f"{label:21}" + "".join(f"{mean_of(lines, names, policy):11.1f}      " for policy in POLICIES))
    print()


def show_gains(lines: dict[str, dict[str, Line]]) -> None:
    print(f"{'against':21}{'best simple rule':>18}" + "".join(f"{policy:>26}" for policy in OURS))
    for name, row in lines.items():
        cells = [row[policy].gain for policy in OURS]
        told = (f"{cell.mean:+.1f} (at least {cell.low or 0:+.1f})" for cell in cells if cell)
        print(f"{titled(name):21}{row[ORACLE].against or '':>18}" + "".join(f"{one:>26}" for one in told))
    print()


def floors(lines: dict[str, dict[str, Line]], played: Sequence[Played]) -> list[tuple[str, bool]]:
    """Each with whether it holds."""
    found = []
    for policy, least in FLOORS.items():
        mean = mean_of(lines, list(lines), policy)
        found.append((f"{policy}: {mean:.1f} % of the oracle on average, at least {least:.0f}", mean >= least))
    for policy in FLOORS:
        bounds = {name: gain.low for name, row in lines.items() if (gain := row[policy].gain) and gain.low is not None}
        worst = min(bounds, key=bounds.__getitem__)
        told = f"{policy}: the bound against the best simple rule is {bounds[worst]:+.1f} in {worst}, at least {-POINTS_BELOW:+.1f}"
        found.append((told, bounds[worst] >= -POINTS_BELOW))
    for policy in OURS:
        outside = sum(run.outside for run in played if run.game.policy == policy)
        decisions = sum(run.decisions for run in played if run.game.policy == policy)
        found.append((f"{policy}: {outside} of {decisions} decisions outside the rules, none allowed", outside == 0))
    return found


def groups(lines: dict[str, dict[str, Line]]) -> list[tuple[str, list[str]]]:
    held_out = [name for name in lines if SCENARIOS[name].held_out]
    tuned = [name for name in lines if name not in held_out]
    named = (("mean", tuned), ("mean of *", held_out), ("mean of all", list(lines)))
    return [(label, names) for label, names in named if names]


def mean_of(lines: dict[str, dict[str, Line]], names: list[str], policy: str) -> float:
    return float(np.mean([lines[name][policy].of_oracle.mean for name in names]))


def titled(name: str) -> str:
    return name + (" *" if SCENARIOS[name].held_out else "")


if __name__ == "__main__":
    main()
