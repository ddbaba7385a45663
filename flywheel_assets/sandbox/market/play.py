"""One run of one policy through one world, and many runs on several processors."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.market.capped import MINIMUM, STEP, Cents, bounds, capped
from flywheel_assets.sandbox.market.policies import Listener, policy_of
from flywheel_assets.sandbox.market.scenarios import SCENARIOS, Scenario
from flywheel_assets.sandbox.market.seen import Seen
from flywheel_assets.sandbox.market.truth import Vector
from flywheel_assets.sandbox.market.world import World

_DAY = 24
_HALF_A_CENT = 0.005


@dataclass(frozen=True)
class Game:
    """Which run; equal games have equal results, but for ``Played.seconds``."""

    scenario: str
    policy: str
    seed: int
    days: int = 60
    every: int = 6


@dataclass(frozen=True)
class Played:
    """What came of it, by day and ad: shape (days, ads).

    Attributes:
        revenue: expected, caused by the day's impressions, whenever it comes.
        spend: money that was really spent.
        share: of the day's budget.
        worth: expected revenue per impression of each fresh ad, to tell good ads from bad ones.
        seconds: of processor time that the policy took, over ``decisions``.
        outside: decisions whose wish itself, before the projection, missed the total or moved a
            budget by more than a fifth. Simple rules never look at that; ours must have none.
    """

    game: Game
    revenue: Vector
    spend: Vector
    share: Vector
    worth: Vector
    seconds: float
    decisions: int
    outside: int


def play(game: Game, watch: Callable[[World], None] | None = None, listen: Listener | None = None) -> Played:
    """Run a policy to the end, with a decision every so many hours and equal budgets in the first of them.

    ``watch`` is handed the world when everything has happened, ``listen`` every decision of ours.
    """
    scenario = SCENARIOS[game.scenario]
    world = World(scenario, game.seed, game.days)
    policy = policy_of(game.policy, world, listen)
    random = rng("market policy", game.scenario, game.policy, game.seed)
    total, seconds, decisions, outside = round(100 * scenario.daily_total), 0.0, 0, 0
    world.run(_equal(total, scenario.ads_at_start), game.every)
    while not world.over:
        low, high = bounds(world.past_budgets())
        launched = _launches(world, scenario, total - int(low.sum()))
        rest = total - int(launched.sum())
        seen = world.see(rest)
        began = time.process_time()
        wish = policy(seen, random)
        seconds, decisions = seconds + time.process_time() - began, decisions + 1
        outside += _breaks(wish, seen)
        world.run(np.concatenate([capped(wish, low, high, rest), launched]), game.every)
    if watch is not None:
        watch(world)
    return _played(game, world, seconds=seconds, decisions=decisions, outside=outside)


def play_all(games: Iterable[Game], processes: int = 2) -> Iterator[Played]:
    """Every run, as each is done; one process stays in this one. After an error or an interrupt no more are begun."""
    if processes == 1:
        yield from map(play, games)
        return
    # An interrupt reaches all processes of a terminal; only this one answers it.
    ignored = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=signal.signal, initargs=ignored)
    try:
        for done in as_completed([pool.submit(play, game) for game in games]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _launches(world: World, scenario: Scenario, room: int) -> Cents:
    """Budgets of the ads that begin now: a fair share each, as many as the others can make room for."""
    fair = max(round(100 * scenario.fair_share), MINIMUM)
    return np.full(min(world.waiting(), max(room, 0) // fair), fair, dtype=np.int64)


def _equal(total: int, ads: int) -> Cents:
    part, rest = divmod(total, ads)
    return part + (np.arange(ads) < rest).astype(np.int64)


def _breaks(wish: Vector, seen: Seen) -> bool:
    """To half a cent."""
    moved = np.abs(wish - seen.budget) > STEP * seen.budget + _HALF_A_CENT
    return bool(moved.any()) or abs(float(wish.sum()) - seen.total) > _HALF_A_CENT


def _played(game: Game, world: World, *, seconds: float, decisions: int, outside: int) -> Played:
    def by_day(hourly: Vector) -> Vector:
        return np.asarray(hourly.reshape(game.days, _DAY, -1).sum(axis=1))

    budgets = by_day(world.budgets.astype(float))
    return Played(
        game=game,
        revenue=by_day(world.revenue),
        spend=by_day(world.spend),
        share=budgets / budgets.sum(axis=1, keepdims=True),
        worth=world.truth.impression_worth,
        seconds=seconds,
        decisions=decisions,
        outside=outside,
    )
