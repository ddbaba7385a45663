"""How far deals get and how long it takes, when most have not got there yet.

A deal waits in a stage until it moves on, is marked lost, or is forgotten without a mark. The time
to move is lognormal; a mark comes as late as a move. All are fitted together by EM, in which ten
pseudo-deals keep an account with few deals sane.

The request shows when a deal entered its present stage, not the ones before; the time since the
click is split over the stages passed in proportion to their usual lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    fitted: Lags


@dataclass(frozen=True)
class Lags:
    """All transitions of an account, one row each and one column, so that they meet rows of ages.

    Attributes:
        chance: that the transition is made at all.
        marked: share of the others that is marked lost.
        mean, spread: of the log hours it takes.
    """

    chance: Vector
    marked: Vector
    mean: Vector
    spread: Vector

    @property
    def lengths(self) -> Vector:
        """Mean hours of each."""
        return np.asarray(np.exp(self.mean + self.spread**2 / 2)[:, 0])

    def of(self, index: int) -> Lags:
        """One transition of them."""
        row = slice(index, index + 1)
        return Lags(self.chance[row], self.marked[row], self.mean[row], self.spread[row])

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
    """What EM reads, a row a transition.

    Attributes:
        moved, lost: deals.
        waiting: deals by age, (transitions, bins).
        passed: number, sum and sum of squares of the log hours from click to each stage, (stages, 3).
        lead: mean hours from click to lead.
    """

    moved: Vector
    lost: Vector
    usual_chance: Vector
    usual_mean: float
    waiting: Vector
    passed: Vector
    lead: float


def steps_of(columns: Columns) -> Steps:
    """Fit all transitions; without stages the arrays are empty."""
    count, deals = columns.transitions, columns.deals
    at = deals.stage[:, None] == np.arange(count)
    moved = _by_ad(columns, deals.stage[:, None] > np.arange(count))
    lost = _by_ad(columns, at & deals.lost[:, None])
    usual = _usual_chances(columns)
    fitted = _fit(columns, moved.sum(axis=0), lost.sum(axis=0), usual)
    trials = moved + lost
    for index in range(count):
        waiting = at[:, index] & ~deals.lost
        weights = fitted.of(index).forgotten(deals.stage_age[waiting])[0]
        trials[:, index] += columns.per_ad(deals.ad[waiting], weights)
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


def _fit(columns: Columns, moved: Vector, lost: Vector, usual: Vector) -> Lags:
    count, deals = columns.transitions, columns.deals
    mean = float(np.log(_USUAL_HOURS / max(count, 1)) - _USUAL_SPREAD**2 / 2)
    rows = np.ones((count, 1))
    fitted = Lags(usual[:, None], _USUAL_MARKED * rows, mean * rows, _USUAL_SPREAD * rows)
    if not len(deals.ad) or not count:
        return fitted
    open_ = ~deals.lost
    bins = np.searchsorted(_EDGES, deals.stage_age[open_], side="right") - 1
    cell = np.minimum(deals.stage[open_], count) * _BINS + np.clip(bins, 0, _BINS - 1)
    waiting = np.bincount(cell, minlength=(count + 1) * _BINS).astype(np.float64).reshape(-1, _BINS)[:count]
    taken = np.log(np.clip(deals.click_age - deals.stage_age, _SHORTEST, _LONGEST))
    powers = (np.ones_like(taken), taken, taken**2)
    passed = np.stack([np.bincount(deals.stage, logs, count + 1) for logs in powers], axis=1).astype(np.float64)
    seen = _Seen(moved[:, None], lost[:, None], usual[:, None], mean, waiting, passed, _lead_hours(columns))
    for _ in range(_ROUNDS):
        fitted = _turn(fitted, seen)
    return fitted


def _turn(lags: Lags, seen: _Seen) -> Lags:
    """One turn of EM: waiting deals are shared among those that move later, are marked later, and are forgotten."""
    done, z = lags.share(_AGES), lags.z(_AGES)
    still = lags.still(done)
    later = seen.waiting * lags.chance * (1 - done) / still
    marked = seen.lost + _summed(seen.waiting * (1 - lags.chance) * lags.marked * (1 - done) / still)
    density = np.exp(-np.minimum(z**2, 1400.0) / 2) / np.sqrt(2 * np.pi)
    hazard = np.where(1 - done > _TINY, density / np.maximum(1 - done, _TINY), np.maximum(z, 0.0))
    number, total, squares = _finished(lags.lengths, seen)
    weight = number + _summed(later) + _PSEUDO
    first = total + _summed(later * (lags.mean + lags.spread * hazard))
    mean = (first + _PSEUDO * seen.usual_mean) / weight
    off = lags.mean - mean
    beyond = lags.spread**2 * (1 + z * hazard) + off**2 + 2 * off * lags.spread * hazard
    around = squares - 2 * mean * total + number * mean**2 + _summed(later * beyond)
    variance = (around + _PSEUDO * (_USUAL_SPREAD**2 + (seen.usual_mean - mean) ** 2)) / weight
    waiting = _summed(seen.waiting)
    gone = waiting - _summed(later) + seen.lost
    chance = (seen.moved + _summed(later) + _PSEUDO_CHANCE * seen.usual_chance) / (
        seen.moved + seen.lost + waiting + _PSEUDO_CHANCE
    )
    return Lags(
        np.clip(chance, 1e-4, 1 - 1e-4),
        (marked + _PSEUDO_CHANCE * _USUAL_MARKED) / (gone + _PSEUDO_CHANCE),
        mean,
        np.clip(np.sqrt(variance), 0.1, 2.0),
    )


def _summed(rows: Vector) -> Vector:
    return np.asarray(rows.sum(axis=1, keepdims=True))


def _finished(lengths: Vector, seen: _Seen) -> tuple[Vector, Vector, Vector]:
    """Number, sum and sum of squares of the log hours that finished transitions took."""
    before = seen.lead + np.cumsum(lengths)
    # Row: a transition; column: the stage a deal is in, which lies after that transition or tells nothing of it.
    part = np.log(lengths)[:, None] - np.log(before)[None, :]
    after = np.triu(np.ones_like(part))
    count, first, second = seen.passed[1:].T
    squares = second + 2 * part * first + count * part**2
    return _summed(after * count), _summed(after * (first + count * part)), _summed(after * squares)


def _lead_hours(columns: Columns) -> float:
    """Mean hours from click to lead, from deals still in the first stage."""
    deals = columns.deals
    taken = (deals.click_age - deals.stage_age)[deals.stage == 0]
    return float((taken.sum() + _PSEUDO * _LEAD_HOURS) / (len(taken) + _PSEUDO))
