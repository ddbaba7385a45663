"""The account's log, least budgets and budget owners, asked for over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flywheel_assets.clients.meta_money import BudgetOwner
from flywheel_assets.core.money import Money
from tests.meta_stand_in import stand_in

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


def entry(number: int) -> dict[str, Any]:
    moment = NOW + timedelta(seconds=number)
    extra = {"old_value": {"old_value": number}, "new_value": {"new_value": number + 1}}
    return {
        "event_type": "update_ad_set_budget",
        "event_time": moment.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "object_id": "7",
        "application_id": str(number % 2),
        "extra_data": json.dumps(extra),
    }


class Account:
    """An account whose log has three pages of two, newest first; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/v26.0/").strip("/")
        self.asked.append((path, dict(request.query_params)))
        return JSONResponse(getattr(self, f"_{path.split('/')[-1]}")(request.query_params))

    def _activities(self, query: Any) -> dict[str, Any]:
        rows = [entry(number) for number in reversed(range(6))]
        at = int(query.get("after", 0))
        more = {"next": "?"} if at + 2 < len(rows) else {}
        return {"data": rows[at : at + 2], "paging": {"cursors": {"after": str(at + 2)}, **more}}

    def _act_1(self, _: Any) -> dict[str, Any]:
        return {"id": "act_1", "currency": "EUR", "timezone_name": "Europe/Berlin", "account_status": 2}

    def _minimum_budgets(self, _: Any) -> dict[str, Any]:
        return {"data": [{"currency": "EUR", "min_daily_budget_imp": 93}]}

    def _7(self, _: Any) -> dict[str, Any]:
        return {"id": "7", "campaign": {"id": "3", "daily_budget": "8000"}}


def test_the_log_is_read_to_its_last_page_and_within_its_bounds() -> None:
    account = Account()
    with stand_in(account.__call__) as client:
        found = client.activities(NOW + timedelta(seconds=1), NOW + timedelta(seconds=9))
    assert [(one.old, one.new, one.application_id) for one in found] == [
        (str(number), str(number + 1), str(number % 2)) for number in range(1, 6)
    ]
    assert [query.get("after") for _, query in account.asked] == [None, "2", "4"]
    path, query = account.asked[0]
    start = int(NOW.timestamp())
    assert (path, query["since"], query["until"]) == ("act_1/activities", str(start + 1), str(start + 10))
    assert {"event_type", "event_time", "object_id", "application_id", "extra_data"} <= set(query["fields"].split(","))


def test_the_account_and_its_least_budget_are_read() -> None:
    account = Account()
    with stand_in(account.__call__) as client:
        info = client.account_info()
        assert (info.currency, info.time_zone, info.active, info.least) == ("EUR", "Europe/Berlin", False, None)
        assert client.minimum_daily_budget() == Money(93, "EUR")
    assert [path for path, _ in account.asked] == ["act_1", "act_1", "act_1/minimum_budgets"]


def test_the_owner_of_a_budget_is_asked_for_in_one_read() -> None:
    account = Account()
    with stand_in(account.__call__) as client:
        assert client.budget_owner("7") == BudgetOwner("3", "campaign", 8000, None)
    ((_, query),) = account.asked
    assert query["fields"] == "daily_budget,lifetime_budget,campaign{id,daily_budget,lifetime_budget}"
