"""Insights: rows of ads, by the hour or over whole days, as Graph words them. What the twin does not report it refuses.

Rows are keyed by the account's own date and hour, so the hour that is repeated when clocks go
back is one row. Only closed hours are reported, and only ads that were shown in them. A deleted
ad keeps its rows at the account.

People are counted over whole days only, as at Meta: an ad's impressions fall on its audience at
random, so that the more it was shown, the more often it was to somebody who had seen it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flywheel_assets.core.money import minor_digits
from flywheel_assets.sandbox.meta.errors import GraphError, unsupported
from flywheel_assets.sandbox.meta.reads import after_cursor, cursor, page_limit
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.validate import decode, field_types, schema

_HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
_PARAMS = frozenset({"level", "fields", "time_range", "time_increment", "breakdowns", "limit", "after"})
# Time increment and breakdowns: an hour a row, or all days in one.
_BY_HOUR, _IN_ALL = ("1", [_HOURLY]), ("all_days", None)
_OF_PEOPLE = frozenset({"reach", "frequency"})
_HOUR, _DAY = 3600.0, 86400.0
_SELECT = (
    "SELECT hour, ad, impressions, clicks, leads, spend FROM deliveries "
    "WHERE account = ? AND hour BETWEEN ? AND ? AND impressions + spend > 0 ORDER BY hour, ad"
)


@dataclass(frozen=True)
class _Place:
    """An ad and what it belongs to."""

    ad: Node
    adset: int
    campaign: int


@dataclass(frozen=True)
class Question:
    """What is asked of the insights: first and last day of the account, the fields, hours or the whole span."""

    since: date
    until: date
    fields: tuple[str, ...]
    hourly: bool


@dataclass
class _Row:
    """Sums of one ad in one hour of the account's day, or (``label`` None) over days."""

    place: _Place
    first: str
    last: str
    label: str | None
    audience: int
    impressions: int = 0
    clicks: int = 0
    leads: int = 0
    spend: int = 0


def read_insights(
    state: SandboxMeta, account: str, node: Node | None, params: Mapping[str, str], until: float | None = None
) -> dict[str, Any]:
    """One page of rows, oldest first, of one object or (None) the whole account.

    Hours that closed after ``until``, in epoch seconds, are left out.
    """
    question = check_insights("read insights", node, params)
    rows = _rows(state, account, question, until)
    found = [row for row in rows if node is None or _covers(node, row.place)]
    start, limit = after_cursor(params) or 0, page_limit(params)
    page = found[start : start + limit]
    answer: dict[str, Any] = {"data": [_shown(row, question.fields, state.accounts[account]) for row in page]}
    if page:
        cursors = {"before": cursor(start), "after": cursor(start + len(page))}
        answer["paging"] = {"cursors": cursors}
        if start + len(page) < len(found):
            answer["paging"]["next"] = f"?after={cursors['after']}&limit={limit}"
    return answer


def check_insights(call: str, node: Node | None, params: Mapping[str, str]) -> Question:
    """What is asked by ``read insights`` or ``order insights``.

    Refused is what the real one refuses, and what it would answer otherwise than the twin.
    """
    if node is not None and node.kind not in {"campaign", "adset", "ad"}:
        raise GraphError(f"A {node.kind} has no insights")
    known = schema(call).types
    lists = {name for name in params if known.get(name, "").startswith("list")}
    plain = {name: json.dumps(_names(params, name)) if name in lists else text for name, text in params.items()}
    asked = decode(call, {name: text for name, text in plain.items() if name != "after"})
    page_limit(params)
    if unknown := sorted(set(params) - _PARAMS):
        raise unsupported(f"insights with {', '.join(unknown)}")
    if asked.get("level") != "ad":
        raise unsupported("insights of another level than ad")
    form = asked.get("time_increment"), asked.get("breakdowns")
    if form not in (_BY_HOUR, _IN_ALL):
        raise unsupported(f"insights but for time_increment 1 with the breakdown {_HOURLY}, or all_days without one")
    hourly = form == _BY_HOUR
    return Question(*_span(asked.get("time_range", {})), tuple(_fields(asked, hourly=hourly)), hourly)


def _span(span: Mapping[str, Any]) -> tuple[date, date]:
    try:
        since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
    except (ValueError, TypeError, KeyError):
        raise GraphError(
            f'Param time_range must be {{"since":"YYYY-MM-DD","until":"YYYY-MM-DD"}}, got {json.dumps(span)}'
        ) from None
    if until < since:
        raise GraphError(f"time_range must not end before it begins, got {since} to {until}")
    return since, until


def _names(params: Mapping[str, str], name: str) -> list[str]:
    """A list parameter, which clients send as JSON or with commas."""
    text = params.get(name, "")
    if not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        items = json.loads(text)
    except ValueError:
        raise GraphError(f"Param {name} must be a list, got {text!r}") from None
    return [str(item) for item in items]


def _fields(asked: Mapping[str, Any], *, hourly: bool) -> list[str]:
    fields = asked.get("fields") or ["impressions", "spend"]
    if wrong := [name for name in fields if name not in field_types("insights")]:
        raise GraphError(f"{', '.join(wrong)} is not valid for fields param")
    if unknown := [name for name in fields if name not in _FIELDS]:
        raise unsupported(f"the insights field {', '.join(unknown)}")
    if hourly and (people := sorted(_OF_PEOPLE.intersection(fields))):
        raise GraphError(f"{', '.join(people)} cannot be told by the hour: people are counted over whole days")
    return list(fields)


def _rows(state: SandboxMeta, account: str, question: Question, closed: float | None) -> list[_Row]:
    zone, since, until = state.zone(account), question.since, question.until
    # Local days lie at most 14 hours from UTC's; the exact test is on the local date below.
    first = datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp() - _DAY
    last = datetime(until.year, until.month, until.day, tzinfo=UTC).timestamp() + 2 * _DAY
    stored = state.execute(_SELECT, account, first, last)
    rows: dict[tuple[str, str | None, int], _Row] = {}
    places: dict[int, _Place] = {}
    for hour, ad, *counts in stored:
        local = datetime.fromtimestamp(hour, UTC).astimezone(zone)
        if hour in state.hidden_hours or not since <= local.date() <= until:
            continue
        if closed is not None and hour + _HOUR > closed:
            break
        place = places.get(ad) or places.setdefault(ad, _place(state, ad))
        day, end, label = _hour_of(local) if question.hourly else (since.isoformat(), until.isoformat(), None)
        row = rows.setdefault((day, label, ad), _Row(place, day, end, label, state.scenario.audience))
        row.impressions, row.clicks, row.leads, row.spend = (
            old + new for old, new in zip((row.impressions, row.clicks, row.leads, row.spend), counts, strict=True)
        )
    return list(rows.values())


def _hour_of(local: datetime) -> tuple[str, str, str]:
    day = local.date().isoformat()
    return day, day, f"{local:%H}:00:00 - {local:%H}:59:59"


def _place(state: SandboxMeta, ad_id: int) -> _Place:
    ad = state.get(ad_id)
    adset = state.get(ad.parent) if ad else None
    if ad is None or adset is None or adset.parent is None:
        raise GraphError(f"The sandbox lost the objects above ad {ad_id}", code=1, status=500)
    return _Place(ad, adset.id, adset.parent)


def _covers(node: Node, place: _Place) -> bool:
    return node.id in {place.ad.id, place.adset, place.campaign}


def _shown(row: _Row, fields: tuple[str, ...], currency: str) -> dict[str, Any]:
    """The fields asked for, without those that have nothing to say, and the keys that always come."""
    values = {name: _FIELDS[name](row, currency) for name in fields}
    keys = {"date_start": row.first, "date_stop": row.last, **({} if row.label is None else {_HOURLY: row.label})}
    return {**{name: value for name, value in values.items() if value is not None}, **keys}


def _spend(row: _Row, currency: str) -> str:
    """Major units here, unlike budgets."""
    digits = minor_digits(currency)
    return f"{Decimal(row.spend).scaleb(-digits):.{digits}f}"


def _count(number: int) -> str | None:
    return str(number) if number else None


def _actions(row: _Row, _: str) -> list[dict[str, str]] | None:
    counts = {"link_click": row.clicks, "lead": row.leads}
    return [{"action_type": kind, "value": str(number)} for kind, number in counts.items() if number] or None


def _reach(row: _Row) -> int:
    """People who saw the ad at least once, if its impressions fall on the audience at random."""
    return min(row.impressions, math.ceil(-row.audience * math.expm1(-row.impressions / row.audience)))


def _frequency(row: _Row) -> str | None:
    return f"{row.impressions / _reach(row):.6f}" if row.impressions else None


_FIELDS: dict[str, Callable[[_Row, str], Any]] = {
    "account_id": lambda row, _: row.place.ad.account.removeprefix("act_"),
    "account_currency": lambda _, currency: currency,
    "campaign_id": lambda row, _: str(row.place.campaign),
    "adset_id": lambda row, _: str(row.place.adset),
    "ad_id": lambda row, _: str(row.place.ad.id),
    "ad_name": lambda row, _: row.place.ad.data["name"],
    "impressions": lambda row, _: str(row.impressions),
    "clicks": lambda row, _: _count(row.clicks),
    "inline_link_clicks": lambda row, _: _count(row.clicks),
    "spend": _spend,
    "actions": _actions,
    "action_values": lambda *_: None,  # the page's leads carry no value
    "reach": lambda row, _: _count(_reach(row)),
    "frequency": lambda row, _: _frequency(row),
    "date_start": lambda row, _: row.first,
    "date_stop": lambda row, _: row.last,
}
