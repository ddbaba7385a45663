"""The twin's throttles: budget changes per ad set, the account's call score and pace, with the usage headers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil

from flywheel_assets.sandbox.meta.errors import GraphError
from flywheel_assets.sandbox.meta.state import SandboxMeta

_HOUR = 3600.0
_BUDGET_CHANGES = 4  # Meta: per ad set and hour, then blocked for an hour
_SCORE_SECONDS = 300.0  # Meta: the score of an account decays over five minutes
_READ_COST, _WRITE_COST = 1, 3
_SCORE, _PACE = (17, 2446079), (613, 5044001)
_FREE = frozenset({17, 4})  # codes of calls that were turned away unseen: they add nothing to the score


@dataclass(frozen=True)
class Usage:
    """How much of its call score an account has used, percent; ``seconds`` until it may call again."""

    percent: float
    seconds: float

    @property
    def minutes(self) -> int:
        """As the headers tell it."""
        return ceil(self.seconds / 60)


def cost(method: str, refusal: GraphError | None) -> int:
    """What a call adds to its account's score; a refused one counts too, unless nobody looked at it."""
    if refusal is not None and (refusal.code in _FREE or (refusal.code, refusal.subcode) == _PACE):
        return 0
    return _READ_COST if method == "GET" else _WRITE_COST


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
    """The account's score over the last five minutes of business time, and how long it is shut out."""
    now = state.now()
    blocks = state.execute("SELECT until FROM score_blocks WHERE account = ? AND until > ?", account, now)
    counted = "SELECT coalesce(sum(cost), 0) FROM journal WHERE account = ? AND business_time > ?"
    ((score,),) = state.execute(counted, account, now - _SCORE_SECONDS)
    opens = max(_room_at(state, account, score, now), blocks[0][0] if blocks else now)
    return Usage(round(100 * score / state.score_limit, 2), opens - now)


def block_when_used_up(state: SandboxMeta, account: str) -> None:
    """After a call that counted: when it used up the score, shut the account out for as long as the tier does."""
    if usage(state, account).percent >= 100:  # noqa: PLR2004 - per cent
        until = state.now() + state.tier.block_seconds
        state.execute("INSERT OR REPLACE INTO score_blocks VALUES (?, ?)", account, until)


def _room_at(state: SandboxMeta, account: str, score: int, now: float) -> float:
    """When enough of the oldest calls will have left the score for another one, seen from ``now``."""
    room = now
    if score < state.score_limit:
        return now
    calls = "SELECT business_time, cost FROM journal WHERE account = ? AND business_time > ? AND cost > 0 ORDER BY id"
    for at, points in state.execute(calls, account, now - _SCORE_SECONDS):
        if score < state.score_limit:
            break
        score, room = score - points, at + _SCORE_SECONDS
    return float(room)


def check_score(state: SandboxMeta, account: str) -> None:
    """Refuse when the score is used up or its block still holds."""
    if usage(state, account).seconds > 0:
        code, subcode = _SCORE
        raise GraphError("User request limit reached", code=code, subcode=subcode)


def check_pace(state: SandboxMeta, account: str) -> None:
    """Refuse a write when the account has made too many within the last second."""
    if state.mutations_per_second is None:
        return
    recent = "SELECT count(*) FROM journal WHERE account = ? AND business_time > ? AND method = 'POST' AND cost > 0"
    ((writes,),) = state.execute(recent, account, state.now() - 1)
    if writes >= state.mutations_per_second:
        code, subcode = _PACE
        raise GraphError("Calls to this api have exceeded the rate limit for mutations", code=code, subcode=subcode)


def headers(state: SandboxMeta, account: str, kind: str, refusal: GraphError | None) -> dict[str, str]:
    """Meta's usage headers; the twin measures calls, not its processor time, so those shares are zero.

    ``kind`` is the business use case, `ads_management` or `ads_insights`; an ordered refusal may tell its own
    time to wait.
    """
    used = usage(state, account)
    if refusal is not None and refusal.regain is not None:
        used = Usage(100.0, 60.0 * refusal.regain)
    shares = {"call_count": used.percent, "total_cputime": 0, "total_time": 0}
    tier = {"ads_api_access_tier": state.tier.label}
    business = {"type": kind, **shares, "estimated_time_to_regain_access": used.minutes, **tier}
    own = {"acc_id_util_pct": used.percent, "reset_time_duration": used.minutes * 60, **tier}
    insights = {"app_id_util_pct": used.percent, "acc_id_util_pct": used.percent, **tier}
    return {
        "x-business-use-case-usage": json.dumps({account.removeprefix("act_"): [business]}),
        "x-app-usage": json.dumps(shares),
        "x-ad-account-usage": json.dumps(own),
        "x-fb-ads-insights-throttle": json.dumps(insights),
    }
