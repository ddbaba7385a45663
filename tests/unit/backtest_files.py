"""Small exports for the tests of the backtest, written as the platforms write them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

STAGES = ("New", "Offer", "Won")
INSIGHTS = ("Day", "Ad ID", "Ad name", "Impressions", "Link clicks", "Amount spent (USD)", "Leads")
DEALS = ("Record ID", "Create Date", "Deal Stage", "Amount", "Close Date", "utm_content")
DAY_1 = ("2026-03-01", "11", "A", "1,000", "12", "$1,020.50", "1")
DAY_2 = ("2026-03-02", "11", "A", "900", "9", "18", "")
OTHER = ("2026-03-02", "12", "B", "500", "5", "10", "0")
DEAL = ("1", "2026-03-01 09:00", "New", "500", "", "11")


def write(
    path: Path, heads: Sequence[str], *rows: Sequence[str], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows([heads, *rows])
    return path
