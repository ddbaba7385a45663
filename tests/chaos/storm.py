"""A storm: changes pour in, the platform is faulty, an account is frozen now and then, and workers die until enough have."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.campaigns import ACCOUNTS
from tests.chaos.nursery import Nursery
from tests.chaos.wishes import Wishes
from tests.chaos.workers import Job
from tests.chaos.world import World

_LOOK = 0.03  # real seconds between two looks of the supervisor
_LOW_WATER = 30  # changes at hand below which the next wave is asked for
_FAULTS = ("html_502", "json_500", "reset_before", "reset_after", "commit_then_hang", "error")
_FREEZE_SECONDS = 0.15
_LEAP = 60.0  # business seconds from look to look at most: many changes fall due at once, and a call takes minutes


@dataclass(frozen=True)
class Plan:
    """How hard it blows.

    Attributes:
        kills: workers that have to die before the storm ends.
        fault_seconds: mean real time between two faults of the platform.
        storm_timeout, heal_timeout: real seconds; who needs longer has failed.
    """

    seed: int
    kills: int
    workers: int = 6
    fault_seconds: float = 0.7
    freezes: int = 15
    storm_timeout: float = 300.0
    heal_timeout: float = 90.0

    @property
    def dice(self) -> Random:
        """Dice of this seed, thrown from the start."""
        return Random(self.seed)  # noqa: S311 - dice, no secret


def job_of(world: World, plan: Plan, folder: Path, **more: Any) -> Job:
    """What the workers of a storm are told."""
    # The name tells the workers' connections from the supervisor's and the platform's own.
    url = world.store.engine.url.update_query_dict({"application_name": "worker"})
    fields: dict[str, Any] = {
        "database": url.render_as_string(hide_password=False),
        "graph_url": world.url,
        "home": folder,
        "blobs": world.store.settings.blob_base,
        "safety": world.safety,
        "workers": plan.workers,
        "seed": plan.seed,
    }
    return Job(**(fields | more))


def rage(
    world: World,
    nurseries: Sequence[Nursery],
    plan: Plan,
    folder: Path,
    meanwhile: Callable[[Random], object] = lambda _: None,
) -> Counter[str]:
    """Blow until enough workers have died; where each of them did.

    Args:
        world: the stage.
        nurseries: where the workers come from.
        plan: how hard it blows.
        folder: for files that are uploaded.
        meanwhile: called at every look of the supervisor, some thirty times a second.
    """
    dice = plan.dice
    wishes = Wishes(world, folder, dice)
    deadline = time.monotonic() + plan.storm_timeout
    left = [round(plan.kills * (number + 1) / (plan.freezes + 1)) for number in range(plan.freezes)]
    while (died := deaths_of(nurseries).total()) < plan.kills:
        _require_peace(nurseries, deadline, f"only {died} of {plan.kills} died")
        if world.work_at_hand() < _LOW_WATER:
            world.enqueue(wishes.wave())
        if dice.random() < _LOOK / plan.fault_seconds:
            world.order({"kind": dice.choice(_FAULTS), "match": {"method": dice.choice(["POST", "POST", None])}})
        if left and died >= left[0]:
            _freeze(world, dice, stop=len(left) == 1)
            left.pop(0)
        meanwhile(dice)
        world.let_time_pass(dice.uniform(0, _LEAP))
        time.sleep(_LOOK)
    return deaths_of(nurseries)


def heal(world: World, nurseries: Sequence[Nursery], plan: Plan) -> None:
    """No more deaths and faults: whatever is open must come to its end."""
    world.order()
    for account_id in world.frozen_accounts():
        world.resume(account_id)
    for nursery in nurseries:
        nursery.heal()
    await_quiet(world, nurseries, plan)


def await_quiet(world: World, nurseries: Sequence[Nursery], plan: Plan) -> None:
    """Let the workers go on until no change is open."""
    deadline = time.monotonic() + plan.heal_timeout
    while world.open_changes() > 0:
        late = f"still open {plan.heal_timeout} s after the storm" if time.monotonic() > deadline else ""
        _require_peace(nurseries, deadline, late and "\n".join([late, *world.open_rows()]))
        world.let_time_pass(_LEAP / 2)
        time.sleep(_LOOK)


def await_deaths(nursery: Nursery, deaths: Counter[str], plan: Plan) -> None:
    """Let a worker that has nothing left to do come to the point at which it waits, and dies."""
    deadline = time.monotonic() + plan.heal_timeout
    while nursery.deaths() != deaths and time.monotonic() < deadline:
        time.sleep(_LOOK)


def deaths_of(nurseries: Sequence[Nursery]) -> Counter[str]:
    """Workers that met their fate, by point."""
    return sum((nursery.deaths() for nursery in nurseries), Counter[str]())


def _require_peace(nurseries: Sequence[Nursery], deadline: float, late: str) -> None:
    """No worker failed by itself, and there is time left."""
    if trouble := "".join(nursery.trouble() for nursery in nurseries):
        raise AssertionError(trouble)
    if time.monotonic() > deadline:
        raise AssertionError(late)


def _freeze(world: World, dice: Random, *, stop: bool) -> None:
    account_id = dice.choice(ACCOUNTS).account_id
    if stop:
        world.stop_spend(account_id)
        time.sleep(_FREEZE_SECONDS)
        world.resume(account_id)
        return
    with world.frozen(account_id):
        time.sleep(_FREEZE_SECONDS)
