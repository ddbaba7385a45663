"""What the history's clicks brought, or will: the worth of every deal by its stage, and of a click of every ad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flywheel_assets.budget.backtest.history import Deals, History, Index, Vector
from flywheel_assets.budget.backtest.replay import Moment
from flywheel_assets.budget.belief.blocks import Blocks
from flywheel_assets.budget.belief.lags import Lags, steps_of
from flywheel_assets.budget.belief.response import response_of
from flywheel_assets.budget.belief.wear import wear_of
from flywheel_assets.budget.columns import Columns
from flywheel_assets.budget.policies.outlook import outlook_of
from flywheel_assets.budget.reading import columns_of
from flywheel_assets.budget.request import parse

DRAWS = 256
_RESAMPLED = 48
_DAY = 24.0


@dataclass(frozen=True)
class Outcome:
    """Beliefs in hindsight, from the whole history.

    Attributes:
        deal_value: expected final value of each deal.
        period: of each deal's click.
        click_value: revenue a click of each ad brings, shape (draws, ads).
        steep: how much dearer a daily budget makes impressions, as in 1 + steep × budget; (draws, ads).
        tiring: decay of the click rate per impression; (draws, ads).
    """

    deal_value: Vector
    period: Index
    click_value: Vector
    steep: Vector
    tiring: Vector


def outcome_of(history: History, rng: np.random.Generator) -> Outcome:
    """Work it out; needs at least one deal with an amount."""
    delivery, deals = history.delivery, history.deals
    every = np.ones(len(delivery.ads), dtype=bool)
    # Fixed budgets of the same kind for all: hindsight decides nothing.
    asked = Moment(history, history.end, every, 0).request(
        np.ones(len(every)), float(len(every)), "funnel", everything=True
    )
    columns = columns_of(parse(asked))
    outlook = outlook_of(columns, rng)
    place = np.argsort(columns.order)  # columns are sorted by id
    clicks = (outlook.value / outlook.clicks)[:, place]
    chosen = rng.integers(0, len(clicks), DRAWS)
    steep, tiring = _curves(history, rng)
    period = np.searchsorted(delivery.start, deals.click, side="right") - 1
    return Outcome(_deal_values(deals, columns, history.end), period, clicks[chosen], steep, tiring)


def _deal_values(deals: Deals, columns: Columns, end: float) -> Vector:
    """Amount of a won deal; of an open one, what its stage and its waiting time let one expect."""
    lags, stage = steps_of(columns).fitted, deals.stage_at(end)
    chances = lags.chance[:, 0]
    won = stage == len(chances)
    known = np.isfinite(deals.amount)
    usual = float(deals.amount[known].mean()) if known.any() else 0.0
    amount = np.where(known, deals.amount, usual)
    chance = np.where(won, 1.0, 0.0)
    for index in range(len(chances)):
        here = stage == index
        since = np.maximum(deals.entered[here, index], deals.created[here])
        age = end - np.where(np.isfinite(since), since, deals.created[here])
        chance[here] = _still_moves(lags.of(index), age) * float(np.prod(chances[index + 1 :]))
    chance[(deals.lost <= end) & ~won] = 0.0
    chance[stage < 0] = 0.0
    return np.asarray(chance * amount)


def _still_moves(step: Lags, age: Vector) -> Vector:
    """Chance that a deal moves on which has waited so long; ``step`` is one transition."""
    done = step.share(age)
    return np.asarray((step.chance * (1 - done) / step.still(done))[0])


def _curves(history: History, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Response and fatigue with the uncertainty of the account's: fitted again on ads drawn with replacement."""
    blocks = _days(history)
    count = len(blocks.impressions)
    typical = max(float(np.nanmean(np.where(blocks.budget > 0, blocks.budget, np.nan))), 1e-9)
    whole = _fitted(blocks, typical)
    drawn = [_fitted(_of_ads(blocks, rng.integers(0, count, count)), typical) for _ in range(_RESAMPLED)]
    steep = np.array([np.exp(np.log(one).mean()) for one, _ in drawn]) / np.exp(np.log(whole[0]).mean())
    tiring = np.array([one.mean() for _, one in drawn]) / max(float(whole[1].mean()), 1e-15)
    chosen = rng.integers(0, _RESAMPLED, DRAWS)
    return steep[chosen, None] * whole[0], np.minimum(tiring[chosen, None], 10.0) * whole[1]


def _fitted(blocks: Blocks, typical: float) -> tuple[Vector, Vector]:
    spend, shown = blocks.spend.sum(axis=1), blocks.impressions.sum(axis=1)
    return response_of(blocks, typical, spend, shown).steep, wear_of(blocks, None).k


def _of_ads(blocks: Blocks, ads: Index) -> Blocks:
    return Blocks(*(getattr(blocks, name)[ads] for name in ("impressions", "clicks", "spend", "budget", "position")))


def _days(history: History) -> Blocks:
    """The whole history by days: a row an ad."""
    delivery = history.delivery
    day = np.floor_divide(delivery.start, _DAY).astype(int)
    count = int(day[-1]) + 1

    def summed(values: Vector) -> Vector:
        found = np.zeros((count, values.shape[1]))
        np.add.at(found, day, values)
        return found.T

    impressions, clicks, spend = (summed(one) for one in (delivery.impressions, delivery.clicks, delivery.spend))
    budget = np.where(spend > 0, spend, np.nan)
    position = np.cumsum(impressions, axis=1) - impressions / 2
    return Blocks(impressions, clicks, spend, budget, position)
