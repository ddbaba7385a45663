"""Deals from the CRM's export: HubSpot's table of deals, with as much of their stage history as it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from flywheel_assets.budget.backtest.history import NEVER, Deals, Delivery, HistoryRefused
from flywheel_assets.budget.backtest.sheets import Row, Sheet, moment, number, read_sheet

# Headings in lower case, as HubSpot's export and its API write them.
NAMES: dict[str, tuple[str, ...]] = {
    "deal": ("record id", "deal id", "hs_object_id", "deal_id"),
    "created": ("create date", "createdate", "created at"),
    "stage": ("deal stage", "dealstage", "stage"),
    "amount": ("amount", "deal amount", "amount in deal currency"),
    "currency": ("currency", "deal_currency_code"),
    "closed": ("close date", "closedate"),
    "lost": ("is closed lost", "hs_is_closed_lost", "lost"),
    "won": ("is closed won", "hs_is_closed_won"),
    "ad": ("ad id", "ad_id", "utm_content", "utm content", "ad", "ad name"),
    "clicked": ("click date", "clicked at", "click_time"),
    "since": ("date entered current stage", "hs_v2_date_entered_current_stage"),
}
_ENTERED = {
    "entered": re.compile(r'(?i:date entered) "([^"]+?)(?: \([^)]*\))?"|hs(?:_v2)?_date_entered_(?!current_stage)(\w+)')
}
_REQUIRED = ("deal", "created", "stage", "amount", "ad")
_HOUR = timedelta(hours=1)
_YES, _NO = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))
_FIRST_AND_LAST = 2


@dataclass(frozen=True)
class DealsRead:
    """Deals, and what was assumed or noticed while they were read."""

    deals: Deals
    assumed: list[str]
    noticed: list[str]
    unknown: list[str]


@dataclass(frozen=True)
class _Deal:
    deal: str
    ad: str | None
    click: datetime
    created: datetime
    entered: tuple[datetime | None, ...]
    lost: datetime | None
    amount: float | None


def read_deals(path: Path, zone: ZoneInfo, stages: Sequence[str], delivery: Delivery) -> DealsRead:
    """The deals of an export that came from the ads of ``delivery``.

    Args:
        path: the CSV file.
        zone: of dates without an offset.
        stages: names in order, the first a new deal, the last a won one. A stage whose name contains "lost" is lost.
        delivery: whose ads and time they are matched with.

    Raises:
        HistoryRefused: with every problem found, by its line.
    """
    if len(stages) < _FIRST_AND_LAST or len({_plain(one) for one in stages}) != len(stages):
        raise HistoryRefused([f"stages needs a first and a last one, each once; got {', '.join(stages)}"])
    sheet = read_sheet(path, NAMES, _REQUIRED, _ENTERED)
    found, problems = [], []
    for row in sheet.rows:
        try:
            found.append(_deal(row, zone, stages, delivery.currency))
        except ValueError as error:
            problems.append(f"{sheet.name}, line {row.line}: {error}")
    problems += _twice(sheet)
    if problems:
        raise HistoryRefused(problems)
    return _matched(found, sheet, delivery)


def _deal(row: Row, zone: ZoneInfo, stages: Sequence[str], currency: str) -> _Deal:
    number_of, created = row.get("deal"), moment(row.get("created"), zone)
    if number_of is None or created is None:
        raise ValueError("it has no deal id or no create date")
    named = row.get("currency")
    if named is not None and named != currency:
        raise ValueError(f"deal {number_of} is in {named}, the insights are in {currency}; convert it or leave it out")
    amount = number(row.get("amount"))
    if amount is not None and amount < 0:
        raise ValueError(f"deal {number_of} has a negative amount {amount:g}")
    closed = moment(row.get("closed"), zone)
    stage, lost = _stage(row, stages)
    entered = _entered(row, zone, stages)
    entered[0] = entered[0] or created
    if not any(entered[1:]) and stage:
        # Only the present stage is there: how it got there is not known, and nothing before it is made up.
        since = moment(row.get("since"), zone) or (closed if stage == len(stages) - 1 else None)
        if since is None and stage == len(stages) - 1:
            raise ValueError(f"deal {number_of} is won, but has no close date nor date entered {stages[-1]!r}")
        entered[stage] = since
    gone = (moment(row.get("since"), zone) or closed) if lost else None
    if lost and gone is None:
        raise ValueError(f"deal {number_of} is lost, but has no close date")
    early = [when for when in (*entered, gone) if when is not None and when < created]
    if early:
        raise ValueError(f"deal {number_of} entered a stage or was lost at {early[0]}, before it was created")
    click = moment(row.get("clicked"), zone) or created
    return _Deal(number_of, row.get("ad"), min(click, created), created, tuple(entered), gone, amount)


def _stage(row: Row, stages: Sequence[str]) -> tuple[int, bool]:
    """Index of the present stage, and whether the deal is lost; a lost one has none but the first."""
    text = row.get("stage") or ""
    names = [_plain(one) for one in stages]
    bare = _plain(re.sub(r" \([^)]*\)$", "", text))  # HubSpot appends the pipeline
    marked = row.get("lost")
    if marked is not None and marked.lower() not in _YES | _NO:
        raise ValueError(f"{marked!r} does not say whether the deal is lost; use true or false")
    lost = (marked or "").lower() in _YES or "lost" in bare
    if bare in names or _plain(text) in names:
        return names.index(bare if bare in names else _plain(text)), lost
    if lost:
        return 0, True
    raise ValueError(f"stage {text!r} is none of {', '.join(stages)}; name all stages in order with --stage")


def _entered(row: Row, zone: ZoneInfo, stages: Sequence[str]) -> list[datetime | None]:
    given = {_plain(field.partition(":")[2]): text for field, text in row.cells.items() if field.startswith("entered:")}
    return [moment(given.get(_plain(one)), zone) for one in stages]


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", "", name.lower())


def _twice(sheet: Sheet) -> list[str]:
    lines: dict[str, int] = {}
    problems = []
    for row in sheet.rows:
        deal = row.get("deal") or ""
        if deal in lines:
            told = f"{sheet.name}: deal {deal} is on lines {lines[deal]} and {row.line}"
            problems.append(f"{told}; export every deal once")
        lines.setdefault(deal, row.line)
    return problems


def _matched(found: list[_Deal], sheet: Sheet, delivery: Delivery) -> DealsRead:
    columns = {ad: index for index, ad in enumerate(delivery.ads)}
    for index, name in enumerate(delivery.names):
        columns.setdefault(name, index)
    if len(set(delivery.names)) < len(delivery.names) and sheet.headings["ad"].lower() == "ad name":
        raise HistoryRefused([f"{sheet.name} names ads by name, and two ads have the same; export the ad's id"])
    mine = [one for one in found if one.ad in columns]
    strangers = sorted({one.ad for one in found if one.ad and one.ad not in columns})
    nobody = sum(one.ad is None for one in found)
    noticed = []
    if strangers:
        count = sum(one.ad in strangers for one in found)
        shown = ", ".join(strangers[:3]) + (" …" if len(strangers) > 3 else "")  # noqa: PLR2004 - enough to recognise
        noticed.append(f"{count} of {len(found)} deals belong to ads that the insights do not have ({shown}): left out")
    if nobody:
        noticed.append(f"{nobody} of {len(found)} deals name no ad: left out")
    early = [one for one in mine if one.click < delivery.begin]
    if early:
        noticed.append(f"{len(early)} deals came from clicks before the insights begin: left out")
    kept = sorted((one for one in mine if one.click >= delivery.begin), key=lambda one: (one.created, one.deal))
    return DealsRead(_arrays(kept, columns, delivery.begin), _assumed(sheet), noticed, sheet.unknown)


def _assumed(sheet: Sheet) -> list[str]:
    told = []
    if not any(field.startswith("entered:") for field in sheet.headings):
        told.append(
            "the deals come without their stage history: until it was won or lost, or entered its present stage where "
            "that date is given, a deal is taken to have stood in the first stage"
        )
    if "clicked" not in sheet.headings:
        told.append("the deals come without the time of the click: it is taken to be when the deal was created")
    return told


def _arrays(deals: list[_Deal], columns: dict[str, int], begin: datetime) -> Deals:
    def hours(moments: list[datetime | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([NEVER if one is None else (one - begin) / _HOUR for one in moments], dtype=float)

    entered = [hours(list(one.entered)) for one in deals]
    return Deals(
        ids=tuple(one.deal for one in deals),
        ad=np.array([columns[one.ad or ""] for one in deals], dtype=np.intp),
        click=hours([one.click for one in deals]),
        created=hours([one.created for one in deals]),
        entered=np.stack(entered) if entered else np.zeros((0, 1)),
        lost=hours([one.lost for one in deals]),
        amount=np.array([np.nan if one.amount is None else one.amount for one in deals], dtype=float),
    )
