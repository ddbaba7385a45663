"""Exports that a backtest reads, and those it does not: tolerant in form, strict in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flywheel_assets.budget.backtest.history import History, HistoryRefused
from flywheel_assets.budget.backtest.run import read_history
from flywheel_assets.budget.backtest.sheets import moment, number
from flywheel_assets.core.errors import FlywheelError
from tests.unit.backtest_files import DAY_1, DAY_2, DEAL, DEALS, INSIGHTS, OTHER, STAGES, write

UTC = ZoneInfo("UTC")
Rows = Sequence[Sequence[str]]


def read(
    folder: Path,
    insights: tuple[Sequence[str], Rows] = (INSIGHTS, (DAY_1, DAY_2, OTHER)),
    deals: tuple[Sequence[str], Rows] = (DEALS, (DEAL,)),
    *,
    zone: ZoneInfo = UTC,
    stages: Sequence[str] = STAGES,
    currency: str | None = None,
) -> History:
    ads, sold = write(folder / "i.csv", insights[0], *insights[1]), write(folder / "d.csv", deals[0], *deals[1])
    return read_history(ads, sold, zone=zone, stages=stages, currency=currency)


def test_an_export_by_day_becomes_a_matrix_of_days_and_ads(tmp_path: Path) -> None:
    delivery = read(tmp_path).delivery
    assert (delivery.ads, delivery.names, delivery.hours, delivery.currency) == (("11", "12"), ("A", "B"), 24, "USD")
    assert delivery.impressions.tolist() == [[1000, 0], [900, 500]]
    assert delivery.spend.tolist() == [[1020.5, 0], [18, 10]]
    assert delivery.leads.tolist() == [[1, 0], [0, 0]]


def test_api_names_semicolons_and_a_line_of_totals_are_read_too(tmp_path: Path) -> None:
    heads = (
        "date_start",
        "date_stop",
        "ad_id",
        "impressions",
        "inline_link_clicks",
        "spend",
        "leads",
        "account_currency",
    )
    rows = (("", "", "", "900", "9", "18", "1", ""), ("2026-03-02", "2026-03-02", "11", "900", "9", "18", "1", "EUR"))
    ads = write(tmp_path / "i.csv", heads, *rows, delimiter=";", encoding="utf-16")
    sold = write(tmp_path / "d.csv", DEALS, (*DEAL[:1], "2026-03-02", *DEAL[2:]))
    history = read_history(ads, sold, zone=UTC, stages=STAGES)
    assert (history.delivery.currency, history.delivery.clicks.tolist()) == ("EUR", [[9.0]])


def test_hours_of_a_zone_with_a_half_hour_lie_where_they_were(tmp_path: Path) -> None:
    heads = (*INSIGHTS, "Time of day (ad account time zone)")
    rows = ((*DAY_1, "00:00:00 - 00:59:59"), (*DAY_1, "03:00:00 - 03:59:59"))
    deal = ("1", "2026-03-01T04:30:00+05:30", "New", "500", "", "11")
    history = read(tmp_path, (heads, rows), (DEALS, (deal,)), zone=ZoneInfo("Asia/Kolkata"))
    assert history.delivery.hours == 1
    assert history.delivery.begin.isoformat() == "2026-02-28T18:30:00+00:00"
    assert history.delivery.impressions[:, 0].tolist() == [1000, 0, 0, 1000]
    assert history.deals.click.tolist() == [4.5]


def test_a_day_of_a_clock_change_is_as_long_as_it_was(tmp_path: Path) -> None:
    rows = [(f"2026-03-{day}", *DAY_1[1:]) for day in (28, 29, 30)]
    deal = ("1", "2026-03-30 00:30", "New", "500", "", "11")
    history = read(tmp_path, (INSIGHTS, rows), (DEALS, (deal,)), zone=ZoneInfo("Europe/Berlin"))
    assert history.delivery.start.tolist() == [0, 24, 47]
    assert history.deals.click.tolist() == [47.5]


def test_days_without_any_row_are_gaps_and_said(tmp_path: Path) -> None:
    history = read(tmp_path, (INSIGHTS, (DAY_1, ("2026-03-04", *DAY_2[1:]))))
    assert history.delivery.gaps.tolist() == [False, True, True, False]
    assert "2 of 4 days have no report of any ad" in history.noticed


def test_deals_of_strangers_and_of_nobody_are_left_out_and_said(tmp_path: Path) -> None:
    strange, nobody = ("2", *DEAL[1:5], "99"), ("3", *DEAL[1:5], "")
    history = read(tmp_path, deals=(DEALS, (DEAL, strange, nobody)))
    assert history.deals.ids == ("1",)
    assert any("1 of 3 deals belong to ads" in told and "99" in told for told in history.noticed)
    assert "1 of 3 deals name no ad: left out" in history.noticed


def test_a_column_nothing_is_read_from_is_named(tmp_path: Path) -> None:
    history = read(tmp_path, ((*INSIGHTS, "Clicks (all)"), ((*DAY_1, "40"),)))
    assert "columns that are not used: Clicks (all)" in history.noticed


def test_with_its_stage_history_a_deal_is_where_it_was_at_every_hour(tmp_path: Path) -> None:
    heads = (*DEALS, *(f'Date entered "{name} (Sales Pipeline)"' for name in STAGES))
    won = ("1", "2026-03-01 09:00", "Won (Sales Pipeline)", "500", "2026-03-05", "11")
    dates = ("2026-03-01 09:00", "2026-03-02 09:00", "2026-03-04 09:00")
    deals = read(tmp_path, deals=(heads, ((*won, *dates),))).deals
    assert [int(deals.stage_at(hour)[0]) for hour in (8, 9, 32, 33, 81)] == [-1, 0, 0, 1, 2]


def test_without_its_stage_history_nothing_between_the_ends_is_made_up(tmp_path: Path) -> None:
    won = ("1", "2026-03-01 09:00", "Won", "500", "2026-03-05 00:00", "11")
    waits = ("2", "2026-03-01 09:00", "Offer", "500", "", "11")
    gone = ("3", "2026-03-01 09:00", "Closed lost", "500", "2026-03-03", "11")
    history = read(tmp_path, deals=(DEALS, (won, waits, gone)))
    deals = history.deals
    assert [deals.stage_at(hour).tolist() for hour in (10, 95, 96)] == [[0, 0, 0], [0, 0, 0], [2, 0, 0]]
    assert deals.lost.tolist() == [np.inf, np.inf, 48]
    assert any("without their stage history" in told for told in history.assumed)


def without(row: Sequence[str], *places: int) -> tuple[str, ...]:
    return tuple(cell for place, cell in enumerate(row) if place not in places)


def day(**changed: str) -> tuple[str, ...]:
    return tuple({**dict(zip(INSIGHTS, DAY_1, strict=True)), **changed}.values())


def deal(**changed: str) -> tuple[str, ...]:
    return tuple({**dict(zip(DEALS, DEAL, strict=True)), **changed}.values())


@pytest.mark.parametrize(
    ("heads", "rows", "said"),
    [
        (without(INSIGHTS, 4), (without(DAY_1, 4),), "no column for clicks: add one named 'link clicks'"),
        (without(INSIGHTS, 1, 2), (without(DAY_1, 1, 2),), "no column for the ad: add 'Ad ID'"),
        ((*INSIGHTS, "Impressions"), ((*DAY_1, "1"),), "two columns mean impressions"),
        (INSIGHTS, (DAY_1, DAY_1), "ad 11 has 2 rows for 2026-03-01 00:00 UTC, lines 2 and 3"),
        (INSIGHTS, (day(Impressions="12,50"),), "line 2: '12,50' is not a number"),
        (INSIGHTS, (day(Impressions="-5", **{"Link clicks": "0"}),), "impressions -5 is negative"),
        (INSIGHTS, (day(**{"Link clicks": "2000"}),), "2000 link clicks of 1000 impressions"),
        (INSIGHTS, (day(Day="1.3.2026"),), "'1.3.2026' is not a date"),
        ((*INSIGHTS, "Reporting ends"), ((*DAY_1, "2026-03-31"),), "By time: day"),
        ((*INSIGHTS, "Result type"), ((*DAY_1, "Post engagement"),), "are 'Post engagement', not leads"),
        ((*INSIGHTS, "Currency"), ((*DAY_1, "EUR"),), "amounts in EUR and USD"),
        ((*INSIGHTS[:5], "Amount spent", "Leads"), (DAY_1,), "does not say its currency"),
        ((*INSIGHTS[:5], "Amount spent (XXX)", "Leads"), (DAY_1,), "'XXX' is not supported"),
        (INSIGHTS, (), "no row of an ad"),
    ],
)
def test_insights_that_would_mislead_are_refused(tmp_path: Path, heads: Sequence[str], rows: Rows, said: str) -> None:
    with pytest.raises(FlywheelError) as told:
        read(tmp_path, (heads, rows))
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("heads", "rows", "said"),
    [
        (without(DEALS, 5), (without(DEAL, 5),), "no column for ad: add one named 'ad id'"),
        (DEALS, (DEAL, DEAL), "deal 1 is on lines 2 and 3"),
        ((*DEALS, "Currency"), ((*DEAL, "EUR"),), "deal 1 is in EUR, the insights are in USD"),
        (DEALS, (deal(**{"Deal Stage": "Demo"}),), "stage 'Demo' is none of New, Offer, Won"),
        (DEALS, (deal(**{"Deal Stage": "Won"}),), "deal 1 is won, but has no close date"),
        (DEALS, (deal(**{"Deal Stage": "Lost"}),), "deal 1 is lost, but has no close date"),
        (DEALS, (deal(**{"Deal Stage": "Won", "Close Date": "2026-02-01"}),), "before it was created"),
        (DEALS, (deal(Amount="-3"),), "negative amount -3"),
        (DEALS, (deal(**{"Create Date": ""}),), "no deal id or no create date"),
        ((*DEALS, "Is Closed Lost"), ((*DEAL, "maybe"),), "'maybe' does not say whether"),
    ],
)
def test_deals_that_would_mislead_are_refused(tmp_path: Path, heads: Sequence[str], rows: Rows, said: str) -> None:
    with pytest.raises(HistoryRefused) as told:
        read(tmp_path, deals=(heads, rows))
    assert said in str(told.value)


def test_all_wrong_lines_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(HistoryRefused) as told:
        read(tmp_path, (INSIGHTS, (day(Day="x"), day(Impressions="y"))))
    assert len(told.value.problems) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04\xff\xfe\xfa"])
def test_files_without_rows_or_text_are_refused(tmp_path: Path, content: bytes) -> None:
    sold = write(tmp_path / "d.csv", DEALS, DEAL)
    (tmp_path / "i.csv").write_bytes(content)
    with pytest.raises(HistoryRefused, match=r"i\.csv"):
        read_history(tmp_path / "i.csv", sold, zone=UTC, stages=STAGES)


def test_stages_need_two_different_ends(tmp_path: Path) -> None:
    for stages in (("Won",), ("Won", "won")):
        with pytest.raises(HistoryRefused, match="a first and a last one"):
            read(tmp_path, stages=stages)


@pytest.mark.parametrize(
    ("text", "value"), [("1234.5", 1234.5), ("1,234.50", 1234.5), ("$1,234", 1234), ("-3", -3), ("1 234.5", 1234.5)]
)
def test_numbers_as_exports_write_them(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["1.234,5", "12,5", "1,23", "nan", "inf", "1e9", "--", "12%"])
def test_a_number_that_could_mean_two_things_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number(text)


@pytest.mark.parametrize("text", ["2026-03-01 14:05", "2026-03-01T14:05", "03/01/2026 14:05", "2026-03-01 02:05 PM"])
def test_dates_as_exports_write_them(text: str) -> None:
    found = moment(text, UTC)
    assert found is not None
    assert found.isoformat() == "2026-03-01T14:05:00+00:00"
