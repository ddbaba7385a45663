"""From an allocation to the changes that are asked of the safe executor."""

from __future__ import annotations

from datetime import datetime, timedelta

from flywheel_assets.budget.types import Allocation, Recommendation
from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import AdChange, SetBudget
from flywheel_assets.core.errors import ChangeRefused

# A decision is made after its hour is over and stands until the next one.
_STANDS = timedelta(hours=2)


def key_prefix(account_id: str, hour: datetime) -> str:
    """What the idempotency keys of one decision begin with."""
    return f"budget:{account_id}:{hour:%Y-%m-%dT%H}Z:"


def changes_of(allocation: Allocation, account: Account, hour: datetime) -> tuple[AdChange, ...]:
    """A budget change for every move that is worth an action, cuts first, so that the plan is never exceeded on the way.

    Raises:
        ChangeRefused: the allocation is of another account or hour, or in another currency.
    """
    ours = (account.account_id, hour, account.currency)
    if (allocation.account_id, allocation.hour, allocation.currency) != ours:
        raise ChangeRefused(
            f"allocation of {allocation.account_id} at {allocation.hour:%Y-%m-%d %H:%M} in {allocation.currency}",
            "other_allocation",
            f"changes were asked for {account.account_id} at {hour:%Y-%m-%d %H:%M} in {account.currency}; load that one",
        )
    moves = [line for line in allocation.recommendations if line.worth_an_action]
    moves.sort(key=lambda line: (line.recommended_budget > line.current_budget, line.object_ref))
    return tuple(_change(line, account, hour) for line in moves)


def _change(line: Recommendation, account: Account, hour: datetime) -> AdChange:
    return AdChange(
        account_id=account.account_id,
        campaign_ref=f"{line.object_ref.split('/')[0]}/campaign",
        object_ref=line.object_ref,
        spec=SetBudget(daily_budget=line.recommended_budget),
        idempotency_key=key_prefix(account.account_id, hour) + line.object_ref,
        reasoning=line.reason,
        requested_by="budget_changes",
        currency=account.currency,
        expires_at=hour + _STANDS,
        priority=int(line.recommended_budget < line.current_budget),
    )
