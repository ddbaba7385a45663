"""Delivery from the ad platform's export: Ads Manager's table by ad and day, or by ad and hour of the day."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from flywheel_assets.budget.backtest.history import Delivery, HistoryRefused
from flywheel_assets.budget.backtest.sheets import Row, Sheet, begin_of_day, number, read_sheet
from flywheel_assets.core.money import minor_digits

# Headings in lower case, as Ads Manager, its reports and the Insights API write them.
NAMES: dict[str, tuple[str, ...]] = {
    "day": ("day", "date", "date_start", "reporting starts"),
    "hour": (
        "time of day (ad account time zone)",
        "time of day (ad account time zone) ",
        "hourly_stats_aggregated_by_advertiser_time_zone",
        "hour",
    ),
    "ad_id": ("ad id", "ad_id"),
    "ad_name": ("ad name", "ad_name"),
    "impressions": ("impressions",),
    "clicks": ("link clicks", "inline_link_clicks", "inline link clicks"),
    "leads": ("leads", "results", "meta leads", "website leads", "on-facebook leads", "lead"),
    "kind": ("result type", "result indicator"),
    "spend": ("amount spent", "spend"),
    "currency": ("currency", "account currency", "account_currency"),
    "until": ("reporting ends", "date_stop"),
}
_SPEND = {"spend": re.compile(r"(?i:amount spent) \(([A-Z]{3})\)")}
_REQUIRED = ("day", "impressions", "clicks", "spend", "leads")
_CLOCK = re.compile(r"(\d{1,2})(?::00(?::00)?)?(?: ?- ?\d{1,2}:59(?::59)?)?")
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_HOURS = 24
COUNTS = ("impressions", "clicks", "spend", "leads")


@dataclass(frozen=True)
class Report:
    """One row: an ad's counts (in the order of `COUNTS`) in the period that begins at ``start``, in UTC."""

    ad: str
    name: str
    start: datetime
    values: tuple[float, ...]
    line: int


def read_insights(path: Path, zone: ZoneInfo, currency: str | None) -> tuple[Delivery, list[str]]:
    """The delivery in an export, and the headings that nothing was read from.

    Raises:
        HistoryRefused: with every problem found, by its line.
    """
    sheet = read_sheet(path, NAMES, _REQUIRED, _SPEND)
    named = _currency(sheet, currency)
    if "ad_id" not in sheet.headings and "ad_name" not in sheet.headings:
        raise HistoryRefused([f"{sheet.name} has no column for the ad: add 'Ad ID' (or 'Ad name')"])
    reports, problems = [], []
    for row in sheet.rows:
        if _of_an_ad(row):
            try:
                reports.append(_report(row, zone))
            except ValueError as error:
                problems.append(f"{sheet.name}, line {row.line}: {error}")
    problems = problems or _twice(sheet.name, reports)
    if problems:
        raise HistoryRefused(problems)
    if not reports:
        raise HistoryRefused([f"{sheet.name} has headings but no row of an ad; export a time in which ads ran"])
    return delivery_of(reports, 1 if "hour" in sheet.headings else _HOURS, named), sheet.unknown


def _of_an_ad(row: Row) -> bool:
    """Ads Manager puts a line of totals before or after the rows, without an ad."""
    return bool(row.get("ad_id") or row.get("ad_name"))


def _currency(sheet: Sheet, asked: str | None) -> str:
    named = {field.partition(":")[2] for field in sheet.headings if field.startswith("spend:")}
    named |= {value for row in sheet.rows if (value := row.get("currency"))}
    named |= {asked} if asked else set()
    if len(named) > 1:
        told = f"{sheet.name}: amounts in {' and '.join(sorted(named))}"
        raise HistoryRefused([f"{told}; one backtest has one currency: export one account, or name the right one"])
    if not named:
        raise HistoryRefused([f"{sheet.name} does not say its currency, as 'Amount spent (USD)' does; pass --currency"])
    minor_digits(only := named.pop())
    return only


def _report(row: Row, zone: ZoneInfo) -> Report:
    day = row.get("day")
    if day is None:
        raise ValueError("it has no day; export with the breakdown 'By time: day'")
    start = begin_of_day(day, zone)
    until = row.get("until")
    if until is not None and begin_of_day(until, zone) != start:
        raise ValueError(f"it covers {day} to {until}; export with the breakdown 'By time: day'")
    clock = row.get("hour")
    if clock is not None:
        start = start.replace(hour=_hour(clock))
    values = tuple(_amount(row, name) for name in COUNTS)
    if values[1] > values[0]:
        raise ValueError(f"{values[1]:g} link clicks of {values[0]:g} impressions cannot be")
    kind = row.get("kind")
    if kind is not None and values[3] > 0 and "lead" not in kind.lower():
        raise ValueError(f"its results are {kind!r}, not leads; export the column 'Leads'")
    ad = row.get("ad_id") or row.get("ad_name") or ""
    return Report(ad, row.get("ad_name") or ad, start.astimezone(UTC), values, row.line)


def _hour(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if not match or int(match[1]) >= _HOURS:
        raise ValueError(f"{text!r} is not an hour of the day such as '07:00:00 - 07:59:59'")
    return int(match[1])


def _amount(row: Row, name: str) -> float:
    """The platform leaves out zeros."""
    text = row.get(name)
    if name == "spend" and text is None:
        text = next((value for field, value in row.cells.items() if field.startswith("spend:")), None)
    value = number(text) or 0.0
    if value < 0:
        raise ValueError(f"{name} {value:g} is negative")
    return value


def _twice(file: str, reports: list[Report]) -> list[str]:
    lines: dict[tuple[str, datetime], list[int]] = defaultdict(list)
    for one in reports:
        lines[one.ad, one.start].append(one.line)
    return [
        f"{file}: ad {ad} has {len(found)} rows for {start:%Y-%m-%d %H:%M} UTC, lines {found[0]} and {found[1]}; "
        "export by ad and day without further breakdowns"
        for (ad, start), found in lines.items()
        if len(found) > 1
    ]


def delivery_of(reports: list[Report], hours: int, currency: str) -> Delivery:
    """Matrices of reports whose periods are ``hours`` long."""
    begin, last = min(one.start for one in reports), max(one.start for one in reports)
    starts = _starts(begin, last, hours, {one.start for one in reports})
    place = {start: index for index, start in enumerate(starts)}
    names = {one.ad: one.name for one in reports}
    ads = sorted(names)
    column = {ad: index for index, ad in enumerate(ads)}
    table = np.zeros((len(COUNTS), len(starts), len(ads)))
    for one in reports:
        table[:, place[one.start], column[one.ad]] = one.values
    hour = np.array([(start - begin) / _HOUR for start in starts])
    told = tuple(names[ad] for ad in ads)
    shown, clicks, spend, leads = table
    return Delivery(tuple(ads), told, begin, hours, hour, shown, clicks, spend, leads, currency)


def _starts(begin: datetime, last: datetime, hours: int, known: set[datetime]) -> list[datetime]:
    """Every period from first to last; a day is as long as the clock makes it, so days follow the known ones."""
    if hours == 1:
        return [begin + _HOUR * index for index in range(int((last - begin) / _HOUR) + 1)]
    starts = sorted(known)
    whole = [starts[0]]
    for start in starts[1:]:
        while start - whole[-1] > 1.5 * _DAY:
            whole.append(whole[-1] + _DAY)
        whole.append(start)
    return whole
