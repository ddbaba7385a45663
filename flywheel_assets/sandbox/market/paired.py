"""What many runs say: revenue as a share of the oracle's, and differences between policies seed by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from flywheel_assets.sandbox.market.play import Played
from flywheel_assets.sandbox.market.policies import ORACLE, SIMPLE
from flywheel_assets.sandbox.market.truth import Vector

_TOP = 5
_TWO_SIDED = 0.975


@dataclass(frozen=True)
class Interval:
    """A mean with half the width of its 95 % interval, which takes two seeds at least."""

    mean: float
    half: float | None

    @property
    def low(self) -> float | None:
        """Lower bound."""
        return None if self.half is None else self.mean - self.half


@dataclass(frozen=True)
class Line:
    """One policy in one scenario; shares in percent.

    Attributes:
        of_oracle: revenue relative to the oracle's in the same world.
        gain: points of ``of_oracle`` above ``against``, the best simple rule; None for that rule itself.
        revenue, regret: mean money over the seeds, regret against the oracle.
        roas: revenue per spend.
        best_five: budget on the five best ads that ran.
        milliseconds: of processor time for a decision.
    """

    policy: str
    of_oracle: Interval
    gain: Interval | None
    against: str | None
    revenue: float
    regret: float
    roas: float
    best_five: float
    milliseconds: float


def interval(values: Vector) -> Interval:
    """Of the mean, by Student's t."""
    if len(values) < 2:  # noqa: PLR2004 - one value says nothing about spread
        return Interval(float(values.mean()), None)
    quantile = float(stdtrit(len(values) - 1, _TWO_SIDED))
    return Interval(float(values.mean()), quantile * float(values.std(ddof=1)) / len(values) ** 0.5)


def compared(runs: Iterable[Played]) -> list[Line]:
    """Lines of one scenario in which the oracle and every policy played the same seeds; best first.

    Raises:
        ValueError: a policy lacks a seed.
    """
    by_policy: dict[str, dict[int, Played]] = {}
    for one in runs:
        by_policy.setdefault(one.game.policy, {})[one.game.seed] = one
    seeds = sorted(by_policy[ORACLE])
    for policy, played in by_policy.items():
        if sorted(played) != seeds:
            raise ValueError(f"{policy} played seeds {sorted(played)}, the oracle {seeds}; pairs need both")
    revenue = {name: np.array([played[seed].revenue.sum() for seed in seeds]) for name, played in by_policy.items()}
    percent = {name: 100 * values / revenue[ORACLE] for name, values in revenue.items()}
    against = max((name for name in percent if name in SIMPLE), key=lambda name: percent[name].mean(), default=None)
    lines = [_line(name, list(played.values()), percent, against, revenue) for name, played in by_policy.items()]
    return sorted(lines, key=lambda line: -line.of_oracle.mean)


def _line(
    name: str, runs: list[Played], percent: dict[str, Vector], against: str | None, revenue: dict[str, Vector]
) -> Line:
    paired = against is not None and against != name
    return Line(
        policy=name,
        of_oracle=interval(percent[name]),
        gain=interval(percent[name] - percent[against]) if paired and against else None,
        against=against,
        revenue=float(revenue[name].mean()),
        regret=float((revenue[ORACLE] - revenue[name]).mean()),
        roas=float(np.mean([run.revenue.sum() / run.spend.sum() for run in runs])),
        best_five=100 * float(np.mean([_best_five(run) for run in runs])),
        milliseconds=1000 * float(np.mean([run.seconds / max(run.decisions, 1) for run in runs])),
    )


def _best_five(run: Played) -> float:
    """Mean over days of the budget's share on the best ads of those that had any."""
    worth = np.where(run.share > 0, run.worth, -1.0)
    best = np.argsort(-worth, axis=1)[:, :_TOP]
    return float(np.take_along_axis(run.share, best, axis=1).sum(axis=1).mean())
