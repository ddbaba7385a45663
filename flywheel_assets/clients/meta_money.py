"""Money and standing of an account as Meta has them: least budgets, and who owns an ad set's budget. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flywheel_assets.core.errors import PermanentError
from flywheel_assets.core.money import Money

ACCOUNT_FIELDS = ("currency", "timezone_name", "account_status", "min_daily_budget")
OWNER_FIELDS = ("daily_budget", "lifetime_budget", "campaign{id,daily_budget,lifetime_budget}")
_ACTIVE = 1


@dataclass(frozen=True)
class AccountInfo:
    """An ad account as the platform has it.

    Attributes:
        time_zone: IANA name; Insights count in its hours.
        active: False when it is disabled, closed, unpaid or under review (``status`` says which).
        least: the smallest daily budget the account may give; None when the platform does not say.
    """

    currency: str
    time_zone: str
    status: int
    active: bool
    least: Money | None


@dataclass(frozen=True)
class BudgetOwner:
    """The object whose budget pays for an ad set: itself, or its campaign.

    Attributes:
        kind: ``adset`` or ``campaign``.
        daily, lifetime: minor units; the one it does not use is None.
    """

    remote_id: str
    kind: str
    daily: int | None
    lifetime: int | None


def account_info(answer: Mapping[str, Any]) -> AccountInfo:
    """The account node's answer to `ACCOUNT_FIELDS`.

    Raises:
        PermanentError: currency, zone or status is missing.
    """
    currency, status = str(_required(answer, "currency")), _minor(_required(answer, "account_status"), "account_status")
    least = _optional(answer, "min_daily_budget")
    return AccountInfo(
        currency=currency,
        time_zone=str(_required(answer, "timezone_name")),
        status=status,
        active=status == _ACTIVE,
        least=Money(least, currency) if least else None,
    )


def least_daily_budget(rows: Iterable[Mapping[str, Any]], account: AccountInfo) -> Money:
    """The smallest daily budget of an ad set that is billed by impressions, as ours are.

    Raises:
        PermanentError: neither the edge nor the account names one for the account's currency.
    """
    named = [_optional(row, "min_daily_budget_imp") for row in rows if row.get("currency") == account.currency]
    known = [amount for amount in (*named, account.least and account.least.minor) if amount]
    if not known:
        raise PermanentError(
            f"Meta names no least daily budget for {account.currency}; set ad_set_floor to what Ads Manager allows"
        )
    return Money(max(known), account.currency)


def budget_owner(adset_id: str, answer: Mapping[str, Any]) -> BudgetOwner:
    """Who pays, from the ad set's answer to `OWNER_FIELDS`; the platform writes the other's budget as 0 or not at all.

    Raises:
        PermanentError: neither the ad set nor its campaign has a budget, or both have one.
    """
    campaign = answer.get("campaign")
    nodes = {"adset": {**answer, "id": adset_id}, "campaign": campaign if isinstance(campaign, dict) else {}}
    owners = [owner for kind, node in nodes.items() if (owner := _owner(kind, node))]
    if len(owners) != 1:
        raise PermanentError(
            f"ad set {adset_id}: {len(owners)} budgets pay for it instead of one; look at it in Ads Manager"
        )
    return owners[0]


def _owner(kind: str, node: Mapping[str, Any]) -> BudgetOwner | None:
    daily, lifetime = _optional(node, "daily_budget"), _optional(node, "lifetime_budget")
    return BudgetOwner(str(_required(node, "id")), kind, daily, lifetime) if daily or lifetime else None


def _required(answer: Mapping[str, Any], key: str) -> Any:
    if answer.get(key) in (None, ""):
        raise PermanentError(f"Meta's answer has no {key}; check that the token may read the account")
    return answer[key]


def _optional(answer: Mapping[str, Any], key: str) -> int | None:
    """A budget; absent and 0 both mean that there is none."""
    return _minor(answer[key], key) or None if answer.get(key) not in (None, "") else None


def _minor(value: Any, key: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise PermanentError(f"{key} {value!r} is not a count of minor units; nothing is assumed")
    return int(text)
