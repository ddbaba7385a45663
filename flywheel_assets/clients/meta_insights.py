"""Hourly delivery as the Insights edge reports it, turned into UTC hours and minor units. Pure.

The platform counts in the ad account's own hours. An hour of a zone with a half-hour offset is
filed under the UTC hour in which it begins. When clocks go back the repeated hour has one row and
is filed under its first pass; when they go forward the skipped hour shares the next one's UTC hour.
Rows of the same UTC hour are added up, so no delivery is lost or counted twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from flywheel_assets.core.errors import PermanentError
from flywheel_assets.core.hours import floor_hour
from flywheel_assets.core.money import minor_digits

_HOUR_FIELD = "hourly_stats_aggregated_by_advertiser_time_zone"
_HOUR_LABEL = re.compile(r"([01]\d|2[0-3]):00:00 - \1:59:59")
# The platform's own total of leads; the other lead types are parts of it.
_LEAD = "lead"
# Kinds whose values count, one a group: the platform's own total where it is told, else the pixel's, which is part of it.
_VALUES = (
    ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase"),
    ("lead", "offsite_conversion.fb_pixel_lead"),
)
_PAGE = 500


@dataclass(frozen=True)
class AdHour:
    """What one ad did in one UTC hour.

    Attributes:
        clicks: inline link clicks, not all clicks.
        spend: minor units of the account's currency.
        conversion_value: of purchases and leads, minor units; None where the platform reports none, as
            of leads without a value.
    """

    ad_id: str
    hour: datetime
    impressions: int
    clicks: int
    leads: int
    spend: int
    conversion_value: int | None = None


def insights_query(since: date, until: date) -> dict[str, Any]:
    """Parameters of the edge for whole account days, both included."""
    return {
        "level": "ad",
        "fields": "ad_id,impressions,inline_link_clicks,spend,actions,action_values",
        "time_range": json.dumps({"since": since.isoformat(), "until": until.isoformat()}),
        "time_increment": 1,
        "breakdowns": json.dumps([_HOUR_FIELD]),
        "limit": _PAGE,
    }


def ad_hours(rows: Iterable[Mapping[str, Any]], zone: ZoneInfo, currency: str) -> list[AdHour]:
    """The platform's rows as one value an ad and UTC hour, sorted.

    A metric that is absent from a reported row is 0: the platform leaves out zeros.

    Raises:
        PermanentError: a row cannot be read; it is quoted.
    """
    digits = minor_digits(currency)
    found: dict[tuple[datetime, str], AdHour] = {}
    for row in rows:
        one = _ad_hour(row, zone, digits)
        key = (one.hour, one.ad_id)
        found[key] = _sum(found[key], one) if key in found else one
    return [found[key] for key in sorted(found)]


def _ad_hour(row: Mapping[str, Any], zone: ZoneInfo, digits: int) -> AdHour:
    try:
        leads = [action["value"] for action in row.get("actions", ()) if action["action_type"] == _LEAD]
        return AdHour(
            ad_id=str(row["ad_id"]),
            hour=_utc_hour(row["date_start"], row[_HOUR_FIELD], zone),
            impressions=_count(row.get("impressions", "0")),
            clicks=_count(row.get("inline_link_clicks", "0")),
            leads=sum(map(_count, leads)),
            spend=_minor(row.get("spend", "0"), digits),
            conversion_value=_value(row.get("action_values", ()), digits),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise PermanentError(
            f"insights row {dict(row)!r} cannot be read ({type(error).__name__}: {error}); nothing of this answer is used"
        ) from None


def _utc_hour(day: str, label: str, zone: ZoneInfo) -> datetime:
    if not (match := _HOUR_LABEL.fullmatch(label)):
        raise ValueError(f"{label!r} is not an hour such as '07:00:00 - 07:59:59'")
    local = datetime.combine(date.fromisoformat(day), time(int(match[1])), tzinfo=zone)
    return floor_hour(local.astimezone(UTC))


def _value(reported: Iterable[Mapping[str, Any]], digits: int) -> int | None:
    amounts = {one["action_type"]: _minor(one["value"], digits) for one in reported}
    told = [next((amounts[kind] for kind in group if kind in amounts), None) for group in _VALUES]
    return _total(told)


def _total(amounts: Iterable[int | None]) -> int | None:
    """What is known of them together; None where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _count(text: str) -> int:
    number = Decimal(text)
    if number < 0 or number != number.to_integral_value():
        raise ValueError(f"{text!r} is not a count")
    return int(number)


def _minor(text: str, digits: int) -> int:
    """Reported spend may be finer than the minor unit; money that was charged is not, so it is rounded."""
    amount = Decimal(text).scaleb(digits).quantize(Decimal(1), ROUND_HALF_EVEN)
    if amount < 0:
        raise ValueError(f"the amount {text!r} is negative")
    return int(amount)


def _sum(one: AdHour, other: AdHour) -> AdHour:
    return AdHour(
        one.ad_id,
        one.hour,
        one.impressions + other.impressions,
        one.clicks + other.clicks,
        one.leads + other.leads,
        one.spend + other.spend,
        _total((one.conversion_value, other.conversion_value)),
    )
