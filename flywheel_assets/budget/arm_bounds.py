"""What the budgets of an account's arms may become: plan, velocity, floors, ceilings, holds and pools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flywheel_assets.budget.arms import Arm
from flywheel_assets.budget.bounds import Bounds
from flywheel_assets.budget.limits import DUST, Limits, Mask
from flywheel_assets.budget.placing import Pool
from flywheel_assets.core.account import Account
from flywheel_assets.core.account import Pool as AskedPool
from flywheel_assets.core.money import minor_digits

_LASTING = "opt_out"


def bounds_of_arms(free: Sequence[Arm], blocked: Sequence[Arm], account: Account, wanted: int) -> Bounds:
    """The bounds of ``free`` within the plan's part for running ads, less what ``blocked`` ones keep; minor units."""
    allowed = np.array([arm.first.allowed for arm in free], dtype=np.int64)
    interval = np.array([arm.first.interval for arm in free], dtype=np.int64)
    current = np.array([arm.first.budget for arm in free], dtype=np.int64)
    held = np.array([(arm.held or "").partition(":")[0] for arm in free], dtype=np.str_)
    limits = Limits(interval[:, 0], interval[:, 1], np.clip(current, interval[:, 0], interval[:, 1]))
    still = held != ""
    # Who is held keeps what it has, also where that is outside its floor and ceiling.
    limits = Limits(*(np.where(still, current, amounts) for amounts in (limits.low, limits.high, limits.rest)))
    floor = np.array([arm.first.floor for arm in free], dtype=np.int64)
    ceiling = np.array([arm.first.ceiling for arm in free], dtype=np.int64)
    kept = held == _LASTING
    return Bounds(
        total=wanted - sum(arm.first.budget for arm in blocked),
        limits=limits,
        below=np.where(floor > allowed[:, 0], "floor", "velocity"),
        above=np.where(ceiling < allowed[:, 1], "ceiling", "velocity"),
        held=held,
        minor=10 ** minor_digits(account.currency),
        pools=_pools(free, blocked, account, wanted),
        floor=np.where(kept, current, floor),
        ceiling=np.where(kept, current, ceiling),
    )


def _pools(free: Sequence[Arm], blocked: Sequence[Arm], account: Account, wanted: int) -> tuple[Pool, ...]:
    """An arm that several pools name is in the first of them."""
    mine, theirs = ([_pool_of(arm, account.pools) for arm in arms] for arms in (free, blocked))
    found = []
    for index, pool in enumerate(account.pools):
        members = np.array([one == index for one in mine])
        kept = sum(arm.first.budget for arm, one in zip(blocked, theirs, strict=True) if one == index)
        if members.any():
            found.append(_pool(pool, members, kept, wanted))
    return tuple(found)


def _pool_of(arm: Arm, pools: Sequence[AskedPool]) -> int | None:
    names = frozenset[str]().union(*(state.names for state in arm.states))
    return next((index for index, pool in enumerate(pools) if names & set(pool.objects)), None)


def _pool(pool: AskedPool, members: Mask, kept: int, wanted: int) -> Pool:
    """A fixed share lies between two units; which of them is left to the sum."""
    low, high = int(np.floor(pool.least * wanted + DUST)), int(np.ceil(pool.most * wanted - DUST))
    return Pool(pool.name, members, max(low - kept, 0), max(high - kept, 0))
