"""Hourly insights over real HTTP into the database: zones, pages, restatements, hours that are missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flywheel_assets.budget.insights import missing_hours, read_insights
from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.clients.meta_insights import AdHour, ad_hours
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import AuthError, PermanentError
from flywheel_assets.core.hours import HOUR
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import ad_insights

BREAKDOWN = "hourly_stats_aggregated_by_advertiser_time_zone"
NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")


def row(ad_id: str, day: str, hour: int, **metrics: Any) -> dict[str, Any]:
    label = f"{hour:02d}:00:00 - {hour:02d}:59:59"
    return {"ad_id": ad_id, "date_start": day, "date_stop": day, BREAKDOWN: label, **metrics}


class Platform:
    """The Insights edge: pages of the rows it was given, or an error it was told to answer with."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.page = 2
        self.asked: list[dict[str, str]] = []
        self.server = SandboxServer(Starlette(routes=[Route("/{version}/{account}/insights", self._answer)]))

    def _answer(self, request: Request) -> JSONResponse:
        query = dict(request.query_params)
        self.asked.append(query)
        if self.error is not None:
            return JSONResponse({"error": self.error}, status_code=400)
        span = json.loads(query["time_range"])
        found = [one for one in self.rows if span["since"] <= one["date_start"] <= span["until"]]
        start = int(query.get("after", "0"))
        end = start + self.page
        paging: dict[str, Any] = {"cursors": {"after": str(end)}}
        if end < len(found):
            paging["next"] = "https://elsewhere.invalid/?access_token=never-followed"
        return JSONResponse({"data": found[start:end], "paging": paging})

    def report(self, hour: datetime, ad_id: str, zone: ZoneInfo = NEW_YORK, **metrics: Any) -> None:
        local = hour.astimezone(zone)
        self.rows.append(row(ad_id, local.date().isoformat(), local.hour, **metrics))


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()
    with platform.server:
        yield platform


@pytest.fixture
def client(platform: Platform) -> Iterator[MetaClient]:
    with MetaClient("act_1000000001", "token", None, platform.server.url, 10) as client:
        yield client


def stored(store: Store) -> dict[tuple[str, datetime], tuple[int, int, int, int]]:
    with store.engine.connect() as connection:
        rows = connection.execute(select(ad_insights)).all()
    return {(one.ad_id, one.hour): (one.impressions, one.clicks, one.leads, one.spend) for one in rows}


# --- the client ---------------------------------------------------------------------------------------


def test_all_pages_are_read_with_the_platforms_own_words(platform: Platform, client: MetaClient) -> None:
    actions = [{"action_type": "link_click", "value": "4"}, {"action_type": "lead", "value": "2"}]
    actions.append({"action_type": "offsite_conversion.fb_pixel_lead", "value": "2"})
    day = "2026-10-05"
    platform.rows = [
        row("7", day, 9, impressions="1234", clicks="56", inline_link_clicks="4", spend="12.34", actions=actions),
        *(row("8", day, hour, impressions="10", spend="0.1") for hour in range(4)),
    ]
    found = client.insights(date(2026, 10, 5), date(2026, 10, 5), time_zone="America/New_York", currency="USD")
    assert AdHour("7", datetime(2026, 10, 5, 13, tzinfo=UTC), 1234, 4, 2, 1234) in found
    assert len(found) == 5
    assert found[0] == AdHour("8", datetime(2026, 10, 5, 4, tzinfo=UTC), 10, 0, 0, 10)
    first = platform.asked[0]
    assert (first["level"], first["time_increment"], json.loads(first["breakdowns"])) == ("ad", "1", [BREAKDOWN])
    assert json.loads(first["time_range"]) == {"since": day, "until": day}
    assert [one.get("after") for one in platform.asked] == [None, "2", "4"]


def test_a_long_range_is_asked_for_a_week_at_a_time(platform: Platform, client: MetaClient) -> None:
    client.insights(date(2026, 9, 1), date(2026, 9, 16), time_zone="UTC", currency="USD")
    spans = [json.loads(one["time_range"]) for one in platform.asked]
    assert [(span["since"], span["until"]) for span in spans] == [
        ("2026-09-01", "2026-09-07"), ("2026-09-08", "2026-09-14"), ("2026-09-15", "2026-09-16")
    ]  # fmt: skip


def test_a_bad_token_is_told_apart(platform: Platform, client: MetaClient) -> None:
    platform.error = {"message": "expired", "code": 190}
    with pytest.raises(AuthError):
        client.insights(date(2026, 9, 1), date(2026, 9, 1), time_zone="UTC", currency="USD")


@pytest.mark.parametrize(
    "metrics",
    [
        {"impressions": "many"},
        {"spend": "-1.00"},
        {"impressions": "1.5"},
        {"actions": [{"action_type": "lead"}]},
        {BREAKDOWN: "9 o'clock"},
    ],
)
def test_a_row_that_cannot_be_read_is_quoted_and_nothing_is_guessed(metrics: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match=r"'ad_id': '7'.*cannot be read"):
        ad_hours([row("7", "2026-10-05", 9) | metrics], NEW_YORK, "USD")


def test_an_hour_of_a_half_hour_zone_is_filed_where_it_begins() -> None:
    (one,) = ad_hours([row("7", "2026-10-05", 0, impressions="9")], KOLKATA, "INR")
    assert one.hour == datetime(2026, 10, 4, 18, tzinfo=UTC)


def test_nothing_is_lost_or_doubled_on_the_days_clocks_change() -> None:
    for day, first in (
        ("2026-03-08", datetime(2026, 3, 8, 5, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ):
        found = ad_hours([row("7", day, hour, impressions="1") for hour in range(24)], NEW_YORK, "USD")
        assert sum(one.impressions for one in found) == 24
        assert found[0].hour == first
        assert len({one.hour for one in found}) == len(found)
    assert found[1].hour == datetime(2026, 11, 1, 5, tzinfo=UTC)  # the first of the two hours called one
    assert found[2].hour == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_spend_is_in_the_currencys_own_minor_unit() -> None:
    spend = {"USD": 123, "JPY": 1}
    for currency, minor in spend.items():
        assert ad_hours([row("7", "2026-10-05", 0, spend="1.2300")], NEW_YORK, currency)[0].spend == minor


# --- the reading --------------------------------------------------------------------------------------


def test_a_read_stores_closed_hours_only_and_a_second_restates_them(
    store: Store, account: Account, clock: Any, platform: Platform, client: MetaClient
) -> None:
    now = clock.forward(hours=3)
    last = now - HOUR
    platform.report(last, "7", impressions="100", spend="1.00")
    platform.report(now, "7", impressions="5", spend="0.05")  # its hour is not over
    first = read_insights(store.engine, account, client, [last])
    assert (first.rows, first.ads, first.impressions, first.spend, first.missing, first.problem) == (
        1,
        1,
        100,
        100,
        (),
        None,
    )
    assert last in first.read
    assert now not in first.read
    assert stored(store) == {("7", last): (100, 0, 0, 100)}

    platform.rows.clear()
    platform.report(
        last,
        "7",
        impressions="110",
        inline_link_clicks="3",
        spend="1.10",
        actions=[{"action_type": "lead", "value": "1"}],
    )
    read_insights(store.engine, account, client, [last])
    assert stored(store) == {("7", last): (110, 3, 1, 110)}


def test_leads_that_come_after_midnight_are_read_with_the_next_days_first_hour(
    store: Store, account: Account, clock: Any, platform: Platform, client: MetaClient
) -> None:
    start = clock.now().astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    midnight = clock.move_to(start.astimezone(UTC))
    evening, metrics = midnight - HOUR, {"impressions": "100", "inline_link_clicks": "3", "spend": "1.00"}
    platform.report(evening, "7", **metrics)
    read_insights(store.engine, account, client, [evening])
    clock.forward(hours=1)
    platform.rows.clear()
    platform.report(evening, "7", **metrics, actions=[{"action_type": "lead", "value": "1"}])
    platform.report(midnight, "7", impressions="50", spend="0.50")
    read = read_insights(store.engine, account, client, [midnight])
    assert stored(store) == {("7", evening): (100, 3, 1, 100), ("7", midnight): (50, 0, 0, 50)}
    assert (read.missing, read.silent) == ((), ())


def test_hours_that_cannot_be_read_stay_missing_and_heal_with_the_next_read_of_the_day(
    store: Store, account: Account, clock: Any, platform: Platform, client: MetaClient
) -> None:
    # Noon in New York, so that all hours below lie in one account day.
    start = clock.now().astimezone(NEW_YORK).replace(hour=12) + timedelta(days=1)
    noon = clock.move_to(start.astimezone(UTC))
    hours = [noon - HOUR * back for back in (3, 2, 1)]
    for hour in hours:
        platform.report(hour, "7", impressions="10", spend="0.10")
    read_insights(store.engine, account, client, [hours[0] - HOUR])
    noon = clock.forward(hours=2)
    platform.error = {"message": "down", "code": 2}
    failed = read_insights(store.engine, account, client, [noon - 2 * HOUR, noon - HOUR])
    assert failed.missing == (noon - 2 * HOUR, noon - HOUR)
    assert failed.problem is not None
    assert failed.problem.startswith("TransientError: ")
    with store.engine.connect() as connection:
        assert missing_hours(connection, account.account_id, hours[0], noon - HOUR) == (noon - 2 * HOUR, noon - HOUR)
    platform.error = None
    healed = read_insights(store.engine, account, client, [noon - HOUR])
    assert noon - 2 * HOUR in healed.read
    assert healed.silent == (noon - HOUR,)  # answered, but no ad has a row: not reported, and not zero
    with store.engine.connect() as connection:
        assert missing_hours(connection, account.account_id, hours[0], noon - HOUR) == ()
    assert ("7", noon - HOUR) not in stored(store)


def test_an_hour_that_is_not_over_is_missing_until_it_is(
    store: Store, account: Account, clock: Any, platform: Platform, client: MetaClient
) -> None:
    india = account.model_copy(update={"time_zone": "Asia/Kolkata"})
    now = clock.forward(hours=3)
    platform.report(now - HOUR / 2, "7", KOLKATA, impressions="10", spend="0.10")
    early = read_insights(store.engine, india, client, [now - HOUR])
    assert (early.missing, early.rows) == ((now - HOUR,), 0)  # there the hour runs for another 30 minutes
    clock.forward(minutes=30)
    late = read_insights(store.engine, india, client, [now - HOUR])
    assert (late.missing, late.rows) == ((), 1)
    assert stored(store) == {("7", now - HOUR): (10, 0, 0, 10)}


def test_nothing_asked_is_nothing_read(store: Store, account: Account, platform: Platform, client: MetaClient) -> None:
    assert read_insights(store.engine, account, client, []).read == ()
    assert platform.asked == []
