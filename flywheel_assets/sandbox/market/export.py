"""A simulated account as the platforms' exports show it: Ads Manager's table by day or hour, HubSpot's table of deals."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from flywheel_assets.sandbox.market.deals import NOBODY, Deals
from flywheel_assets.sandbox.market.scenarios import STAGES
from flywheel_assets.sandbox.market.truth import Vector
from flywheel_assets.sandbox.market.world import World

_DAY = 24
_TIME = "%Y-%m-%d %H:%M"


def export_insights(world: World, path: Path, begin: datetime, *, hourly: bool = False) -> None:
    """Ads Manager's CSV: by ad and day, or with the breakdown by hour; ads without delivery have no row."""
    clock = ["Time of day (ad account time zone)"] if hourly else []
    heads = ["Ad name", "Ad ID", "Day", *clock, "Impressions", "Link clicks", "Amount spent (USD)", "Leads"]
    size = 1 if hourly else _DAY
    report = world.report()
    tables = [_summed(report[name], size) for name in ("impressions", "clicks", "spend", "leads")]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        sheet = csv.writer(file)
        sheet.writerow(heads)
        for period, ad in np.argwhere(tables[0] + tables[2] > 0).tolist():
            at = begin + timedelta(hours=period * size)
            shown, clicks, spend, leads = (table[period, ad] for table in tables)
            told = [f"{at.hour:02}:00:00 - {at.hour:02}:59:59"] if hourly else []
            counts = [f"{shown:.0f}", f"{clicks:.0f}", f"{spend:.2f}", f"{leads:.0f}"]
            sheet.writerow([f"Ad {ad}", ad_id(ad), f"{at:%Y-%m-%d}", *told, *counts])


def export_deals(world: World, path: Path, begin: datetime, *, stage_history: bool = True) -> None:
    """HubSpot's CSV of the deals there are by now, with or without the dates of earlier stages."""
    dates = [f'Date entered "{name} (Sales Pipeline)"' for name in STAGES] if stage_history else []
    heads = [
        "Record ID",
        "Deal Name",
        "Deal Stage",
        "Amount",
        "Currency",
        "Create Date",
        "Close Date",
        "Is Closed Lost",
    ]
    deals = world.deals
    there = np.flatnonzero(deals.entered[:, 0] <= world.now)
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        sheet = csv.writer(file)
        sheet.writerow([*heads, "utm_content", *dates])
        for deal in there.tolist():
            sheet.writerow(_deal(deals, deal, world.now, begin, stage_history=stage_history))


def ad_id(ad: int) -> str:
    """The platform's number of an ad."""
    return str(120_000_000_000_000 + ad)


def _deal(deals: Deals, deal: int, now: int, begin: datetime, *, stage_history: bool) -> list[str]:
    entered, lost = deals.entered[deal], float(deals.lost[deal])
    stage = int((entered <= now).sum()) - 1
    won = stage == len(STAGES) - 1
    closed = float(entered[stage]) if won else lost
    ad = int(deals.seen_ad[deal])
    return [
        str(9_000_000_000 + deal),
        f"Deal {deal}",
        f"{STAGES[stage]} (Sales Pipeline)",
        f"{deals.amount[deal]:.2f}",
        "USD",
        _told(begin, float(entered[0])),
        _told(begin, closed) if closed <= now else "",
        "true" if lost <= now else "false",
        "" if ad == NOBODY else ad_id(ad),
        *([_told(begin, float(when)) if when <= now else "" for when in entered] if stage_history else []),
    ]


def _told(begin: datetime, hour: float) -> str:
    return (begin + timedelta(hours=hour)).strftime(_TIME)


def _summed(hourly: Vector, size: int) -> Vector:
    whole = len(hourly) // size * size
    return np.asarray(hourly[:whole].reshape(whole // size, size, -1).sum(axis=1), dtype=np.float64)
