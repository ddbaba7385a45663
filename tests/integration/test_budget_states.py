"""What is known of an ad at the end of an hour, on a real database: every source, how fresh it is, and who holds what."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from flywheel_assets.budget.past_budgets import budgets_in_window
from flywheel_assets.budget.states import load_states, save_states
from flywheel_assets.core.account import Account, Bounds, HubSpot
from flywheel_assets.core.hours import HOUR
from flywheel_assets.execution.statements import sql
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store
from tests.integration.budget_house import House, back

STATUSES = ("executing", "unknown", "applied", "reconciled", "not_applied", "throttled", "failed", "conflict")
STAGES = {
    "met": {"win_probability": 0.2},
    "offered": {"win_probability": 0.6},
    "won": {"win_probability": 1.0, "outcome": "won"},
    "lost": {"win_probability": 0.0, "outcome": "lost"},
}


@pytest.fixture
def house(store: Store, account: Account) -> House:
    return House(store, account)


@pytest.fixture
def selling(store: Store, account: Account) -> House:
    """An account whose deals are in a CRM."""
    hubspot = HubSpot.model_validate({"portal_id": 62515, "stages": STAGES})
    return House(store, account.model_copy(update={"hubspot": hubspot}))


@pytest.fixture
def hour(clock: Any) -> datetime:
    """The last closed hour, 80 hours after the twin's clock was set."""
    closed: datetime = clock.forward(hours=80) - HOUR
    return closed


def own(house: House, **changed: Any) -> House:
    return House(house.store, house.account.model_copy(update=changed))


# --- delivery, value, budgets -------------------------------------------------------------------------


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
    assert state.hours.hour == tuple(int(one.timestamp() // 3600) for one in reversed(back(hour, 30)))
    assert state.hours.clicks == (20,) * 30
    assert state.hours.budget == (4500,) * 28 + (5000,) * 2
    assert (state.pipeline, state.cash) == (9500, 10_000)
    assert (state.allowed, state.floor, state.ceiling) == ((4000, 5400), 1000, 12_000)
    assert (state.as_of("insights"), state.as_of("crm"), state.changed_at) == (hour + HOUR, None, hour - HOUR)
    assert (state.platform_value, state.learning_phase, state.dna) == (None, None, None)


def test_hours_go_back_four_weeks_and_sums_to_the_beginning(house: House, hour: datetime) -> None:
    first = hour - timedelta(days=40)
    house.launch("v01", at=first)
    house.report("901", [first, hour - timedelta(days=28), hour - timedelta(days=28) + HOUR, hour - 2 * HOUR, hour])
    state = house.states(hour)["901"]
    assert len(state.hours.hour) == 3  # the silent hour before the last is not made a zero
    assert state.hours.hour[1:] == tuple(int(one.timestamp() // 3600) for one in (hour - 2 * HOUR, hour))
    assert (state.impressions, state.spend) == (5000, 1000)


def test_a_persons_edit_counts_in_the_budgets_of_the_past(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour - 40 * HOUR)
    house.report("901", back(hour, 10))
    house.add(tables.budget_edits, object_ref="c_1/v01/adset", ours=4800, theirs=5000, found_at=hour - 3 * HOUR)
    state = house.states(hour)["901"]
    assert state.hours.budget == (4800,) * 6 + (5000,) * 4
    assert state.allowed == (4000, 5760)  # 1.2 x 4800
    assert state.changed_at == hour - 3 * HOUR


def test_saved_states_read_back_as_they_were(selling: House, hour: datetime) -> None:
    selling.launch("v01", at=hour - 40 * HOUR)
    selling.report("901", back(hour, 10))
    selling.deal(1, ("met", hour - 9 * HOUR), ("offered", hour - 2 * HOUR))
    selling.attribute(1, "901", click=hour - 10 * HOUR)
    states = tuple(selling.states(hour).values())
    with selling.store.engine.begin() as connection:
        save_states(connection, selling.account, hour, states)
        assert load_states(connection, selling.account.account_id, hour) == states
    assert states[0].deals


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
    for at in times:
        house.add(tables.budget_edits, object_ref="c_1/v01/adset", ours=(minor := minor + 10), theirs=1, found_at=at)
    with house.store.engine.connect() as connection:
        ours = budgets_in_window(connection, house.account.account_id, opens)
        for owner in ("c_1/v01/adset", "c_1/v02/adset"):
            theirs = connection.execute(sql("budgets_in_window"), {"object_ref": owner, "opens": opens}).scalars().all()
            assert sorted(ours[owner]) == sorted(theirs)
            assert len(theirs) > 20


# --- deals --------------------------------------------------------------------------------------------


def test_a_deal_is_known_with_its_click_and_all_its_stages(selling: House, hour: datetime) -> None:
    selling.launch("v01", "v02", at=hour - 70 * HOUR)
    met, offered = hour - 50 * HOUR, hour - 20 * HOUR
    selling.deal(1, ("met", met), ("handshake", offered - HOUR), ("offered", offered), ("won", hour + 2 * HOUR))
    selling.attribute(1, "901", click=met - 5 * HOUR)
    selling.deal(2, ("met", met), ("lost", offered), amount=None)
    selling.attribute(2, "902")
    selling.deal(3, ("met", met), currency="EUR")
    selling.attribute(3, "902")
    selling.deal(4, ("met", met))
    selling.attribute(4, None)  # from none of our ads
    states = selling.states(hour)
    (deal,) = states["901"].deals
    assert (deal.deal_id, deal.clicked_at, deal.amount) == (1, met - 5 * HOUR, 50_000)
    assert [(step.stage, step.at) for step in deal.stages] == [("met", met), ("offered", offered)]
    other, foreign = states["902"].deals
    assert ([step.stage for step in other.stages], other.amount, other.clicked_at) == (["met", "lost"], None, None)
    assert (foreign.deal_id, foreign.amount) == (3, None)  # not counted in another currency


def test_without_a_crm_no_deal_is_looked_for(house: House, hour: datetime) -> None:
    house.launch("v01", at=hour - 70 * HOUR)
    house.deal(1, ("met", hour - 9 * HOUR))
    house.attribute(1, "901")
    assert house.states(hour)["901"].deals == ()


def test_vectors_of_another_embedder_are_not_compared(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 20 * HOUR)
    for number, embedder in ((1, "old"), (2, "new")):
        vector = [0.0] * 255 + [float(number)]
        row = {"account_id": house.account.account_id, "creative_id": "c_1", "variation": f"v0{number}", "record": {}}
        made = hour + number * HOUR
        house.add(tables.creative_dna, ad_id=f"90{number}", embedder=embedder, vector=vector, made_at=made, **row)
    states = house.states(hour)
    assert states["901"].dna is None
    assert states["902"].dna is not None
    assert states["902"].dna[-1] == 2


# --- what blocks and what holds -----------------------------------------------------------------------


@pytest.mark.parametrize(("waited", "blocks"), [(23, False), (25, True)])
@pytest.mark.parametrize("what", ["event", "problem", "attribution"])
def test_a_crm_that_was_not_heard_for_a_day_blocks_and_says_what_waits(
    selling: House, hour: datetime, what: str, waited: int, *, blocks: bool
) -> None:
    selling.launch("v01", at=hour - 70 * HOUR)
    selling.report("901", back(hour, 5))
    since = hour + HOUR - waited * HOUR
    told = {"event": "events of HubSpot", "problem": "HubSpot cannot be read", "attribution": "deals wait"}[what]
    match what:
        case "event":
            selling.event(1, 1, since)
        case "problem":
            subject = f"account:{selling.account.account_id}"
            selling.add(
                tables.revenue_problems, subject=subject, rule="crm_unavailable", reason="no answer", seen_at=since
            )
        case _:
            selling.deal(1, ("met", since), fetched_at=since)
    state = selling.states(hour)["901"]
    assert state.as_of("crm") == since
    assert (state.blocked or "").startswith(f"stale_crm: {told}") is blocks


def test_a_crm_with_nothing_to_say_is_fresh(selling: House, hour: datetime) -> None:
    selling.launch("v01", at=hour - 70 * HOUR)
    selling.report("901", back(hour, 5))
    state = selling.states(hour)["901"]
    assert (state.as_of("crm"), state.blocked) == (hour + HOUR, None)


@pytest.mark.parametrize(("since", "held"), [(2, True), (3, False)])
def test_a_budget_that_was_just_changed_is_held(house: House, hour: datetime, since: int, *, held: bool) -> None:
    house.launch("v01", "v02", at=hour - 70 * HOUR)
    for ad in ("901", "902"):
        house.report(ad, back(hour, 5))
    changed = hour + HOUR - since * HOUR
    house.attempt("c_1/v01/adset", "set_budget", changed, previous_budget=4900, target_budget=5000)
    states = house.states(hour)
    assert (states["901"].held or "").startswith("cooldown: its budget was changed") is held
    assert (states["901"].blocked, states["902"].held) == (None, None)


@pytest.mark.parametrize("name", ["901", "c_1/v01/ad", "c_1/v01/adset", "c_1/v01", "c_1", "c_1/campaign"])
def test_a_person_takes_ads_out_by_any_of_their_names(house: House, hour: datetime, name: str) -> None:
    house.launch("v01", at=hour - 70 * HOUR)
    house.launch("v02", at=hour - 70 * HOUR, creative="c_2")
    states = own(house, opt_outs=(name,)).states(hour)
    assert states["901"].held == f"opt_out: the account file's opt_outs name {name}"
    assert states["902"].held is None


def test_an_ad_set_has_the_floor_and_ceiling_that_its_owner_gave_it(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 70 * HOUR)
    bounds = {"c_1/v01/adset": Bounds(floor="15.00"), "c_1/v02/adset": Bounds(ceiling="80.00")}
    states = own(house, bounds=bounds).states(hour)
    assert [(states[ad].floor, states[ad].ceiling) for ad in ("901", "902")] == [(1500, 12_000), (1000, 8000)]


def test_a_campaign_that_has_a_budget_owns_those_of_its_ads(house: House, hour: datetime) -> None:
    house.launch("v01", "v02", at=hour - 70 * HOUR)
    for ad in ("901", "902"):
        house.report(ad, back(hour, 5))
    objects = tables.ad_objects.c
    house.change(tables.ad_objects, objects.kind == "adset", daily_budget=None)
    house.change(tables.ad_objects, objects.ref == "c_1/campaign", daily_budget=9000)
    states = house.states(hour)
    for state in states.values():
        assert (state.object_ref, state.current_budget, state.blocked) == ("c_1/campaign", 9000, None)
        assert (state.floor, state.ceiling) == (2000, 24_000)  # as many times as it has ad sets, as the executor holds
    found = house.decide(hour)
    (line,) = found.allocation.recommendations
    assert (line.object_ref, line.ads, line.current_budget) == ("c_1/campaign", ("901", "902"), 9000)
    assert line.recommended_budget == 10_800  # of the plan's 15,000 what the velocity rule allows
