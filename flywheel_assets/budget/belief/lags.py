"""How far deals get and how long it takes, when most have not got there yet.

A deal waits in a stage until it moves on, is marked lost, or is forgotten without a mark. The time
to move is lognormal; a mark comes as late as a move. All are fitted together by EM, in which ten
pseudo-deals keep an account with few deals sane.

The request shows when a deal entered its present stage, not the ones before; the time since the
click is split over the stages passed in proportion to their usual lengths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flywheel_assets.budget.columns import Columns

Vector = npt.NDArray[np.float64]

_PSEUDO = 10.0
_PSEUDO_CHANCE = 2.0
_ROUNDS = 25
_BINS = 160
_SHORTEST, _LONGEST = 0.5, 5000.0
# Before there are deals: five to seven days from click to money, the brief says; how regular, nobody knows.
_USUAL_HOURS, _USUAL_SPREAD = 144.0, 0.7
_USUAL_CHANCE = 0.4
_USUAL_MARKED = 0.7
_LEAD_HOURS = 6.0
_TINY = 1e-12
_EDGES = np.concatenate([[0.0], np.geomspace(_SHORTEST, _LONGEST, _BINS - 1), [np.inf]])
_AGES = np.concatenate([[_SHORTEST / 2], np.sqrt(_EDGES[1:-2] * _EDGES[2:-1]), [_LONGEST]])


@dataclass(frozen=True)
class Steps:
    """Transitions between stages.

    Attributes:
        moved: deals that made the transition, (ads, transitions).
        trials: deals that made it or will not: what ``moved`` is out of, corrected for delay.
        usual: chance of each before anything was seen, as the request's chances to win imply it.
        fitted: what the account as a whole does.
    """

    moved: Vector
    trials: Vector
    usual: Vector
    fitted: tuple[Step, ...]


@dataclass(frozen=True)
class Step:
    """One transition: its chance, the share of the others that is marked lost, and the lognormal hours it takes."""

    chance: float
    marked: float
    mean: float
    spread: float

    @property
    def length(self) -> float:
        """Mean hours."""
        return float(np.exp(self.mean + self.spread**2 / 2))

    def z(self, ages: Vector) -> Vector:
        """Ages in standard deviations of the log hours."""
        return np.asarray((np.log(np.maximum(ages, _SHORTEST)) - self.mean) / self.spread)

    def share(self, ages: Vector) -> Vector:
        """Share of moves that are over at an age."""
        from scipy.special import ndtr

        return np.asarray(ndtr(self.z(ages)))

    def still(self, done: Vector) -> Vector:
        """Probability that a deal still waits."""
        return np.maximum(1 - done * (self.chance + (1 - self.chance) * self.marked), _TINY)

    def forgotten(self, ages: Vector) -> Vector:
        """What waiting deals weigh as trials that failed.

        The slope of the log likelihood is moved - chance x trials with these among the trials: a deal
        that waits counts as far as a move would have been seen by now and the deal is not going to make it.
        """
        done = self.share(ages)
        return np.asarray((1 - self.chance) * (1 - self.marked) * done / self.still(done))


@dataclass(frozen=True)
class _Seen:
    """What one turn of EM reads about one transition: counts, waiting deals by age, moments of finished log hours."""

    moved: float
    lost: float
    usual_chance: float
    usual_mean: float
    waiting: Vector
    finished: tuple[float, float, float] = (0.0, 0.0, 0.0)


def steps_of(columns: Columns) -> Steps:
    """Fit all transitions; without stages the arrays are empty."""
    count, deals = columns.transitions, columns.deals
    at = deals.stage[:, None] == np.arange(count)
    moved = _by_ad(columns, deals.stage[:, None] > np.arange(count))
    lost = _by_ad(columns, at & deals.lost[:, None])
    usual = _usual_chances(columns)
    fitted = _fit(columns, moved.sum(axis=0), lost.sum(axis=0), usual)
    trials = moved + lost
    for index, step in enumerate(fitted):
        waiting = at[:, index] & ~deals.lost
        trials[:, index] += columns.per_ad(deals.ad[waiting], step.forgotten(deals.stage_age[waiting]))
    return Steps(moved, trials, usual, fitted)


def _by_ad(columns: Columns, rows: npt.NDArray[np.bool_]) -> Vector:
    cells = [columns.per_ad(columns.deals.ad, rows[:, index].astype(float)) for index in range(rows.shape[1])]
    return np.stack(cells, axis=1) if cells else np.zeros((columns.size, 0))


def _usual_chances(columns: Columns) -> Vector:
    if columns.chances is None:
        return np.full(columns.transitions, _USUAL_CHANCE)
    here, there = columns.chances[:-1], columns.chances[1:]
    implied = np.divide(here, there, out=np.full(len(here), _USUAL_CHANCE), where=there > 0)
    return np.asarray(np.clip(implied, 0.02, 0.98))


# --- the account's own fit --------------------------------------------------------------------------


def _fit(columns: Columns, moved: Vector, lost: Vector, usual: Vector) -> tuple[Step, ...]:
    count, deals = columns.transitions, columns.deals
    mean = float(np.log(_USUAL_HOURS / max(count, 1)) - _USUAL_SPREAD**2 / 2)
    fitted = [Step(float(chance), _USUAL_MARKED, mean, _USUAL_SPREAD) for chance in usual]
    seen = [
        _Seen(
            float(moved[index]),
            float(lost[index]),
            float(usual[index]),
            mean,
            np.histogram(deals.stage_age[(deals.stage == index) & ~deals.lost], bins=_EDGES)[0].astype(float),
        )
        for index in range(count)
    ]
    taken = np.log(np.clip(deals.click_age - deals.stage_age, _SHORTEST, _LONGEST))
    passed = [taken[deals.stage == stage] for stage in range(count + 1)]
    sums = np.array([(len(logs), logs.sum(), (logs**2).sum()) for logs in passed])
    lead = _lead_hours(columns)
    for _ in range(_ROUNDS if len(deals.ad) else 0):
        lengths = np.array([step.length for step in fitted])
        for index in range(count):
            known = replace(seen[index], finished=_finished(index, sums, lengths, lead))
            fitted[index] = _turn(fitted[index], known)
    return tuple(fitted)


def _turn(step: Step, seen: _Seen) -> Step:
    """One turn of EM: waiting deals are shared among those that move later, are marked later, and are forgotten."""
    done, z = step.share(_AGES), step.z(_AGES)
    still = step.still(done)
    later = seen.waiting * step.chance * (1 - done) / still
    marked = seen.lost + float((seen.waiting * (1 - step.chance) * step.marked * (1 - done) / still).sum())
    density = np.exp(-np.minimum(z**2, 1400.0) / 2) / np.sqrt(2 * np.pi)
    hazard = np.where(1 - done > _TINY, density / np.maximum(1 - done, _TINY), np.maximum(z, 0.0))
    number, total, squares = seen.finished
    weight = number + float(later.sum()) + _PSEUDO
    first = total + float((later * (step.mean + step.spread * hazard)).sum())
    mean = (first + _PSEUDO * seen.usual_mean) / weight
    off = step.mean - mean
    beyond = step.spread**2 * (1 + z * hazard) + off**2 + 2 * off * step.spread * hazard
    around = squares - 2 * mean * total + number * mean**2 + float((later * beyond).sum())
    variance = (around + _PSEUDO * (_USUAL_SPREAD**2 + (seen.usual_mean - mean) ** 2)) / weight
    gone = float(seen.waiting.sum() - later.sum()) + seen.lost
    chance = (seen.moved + float(later.sum()) + _PSEUDO_CHANCE * seen.usual_chance) / (
        seen.moved + seen.lost + float(seen.waiting.sum()) + _PSEUDO_CHANCE
    )
    return Step(
        float(np.clip(chance, 1e-4, 1 - 1e-4)),
        (marked + _PSEUDO_CHANCE * _USUAL_MARKED) / (gone + _PSEUDO_CHANCE),
        mean,
        float(np.clip(np.sqrt(variance), 0.1, 2.0)),
    )


def _finished(index: int, sums: Vector, lengths: Vector, lead: float) -> tuple[float, float, float]:
    """Number, sum and sum of squares of the log hours that finished transitions took."""
    number = total = squares = 0.0
    for stage in range(index + 1, len(sums)):
        part = float(np.log(lengths[index] / (lead + lengths[:stage].sum())))
        count, first, second = (float(value) for value in sums[stage])
        number += count
        total += first + count * part
        squares += second + 2 * part * first + count * part**2
    return number, total, squares


def _lead_hours(columns: Columns) -> float:
    """Mean hours from click to lead, from deals still in the first stage."""
    deals = columns.deals
    taken = (deals.click_age - deals.stage_age)[deals.stage == 0]
    return float((taken.sum() + _PSEUDO * _LEAD_HOURS) / (len(taken) + _PSEUDO))
