"""The spend guard on a real database: what it reads, what it tells, what it stops."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from flywheel_assets.assets.common import key_of
from flywheel_assets.budget.repository import save_allocation
from flywheel_assets.budget.types import Allocation, Recommendation
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import TransientError
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.execution.picture import Counts, Picture, Redirect, Unseen
from flywheel_assets.execution.spending import read_picture
from flywheel_assets.execution.stops import resume
from flywheel_assets.execution.watch import Watched, watch
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.tables import (
    accounts,
    ad_change_history,
    ad_insights,
    ad_objects,
    alerts,
    budget_edits,
    clicks,
    creatives,
    publish_plans,
    videos,
)
from flywheel_assets.store.tables.execution import NOT_SHOWN
from tests.executor_bench import Bench, remote

AD = "901"


@dataclass
class Watch:
    """An account with one running ad, at five past noon of its own day."""

    bench: Bench
    clock: Any
    now: datetime

    @property
    def account(self) -> Account:
        return self.bench.account

    @property
    def midnight(self) -> datetime:
        """Where the account's day begins."""
        zone = ZoneInfo(self.account.time_zone)
        return datetime.combine(self.now.astimezone(zone).date(), time(), tzinfo=zone).astimezone(UTC)

    def configure(self, **changed: Any) -> None:
        self.bench.account = self.account.model_copy(update=changed)
        with self.bench.store.engine.begin() as connection:
            save_account(connection, self.account, "sandbox")

    def add(self, table: Any, **values: Any) -> None:
        with self.bench.store.engine.begin() as connection:
            connection.execute(table.insert().values(**values))

    def change(self, ref: str, **values: Any) -> None:
        with self.bench.store.engine.begin() as connection:
            connection.execute(ad_objects.update().where(ad_objects.c.ref == ref).values(**values))

    def ad(self, name: str, ad_id: str, budget: int = 5000, campaign: str = "c1") -> str:
        """A running ad in an ad set of its own; the ad set's reference."""
        adset = self.bench.adset(name, budget, campaign)
        ref, shared = f"{campaign}/{name}/ad", {"account_id": self.account.account_id, "currency": "USD"}
        self.add(
            ad_objects, ref=ref, kind="ad", campaign_ref=f"{campaign}/campaign", tag=ref, remote_id=ad_id, world="sandbox",
            **shared,
        )  # fmt: skip
        return adset

    def report(self, hour: datetime, spend: int, **counts: Any) -> None:
        row = {"account_id": self.account.account_id, "ad_id": AD, "currency": "USD", "impressions": 1000}
        self.add(ad_insights, **(row | {"hour": hour, "clicks": 20, "leads": 0, "spend": spend} | counts))

    def moved(self, ref: str, before: int | None, after: int, at: datetime, status: str = "applied") -> None:
        """An attempt of ours to change a budget."""
        self.bench.enqueue(self.bench.budget(ref, after))
        values = {
            "change_id": self.bench.queue[-1]["id"],
            "attempt": 1,
            "world": "sandbox",
            "account_id": self.account.account_id,
            "campaign_ref": "c1/campaign",
            "object_ref": ref,
            "change_type": "set_budget",
            "scope": "campaign",
            "worker": "w1",
            "currency": "USD",
            "reasoning": "test",
        }
        finished = None if status == "unknown" else at
        budgets = {"previous_budget": before, "target_budget": after}
        self.add(ad_change_history, **values, **budgets, status=status, started_at=at, finished_at=finished)

    def picture(self) -> Picture:
        with self.bench.store.engine.connect() as connection:
            return read_picture(connection, self.account, self.bench.store.settings, self.bench.platform.info)

    def look(self) -> Watched:
        return watch(self.bench.store.engine, self.account, self.bench.store.settings, self.bench.platform.info)

    def later(self, **passed: float) -> None:
        self.now = self.clock.forward(**passed)

    def resume(self) -> None:
        with self.bench.store.engine.begin() as connection:
            resume(connection, self.account.account_id)

    @property
    def state(self) -> tuple[bool, bool]:
        """Whether the account is frozen, and whether it is being paused."""
        (row,) = self.bench.rows(accounts)
        return row["frozen"], row["pausing"]

    def alerts(self, *, open_only: bool = True) -> list[tuple[str, bool]]:
        rows = self.bench.rows(alerts, "id")
        return [(row["rule"], row["stopped"]) for row in rows if not open_only or row["closed_at"] is None]


@pytest.fixture
def seen(bench: Bench, clock: Any) -> Watch:
    zone = ZoneInfo(bench.account.time_zone)
    tomorrow = clock.now().astimezone(zone).date() + timedelta(days=1)
    now = clock.move_to(datetime.combine(tomorrow, time(12, 5), tzinfo=zone).astimezone(UTC))
    watching = Watch(bench, clock, now)
    watching.configure(daily_plan="250.00", daily_cap=None)
    watching.ad("v1", AD)
    return watching


def _hours(start: datetime, number: int) -> list[datetime]:
    return [floor_hour(start) + HOUR * index for index in range(number)]


# --- what it reads --------------------------------------------------------------------------------


def test_a_day_is_the_accounts_own_and_only_closed_hours_count(seen: Watch) -> None:
    seen.report(seen.midnight - HOUR, 10)
    seen.report(seen.midnight, 200)
    seen.report(seen.now.replace(minute=0) - HOUR, 3000)
    seen.report(seen.now.replace(minute=0), 40_000)  # this hour is not over
    today, yesterday = seen.picture().days
    assert (today.spend, yesterday.spend) == (3200, 10)
    assert (today.on - yesterday.on).days == 1


def test_just_after_midnight_the_day_that_ended_is_judged(seen: Watch) -> None:
    seen.report(seen.midnight + 23 * HOUR, 500)
    seen.clock.move_to(seen.midnight + 24 * HOUR + timedelta(minutes=10))
    assert [day.spend for day in seen.picture().days] == [500, 0]
    seen.clock.move_to(seen.midnight + 25 * HOUR + timedelta(minutes=10))
    assert [day.spend for day in seen.picture().days] == [0, 500]


def test_in_a_half_hour_zone_the_day_begins_with_the_utc_hour_its_first_hour_begins_in(seen: Watch) -> None:
    seen.configure(time_zone="Asia/Kolkata")
    assert seen.midnight.minute == 30
    seen.report(floor_hour(seen.midnight) - HOUR, 10)
    seen.report(floor_hour(seen.midnight), 200)
    assert [day.spend for day in seen.picture().days] == [200, 10]


def test_a_week_is_the_trailing_seven_days(seen: Watch) -> None:
    seen.report(seen.midnight - timedelta(days=6), 500)
    seen.report(seen.midnight - timedelta(days=6) - HOUR, 7000)
    assert seen.picture().week == 500


def test_the_last_24_hours_are_apart_from_the_past(seen: Watch) -> None:
    opens = floor_hour(seen.now) - timedelta(hours=24)
    seen.report(opens, 100, clicks=10, leads=1)
    seen.report(opens - HOUR, 2000, clicks=200, leads=20)
    seen.report(opens - timedelta(days=14), 30_000, clicks=3000, leads=300)
    seen.report(opens - timedelta(days=14) - HOUR, 9, clicks=9, leads=9)
    picture = seen.picture()
    assert (picture.recent, picture.past) == (Counts(100, 10, 1), Counts(32_000, 3200, 320))
    assert picture.tracked == picture.recent


def test_other_accounts_and_other_currencies_are_not_added_up(seen: Watch) -> None:
    seen.report(seen.midnight, 100)
    seen.report(seen.midnight, 2000, account_id="act_9")
    seen.report(seen.midnight, 30_000, ad_id="902", currency="EUR")
    assert seen.picture().week == 100


def test_the_cap_is_the_accounts_own_or_a_tenth_above_its_plan(seen: Watch) -> None:
    assert (seen.picture().plan, seen.picture().cap) == (25_000, 27_500)
    seen.configure(daily_cap="180.00")
    assert seen.picture().cap == 18_000


@pytest.mark.parametrize(("stopped", "counted"), [(False, Counts(300, 40, 0)), (True, Counts(100, 20, 0))])
def test_only_a_stop_that_a_person_answered_for_is_counted_from_then_on(
    seen: Watch, stopped: bool, counted: Counts
) -> None:
    seen.report(floor_hour(seen.now) - 3 * HOUR, 200)
    seen.report(floor_hour(seen.now) - 2 * HOUR, 100)
    closed = floor_hour(seen.now) - HOUR - timedelta(minutes=20)  # within the later of the two hours
    whose = {"account_id": seen.account.account_id, "reason": "r", "stopped": stopped, "closed_at": closed}
    for rule in ("cpa", "tracking", "overspend"):
        seen.add(alerts, rule=rule, **whose)
    picture = seen.picture()
    assert (picture.recent, picture.tracked) == (counted, counted)
    assert (picture.week, picture.days[0].counted, picture.days[0].spend) == (counted.spend, counted.spend, 300)


# --- budgets in force -----------------------------------------------------------------------------


def _budgets(seen: Watch) -> list[int]:
    return [day.budgets for day in seen.picture().days]


def test_the_highest_sum_of_budgets_is_that_of_one_moment(seen: Watch) -> None:
    first, second = "c1/v1/adset", seen.ad("v2", "902", 6000)
    seen.moved(second, 5000, 6000, seen.midnight + 2 * HOUR)
    seen.moved(first, 6000, 5000, seen.midnight + HOUR)
    assert _budgets(seen) == [11_000, 11_000]
    seen.moved(first, 8000, 6000, seen.midnight - HOUR)
    assert _budgets(seen) == [11_000, 13_000]


def test_where_an_outcome_is_unknown_the_higher_budget_counts(seen: Watch) -> None:
    seen.moved("c1/v1/adset", 5000, 6000, seen.midnight + HOUR, "unknown")
    assert _budgets(seen) == [6000, 5000]


def test_a_cut_whose_outcome_is_unknown_makes_no_room(seen: Watch) -> None:
    second = seen.ad("v2", "902", 6000)
    seen.moved("c1/v1/adset", 6000, 5000, seen.midnight + HOUR, "unknown")
    seen.moved(second, 5000, 6000, seen.midnight + 2 * HOUR)
    assert _budgets(seen) == [12_000, 11_000]


def test_an_attempt_that_failed_changed_no_budget(seen: Watch) -> None:
    seen.moved("c1/v1/adset", 5000, 9000, seen.midnight + HOUR, "failed")
    assert _budgets(seen) == [5000, 5000]


def test_a_persons_edit_counts_before_and_after_it_is_adopted(seen: Watch) -> None:
    seen.change("c1/v1/adset", drift={"daily_budget": {"ours": 5000, "theirs": 9000}})
    assert _budgets(seen) == [9000, 9000]
    seen.change("c1/v1/adset", drift=None, daily_budget=9000)
    seen.add(budget_edits, object_ref="c1/v1/adset", ours=5000, theirs=9000, found_at=seen.midnight + HOUR)
    assert _budgets(seen) == [9000, 5000]


def test_a_budget_that_a_person_moved_to_the_campaign_counts_before_it_is_adopted(seen: Watch) -> None:
    seen.change("c1/v1/adset", drift={"daily_budget": {"ours": 5000, "theirs": 0}})
    seen.change("c1/campaign", drift={"daily_budget": {"ours": None, "theirs": 9000}})
    assert _budgets(seen) == [14_000, 14_000]


def test_a_paused_ad_set_counts_only_on_a_day_on_which_it_spent(seen: Watch) -> None:
    seen.ad("v2", "902", 6000)
    seen.change("c1/v2/adset", status="PAUSED")
    seen.report(seen.midnight - HOUR, 10, ad_id="902")
    assert _budgets(seen) == [5000, 11_000]


def test_a_campaign_that_was_never_activated_has_no_budget_in_force(seen: Watch) -> None:
    seen.ad("v1", "902", 6000, campaign="c2")
    seen.change("c2/campaign", status="PAUSED")
    assert _budgets(seen) == [5000, 5000]
    assert seen.picture().active_ads == 1
    seen.change("c2/campaign", drift={"status": {"ours": "PAUSED", "theirs": "ACTIVE"}})
    assert _budgets(seen) == [11_000, 11_000]
    assert seen.picture().active_ads == 2


# --- what the platform does not show any more -----------------------------------------------------


@pytest.mark.parametrize("hidden", ["c1/v1/ad", "c1/v1/adset", "c1/campaign"])
def test_what_is_not_shown_any_more_may_spend_and_is_told(seen: Watch, hidden: str) -> None:
    seen.ad("v2", "902", 6000)
    seen.change("c1/v2/adset", status="PAUSED")
    seen.change(hidden, effective_status=NOT_SHOWN)
    picture = seen.picture()
    assert picture.unseen == Unseen((hidden,), 5000)
    assert [day.budgets for day in picture.days] == [5000, 5000]
    assert picture.active_ads == (0 if hidden.endswith("/ad") else 1)
    watched = seen.look()
    assert (watched.told, watched.stopped) == (("not_shown",), None)
    assert seen.alerts() == [("not_shown", False)]
    assert "50.00 USD a day is unknown" in seen.bench.alerts[0]["reason"]


def test_what_was_switched_off_before_it_vanished_does_not_spend(seen: Watch) -> None:
    seen.change("c1/v1/ad", effective_status=NOT_SHOWN, status="PAUSED")
    assert seen.picture().unseen == Unseen((), 0)
    seen.change("c1/v1/ad", status=None)
    seen.change("c1/campaign", status="PAUSED")
    assert seen.picture().unseen == Unseen((), 0)


def test_the_alert_ends_when_it_is_shown_again(seen: Watch) -> None:
    seen.change("c1/v1/ad", effective_status=NOT_SHOWN)
    seen.look()
    seen.change("c1/v1/ad", effective_status="ACTIVE")
    assert seen.look().findings == ()
    assert seen.alerts() == []


# --- redirect and silence -------------------------------------------------------------------------


def _links_through(seen: Watch, public_url: str | None) -> None:
    whose = {"account_id": seen.account.account_id, "video_sha256": "0" * 64}
    seen.add(videos, sha256="0" * 64, uri="file:///raw.mp4", name="raw.mp4", bytes=1, probe={})
    seen.add(creatives, creative_id="c1", brief={}, **whose)
    seen.add(publish_plans, creative_id="c1", digest="d", plan={"public_url": public_url})


_NUMBERS = count(1)


def _click(seen: Watch, at: datetime, source: str = "redirect") -> None:
    whose = {"account_id": seen.account.account_id, "ad_id": AD}
    seen.add(clicks, click_id=f"click {next(_NUMBERS)}", clicked_at=at, source=source, **whose)


def test_clicks_are_compared_for_ads_that_link_through_the_redirect(seen: Watch) -> None:
    _links_through(seen, "https://go.example.org")
    seen.report(seen.midnight, 100, clicks=120)
    seen.report(seen.midnight, 100, ad_id="902", clicks=5000)
    _click(seen, seen.midnight, "api")
    _click(seen, seen.midnight - timedelta(days=3))
    assert seen.picture().redirect == Redirect(billed=120, arrived=0)
    _click(seen, seen.midnight)
    assert seen.picture().redirect == Redirect(billed=120, arrived=1)


def test_ads_that_link_straight_to_the_landing_page_have_no_redirect(seen: Watch) -> None:
    _links_through(seen, None)
    seen.report(seen.midnight, 100, clicks=120)
    assert seen.picture().redirect is None


def test_silence_counts_from_the_newest_hour_that_was_reported(seen: Watch) -> None:
    seen.change("c1/campaign", planned_at=seen.now - timedelta(days=9))
    seen.report(floor_hour(seen.now) - 9 * HOUR, 100)
    assert seen.picture().blind_hours == pytest.approx(8 + 5 / 60)
    assert seen.look().told == ("blind",)


def _activated(seen: Watch, campaign: str, at: datetime) -> None:
    """A campaign that was switched on at a time; a change of it has to be known, whichever."""
    seen.bench.enqueue(seen.bench.pause(campaign, campaign_ref=campaign))
    rest = {
        "scope": "campaign",
        "worker": "w1",
        "currency": "USD",
        "reasoning": "test",
        "world": "sandbox",
        "attempt": 1,
    }
    whose = {"account_id": seen.account.account_id, "campaign_ref": campaign, "object_ref": campaign}
    times = {"started_at": at, "finished_at": at, "change_id": seen.bench.queue[-1]["id"]}
    seen.add(ad_change_history, change_type="set_status", status="applied", **rest, **whose, **times)


def test_an_ad_that_was_switched_on_just_now_is_not_missed_yet(seen: Watch) -> None:
    seen.report(floor_hour(seen.now) - timedelta(days=9), 100)
    seen.change("c1/campaign", planned_at=seen.now - timedelta(days=20))
    _activated(seen, "c1/campaign", seen.now - timedelta(days=8))
    _activated(seen, "c1/campaign", seen.now - HOUR)
    assert seen.picture().blind_hours == pytest.approx(1)


def test_a_campaign_switched_on_just_now_does_not_hide_the_silence_of_another(seen: Watch) -> None:
    seen.ad("v1", "902", campaign="c2")
    _activated(seen, "c1/campaign", seen.now - 8 * HOUR)
    _activated(seen, "c2/campaign", seen.now - HOUR)
    assert seen.picture().blind_hours == pytest.approx(8)
    seen.change("c1/campaign", status="PAUSED")
    assert seen.picture().blind_hours == pytest.approx(1)


# --- what it does ---------------------------------------------------------------------------------


def _overspend(seen: Watch, minor: int = 60_000) -> None:
    seen.report(floor_hour(seen.now) - HOUR, minor)


def test_an_account_that_keeps_to_its_plan_is_left_alone(seen: Watch) -> None:
    for hour in _hours(seen.midnight, 12):
        seen.report(hour, 1000, leads=1)
    watched = seen.look()
    assert (watched.findings, watched.told, watched.stopped) == ((), (), None)
    assert (seen.alerts(), seen.state, seen.bench.queue) == ([], (False, False), [])


def test_overspend_raises_an_alert_and_pauses_every_campaign(seen: Watch) -> None:
    seen.ad("v1", "902", campaign="c2")
    _overspend(seen)
    watched = seen.look()
    assert (watched.told, watched.stopped) == (("overspend", "spend_pace"), 2)
    assert seen.alerts() == [("overspend", True), ("spend_pace", False)]
    assert seen.state == (True, True)
    assert "600.00 USD" in seen.bench.rows(accounts)[0]["frozen_reason"]
    seen.bench.drain_all()
    campaigns = [seen.bench.platform.objects[remote(f"{name}/campaign")]["status"] for name in ("c1", "c2")]
    assert campaigns == ["PAUSED", "PAUSED"]


def test_a_second_look_tells_and_stops_nothing_again(seen: Watch) -> None:
    _overspend(seen)
    seen.look()
    again = seen.look()
    assert {one.rule for one in again.findings} == {"overspend", "spend_pace"}
    assert (again.told, again.stopped) == ((), 0)
    seen.bench.drain_all()
    seen.later(hours=1)
    assert seen.look().stopped is None
    assert len(seen.bench.queue) == 1


def test_two_looks_at_once_tell_and_stop_once(seen: Watch) -> None:
    _overspend(seen)
    with ThreadPoolExecutor(2) as pool:
        told = [one.result(timeout=30).told for one in [pool.submit(seen.look) for _ in range(2)]]
    assert sorted(told) == [(), ("overspend", "spend_pace")]
    assert (len(seen.alerts()), len(seen.bench.queue)) == (2, 1)


def test_ads_that_somebody_switched_on_while_the_stop_stands_are_paused_again(seen: Watch) -> None:
    _overspend(seen)
    seen.look()
    seen.bench.drain_all()
    seen.change("c1/campaign", drift={"status": {"ours": "PAUSED", "theirs": "ACTIVE"}})
    assert seen.look().stopped == 1


def test_what_was_spent_before_a_person_resumed_the_account_does_not_stop_it_again(seen: Watch) -> None:
    _overspend(seen)
    seen.look()
    seen.bench.drain_all()
    seen.resume()
    seen.change("c1/campaign", status="ACTIVE")
    watched = seen.look()
    assert [one.rule for one in watched.findings] == ["spend_pace"]
    assert (watched.stopped, seen.state) == (None, (False, False))
    seen.later(hours=1)
    seen.report(floor_hour(seen.now) - HOUR, 49_000)
    assert "overspend" in seen.look().told
    assert seen.alerts(open_only=False) == [("overspend", True), ("spend_pace", False), ("overspend", True)]
    assert seen.state[0]


def test_an_alert_that_stopped_nothing_ends_with_what_it_tells_of_and_is_told_again(seen: Watch) -> None:
    _overspend(seen, 31_000)
    assert seen.look().told == ("spend_pace",)
    seen.later(hours=48)
    for hour in _hours(seen.now - HOUR * 2, 2):
        seen.report(hour, 100)
    assert seen.look().told == ()
    assert seen.alerts() == []
    seen.later(hours=1)
    _overspend(seen, 31_000)
    assert seen.look().told == ("spend_pace",)
    assert seen.alerts() == [("spend_pace", False)]


def test_an_alert_that_stopped_the_account_stays_until_a_person_resumes_it(seen: Watch) -> None:
    _overspend(seen)
    seen.look()
    seen.bench.drain_all()
    seen.later(hours=24 * 8)
    assert seen.look().findings == ()
    assert (seen.alerts(), seen.state[0]) == ([("overspend", True)], True)
    seen.resume()
    assert seen.alerts() == []


def _too_few_leads(seen: Watch) -> None:
    """Thirty leads promised, eight got."""
    opens = floor_hour(seen.now) - timedelta(hours=24)
    for hour in _hours(opens - timedelta(hours=48), 48):
        seen.report(hour, 500, leads=1)
    for index, hour in enumerate(_hours(opens, 24)):
        seen.report(hour, 625, leads=int(index < 8))


def test_too_dear_leads_are_told_and_stop_nothing_unless_the_account_says_so(seen: Watch) -> None:
    _too_few_leads(seen)
    assert seen.look().told == ("cpa",)
    assert (seen.alerts(), seen.state) == ([("cpa", False)], (False, False))
    seen.configure(guard_stops_on=("overspend", "cpa"))
    assert seen.look().stopped == 1
    assert (seen.alerts(), seen.state) == ([("cpa", True)], (True, True))


def test_a_stop_goes_out_in_observe_mode_too(seen: Watch) -> None:
    seen.bench.mode("observe")
    _overspend(seen)
    seen.look()
    seen.bench.drain_all()
    assert seen.bench.platform.objects[remote("c1/campaign")]["status"] == "PAUSED"


def test_an_account_of_another_currency_stops_with_the_numbers_and_again_until_it_is_mended(seen: Watch) -> None:
    seen.bench.platform.info = replace(seen.bench.platform.info, currency="EUR")
    watched = seen.look()
    assert (watched.told, watched.stopped) == (("account",), 1)
    assert (seen.alerts(), seen.state) == ([("account", True)], (True, True))
    assert "it pays in EUR, the account file says USD" in seen.bench.rows(accounts)[0]["frozen_reason"]
    seen.bench.drain_all()
    seen.resume()
    assert seen.look().told == ("account",)
    seen.resume()
    seen.bench.platform.info = replace(seen.bench.platform.info, currency="USD")
    assert seen.look().findings == ()


def test_an_account_that_cannot_be_asked_is_neither_stopped_nor_called_sound(seen: Watch, hourly: Any) -> None:
    seen.bench.platform.reads = [TransientError("down")]
    result = hourly(partition_key=key_of(floor_hour(seen.now) - HOUR))
    (made,) = result.asset_materializations_for_node("spend_guard")
    assert made.metadata["account_at_meta"].value == "not known, it could not be asked: TransientError: down"
    assert (seen.alerts(), seen.state) == ([], (False, False))


# --- in Dagster -----------------------------------------------------------------------------------


@dataclass
class NoReports:
    """A platform that reports nothing new."""

    def insights(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def reach(self, *_: Any) -> list[Any]:
        return []


@pytest.fixture
def hourly(seen: Watch) -> Iterator[Any]:
    from flywheel_assets.definitions import build_defs

    store = seen.bench.store
    given = {"store": store, "account": seen.account, "insights_source": NoReports()}
    given["safe_meta_executor"] = seen.bench.executor()
    job = build_defs(store.settings, given).resolve_job_def("hourly_sampling")
    with dg.instance_for_test() as instance:
        yield lambda **asked: job.execute_in_process(instance=instance, **asked)


def _check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    return next(one for one in result.get_asset_check_evaluations() if one.check_name == "within_plan")


def test_the_hourly_job_stops_an_account_that_overspends_and_goes_on(seen: Watch, hourly: Any) -> None:
    _overspend(seen)
    result = hourly(partition_key=key_of(floor_hour(seen.now) - HOUR))
    assert result.success
    (made,) = result.asset_materializations_for_node("spend_guard")
    assert "600.00 USD of 250.00 USD spent" in str(made.metadata["summary"].value)
    assert "SPEND STOPPED" in str(made.metadata["summary"].value)
    found = [record.data["rule"] for record in made.metadata["findings"].value.records]
    assert found == ["overspend", "spend_pace"]
    assert len(made.metadata["spend"].value.records) == 3
    assert (_check(result).passed, _check(result).blocking) == (False, False)
    assert seen.state == (True, True)


def _decided(seen: Watch, hour: datetime) -> None:
    """A raise of the running ad's budget, as the hour's allocation would have decided it."""
    line = Recommendation(
        ad_id=AD,
        ads=(AD,),
        object_ref="c1/v1/adset",
        current_budget=5000,
        recommended_budget=5500,
        change_percent=10.0,
        confidence=0.9,
        reason="it does better",
        binding=None,
        worth_an_action=True,
        metrics={},
    )
    head = {
        "policy": "blended",
        "wanted": 5500,
        "planned": 5500,
        "currency": "USD",
        "summary": "one up",
        "decided": True,
    }
    whose = {"account_id": seen.account.account_id, "hour": hour, "recommendations": (line,)}
    with seen.bench.store.engine.begin() as connection:
        save_allocation(connection, Allocation.model_validate(head | whose))


@pytest.mark.parametrize(
    ("spend", "queued", "told"),
    [(20_000, {"set_budget"}, "1 changes pending"), (60_000, {"set_status"}, "account is frozen: spend stopped")],
)
def test_a_stopped_account_makes_no_budget_changes_that_hour(
    seen: Watch, hourly: Any, spend: int, queued: set[str], told: str
) -> None:
    hour = floor_hour(seen.now) - HOUR
    _decided(seen, hour)
    _overspend(seen, spend)
    both = [dg.AssetKey("budget_changes"), dg.AssetKey("spend_guard")]
    result = hourly(partition_key=key_of(hour), asset_selection=both)
    (made,) = result.asset_materializations_for_node("budget_changes")
    assert told in str(made.metadata["summary"].value)
    assert {row["change_type"] for row in seen.bench.queue} == queued


def test_the_guard_comes_before_the_budget_changes(seen: Watch) -> None:
    from flywheel_assets.definitions import build_defs

    graph = build_defs(seen.bench.store.settings).resolve_asset_graph()
    assert dg.AssetKey("spend_guard") in graph.get(dg.AssetKey("budget_changes")).parent_keys


def test_a_range_of_hours_is_guarded_once(seen: Watch, hourly: Any) -> None:
    first, last = (key_of(floor_hour(seen.now) - HOUR * back) for back in (3, 1))
    names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    result = hourly(tags=dict(zip(names, (first, last), strict=True)))
    assert result.success
    (made,) = result.asset_materializations_for_node("spend_guard")
    assert "nothing wrong" in str(made.metadata["summary"].value)
    assert _check(result).passed


def test_accounts_are_judged_and_their_alerts_ended_apart(seen: Watch) -> None:
    other = seen.account.model_copy(update={"account_id": "act_2"})
    with seen.bench.store.engine.begin() as connection:
        save_account(connection, other, "sandbox")
    seen.add(alerts, account_id="act_2", rule="blind", reason="r", stopped=False)
    assert seen.look().findings == ()
    assert seen.alerts() == [("blind", False)]
    _overspend(seen)
    assert watch(seen.bench.store.engine, other, seen.bench.store.settings, None).findings == ()
    assert seen.alerts() == []
    assert (seen.picture().active_ads, seen.picture().days[0].spend) == (1, 60_000)
