"""What only the platform can tell of an ad: its learning phase, its conversions' value, how often people see it.

From the twin, or a server that answers like the platform, over HTTP through the real client into the ad states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flywheel_assets.budget.insights import read_insights
from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import PermanentError
from flywheel_assets.core.hours import HOUR
from flywheel_assets.execution.reconciled import Seen, refresh
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.delivery import deliver_until
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store
from tests.integration.budget_house import House
from tests.meta_bench import let_leads_come

ZONE = ZoneInfo("America/New_York")
HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
WEEK = timedelta(days=7)


@pytest.fixture
def house(store: Store, account: Account) -> House:
    return House(store, account)


@pytest.fixture
def midnight(clock: Any) -> datetime:
    """A midnight of the account that is just over, nine days after the twin's clock was set."""
    local = clock.now().astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=9)
    moved: datetime = clock.move_to(local.astimezone(UTC))
    return moved


# --- the whole way, from the twin ---------------------------------------------------------------------


@dataclass
class Twin:
    """The twin of Meta with one running ad that we know as v01, and the client that reads it."""

    house: House
    state: SandboxMeta
    client: MetaClient
    adset: str
    ad: str

    def look(self) -> dict[str, Seen]:
        return {one.kind: one for one in refresh(self.house.store.engine, lambda _: self.client, "sandbox")}


@pytest.fixture
def twin(house: House, clock: Any, tmp_path: Path) -> Iterator[Twin]:
    key = house.account.account_id
    state = SandboxMeta(tmp_path / "meta.sqlite", {key: "USD"}, clock.now, time_zones={key: ZONE.key}, seed=3)
    running = {"name": "n", "status": "ACTIVE"}
    campaign = state.add("campaign", key, None, running)
    adset = state.add("adset", key, campaign, {**running, "daily_budget": 20_000})
    ad = state.add("ad", key, adset, {**running, "creative": {"creative_id": "1"}})
    house.launch("v01", at=clock.now(), budget=20_000)
    for kind, number in (("campaign", campaign), ("adset", adset), ("ad", ad)):
        house.change(tables.ad_objects, tables.ad_objects.c.kind == kind, remote_id=str(number))
    server = SandboxServer(build_app(state))
    with server, MetaClient(key, "token", None, server.url, 20) as client:
        yield Twin(house, state, client, str(adset), str(ad))
    state.close()


def test_a_state_knows_what_the_twin_tells_of_its_ad(twin: Twin, midnight: datetime) -> None:
    deliver_until(twin.state, midnight)
    assert let_leads_come(twin.state, midnight) >= 50
    house, last = twin.house, midnight - HOUR
    read = read_insights(house.store.engine, house.account, twin.client, [last])
    assert (read.problem, read.reached) == (None, 1)
    assert twin.look()["adset"].learning_phase == "SUCCESS"
    state = house.states(last)[twin.ad]
    (row,) = _stored(house)
    ((shown,),) = twin.state.execute(
        "SELECT sum(impressions) FROM deliveries WHERE hour >= ?", (midnight - WEEK).timestamp()
    )
    assert row.until == midnight
    assert row.reach < shown
    assert state.frequency == pytest.approx(shown / row.reach, abs=1e-6)
    assert state.learning_phase == "SUCCESS"
    assert state.platform_value is None, "the twin's leads carry no value, which is not a value of 0"


@pytest.mark.usefixtures("midnight")
def test_a_learning_phase_that_is_not_shown_any_more_is_not_kept(twin: Twin) -> None:
    def known() -> str | None:
        with twin.house.store.engine.connect() as connection:
            phase = tables.ad_objects.c.learning_phase
            return connection.execute(select(phase).where(tables.ad_objects.c.kind == "adset")).scalar_one()

    twin.look()
    assert known() == "LEARNING"
    twin.state.put(int(twin.adset), {**twin.state.node(int(twin.adset)).data, "status": "PAUSED"})
    twin.look()
    assert known() is None


def test_a_person_sees_it_with_the_states_of_the_hour(twin: Twin, midnight: datetime) -> None:
    import dagster as dg

    from flywheel_assets.assets.budget import ad_states
    from flywheel_assets.assets.common import key_of

    house, last = twin.house, midnight - HOUR
    deliver_until(twin.state, midnight)
    read_insights(house.store.engine, house.account, twin.client, [last])
    twin.look()
    with dg.instance_for_test() as instance:
        given = {"store": house.store, "account": house.account}
        done = dg.materialize([ad_states], instance=instance, partition_key=key_of(last), resources=given)
        (made,) = done.asset_materializations_for_node("ad_states")
    (row,) = made.metadata["states"].records
    state = house.states(last)[twin.ad]
    shown = [row.data[name] for name in ("learning_phase", "platform_value", "frequency")]
    assert shown == [state.learning_phase, "", pytest.approx(state.frequency, abs=5e-5)]
    assert state.learning_phase is not None


# --- a platform that answers as it is told --------------------------------------------------------------


@dataclass
class Platform:
    """The Insights edge: hourly rows, and rows of a whole span."""

    hourly: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    uncountable: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: Request) -> JSONResponse:
        query = dict(request.query_params)
        if "breakdowns" in query:
            always = {"date_start", HOURLY}
            asked = always.union(query["fields"].split(","))
            return JSONResponse({"data": [{name: row[name] for name in asked & set(row)} for row in self.hourly]})
        self.asked.append(query)
        if self.uncountable:
            return JSONResponse({"error": {"message": "down", "code": 2}}, status_code=500)
        return JSONResponse({"data": self.people})

    def report(self, hour: datetime, *values: tuple[str, str]) -> None:
        local = hour.astimezone(ZONE)
        row: dict[str, Any] = {"ad_id": "901", "impressions": "1000", "spend": "2.00"}
        row |= {"date_start": local.date().isoformat(), HOURLY: f"{local:%H}:00:00 - {local:%H}:59:59"}
        if values:
            row["action_values"] = [{"action_type": kind, "value": value} for kind, value in values]
        self.hourly.append(row)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def client(platform: Platform, account: Account) -> Iterator[MetaClient]:
    server = SandboxServer(Starlette(routes=[Route("/{version}/{account}/insights", platform.answer)]))
    with server, MetaClient(account.account_id, "token", None, server.url, 10) as client:
        yield client


def _stored(house: House) -> list[Any]:
    with house.store.engine.connect() as connection:
        return list(connection.execute(select(tables.ad_reach)).all())


def test_the_value_of_conversions_is_added_up_and_no_value_stays_unknown(
    house: House, clock: Any, platform: Platform, client: MetaClient
) -> None:
    now = clock.forward(hours=60)
    house.launch("v01", at=now - 50 * HOUR)
    last = now - HOUR
    for hour in (last - 2 * HOUR, last - HOUR):
        platform.report(hour)
    read_insights(house.store.engine, house.account, client, [last])
    assert house.states(last)["901"].platform_value is None
    platform.hourly.clear()
    platform.report(last - 2 * HOUR)
    # The pixel's purchases are part of the platform's own; add-to-carts are no revenue.
    parts = [("offsite_conversion.fb_pixel_purchase", "70.00"), ("add_to_cart", "500")]
    platform.report(last - HOUR, ("omni_purchase", "120.505"), *parts)
    platform.report(last, ("lead", "30"), ("offsite_conversion.fb_pixel_lead", "30"))
    read_insights(house.store.engine, house.account, client, [last])
    assert house.states(last)["901"].platform_value == 12_050 + 3000
    assert house.states(last - 2 * HOUR)["901"].platform_value is None


@pytest.mark.parametrize(("values", "together"), [((None, "5"), 500), (("2", "5"), 700), ((None, None), None)])
def test_hours_that_become_one_keep_the_value_of_both(
    platform: Platform, client: MetaClient, values: tuple[str | None, ...], together: int | None
) -> None:
    hour = datetime(2026, 11, 3, 12, tzinfo=UTC)
    for value in values:
        platform.report(hour, *([("lead", value)] if value else []))
    (one,) = client.insights(hour.date(), hour.date(), time_zone=ZONE.key, currency="USD")
    assert one.conversion_value == together


def test_the_week_before_is_asked_for_once_with_a_days_last_hour(
    house: House, midnight: datetime, platform: Platform, client: MetaClient
) -> None:
    hours = [midnight - HOUR * back for back in (3, 2, 1)]
    read_insights(house.store.engine, house.account, client, hours[:2])
    assert platform.asked == []
    platform.people = [{"ad_id": "901", "reach": "4000", "frequency": "2.25"}, {"ad_id": "902"}]
    read = read_insights(house.store.engine, house.account, client, hours)
    assert (read.reached, len(platform.asked)) == (1, 1)
    today = midnight.astimezone(ZONE).date()
    span = {"since": str(today - WEEK), "until": str(today - timedelta(days=1))}
    assert json.loads(platform.asked[0]["time_range"]) == span
    platform.people = [{"ad_id": "901", "reach": "4001", "frequency": "2.5"}]
    read_insights(house.store.engine, house.account, client, hours)
    assert [(row.ad_id, row.until, row.reach, row.frequency) for row in _stored(house)] == [
        ("901", midnight, 4001, 2.5)
    ]


def test_a_day_is_not_asked_about_before_it_is_over(
    house: House, midnight: datetime, platform: Platform, client: MetaClient
) -> None:
    tomorrow = midnight + timedelta(hours=23)
    read_insights(house.store.engine, house.account, client, [tomorrow])
    assert platform.asked == []


def test_a_day_may_begin_within_an_hour(house: House, clock: Any, platform: Platform, client: MetaClient) -> None:
    india = house.account.model_copy(update={"time_zone": "Asia/Kolkata"})
    begins = clock.now().replace(hour=18, minute=30, second=0, microsecond=0) + timedelta(days=1)
    clock.move_to(begins + HOUR)
    hour = begins - HOUR / 2
    platform.people = [{"ad_id": "901", "reach": "10", "frequency": "1"}]
    read_insights(house.store.engine, india, client, [hour - HOUR])
    assert platform.asked == []
    read_insights(house.store.engine, india, client, [hour])
    assert [row.until for row in _stored(house)] == [begins]


def test_a_frequency_is_known_until_two_nights_are_missed(
    house: House, midnight: datetime, platform: Platform, client: MetaClient
) -> None:
    last = midnight - HOUR
    house.launch("v01", at=last - 40 * HOUR)
    platform.people = [{"ad_id": "901", "reach": "4000", "frequency": "2.25"}]
    read_insights(house.store.engine, house.account, client, [last])
    at = {hours: house.states(last + hours * HOUR)["901"].frequency for hours in (-1, 0, 49, 50)}
    assert at == {-1: None, 0: 2.25, 49: 2.25, 50: None}


def test_people_that_cannot_be_counted_cost_no_hour(
    house: House, midnight: datetime, platform: Platform, client: MetaClient
) -> None:
    platform.report(midnight - HOUR)
    platform.uncountable = True
    read = read_insights(house.store.engine, house.account, client, [midnight - HOUR])
    assert (read.rows, read.missing) == (1, ())
    assert read.problem is not None
    assert read.problem.startswith("the reach of ads: TransientError: ")
    assert house.count(tables.ad_insights) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"ad_id": "1", "reach": "many", "frequency": "2"},
        {"ad_id": "1", "reach": "10.5", "frequency": "2"},
        {"ad_id": "1", "reach": "0", "frequency": "2"},
        {"ad_id": "1", "reach": "10", "frequency": "0.9"},
        {"ad_id": "1", "reach": "10", "frequency": "NaN"},
        {"ad_id": "1", "reach": "10", "frequency": "Infinity"},
        {"reach": "10", "frequency": "2"},
        {"ad_id": "1", "reach": ["10"], "frequency": "2"},
    ],
)
def test_a_row_that_cannot_be_read_is_quoted(platform: Platform, client: MetaClient, row: dict[str, Any]) -> None:
    platform.people = [row]
    day = datetime(2026, 11, 2, tzinfo=UTC).date()
    with pytest.raises(PermanentError, match=r"insights row \{.*'reach'.*cannot be read"):
        client.reach(day, day)
