"""One decision about an account's budgets, pure: states in, an allocation with a reason for every ad out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from flywheel_assets.budget.gate import gate
from flywheel_assets.budget.plan import Arm, plan
from flywheel_assets.budget.policies import policy_of
from flywheel_assets.budget.projection import Projection
from flywheel_assets.budget.reasons import binding, change_percent, explain
from flywheel_assets.budget.types import AdState, Allocation, Recommendation
from flywheel_assets.core.account import Account
from flywheel_assets.core.money import Money
from flywheel_assets.settings import Budget


def allocate(
    states: Sequence[AdState], account: Account, rules: Budget, hour: datetime, rng: np.random.Generator
) -> Allocation:
    """Share the plan's part for running ads out among the account's active ads.

    Args:
        states: as of the end of ``hour``.
        account: whose plan it is; new creatives' share of it is left out.
        rules: limits of decisions.
        hour: the closed hour the decision is made after.
        rng: seeded.

    Blocked ads keep their budgets, which count toward the plan; ads that do not spend are left out.
    """
    running = sorted((state for state in states if state.active), key=lambda state: state.ad_id)
    free = [state for state in running if state.blocked is None]
    pinned = [state for state in running if state.blocked is not None and state.current_budget is not None]
    wanted = round(account.money(account.daily_plan).minor * (1 - account.new_creative_share))
    total = wanted - sum(state.budget for state in pinned)
    arms = _arms(free, total, account, rules, rng)
    found = plan(arms, total, rules.min_change_percent)
    lines = [_blocked(state) for state in pinned]
    lines += [_decided(arm, amount) for arm, amount in zip(arms, found.amounts, strict=True)]
    planned = sum(line.recommended_budget for line in lines)
    return Allocation(
        account_id=account.account_id,
        hour=hour,
        policy=account.policy,
        wanted=wanted,
        planned=planned,
        currency=account.currency,
        summary=_summary(states, lines, wanted, found, account.currency),
        decided=bool(arms),
        recommendations=tuple(sorted(lines, key=lambda line: line.ad_id)),
    )


def _arms(free: Sequence[AdState], total: int, account: Account, rules: Budget, rng: np.random.Generator) -> list[Arm]:
    """The policy is asked about the total that can be reached now; a farther one would only look like confidence."""
    low, high = (sum(state.interval[side] for state in free) for side in (0, 1))
    reachable = min(max(total, low), high)
    spend = account.money(str(rules.ignorance_spend)).minor
    targets = policy_of(account).targets(free, reachable, rng)
    return [Arm(state, target, gate(state, target, rules, spend)) for state, target in zip(free, targets, strict=True)]


def _decided(arm: Arm, amount: int) -> Recommendation:
    state = arm.state
    return Recommendation(
        ad_id=state.ad_id,
        object_ref=state.object_ref,
        current_budget=state.budget,
        recommended_budget=amount,
        change_percent=round(change_percent(state.budget, amount), 4),
        confidence=arm.gated.confidence,
        reason=explain(arm, amount),
        binding=binding(arm, amount),
        metrics={**arm.target.metrics, "target": round(arm.target.budget, 2), "age_hours": round(state.age, 2)},
    )


def _blocked(state: AdState) -> Recommendation:
    rule, _, why = (state.blocked or "").partition(": ")
    return Recommendation(
        ad_id=state.ad_id,
        object_ref=state.object_ref,
        current_budget=state.budget,
        recommended_budget=state.budget,
        change_percent=0.0,
        confidence=None,
        reason=f"Unchanged: {why}.",
        binding=rule,
        metrics={},
    )


def _summary(
    states: Sequence[AdState],
    lines: Sequence[Recommendation],
    wanted: int,
    found: Projection,
    currency: str,
) -> str:
    blocked = [state for state in states if state.blocked is not None]
    if not states:
        return "Nothing to decide: the account has no ads yet."
    if len(blocked) == len(states):
        return f"Nothing could be decided: all {len(states)} ads are blocked; the first: {blocked[0].blocked}."
    up = sum(line.recommended_budget > line.current_budget for line in lines)
    down = sum(line.recommended_budget < line.current_budget for line in lines)
    planned = sum(line.recommended_budget for line in lines)
    parts = [f"{up} up, {down} down, {len(lines) - up - down} unchanged"]
    parts.append(f"{Money(planned, currency)} of {Money(wanted, currency)} a day planned{_beyond(found, currency)}")
    if blocked:
        parts.append(f"{len(blocked)} of {len(states)} ads blocked, the first: {blocked[0].blocked}")
    return "; ".join(parts) + "."


def _beyond(found: Projection, currency: str) -> str:
    if found.beyond > 0:
        left = Money(found.beyond, currency)
        return f" ({left} cannot be placed now: ceilings, the velocity rule or moves too small to be worth an action)"
    if found.beyond < 0:
        over = Money(-found.beyond, currency)
        return f" ({over} more than the plan: floors, the velocity rule or moves too small keep it there; pause ads or raise the plan)"
    return ""
