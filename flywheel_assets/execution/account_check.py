"""Is the account at the platform the one of the account file? Pure, but for the question itself.

Every amount is sent in minor units and every hour is filed by the account's clock: in another currency
or time zone each of them would be wrong, and nothing else would notice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flywheel_assets.clients.meta_money import AccountInfo
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError, RemoteError

_DAYS = 366  # clocks are put forward and back within a year
_STATUSES = {
    2: "disabled",
    3: "unpaid",
    7: "under risk review",
    8: "waiting for a payment to settle",
    9: "in its grace period after a payment failed",
    100: "about to be closed",
    101: "closed",
}


class Asked(Protocol):
    """Who knows an account."""

    def account_info(self) -> AccountInfo:
        """The account as the platform has it."""
        ...


def ask(platform: Asked) -> AccountInfo | str:
    """The account as the platform has it, or why that is not known now."""
    try:
        return platform.account_info()
    except RemoteError as error:
        return f"{type(error).__name__}: {error}"


def require_sound(account: Account, info: AccountInfo, now: datetime) -> None:
    """Refuse to plan for an account that cannot run ads, or is another one than its file says.

    Raises:
        ConfigurationError: every fault with its numbers.
    """
    if faults := account_faults(account, info, now):
        raise ConfigurationError(f"{account.account_id}: {'; '.join(faults)}")


def account_faults(account: Account, info: AccountInfo, now: datetime) -> tuple[str, ...]:
    """What is wrong with it, a phrase each with what to do; ``now`` is the time at which zones are compared."""
    return tuple(_faults(account, info, now))


def _faults(account: Account, info: AccountInfo, now: datetime) -> Iterator[str]:
    if not info.active:
        word = _STATUSES.get(info.status, "not active")
        yield f"Meta says it is {word} (account_status {info.status}); clear that in the Ads Manager"
    if info.currency != account.currency:
        yield f"it pays in {info.currency}, the account file says {account.currency}; correct currency and amounts there"
    if not _same_zone(info.time_zone, account.time_zone, now):
        yield f"its days are those of {info.time_zone}, the account file says {account.time_zone}; correct time_zone there"


def _same_zone(one: str, other: str, now: datetime) -> bool:
    """Whether two names mean the same clock for the year to come: a zone has old names and new ones."""
    if one == other:
        return True
    try:
        zones = ZoneInfo(one), ZoneInfo(other)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    days = (now + timedelta(days=day) for day in range(_DAYS))
    return all(day.astimezone(zones[0]).utcoffset() == day.astimezone(zones[1]).utcoffset() for day in days)
