"""How many people an ad was shown to, and how often to each, over some days. Pure.

Counts of people exist only for a whole span: the platform gives none by the hour, and those of
days cannot be added up, because a person of Monday may be one of Tuesday.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flywheel_assets.core.errors import PermanentError

_PAGE = 500


@dataclass(frozen=True)
class AdReach:
    """One ad over a span of days.

    Attributes:
        reach: people who saw it at least once.
        frequency: impressions per such person, 1 or more.
    """

    ad_id: str
    reach: int
    frequency: float


def reach_query(since: date, until: date) -> dict[str, Any]:
    """Parameters of the Insights edge: one row an ad for the account's days, both included."""
    return {
        "level": "ad",
        "fields": "ad_id,reach,frequency",
        "time_range": json.dumps({"since": since.isoformat(), "until": until.isoformat()}),
        "time_increment": "all_days",
        "limit": _PAGE,
    }


def ad_reaches(rows: Iterable[Mapping[str, Any]]) -> list[AdReach]:
    """The platform's rows; one that tells no reach or no frequency is left out, since neither is then known.

    Raises:
        PermanentError: a row cannot be read; it is quoted.
    """
    return [_ad_reach(row) for row in rows if "reach" in row and "frequency" in row]


def _ad_reach(row: Mapping[str, Any]) -> AdReach:
    try:
        return AdReach(str(row["ad_id"]), *_checked(Decimal(row["reach"]), Decimal(row["frequency"])))
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise PermanentError(
            f"insights row {dict(row)!r} cannot be read ({type(error).__name__}: {error}); nothing of this answer is used"
        ) from None


def _checked(reach: Decimal, frequency: Decimal) -> tuple[int, float]:
    if reach < 1 or reach != reach.to_integral_value() or not 1 <= frequency < Decimal("Infinity"):
        raise ValueError("reach is a count of people, and everybody reached saw the ad once or more")
    return int(reach), float(frequency)
