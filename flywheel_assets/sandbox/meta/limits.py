"""The twin's throttles: budget changes per ad set and the account's call score, with the usage headers."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.state import SandboxMeta

_HOUR = 3600.0
_BUDGET_CHANGES = 4  # Meta: per ad set and hour, then blocked for an hour
_SCORE_SECONDS = 300.0  # Meta: the score of an account decays over five minutes
READ_COST, WRITE_COST = 1, 3


@dataclass(frozen=True)
class Usage:
    """How much of its call score an account has used, percent; ``regain`` in minutes."""

    percent: float
    regain: int


def count_budget_change(state: SandboxMeta, object_id: int) -> None:
    """Note one budget change of the object that owns the budget.

    Raises:
        GraphError: the fifth within an hour, or any within the hour of the block that follows.
    """
    now = state.now()
    blocked = state.execute("SELECT until FROM budget_blocks WHERE object = ? AND until > ?", object_id, now)
    recent = state.execute("SELECT at FROM budget_changes WHERE object = ? AND at > ?", object_id, now - _HOUR)
    if not blocked and len(recent) >= _BUDGET_CHANGES:
        state.execute("INSERT OR REPLACE INTO budget_blocks VALUES (?, ?)", object_id, now + _HOUR)
    if blocked or len(recent) >= _BUDGET_CHANGES:
        raise GraphError(
            f"The budget of {object_id} was changed {_BUDGET_CHANGES} times within an hour; it is blocked for an hour",
            code=613,
            subcode=1487632,
        )
    state.execute("INSERT INTO budget_changes VALUES (?, ?)", object_id, now)


def usage(state: SandboxMeta, account: str) -> Usage:
    """The account's score over the last five minutes of business time."""
    since = state.now() - _SCORE_SECONDS
    ((score,),) = state.execute(
        "SELECT coalesce(sum(cost), 0) FROM journal WHERE account = ? AND business_time > ?", account, since
    )
    full = score >= state.score_limit
    return Usage(round(100 * score / state.score_limit, 2), int(_SCORE_SECONDS // 60) if full else 0)


def check_score(state: SandboxMeta, account: str) -> None:
    """Refuse when the score is used up."""
    if usage(state, account).regain:
        raise GraphError("User request limit reached", code=17, subcode=2446079)


def headers(account: str, used: Usage) -> dict[str, str]:
    """Meta's usage headers; the twin measures calls, not its processor time, so those shares are zero."""
    shares = {"call_count": used.percent, "total_cputime": 0, "total_time": 0}
    tier = {"ads_api_access_tier": "standard_access"}
    business = {"type": "ads_management", **shares, "estimated_time_to_regain_access": used.regain, **tier}
    own = {"acc_id_util_pct": used.percent, "reset_time_duration": used.regain * 60, **tier}
    return {
        "x-business-use-case-usage": json.dumps({account.removeprefix("act_"): [business]}),
        "x-app-usage": json.dumps(shares),
        "x-ad-account-usage": json.dumps(own),
        "x-fb-ads-insights-throttle": json.dumps(
            {"app_id_util_pct": used.percent, "acc_id_util_pct": used.percent, **tier}
        ),
    }
