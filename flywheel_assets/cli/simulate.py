"""``flywheel simulate``: what each policy would earn in a market whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.progress import progress_bar
from flywheel_assets.cli.tables import show_table
from flywheel_assets.sandbox.market.paired import Interval, Line, compared
from flywheel_assets.sandbox.market.play import Game, Played, play_all
from flywheel_assets.sandbox.market.policies import ORACLE, POLICIES
from flywheel_assets.sandbox.market.scenarios import SCENARIOS

_ALL = "all"
_HEADINGS = ("policy", "% of oracle", "regret", "ROAS", "on best five", "against the best simple rule", "ms a decision")


@click.command()
@click.option(
    "--scenario",
    "scenarios",
    type=click.Choice([*SCENARIOS, _ALL]),
    multiple=True,
    default=("service",),
    show_default=True,
    help="World to play in; may be repeated.",
)
@click.option(
    "--policy",
    "policies",
    type=click.Choice(POLICIES),
    multiple=True,
    help="Who decides; may be repeated. Default: everybody. The oracle always plays.",
)
@click.option("--seeds", type=click.IntRange(1), default=8, show_default=True, help="Worlds of each scenario.")
@click.option("--first-seed", type=click.IntRange(0), default=1, show_default=True, help="Equal seeds, equal results.")
@click.option("--days", type=click.IntRange(2, 365), default=30, show_default=True, help="Length of a run.")
@click.option(
    "--every",
    type=click.Choice(["1", "6"]),
    default="6",
    show_default=True,
    help="Hours between decisions; budgets move 20 % in six hours either way.",
)
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Runs at a time.")
@click.option(
    "--png",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw revenue and budget shares into this file.",
)
@json_option("one object")
def simulate(
    *,
    scenarios: Sequence[str],
    policies: Sequence[str],
    seeds: int,
    first_seed: int,
    days: int,
    every: str,
    processes: int,
    png: Path | None,
    as_json: bool,
) -> None:
    """Let policies share out the same budget in the same simulated markets, and compare what they earn.

    Revenue is what the spend brings in expectation, whenever it comes. The oracle knows every ad's rates. Every
    policy keeps the same total and moves a budget by at most 20 % in six hours. Intervals are 95 %, over seeds.
    """
    if png is not None:
        png.parent.mkdir(parents=True, exist_ok=True)  # before minutes of work, not after
    worlds = list(SCENARIOS) if _ALL in scenarios else list(dict.fromkeys(scenarios))
    players = [name for name in POLICIES if not policies or name in policies or name == ORACLE]
    games = [
        Game(world, player, seed, days, int(every))
        for world in worlds
        for seed in range(first_seed, first_seed + seeds)
        for player in players
    ]
    runs = _played(games, min(processes, len(games)))
    lines = {world: compared(runs[world]) for world in worlds}
    if as_json:
        show_json(_as_dict(lines, seeds=seeds, first_seed=first_seed, days=days, every=int(every)))
    else:
        _show(lines)
    if png is not None:
        from flywheel_assets.sandbox.market.picture import draw

        draw(runs, lines, seeds=seeds).save(png, format="PNG")
        click.echo(f"picture in {png}", err=True)


def _played(games: Sequence[Game], processes: int) -> dict[str, list[Played]]:
    """Runs by scenario, in the order of the games, whichever was done first."""
    done: dict[Game, Played] = {}
    with progress_bar("simulating") as step:
        for one in play_all(games, processes):
            done[one.game] = one
            step(len(done), len(games), f"{one.game.scenario}: {one.game.policy}")
    by_scenario: dict[str, list[Played]] = {}
    for game in games:
        by_scenario.setdefault(game.scenario, []).append(done[game])
    return by_scenario


def _show(lines: dict[str, list[Line]]) -> None:
    for number, (world, rows) in enumerate(lines.items()):
        scenario = SCENARIOS[world]
        click.echo(f"{chr(10) if number else ''}{world}: {scenario.says}")
        show_table(_HEADINGS, [_row(line) for line in rows], right=_HEADINGS[1:])


def _row(line: Line) -> list[object]:
    return [
        line.policy,
        _told(line.of_oracle),
        f"{line.regret:,.0f}",
        f"{line.roas:.2f}",
        f"{line.best_five:.0f} %",
        f"{line.against} itself" if line.gain is None and line.against else _told(line.gain, signed=True),
        f"{line.milliseconds:.1f}",
    ]


def _told(one: Interval | None, *, signed: bool = False) -> str:
    if one is None:
        return ""
    mean = f"{one.mean:+.1f}" if signed else f"{one.mean:.1f}"
    return mean if one.half is None else f"{mean} ±{one.half:.1f}"


def _as_dict(lines: dict[str, list[Line]], **asked: int) -> dict[str, Any]:
    """Without how long it took, so that equal questions have equal answers."""
    told = {
        world: [{name: value for name, value in asdict(line).items() if name != "milliseconds"} for line in rows]
        for world, rows in lines.items()
    }
    return {**asked, "scenarios": told}
