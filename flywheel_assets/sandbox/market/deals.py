"""Leads and deals of a simulated run: drawn whole when the click comes, shown only as time passes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flywheel_assets.sandbox.market.scenarios import STAGES, Scenario
from flywheel_assets.sandbox.market.truth import Truth, Vector

Whole = npt.NDArray[np.int64]

_NEVER = math.inf
NOBODY = -1


@dataclass(frozen=True)
class Deals:
    """One row a lead, by hour of its click.

    Attributes:
        ad: whose click it was; ``seen_ad`` is what attribution says, `NOBODY` where it does not know.
        click_hour: index of the hour.
        entered: when each of `STAGES` is entered; infinite where that never comes.
        lost: when somebody marks the deal as lost; mostly infinite.
        amount: of the offer, with cents.
    """

    ad: Whole
    seen_ad: Whole
    click_hour: Whole
    entered: Vector
    lost: Vector
    amount: Vector

    def __len__(self) -> int:
        return len(self.ad)

    def joined(self, later: Deals) -> Deals:
        """Both, these first."""
        return Deals(*(np.concatenate([getattr(self, f.name), getattr(later, f.name)]) for f in fields(self)))

    def stage_at(self, now: int) -> Whole:
        """Index into `STAGES`; -1 for a lead that is not there yet."""
        return np.asarray((self.entered <= now).sum(axis=1) - 1, dtype=np.int64)


@dataclass(frozen=True)
class Course:
    """What becomes of one lead, in hours since it came in.

    Attributes:
        entered: when each stage after the first is entered, as far as the deal gets.
        lost: when somebody marks it as lost; None where nobody ever does.
        amount: as `Deals` has it.
    """

    entered: tuple[float, ...]
    lost: float | None
    amount: float


def course_of(deals: Deals, row: int) -> Course:
    """One lead's future."""
    since = deals.entered[row] - deals.entered[row, 0]
    lost = float(deals.lost[row] - deals.entered[row, 0])
    entered = tuple(float(hours) for hours in since[1:] if math.isfinite(hours))
    return Course(entered, lost if math.isfinite(lost) else None, float(deals.amount[row]))


def no_deals() -> Deals:
    """Before the first click."""
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    return Deals(whole, whole, whole, np.zeros((0, len(STAGES))), none, none)


def draw_deals(
    leads: Whole, first_hour: int, running: int, *, truth: Truth, scenario: Scenario, random: np.random.Generator
) -> Deals:
    """What becomes of the leads of some hours, shape (hours, ads); ``running`` ads there are to take them for."""
    hours, ads = np.nonzero(leads)
    counts = leads[hours, ads]
    ad, hour = np.repeat(ads, counts), np.repeat(hours, counts) + first_hour
    entered, lost = _journeys(hour, truth.stages[ad], scenario, random)
    amount = truth.value_median[ad] * np.exp(scenario.amount_spread * random.standard_normal(len(ad)))
    seen = _attributed(ad, running, scenario, random)
    return Deals(ad, seen, hour, entered, lost, np.maximum(np.round(amount, 2), 0.01))


def _journeys(hour: Whole, chances: Vector, scenario: Scenario, random: np.random.Generator) -> tuple[Vector, Vector]:
    """Times at which the stages are entered, and at which a lost deal is marked so."""
    number = len(hour)
    lead = hour + random.random(number) + random.exponential(scenario.lead_hours, number)
    lags = np.array(scenario.stage_hours) * np.exp(scenario.stage_spread * random.standard_normal((number, 3)))
    lags[random.random((number, 3)) < scenario.slow_share] *= scenario.slow_factor
    passed = np.logical_and.accumulate(random.random((number, 3)) < chances, axis=1)
    reached = passed.sum(axis=1)
    ends = lead[:, None] + np.cumsum(lags, axis=1)
    entered = np.column_stack([lead, np.where(passed, ends, _NEVER)])
    told = (reached < len(STAGES) - 1) & (random.random(number) < scenario.told_share)
    lost = np.where(told, ends[np.arange(number), np.minimum(reached, 2)], _NEVER)
    return entered, lost


def _attributed(ad: Whole, running: int, scenario: Scenario, random: np.random.Generator) -> Whole:
    luck = random.random(len(ad))
    other = random.integers(0, running, len(ad))
    seen = np.where(luck < scenario.wrong_ad, other, ad)
    return np.asarray(np.where(luck >= 1 - scenario.no_ad, NOBODY, seen), dtype=np.int64)
