"""What is true about every ad of a world and seen by nobody but the oracle: drawn from a seed, through creative DNA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.market.scenarios import LATENTS, Scenario

Vector = npt.NDArray[np.float64]

_DAY = 24
# Ads join between these parts of the run, so that each has time to show what it is.
_FIRST_ARRIVAL, _LAST_ARRIVAL = 0.08, 0.7
_LARGEST_RATE = 0.5  # of clicks and leads; ten and more standard deviations out


@dataclass(frozen=True)
class Truth:
    """Arrays over the ads of a run, in order of their start.

    Attributes:
        start: hour in which the ad may first deliver.
        dna: what is known about a creative before it runs, one row an ad.
        ctr, lead_rate: of a fresh ad, and leads per click.
        stages: chance to pass each stage, one row an ad.
        value: expected amount of a won deal; ``value_median`` is the median.
        cpm: cost of 1,000 impressions at hardly any budget.
        tiring: k of CTR × exp(-k × impressions).
    """

    start: npt.NDArray[np.int64]
    dna: Vector
    ctr: Vector
    lead_rate: Vector
    stages: Vector
    value: Vector
    value_median: Vector
    cpm: Vector
    tiring: Vector

    @property
    def click_worth(self) -> Vector:
        """Expected revenue of a click."""
        return np.asarray(self.lead_rate * self.stages.prod(axis=1) * self.value)

    @property
    def impression_worth(self) -> Vector:
        """Expected revenue of an impression of the fresh ad."""
        return self.ctr * self.click_worth

    def only(self, ads: slice) -> Truth:
        """Some of the ads."""
        return Truth(*(getattr(self, f.name)[ads] for f in fields(self)))


def draw_truth(scenario: Scenario, seed: int, days: int) -> Truth:
    """A whole run's ads; equal scenarios, seeds and days give equal worlds."""
    random = rng("market truth", scenario.name, seed)
    ads = _drawn(scenario, scenario.ads, _rotation(random), random)
    return replace(ads, start=_starts(scenario, days, random))


def truth_of(scenario: Scenario, seed: int, ads: Sequence[str]) -> Truth:
    """Ads of the same kind that appear one by one: each is what its own name and the seed make it, whoever else runs."""
    rotation = _rotation(rng("market dna", scenario.name, seed))
    rows = [_drawn(scenario, 1, rotation, rng("market ad", scenario.name, seed, ad)) for ad in ads]
    nobody = _drawn(scenario, 0, rotation, rng("nobody"))
    return Truth(*(np.concatenate([getattr(one, f.name) for one in (nobody, *rows)]) for f in fields(Truth)))


def _drawn(scenario: Scenario, ads: int, rotation: Vector, random: np.random.Generator) -> Truth:
    """So many ads that may begin at once."""
    dna, latents = _latents(scenario, ads, rotation, random)
    shifts = latents * np.array(scenario.spreads)
    odds = np.log(np.array(scenario.stage_chances) / (1 - np.array(scenario.stage_chances)))
    median = scenario.deal_value * np.exp(shifts[:, 5])
    fair_impressions = 1000 * scenario.fair_share / (scenario.base_cpm * (1 + scenario.cpm_rise))
    tiring = math.log(2) / (scenario.tiring_days * fair_impressions)
    cpm, tire = random.standard_normal((2, ads))
    return Truth(
        start=np.zeros(ads, dtype=np.int64),
        dna=dna,
        ctr=np.minimum(scenario.ctr * np.exp(shifts[:, 0]), _LARGEST_RATE),
        lead_rate=np.minimum(scenario.lead_rate * np.exp(shifts[:, 1]), _LARGEST_RATE),
        stages=1 / (1 + np.exp(-(odds + shifts[:, 2:5]))),
        value=median * math.exp(scenario.amount_spread**2 / 2),
        value_median=median,
        cpm=scenario.base_cpm * np.exp(scenario.cpm_spread * cpm),
        tiring=tiring * np.exp(scenario.tiring_spread * tire),
    )


def _rotation(random: np.random.Generator) -> Vector:
    """How DNA tells of latents, the same for all ads of a market."""
    size = len(LATENTS)
    return np.asarray(np.linalg.qr(random.standard_normal((size, size)))[0])


def _latents(scenario: Scenario, ads: int, rotation: Vector, random: np.random.Generator) -> tuple[Vector, Vector]:
    """DNA and standardised latents, shape (ads, `LATENTS`): a rotation of the DNA, and what it does not tell."""
    dna, rest = random.standard_normal((2, ads, len(LATENTS)))
    mixed = math.sqrt(scenario.dna_share) * dna @ rotation + math.sqrt(1 - scenario.dna_share) * rest
    if scenario.tail_freedom is not None:
        freedom = scenario.tail_freedom
        mixed *= np.sqrt((freedom - 2) / random.chisquare(freedom, mixed.shape))
    return dna, mixed @ np.linalg.cholesky(_correlation(scenario)).T


def _correlation(scenario: Scenario) -> Vector:
    matrix = np.eye(len(LATENTS))
    for first, second, value in scenario.correlations:
        row, column = LATENTS.index(first), LATENTS.index(second)
        matrix[row, column] = matrix[column, row] = value
    return matrix


def _starts(scenario: Scenario, days: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Whole quarters of days; equal parts of the run, each with its arrival at a random place."""
    places = (np.arange(scenario.arrivals) + random.random(scenario.arrivals)) / max(scenario.arrivals, 1)
    parts = _FIRST_ARRIVAL + (_LAST_ARRIVAL - _FIRST_ARRIVAL) * places
    quarters = np.ceil(parts * days * _DAY / 6).astype(np.int64) * 6
    return np.concatenate([np.zeros(scenario.ads_at_start, dtype=np.int64), quarters])
