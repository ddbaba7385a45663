"""Meta's usage headers: how near the limits we are, and how long Meta says to wait. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

# Every figure in these headers is a percentage of an allowance.
_BUSINESS, _APP, _ACCOUNT, _INSIGHTS = (
    "x-business-use-case-usage",
    "x-app-usage",
    "x-ad-account-usage",
    "x-fb-ads-insights-throttle",
)
_PERCENTAGES = ("call_count", "total_cputime", "total_time", "acc_id_util_pct", "app_id_util_pct")
_NONSENSE = 1e6  # as minutes two years; no allowance takes that long


def highest_percent(headers: Mapping[str, str]) -> float | None:
    """Largest used share of any allowance named in ``headers``, percent; None when none is named."""
    found = (_number(entry.get(key)) for entry in _entries(headers) for key in _PERCENTAGES)
    return max((value for value in found if value is not None), default=None)


def regain(headers: Mapping[str, str]) -> timedelta:
    """How long Meta asks to wait: ``Retry-After`` and the reset time in seconds, the regain time in minutes."""
    waits = [timedelta(0)]
    for entry in _entries(headers):
        waits.append(timedelta(minutes=_number(entry.get("estimated_time_to_regain_access")) or 0))
        waits.append(timedelta(seconds=_number(entry.get("reset_time_duration")) or 0))
    plain = _lower(headers).get("retry-after", "")
    if plain.isascii() and plain.isdigit():
        waits.append(timedelta(seconds=int(plain)))
    return max(waits)


def standard_tier(headers: Mapping[str, str]) -> bool:
    """Whether Meta says that the app has standard access; False also when it says nothing."""
    return any(entry.get("ads_api_access_tier") == "standard_access" for entry in _entries(headers))


def _entries(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    plain = _lower(headers)
    for name in (_APP, _ACCOUNT, _INSIGHTS):
        if isinstance(entry := _parse(plain.get(name)), dict):
            yield entry
    business = _parse(plain.get(_BUSINESS))
    for group in business.values() if isinstance(business, dict) else ():
        yield from (entry for entry in group if isinstance(entry, dict))


def _parse(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:  # a header is a hint; a broken one must not fail the call it came with
        return None


def _number(value: Any) -> float | None:
    """A plain figure; NaN, infinity and nonsense must not become a wait."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and 0 <= value < _NONSENSE else None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
