"""The hourly decision on a real database: what is known, what is decided, what is queued."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.hour import observe_hour
from flywheel_assets.budget.repository import load_allocation
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.store import tables
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from tests.integration.budget_house import House, back


@pytest.fixture
def house(store: Store, account: Account) -> House:
    return House(store, account)


@pytest.fixture
def hour(clock: Any) -> datetime:
    """The last closed hour, 80 hours after the twin's clock was set."""
    closed: datetime = clock.forward(hours=80) - HOUR
    return closed


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
    assert {state.as_of("insights") for state in two.states} == {hour - HOUR}

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
