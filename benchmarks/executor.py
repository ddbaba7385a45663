"""How many changes a second the safe executor sees through, beside procrastinate; and what a full queue costs a claim.

Throughput: the same number of rows, moved by as many processes, on one embedded Postgres as it ships, in turns.

* The executor does all it always does to a change: claim, look at the object, count under the campaign's lock, write
  the intent, call, write the outcome. The call goes to a stand-in in the same process that answers at once. The
  changes are pauses of ad sets of 400 campaigns, so that no hourly limit binds. Afterwards the audit is held against
  the stand-in's journal.
* procrastinate moves jobs that do nothing, one at a time in each process as is its default, and keeps no audit: it is
  the floor under any queue in Postgres. Its status and events table are all it writes.

Both start from a copy of a loaded and vacuumed database; the clock runs from the first process that begins to the
last that finds nothing more to do. Loading, starting and connecting are not counted.

Claims: how long one takes when so many other open rows stand before the due ones, relative to a queue in which the very
same rows are finished, so that only their being open makes the difference and not the size of a table; in turns again,
without the commit.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from executor_parts import claims, ours, peer
from executor_parts.server import Server, running_server

_CAMPAIGNS = 400
_MOST = 14 * _CAMPAIGNS  # of 15 actions an hour one is kept for safety pauses


@dataclass(frozen=True)
class Pair:
    """Rows per second of one round of each."""

    executor: float
    procrastinate: float

    @property
    def ratio(self) -> float:
        return self.executor / self.procrastinate


@dataclass(frozen=True)
class Scene:
    """One kind of full queue; milliseconds of a claim."""

    open_rows: str
    finished_ms: float
    open_ms: float
    ratio: float


def main() -> None:
    asked = _arguments()
    with running_server() as server:
        settings = server.settings()
        pairs = throughput(server, asked.changes, asked.pairs, asked.processes)
        scenes = [
            Scene(name, *claims.compare(server, asked.claims, asked.open_rows, kinds))
            for name, kinds in claims.SCENES.items()
            if _say(f"claims among {asked.open_rows} rows: {name}")
        ]
    print(as_json(asked, settings, pairs, scenes) if asked.json else table(asked, settings, pairs, scenes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Changes per second beside procrastinate, and claims from a full queue."
    )
    parser.add_argument("--changes", type=int, default=3000, help=f"a round, at most {_MOST} (default 3000)")
    parser.add_argument("--pairs", type=int, default=3, help="rounds of each, in turns (default 3)")
    parser.add_argument("--processes", type=int, default=4, help="workers (default 4)")
    parser.add_argument("--open-rows", type=int, default=100_000, help="rows that cannot be claimed (default 100000)")
    parser.add_argument("--claims", type=int, default=200, help="claims a queue (default 200)")
    parser.add_argument("--json", action="store_true", help="figures for a program")
    asked = parser.parse_args()
    if not _CAMPAIGNS <= asked.changes <= _MOST:
        parser.error(f"--changes {asked.changes} is outside {_CAMPAIGNS} to {_MOST}: beyond, hourly limits would bind")
    return asked


def throughput(server: Server, changes: int, pairs: int, processes: int) -> list[Pair]:
    """Rounds in turns."""
    _say(f"loading {changes} changes and as many jobs")
    templates = ours.loaded(server, changes, _CAMPAIGNS), peer.loaded(server, changes)
    measured = []
    for number in range(pairs):
        _say(f"round {number + 1} of {pairs}")
        own, other = ours.drain(server, templates[0], processes), peer.drain(server, templates[1], processes)
        measured.append(Pair(changes / own.seconds, changes / other.seconds))
    return measured


def as_json(asked: argparse.Namespace, settings: dict[str, str], pairs: list[Pair], scenes: list[Scene]) -> str:
    figures: dict[str, Any] = {
        "processes": asked.processes,
        "changes": asked.changes,
        "server": settings,
        "rounds": [asdict(pair) | {"ratio": pair.ratio} for pair in pairs],
        "ratio": median(pair.ratio for pair in pairs),
        "open_rows": asked.open_rows,
        "claims": [asdict(scene) for scene in scenes],
    }
    return json.dumps(figures, indent=2)


def table(asked: argparse.Namespace, settings: dict[str, str], pairs: list[Pair], scenes: list[Scene]) -> str:
    """The figures, and what they count."""
    shipped = ", ".join(f"{name} {value}" for name, value in settings.items())
    lines = [
        f"{asked.changes} rows a round, {asked.processes} processes; {shipped}",
        "",
        f"{'rows a second':<32} {'executor':>10} {'procrastinate':>14} {'ratio':>7}",
        *(
            f"{f'  round {number}':<32} {pair.executor:>10.0f} {pair.procrastinate:>14.0f} {pair.ratio:>7.2f}"
            for number, pair in enumerate(pairs, 1)
        ),
        f"{'  median of the ratios':<32} {'':>10} {'':>14} {median(pair.ratio for pair in pairs):>7.2f}",
        "",
        f"{f'a claim among {asked.open_rows:,} rows':<32} {'finished':>10} {'open':>14} {'ratio':>7}",
        *(
            f"{f'  {scene.open_rows}':<32} {scene.finished_ms:>7.2f} ms {scene.open_ms:>11.2f} ms {scene.ratio:>7.2f}"
            for scene in scenes
        ),
        "",
        "executor: pauses from queue to audit, held against the platform's journal; procrastinate: jobs that do nothing",
    ]
    return "\n".join(lines)


def _say(what: str) -> bool:
    """Progress, to where it does not disturb the figures."""
    print(what, file=sys.stderr)
    return True


if __name__ == "__main__":
    main()
