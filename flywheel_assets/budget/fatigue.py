"""Which ads are tired (C8): the decay of their click rate, and a second signal that must agree.

The second signal is a click rate that falls, or people who see the ad too often: either says that
the decay is more than a formula. The decay is exp(-k x impressions). k is fitted to the account's
own ads, pooled and then by ad, unless somebody sets it. A constant of 0.0001, as others use, calls
every normal ad tired within a day (measured). The policies price the same k; `refresh` in a
decision's metrics is the same verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from flywheel_assets.budget.arm_columns import columns_of_arms
from flywheel_assets.budget.arms import Arm
from flywheel_assets.budget.belief.blocks import blocks_of
from flywheel_assets.budget.belief.wear import falling, tiring, wear_of
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.account import Account
from flywheel_assets.settings import Budget


@dataclass(frozen=True)
class Fatigue:
    """How worn one ad is.

    Attributes:
        factor: exp(-k x impressions), 0 to 1.
        falling: its click rate of the last day is below that of the days before, by more than chance explains.
        frequency: impressions per person reached in the last week; None where it is not known.
        tired: the factor is below its limit, and the click rate falls or the frequency is above its own.
    """

    ad_id: str
    factor: float
    falling: bool
    frequency: float | None
    tired: bool
    reason: str


@dataclass(frozen=True)
class AccountFatigue:
    """All ads that spend; ``k`` is the account's decay per impression."""

    k: float
    ads: tuple[Fatigue, ...]


def fatigue_of(states: Sequence[AdState], account: Account, rules: Budget, now: datetime) -> AccountFatigue:
    """How worn the account's running ads are at ``now``, the end of the hour of the states."""
    known = [state for state in states if state.active and state.age_hours is not None]
    arms = [Arm((state,)) for state in known if state.current_budget is not None]
    if not arms:
        return AccountFatigue(0.0, ())
    columns = columns_of_arms(arms, account, now, 1, rules.fatigue_k)
    blocks = blocks_of(columns)
    wear, falls = wear_of(blocks, columns.fatigue_k), falling(blocks)
    factors = np.exp(-wear.k * columns.impressions)
    found = zip(arms, factors.tolist(), falls.tolist(), columns.impressions.tolist(), strict=True)
    agrees = tiring(blocks, columns.frequency, rules.fatigue_frequency) & (factors < rules.fatigue_refresh)
    ads = (_fatigue(*one, tired=tired, rules=rules) for one, tired in zip(found, agrees.tolist(), strict=True))
    return AccountFatigue(wear.pooled, tuple(ads))


def _fatigue(arm: Arm, factor: float, falls: bool, shown: float, *, tired: bool, rules: Budget) -> Fatigue:
    trend, frequency = "falls" if falls else "does not fall", arm.first.frequency
    often = "unknown" if frequency is None else f"{frequency:.1f} in 7 days (limit {rules.fatigue_frequency:g})"
    reason = (
        f"decay factor {factor:.2f} after {shown:.0f} impressions (limit {rules.fatigue_refresh:g}); its click rate "
        f"{trend} against the days before; its frequency is {often}"
    )
    return Fatigue(arm.first.ad_id, factor, falls, frequency, tired, reason)
