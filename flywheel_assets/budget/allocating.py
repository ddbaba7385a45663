"""One hour's decision about an account's budgets, pure: states in, an allocation with a reason for every budget out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from flywheel_assets.budget.allocation_lines import decided_lines, unknown_line
from flywheel_assets.budget.arm_bounds import bounds_of_arms
from flywheel_assets.budget.arm_columns import columns_of_arms, stages_of
from flywheel_assets.budget.arms import arms_of
from flywheel_assets.budget.bounds import Bounds
from flywheel_assets.budget.deciding import Decision, decide
from flywheel_assets.budget.policies.table import POLICIES
from flywheel_assets.budget.types import AdState, Allocation, Recommendation
from flywheel_assets.budget.wording import beyond
from flywheel_assets.core.account import Account, PolicyName
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.money import Money
from flywheel_assets.settings import Settings


def allocate(
    states: Sequence[AdState], account: Account, settings: Settings, hour: datetime, rng: np.random.Generator
) -> Allocation:
    """Share the plan's part for running ads out among the account's active ads.

    Args:
        states: as of the end of ``hour``.
        account: whose plan it is; new creatives' share of it is left out, so that a launch takes from nobody.
        settings: limits of decisions.
        hour: the closed hour the decision is made after.
        rng: seeded.

    Budgets of blocked ads stay and count toward the plan; ads that do not spend are left out.
    """
    arms = arms_of(states)
    free = [arm for arm in arms if arm.blocked is None]
    blocked = [arm for arm in arms if arm.blocked is not None]
    wanted = wanted_of(account)
    decision = None
    if free:
        bounds = bounds_of_arms(free, blocked, account, wanted)
        columns = columns_of_arms(free, account, hour + HOUR, _reachable(bounds), settings.budget.fatigue_k)
        policy, percent = POLICIES[policy_of(account)], settings.safety.velocity_percent
        decision = decide(columns, bounds, policy, settings.budget, rng, percent=percent)
    found = [unknown_line(arm) for arm in blocked]
    if decision is not None:
        found += decided_lines(free, decision)
    found.sort(key=lambda line: line.ad_id)
    return Allocation(
        account_id=account.account_id,
        hour=hour,
        policy=policy_of(account),
        wanted=wanted,
        planned=sum(line.recommended_budget for line in found),
        currency=account.currency,
        summary=_summary(states, account, found, decision),
        decided=decision is not None,
        recommendations=tuple(found),
    )


def wanted_of(account: Account) -> int:
    """What the plan gives running ads, minor units: all but the share kept for new creatives."""
    return round(account.money(account.daily_plan).minor * (1 - account.new_creative_share))


def policy_of(account: Account) -> PolicyName:
    """The owner's choice, else `funnel` where the CRM's stages are known, else `blended`."""
    return account.policy or ("funnel" if stages_of(account.hubspot) else "blended")


def _reachable(bounds: Bounds) -> int:
    """The policy is asked about a total that can be reached now; a farther one would only look like confidence."""
    return max(int(np.clip(bounds.total, bounds.limits.low.sum(), bounds.limits.high.sum())), 1)


def _summary(
    states: Sequence[AdState], account: Account, found: Sequence[Recommendation], decision: Decision | None
) -> str:
    blocked = [state for state in states if state.blocked is not None]
    if not states:
        return "Nothing to decide: the account has no ads yet."
    if decision is None:
        return f"Nothing could be decided: all {len(states)} ads are blocked; the first: {blocked[0].blocked}."
    up = sum(line.recommended_budget > line.current_budget for line in found)
    down = sum(line.recommended_budget < line.current_budget for line in found)
    planned, wanted = sum(line.recommended_budget for line in found), wanted_of(account)
    parts = [f"{up} up, {down} down, {len(found) - up - down} unchanged"]
    parts.append(f"{Money(planned, account.currency)} of {Money(wanted, account.currency)} a day planned")
    if decision.placed.beyond:
        parts.append(beyond(decision))
    if blocked:
        parts.append(f"{len(blocked)} of {len(states)} ads blocked, the first: {blocked[0].blocked}")
    if unknown := _unknown_names(states, account):
        parts.append(
            f"the account file names {', '.join(unknown)}, which is no ad of the account; correct or remove it"
        )
    return "; ".join(parts) + "."


def _unknown_names(states: Sequence[AdState], account: Account) -> list[str]:
    """Names in the account's opt-outs and pools that mean none of its ads: a misspelt opt-out protects nothing."""
    known = frozenset[str]().union(*(state.names for state in states))
    asked = {*account.opt_outs, *(name for pool in account.pools for name in pool.objects)}
    return sorted(asked - known)
