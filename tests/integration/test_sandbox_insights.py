"""Delivery and insights of the twin of Meta: closed hours of running ads, in the account's own time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from flywheel_assets.sandbox.market.comparison import simulate_equal
from flywheel_assets.sandbox.meta.app import build_app
from flywheel_assets.sandbox.meta.delivery import deliver_until, delivered_budgets
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from tests.meta_bench import let_leads_come

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
ZONES = {"act_1": "America/New_York", "act_2": "Asia/Kolkata"}
ASKED = {
    "level": "ad",
    "fields": "ad_id,impressions,inline_link_clicks,spend,actions",
    "time_range": '{"since":"2026-11-01","until":"2026-11-08"}',
    "time_increment": "1",
    "breakdowns": f'["{HOURLY}"]',
    "limit": "500",
}


class Twin:
    """A twin with a clock, and running ads made directly in its memory."""

    def __init__(self, path: Path, now: datetime = START, seed: int = 3) -> None:
        self.now = now
        currencies = {"act_1": "USD", "act_2": "JPY"}
        self.state = SandboxMeta(path, currencies, lambda: self.now, time_zones=ZONES, seed=seed)
        self.server = SandboxServer(build_app(self.state))

    def ad(self, account: str = "act_1", *, budget: int = 20_000, paused: str = "") -> str:
        def add(kind: str, parent: int | None, **data: Any) -> int:
            status = "PAUSED" if kind == paused else "ACTIVE"
            return self.state.add(kind, account, parent, {"name": kind, "status": status, **data})

        adset = add("adset", add("campaign", None), daily_budget=budget)
        return str(add("ad", adset, creative={"creative_id": "1"}))

    def hours(self, count: float) -> Any:
        self.now += timedelta(hours=count)
        return deliver_until(self.state, self.now)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        asked = {name: value for name, value in params.items() if value is not None}
        self.last = requests.get(f"{self.server.url}/v26.0/{path}", params={"access_token": "t", **asked}, timeout=10)
        answer: dict[str, Any] = self.last.json()
        return answer

    def insights(self, node: str = "act_1", **params: Any) -> dict[str, Any]:
        return self.get(f"{node}/insights", **{**ASKED, **params})

    def rows(self, node: str = "act_1", **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.insights(node, **params)["data"]
        return rows

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(f"{self.server.url}{path}", json=body, timeout=10)


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    made = Twin(tmp_path / "meta.sqlite")
    with made.server:
        yield made
    made.state.close()


def test_a_row_is_shaped_like_the_real_one(twin: Twin) -> None:
    ad = twin.ad(budget=30_000)
    twin.hours(24)
    assert let_leads_come(twin.state, twin.now) > 0
    row = next(row for row in twin.rows() if len(row.get("actions", [])) == 2)
    assert set(row) == {
        "ad_id",
        "impressions",
        "inline_link_clicks",
        "spend",
        "actions",
        "date_start",
        "date_stop",
        HOURLY,
    }
    assert row["ad_id"] == ad
    assert all(isinstance(row[name], str) for name in ("impressions", "inline_link_clicks", "spend"))
    assert [action["action_type"] for action in row["actions"]] == ["link_click", "lead"]
    assert row["actions"][0]["value"] == row["inline_link_clicks"]
    assert len(row["spend"].partition(".")[2]) == 2


def test_metrics_without_a_value_are_left_out(twin: Twin) -> None:
    twin.ad(budget=300)
    twin.hours(48)
    quiet = [row for row in twin.rows() if "inline_link_clicks" not in row]
    assert quiet
    assert all("actions" not in row and int(row["impressions"]) >= 0 for row in quiet)


def test_sums_over_rows_are_what_was_delivered(twin: Twin) -> None:
    twin.ad()
    twin.ad(budget=5_000)
    got, came, rows = twin.hours(30), let_leads_come(twin.state, twin.now), twin.rows()
    assert got.ad_hours == 60
    assert sum(int(row["impressions"]) for row in rows) == got.impressions
    assert sum(round(100 * float(row["spend"])) for row in rows) == got.spend_minor
    leads = [action for row in rows for action in row.get("actions", []) if action["action_type"] == "lead"]
    assert sum(int(lead["value"]) for lead in leads) == came > 0


def test_leads_come_late_once_and_in_the_hour_of_their_click(twin: Twin) -> None:
    def counts() -> list[int]:
        return [int(action["value"]) for row in twin.rows() for action in row["actions"][1:]]

    twin.ad(budget=100_000)
    twin.hours(1)
    assert let_leads_come(twin.state, twin.now - timedelta(hours=1)) == 0
    let_leads_come(twin.state, twin.now)
    early = counts()
    came = let_leads_come(twin.state, twin.now + timedelta(days=3))
    assert came > 0
    assert sum(counts()) == sum(early) + came
    assert let_leads_come(twin.state, twin.now + timedelta(days=3)) == 0
    assert len(twin.rows()) == 1


def test_only_closed_hours_are_filled_and_filling_again_adds_nothing(twin: Twin) -> None:
    twin.ad()
    assert twin.hours(0.9).ad_hours == 0
    assert twin.hours(0.1).ad_hours == 1
    before = twin.rows()
    assert twin.hours(0).ad_hours == 0
    assert twin.rows() == before


def test_delivery_does_not_depend_on_how_often_it_is_filled(tmp_path: Path) -> None:
    answers = []
    for name, steps in (("often", [1] * 12), ("rarely", [5, 7])):
        twin = Twin(tmp_path / name)
        for _ in range(2):
            twin.ad()
        for step in steps:
            twin.hours(step)
        tables = ("deliveries ORDER BY hour, ad", "visitors ORDER BY origin")
        answers.append([twin.state.execute(f"SELECT * FROM {table}") for table in tables])  # noqa: S608 - constants
        twin.state.close()
    assert len(answers[0][0]) == 24
    assert answers[0] == answers[1]


def test_what_an_ad_gets_does_not_depend_on_what_runs_beside_it(tmp_path: Path) -> None:
    answers = []
    for count in (1, 3):
        twin = Twin(tmp_path / str(count))
        ads = [twin.ad(budget=50_000) for _ in range(count)]
        twin.hours(6)
        columns = "hour, impressions, clicks, spend FROM deliveries", "arrives, course FROM visitors"
        answers.append([twin.state.execute(f"SELECT {text} WHERE ad = ?", int(ads[0])) for text in columns])
        twin.state.close()
    assert len(answers[0][1]) > 0
    assert answers[0] == answers[1]


def test_delivery_goes_on_after_a_restart(tmp_path: Path) -> None:
    first = Twin(tmp_path / "meta.sqlite")
    first.ad()
    first.hours(3)
    first.state.close()
    second = Twin(tmp_path / "meta.sqlite", now=first.now)
    assert second.hours(2).ad_hours == 2
    assert second.state.execute("SELECT count(*) FROM deliveries") == [(5,)]
    second.state.close()


@pytest.mark.parametrize("part", ["campaign", "adset", "ad"])
def test_what_is_paused_delivers_nothing_until_it_runs(twin: Twin, part: str) -> None:
    ad = twin.ad(paused=part)
    assert twin.hours(3).ad_hours == 0
    node = twin.state.get(int(ad))
    while node is not None:
        twin.state.put(node.id, {**node.data, "status": "ACTIVE"})
        node = twin.state.get(node.parent)
    assert twin.hours(2).ad_hours == 2


def test_an_ad_begins_with_its_first_full_hour(twin: Twin) -> None:
    twin.ad()
    twin.hours(0.5)
    twin.ad()
    assert twin.hours(1.5).ad_hours == 3


def test_ads_of_one_ad_set_share_its_budget(twin: Twin) -> None:
    first = twin.state.get(int(twin.ad(budget=9_001)))
    assert first is not None
    twin.state.add("ad", "act_1", first.parent, first.data)
    twin.hours(1)
    assert [budget for (budget,) in twin.state.execute("SELECT daily_budget FROM deliveries")] == [4_500, 4_500]


def test_hours_are_named_in_the_account_s_own_time(twin: Twin) -> None:
    twin.ad()
    twin.hours(1)
    (row,) = twin.rows()
    assert (row["date_start"], row[HOURLY]) == ("2026-11-02", "03:00:00 - 03:59:59")


def test_a_half_hour_zone_closes_its_hours_at_half_past(twin: Twin) -> None:
    twin.ad("act_2")  # created at 08:00 UTC, which is 13:30 there
    assert twin.hours(1).ad_hours == 0
    assert twin.hours(0.5).ad_hours == 1
    (row,) = twin.rows("act_2")
    assert (row["date_start"], row[HOURLY]) == ("2026-11-02", "14:00:00 - 14:59:59")
    assert "." not in row["spend"]


def test_the_hour_that_is_repeated_when_clocks_go_back_is_one_row(tmp_path: Path) -> None:
    twin = Twin(tmp_path / "meta.sqlite", now=datetime(2026, 11, 1, 4, tzinfo=UTC))  # midnight in New York
    with twin.server:
        twin.ad()
        got = twin.hours(4)
        labels = {row[HOURLY][:2]: int(row["impressions"]) for row in twin.rows()}
        first_two = [count for (count,) in twin.state.execute("SELECT impressions FROM deliveries ORDER BY hour")][1:3]
        path = delivered_budgets(twin.state, "act_1")
    twin.state.close()
    assert got.ad_hours == 4
    assert list(labels) == ["00", "01", "02"]
    assert labels["01"] == sum(first_two)
    assert len(path) == 4


def test_the_time_range_counts_days_of_the_account(twin: Twin) -> None:
    twin.ad()
    twin.hours(48)
    day = json.dumps({"since": "2026-11-03", "until": "2026-11-03"})
    rows = twin.rows(time_range=day)
    assert {row["date_start"] for row in rows} == {"2026-11-03"}
    assert len(rows) == 24


def test_pages_join_to_the_whole(twin: Twin) -> None:
    twin.ad()
    twin.hours(7)
    whole, pages, after = twin.rows(), [], None
    while True:
        answer = twin.insights(limit="3", after=after)
        pages += answer["data"]
        if "next" not in answer["paging"]:
            break
        after = answer["paging"]["cursors"]["after"]
    assert pages == whole
    assert len(whole) == 7


def test_an_account_without_delivery_answers_with_no_rows_and_no_paging(twin: Twin) -> None:
    assert twin.insights() == {"data": []}


def test_insights_of_an_ad_an_ad_set_and_a_campaign_are_its_own(twin: Twin) -> None:
    one, other = twin.ad(), twin.ad()
    twin.hours(2)
    assert {row["ad_id"] for row in twin.rows()} == {one, other}
    node = twin.state.get(int(other))
    while node is not None:
        assert {row["ad_id"] for row in twin.rows(str(node.id))} == {other}
        node = twin.state.get(node.parent)


def test_people_are_counted_over_whole_days(twin: Twin) -> None:
    ad = twin.ad()
    twin.hours(24 * 3)
    asked = {"fields": "ad_id,impressions,reach,frequency", "time_increment": "all_days", "breakdowns": None}
    (row,) = twin.rows(**asked)
    assert set(row) == {"ad_id", "impressions", "reach", "frequency", "date_start", "date_stop"}
    assert (row["ad_id"], row["date_start"], row["date_stop"]) == (ad, "2026-11-01", "2026-11-08")
    shown, people = int(row["impressions"]), int(row["reach"])
    assert shown == sum(int(hour["impressions"]) for hour in twin.rows())
    assert float(row["frequency"]) == pytest.approx(shown / people, abs=1e-6)
    day = json.dumps({"since": "2026-11-03", "until": "2026-11-03"})
    (one,) = twin.rows(**asked, time_range=day)
    assert float(one["frequency"]) < float(row["frequency"])
    assert people < 3 * int(one["reach"]), "who saw it yesterday may see it again today"
    assert people < twin.state.scenario.audience


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "campaign"},
        {"level": None},
        {"time_increment": "all_days"},
        {"breakdowns": None},
        {"breakdowns": '["age"]'},
        {"breakdowns": "[broken"},
        {"fields": "ad_id,reach"},
        {"fields": "ad_id,frequency"},
        {"time_range": None},
        {"time_range": '{"since":"yesterday","until":"2026-11-02"}'},
        {"time_range": '{"since":"2026-11-03","until":"2026-11-02"}'},
        {"date_preset": "today"},
        {"action_attribution_windows": '["1d_view"]'},
        {"limit": "0"},
        {"after": "broken"},
    ],
)
def test_what_the_twin_does_not_report_is_refused(twin: Twin, wrong: dict[str, Any]) -> None:
    twin.ad()
    twin.hours(1)
    assert twin.insights(**wrong)["error"]["code"] == 100
    assert twin.last.status_code == 400


def test_every_answer_carries_the_usage_of_insights(twin: Twin) -> None:
    twin.insights()
    usage = json.loads(twin.last.headers["x-fb-ads-insights-throttle"])
    assert set(usage) == {"app_id_util_pct", "acc_id_util_pct", "ads_api_access_tier"}
    assert usage["acc_id_util_pct"] > 0


def test_hidden_hours_are_missing_until_they_are_shown_again(twin: Twin) -> None:
    twin.ad()
    twin.hours(4)
    whole = twin.rows()
    hidden = [(START + timedelta(hours=index)).isoformat() for index in (1, 2)]
    assert twin.post("/_sandbox/hidden_hours", hidden).json() == {"hidden": 2}
    assert twin.rows() == [whole[0], whole[3]]
    assert twin.post("/_sandbox/hidden_hours", ["08:00"]).status_code == 422
    twin.post("/_sandbox/hidden_hours", [])
    assert twin.rows() == whole


def test_a_deleted_ad_cannot_be_read_delivers_no_more_and_keeps_its_past(twin: Twin) -> None:
    gone, left = twin.ad(), twin.ad()
    twin.hours(2)
    form = {"access_token": "t", "status": "DELETED"}
    answer = requests.post(f"{twin.server.url}/v26.0/{gone}/", data=form, timeout=10)
    assert answer.json() == {"success": True}
    for path, params in ((gone, {"fields": "status"}), (f"{gone}/insights", ASKED)):
        error = twin.get(path, **params)["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
    twin.hours(1)
    counts = [row["ad_id"] for row in twin.rows()]
    assert (counts.count(gone), counts.count(left)) == (2, 3)


def test_the_delivered_budgets_are_those_of_each_hour(twin: Twin) -> None:
    ad = twin.ad(budget=6_000)
    twin.hours(1)
    node = twin.state.get(int(ad))
    assert node is not None
    adset = twin.state.get(node.parent)
    assert adset is not None
    twin.state.put(adset.id, {**adset.data, "daily_budget": 7_200})
    twin.hours(1)
    path = delivered_budgets(twin.state, "act_1")
    local = START.astimezone(ZoneInfo("America/New_York"))
    assert path == {local: {ad: 6_000}, local + timedelta(hours=1): {ad: 7_200}}
    equal = simulate_equal(path, twin.state.scenario, twin.state.seed)
    assert 24 * equal.spend.sum() == pytest.approx(60 * 0.682 + 72 * 0.610, rel=0.001)  # three and four in the morning


def test_the_account_says_its_time_zone(twin: Twin) -> None:
    assert twin.get("act_2", fields="timezone_name")["timezone_name"] == "Asia/Kolkata"
