"""The hourly decision on a real database: what is known, what is decided, what is queued."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, select

from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.evidence import budgets_in_window
from flywheel_assets.budget.hour import HourDecision, decide_hour, observe_hour
from flywheel_assets.budget.repository import load_allocation
from flywheel_assets.budget.states import build_states
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.statements import sql
from flywheel_assets.store import tables
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store

STATUSES = ("executing", "unknown", "applied", "reconciled", "not_applied", "throttled", "failed", "conflict")


@dataclass
class House:
    """The rows that other parts of the platform would have written."""

    store: Store
    account: Account

    def add(self, table: Any, **values: Any) -> Any:
        with self.store.engine.begin() as connection:
            return connection.execute(table.insert().values(**values).returning(*table.primary_key)).one()[0]

    def change(self, table: Any, where: Any, **values: Any) -> None:
        with self.store.engine.begin() as connection:
            connection.execute(table.update().where(where).values(**values))

    def launch(
        self, *keys: str, at: datetime, budget: int = 5000, creative: str = "c_1", world: str = "sandbox"
    ) -> None:
        campaign = f"{creative}/campaign"
        shared = {"world": world, "account_id": self.account.account_id, "campaign_ref": campaign, "currency": "USD"}
        self.add(
            tables.ad_objects, ref=campaign, kind="campaign", tag=campaign, remote_id="1", status="ACTIVE", **shared
        )
        for key in keys:
            owner, ad = f"{creative}/{key}/adset", f"{creative}/{key}/ad"
            values = {"remote_id": f"5{key[1:]}", "daily_budget": budget}
            self.add(tables.ad_objects, ref=owner, kind="adset", tag=owner, **values, **shared)
            self.add(tables.ad_objects, ref=ad, kind="ad", tag=ad, remote_id=f"9{key[1:]}", **shared)
            self.attempt(ad, "create_ad", at, world=world)
        self.attempt(campaign, "set_status", at, world=world)

    def attempt(
        self,
        ref: str,
        kind: str,
        at: datetime | None,
        *,
        status: str = "applied",
        world: str = "sandbox",
        **budgets: int,
    ) -> None:
        shared = {
            "world": world,
            "account_id": self.account.account_id,
            "campaign_ref": f"{ref.split('/', maxsplit=1)[0]}/campaign",
            "object_ref": ref,
            "change_type": kind,
            "currency": "USD",
            "reasoning": "test",
        }
        now = at or datetime.now().astimezone()
        known = select(func.count()).select_from(tables.pending_ad_changes)
        with self.store.engine.connect() as connection:
            number = connection.execute(known).scalar_one()
        change = self.add(
            tables.pending_ad_changes,
            **shared,
            spec={},
            requested_by="test",
            idempotency_key=f"test:{number}",
            status="applied",
            jitter_seconds=0,
            not_before=now,
        )
        self.add(
            tables.ad_change_history,
            **shared,
            **budgets,
            change_id=change,
            attempt=1,
            scope="campaign",
            worker="test",
            status=status,
            started_at=now,
            finished_at=at,
        )

    def report(self, ad_id: str, hours: list[datetime], *, rate: float = 0.01, currency: str = "USD") -> None:
        for hour in hours:
            counts = {"impressions": 1000, "clicks": round(1000 * rate), "leads": round(100 * rate), "spend": 200}
            self.add(
                tables.ad_insights,
                account_id=self.account.account_id,
                ad_id=ad_id,
                hour=hour,
                currency=currency,
                **counts,
            )

    def read(self, hours: list[datetime]) -> None:
        for hour in hours:
            self.add(tables.insight_reads, account_id=self.account.account_id, hour=hour)

    def earn(
        self, ad_id: str, at: datetime, pipeline: int, *, cash: int = 0, deal: int = 1, currency: str = "USD"
    ) -> None:
        self.add(
            tables.ml_feedback,
            account_id=self.account.account_id,
            ad_id=ad_id,
            deal_id=deal,
            position=int(at.timestamp()),
            occurred_at=at,
            stage="s",
            pipeline_increment=pipeline,
            cash_increment=cash,
            currency=currency,
        )

    def decide(self, hour: datetime) -> HourDecision:
        return decide_hour(self.store.engine, self.account, self.store.settings, hour)

    def states(self, hour: datetime) -> dict[str, AdState]:
        with self.store.engine.connect() as connection:
            return {one.ad_id: one for one in build_states(connection, self.account, self.store.settings, hour)}

    def count(self, table: Any) -> int:
        with self.store.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture
def house(store: Store, account: Account) -> House:
    return House(store, account)


@pytest.fixture
def hour(clock: Any) -> datetime:
    """The last closed hour, 80 hours after the twin's clock was set."""
    closed: datetime = clock.forward(hours=80) - HOUR
    return closed


def back(hour: datetime, count: int) -> list[datetime]:
    return [hour - HOUR * index for index in range(count)]


def test_a_state_holds_what_was_reported_earned_and_allowed(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour + HOUR - timedelta(hours=30))
    house.report("901", back(hour, 30), rate=0.02)
    house.report("901", [hour + HOUR])  # of the hour after: not known yet
    house.earn("901", hour - 3 * HOUR, 4000)
    house.earn("901", hour - 2 * HOUR, 6000, cash=10_000)
    house.earn("901", hour, -500, deal=2)
    house.earn("901", hour + HOUR, 99_999, deal=3)
    house.attempt("c_1/v01/adset", "set_budget", hour - HOUR, previous_budget=4500, target_budget=5000)
    state = house.states(hour)["901"]
    assert (state.blocked, state.active, state.age_hours, state.current_budget) == (None, True, 30, 5000)
    assert (state.impressions, state.clicks, state.leads, state.spend) == (30_000, 600, 60, 6000)
    assert [(one.impressions, one.age_hours) for one in state.windows] == [(6000, 27), (24_000, 12)]
    assert (state.deals, state.pipeline, state.cash) == (2, 9500, 10_000)
    assert (state.allowed, state.floor, state.ceiling) == ((4000, 5400), 1000, 12_000)
    assert state.insights_at == hour + HOUR


def test_the_velocity_window_is_the_executors(house: House, hour: datetime) -> None:
    opens = hour - timedelta(hours=6)
    house.launch("v01", "v02", at=hour - 70 * HOUR)
    times = (opens - HOUR, opens, opens + timedelta(seconds=1), hour)
    minor = 1000
    for status, at, owner, world in product(STATUSES, times, ("c_1/v01/adset", "c_1/v02/adset"), ("sandbox", "live")):
        minor += 10
        unfinished = status in {"executing", "unknown"}
        house.attempt(
            owner,
            "set_budget",
            None if unfinished else at,
            status=status,
            world=world,
            previous_budget=minor,
            target_budget=minor + 1,
        )
    house.attempt("c_1/v01/adset", "set_budget", hour, previous_budget=77)
    with house.store.engine.connect() as connection:
        ours = budgets_in_window(connection, house.account.account_id, opens)
        for owner in ("c_1/v01/adset", "c_1/v02/adset"):
            theirs = connection.execute(sql("budgets_in_window"), {"object_ref": owner, "opens": opens}).scalars().all()
            assert sorted(ours[owner]) == sorted(theirs)
            assert len(theirs) > 20


@pytest.mark.parametrize(
    ("ref", "values", "rule"),
    [
        ("c_1/campaign", {"status": "PAUSED"}, "not_active: its campaign"),
        ("c_1/campaign", {"status": None}, "not_active: its campaign"),
        ("c_1/v01/adset", {"status": "PAUSED"}, "not_active: its ad set is paused"),
        ("c_1/v01/ad", {"effective_status": "DELETED"}, "not_active: Meta shows the ad as DELETED"),
        ("c_1/v01/ad", {"drift": {"status": {"ours": "ACTIVE", "theirs": "PAUSED"}}}, "not_active: a person"),
        ("c_1/v01/adset", {"daily_budget": None}, "no_budget"),
        (
            "c_1/v01/adset",
            {"drift": {"daily_budget": {"ours": 5000, "theirs": 9000}}},
            "edited_elsewhere: a person set",
        ),
        (
            "c_1/v01/adset",
            {"drift": {"daily_budget": {"ours": 5000, "theirs": 0}}},
            "edited_elsewhere: a person took its daily budget away",
        ),
        ("c_1/v01/adset", {"currency": "EUR"}, "currency_mismatch: amounts in EUR"),
        ("c_1/v01/adset", {"daily_budget": 20_000}, "bounds: the velocity rule allows 16000 to 24000"),
    ],
)
def test_one_ad_that_nothing_may_be_decided_about_does_not_stop_the_other(
    house: House, hour: datetime, ref: str, values: Mapping[str, Any], rule: str
) -> None:
    house.launch("v01", at=hour - 70 * HOUR)
    house.launch("v02", at=hour - 70 * HOUR, creative="c_2")
    for ad in ("901", "902"):
        house.report(ad, back(hour, 5))
    house.change(tables.ad_objects, tables.ad_objects.c.ref == ref, **values)
    found = house.decide(hour)
    assert len(found.blocked) == 1
    assert found.blocked[0].startswith(f"901: {rule}")
    assert [state.ad_id for state in found.states if state.blocked is None] == ["902"]
    assert found.allocation.decided
    assert house.count(tables.ad_states) == 2


def test_amounts_in_a_foreign_currency_and_an_unknown_start_block(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", "v03", at=hour - 20 * HOUR)
    for ad in ("901", "902", "903"):
        house.report(ad, back(hour, 5), currency="EUR" if ad == "901" else "USD")
    house.earn("902", hour, 100, currency="CHF")
    history = tables.ad_change_history.c
    house.change(tables.ad_change_history, history.object_ref == "c_1/v03/ad", status="not_applied")
    blocked = {ad: state.blocked or "" for ad, state in house.states(hour).items()}
    assert blocked["901"].startswith("currency_mismatch: amounts in EUR")
    assert blocked["902"].startswith("currency_mismatch: amounts in CHF")
    assert blocked["903"].startswith("no_age")


def test_a_larger_edit_in_the_window_blocks_by_velocity(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour - 20 * HOUR)
    house.report("901", back(hour, 5))
    house.attempt("c_1/v01/adset", "set_budget", hour, previous_budget=2000, target_budget=5000)
    assert (house.states(hour)["901"].blocked or "").startswith("velocity: ")


def test_two_missing_hours_are_shown_and_four_stop_decisions(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 20 * HOUR)
    heard = back(hour - 2 * HOUR, 10)
    house.read(heard)
    for ad in ("901", "902"):
        house.report(ad, heard)
    two = house.decide(hour)
    assert two.allocation.decided
    assert two.missing_hours[-2:] == (hour - HOUR, hour)
    assert {state.insights_at for state in two.states} == {hour - HOUR}

    four = house.states(hour + 2 * HOUR)
    assert all((state.blocked or "").startswith("stale_insights: the last reported hour") for state in four.values())
    house.report("901", [hour + 2 * HOUR])  # heard of again; the other stays silent
    mixed = house.states(hour + 2 * HOUR)
    assert mixed["901"].blocked is None
    assert mixed["902"].blocked is not None


def test_an_ad_that_never_delivered_is_asked_about_once_it_should_have(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour + HOUR - timedelta(hours=3))
    assert house.states(hour)["901"].blocked is None
    assert "nothing has been reported since it started" in (house.states(hour + HOUR)["901"].blocked or "")


def test_a_decision_is_saved_queued_once_and_stands_from_then_on(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", "v03", at=hour - 79 * HOUR)
    for ad, rate in (("901", 0.01), ("902", 0.02), ("903", 0.03)):
        house.report(ad, back(hour, 79), rate=rate)
    first = house.decide(hour)
    assert not first.stands
    changes = changes_of(first.allocation, house.account, hour)
    assert changes
    with house.store.engine.begin() as connection:
        assert load_allocation(connection, house.account.account_id, hour) == first.allocation
        queued = enqueue(connection, changes, house.store.settings.safety)
        again = enqueue(connection, changes, house.store.settings.safety)
    assert (queued.status, queued.added, again.added, again.known) == ("pending", len(changes), 0, len(changes))

    moved = tables.ad_objects.c.ref == changes[0].object_ref
    house.change(tables.ad_objects, moved, daily_budget=1234)  # as if it had been applied
    second = house.decide(hour)
    assert second.stands
    assert (second.allocation, second.states) == (first.allocation, first.states)
    assert observe_hour(house.store.engine, house.account, house.store.settings, hour) == first.states


def test_a_second_run_before_anything_was_queued_decides_from_what_is_known_then(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 79 * HOUR)
    nothing = house.decide(hour)
    assert not nothing.allocation.decided
    assert "all 2 ads are blocked; the first: stale_insights" in nothing.allocation.summary
    for ad, rate in (("901", 0.01), ("902", 0.03)):
        house.report(ad, back(hour, 79), rate=rate)
    seen = observe_hour(house.store.engine, house.account, house.store.settings, hour)
    found, same = house.decide(hour), house.decide(hour)
    assert found.states == seen
    assert found.allocation.decided
    assert same.allocation == found.allocation
    assert (house.count(tables.ad_states), house.count(tables.budget_allocations)) == (2, 1)


def test_an_account_without_ads_has_a_decision_that_says_so(house: House, hour: datetime) -> None:
    found = house.decide(hour)
    assert (found.allocation.decided, found.states) == (False, ())
    with house.store.engine.connect() as connection:
        assert load_allocation(connection, house.account.account_id, hour) == found.allocation
        assert load_allocation(connection, house.account.account_id, hour - HOUR) is None
    assert changes_of(found.allocation, house.account, hour) == ()


def test_ads_of_another_account_or_world_are_not_touched(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour - 20 * HOUR)
    house.launch("v02", at=hour - 20 * HOUR, creative="c_2", world="live")
    other = House(house.store, house.account.model_copy(update={"account_id": "act_2"}))
    with house.store.engine.begin() as connection:
        save_account(connection, other.account, "sandbox")
    other.launch("v03", at=hour - 20 * HOUR, creative="c_3")
    assert set(house.states(hour)) == {"901"}
    assert set(other.states(hour)) == {"903"}


def test_an_hour_that_is_not_over_is_refused(house: House, hour: datetime) -> None:
    for wrong in (hour + HOUR, hour + timedelta(minutes=1)):
        with pytest.raises(ValueError, match="not a closed hour"):
            house.decide(wrong)


def test_runs_of_the_same_hour_at_the_same_time_leave_one_decision(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 79 * HOUR)
    for ad in ("901", "902"):
        house.report(ad, back(hour, 4))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(house.decide, [hour] * 4))
    assert len({one.allocation.model_dump_json() for one in found}) == 1
    assert (house.count(tables.budget_allocations), house.count(tables.budget_recommendations)) == (1, 2)
