"""The twin's throttles by access tier, and ordered ones, as our client sees them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import Throttled
from tests.meta_bench import Twin


def test_a_development_app_gets_sixty_points_and_is_shut_out_for_five_minutes(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", tier="development") as twin:
        for _ in range(20):
            twin.campaign()
            twin.now += timedelta(seconds=10)
        assert (twin.usage()["call_count"], twin.usage()["ads_api_access_tier"]) == (100, "development_access")
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)
        twin.now += timedelta(seconds=250)  # by now most of the score has decayed, and the block still holds
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)
        assert (twin.usage()["call_count"], twin.usage()["estimated_time_to_regain_access"]) == (20, 1)
        twin.now += timedelta(seconds=40)
        assert "id" in twin.get("act_1/")


def test_a_standard_app_is_shut_out_for_a_minute_and_until_there_is_room(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", score_limit=6) as twin:
        twin.campaign()
        twin.now += timedelta(seconds=200)
        twin.campaign()
        assert (twin.usage()["ads_api_access_tier"], twin.usage()["estimated_time_to_regain_access"]) == (
            "standard_access",
            2,
        )
        twin.now += timedelta(seconds=61)
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)  # the minute is over, the score is still used up
        twin.now += timedelta(seconds=39)
        assert "id" in twin.get("act_1/")


def test_the_time_to_wait_lasts_until_enough_calls_have_left_the_score(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", score_limit=3) as twin:
        for _ in range(2):
            twin.get("act_1/")
            twin.now += timedelta(seconds=100)
        twin.campaign()  # five points of three: both reads and the write itself must leave
        assert twin.usage()["estimated_time_to_regain_access"] == 5
        twin.now += timedelta(seconds=299)
        assert twin.refused(twin.get("act_1/")) == (17, 2446079)
        twin.now += timedelta(seconds=1)
        assert "id" in twin.get("act_1/")


def test_calls_that_are_turned_away_do_not_lengthen_the_block(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", tier="development", score_limit=3) as twin:
        twin.campaign()
        for _ in range(5):
            assert twin.refused(twin.get("act_1/")) == (17, 2446079)
            twin.now += timedelta(minutes=1)
        assert "id" in twin.get("act_1/")


def test_nine_thousand_points_are_the_standard(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite") as twin:
        twin.campaign()
        assert twin.usage()["call_count"] == round(100 * 3 / 9000, 2)


def test_our_client_waits_as_long_as_the_twin_says(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", tier="development", score_limit=3) as twin, twin.client() as client:
        campaign = twin.campaign()
        with pytest.raises(Throttled) as throttled:
            client.update(campaign, {"name": "x"})
        assert (throttled.value.scope, throttled.value.retry_after) == ("account", timedelta(minutes=5))
        twin.now += throttled.value.retry_after
        client.update(campaign, {"name": "x"})


def test_a_pace_of_writes_is_kept_where_it_is_set(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite", mutations_per_second=2) as twin:
        campaign = twin.campaign()
        twin.post(f"{campaign}/", {"name": "x"})
        used = twin.usage()["call_count"]
        for _ in range(2):
            assert twin.refused(twin.post(f"{campaign}/", {"name": "y"})) == (613, 5044001)
        assert twin.usage()["call_count"] == used  # nobody looked at them, so they add nothing
        assert twin.get(f"{campaign}/", fields="name")["name"] == "x"
        twin.now += timedelta(seconds=1)
        assert twin.post(f"{campaign}/", {"name": "y"}) == {"success": True}


@pytest.mark.parametrize(
    ("code", "subcode", "scope"),
    [
        (613, 5044001, "account"),
        (17, 2446079, "account"),
        (4, 1504022, "app"),
        (80004, 2446079, "account"),
        (613, 1487632, "object"),
    ],
)
def test_an_ordered_throttle_carries_the_time_to_wait(tmp_path: Path, code: int, subcode: int, scope: str) -> None:
    with Twin(tmp_path / "m.sqlite") as twin, twin.client() as client:
        campaign = twin.campaign()
        order = {"kind": "error", "code": code, "subcode": subcode, "estimated_time_to_regain_access": 90}
        twin.desk("faults", [order])
        with pytest.raises(Throttled) as throttled:
            client.update(campaign, {"name": "x"})
        assert (throttled.value.scope, throttled.value.retry_after) == (scope, timedelta(minutes=90))
        assert client.usage == 100
        client.update(campaign, {"name": "x"})
        assert client.usage is not None
        assert client.usage < 1


def test_an_ordered_error_without_a_time_leaves_the_headers_as_they_are(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite") as twin:
        campaign = twin.campaign()
        twin.desk("faults", [{"kind": "error", "code": 80004, "subcode": 2446079}])
        twin.post(f"{campaign}/", {"name": "x"})
        assert (twin.usage()["estimated_time_to_regain_access"], twin.usage()["call_count"] < 1) == (0, True)
        wrong: dict[str, Any] = {"kind": "error", "estimated_time_to_regain_access": -1}
        assert twin.desk("faults", [wrong]).status_code == 422


def test_the_headers_name_the_use_case_of_the_call(tmp_path: Path) -> None:
    with Twin(tmp_path / "m.sqlite") as twin:
        twin.get("act_1/insights")
        assert twin.usage()["type"] == "ads_insights"
        twin.get("act_1/")
        assert twin.usage()["type"] == "ads_management"
        assert set(json.loads(twin.last.headers["x-app-usage"])) == {"call_count", "total_cputime", "total_time"}
