"""An account that Meta has stopped stays stopped until the order is lifted, also over a restart of the twin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flywheel_assets.core.errors import AuthError, PolicyError
from flywheel_assets.sandbox.meta.delivery import deliver_until
from tests.meta_bench import Twin


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite") as twin:
        yield twin


def test_a_policy_breach_stops_every_write_and_shows_in_the_account(twin: Twin) -> None:
    campaign = twin.campaign()
    assert twin.desk("restrictions", [{"account": "act_1", "code": 368}]).json() == {"restricted": 1}
    with twin.client() as client:
        for _ in range(3):
            with pytest.raises(PolicyError) as stopped:
                client.update(campaign, {"status": "ACTIVE"})
            assert stopped.value.code == 368
            twin.now += timedelta(days=1)
        with pytest.raises(PolicyError):
            client.create("campaigns", {"name": "x"})
        assert client.read(campaign, ["status"])["status"] == "PAUSED"
        shown = client.read("act_1", ["account_status", "disable_reason"])
        assert (shown["account_status"], shown["disable_reason"]) == (2, 1)
        assert not any(row["applied"] for row in twin.state.journal()[1:])
        assert twin.desk("restrictions", []).json() == {"restricted": 0}
        client.update(campaign, {"status": "ACTIVE"})
        assert client.read("act_1", ["account_status"])["account_status"] == 1


def test_a_bad_token_stops_reads_as_well(twin: Twin) -> None:
    campaign = twin.campaign()
    twin.desk("restrictions", [{"account": "act_1", "code": 190, "subcode": 463}])
    with twin.client() as client:
        with pytest.raises(AuthError) as expired:
            client.read(campaign, ["status"])
        assert (expired.value.code, expired.value.subcode) == (190, 463)
        with pytest.raises(AuthError):
            client.update(campaign, {"status": "ACTIVE"})
        twin.desk("restrictions", [])
        assert client.read(campaign, ["status"])["status"] == "PAUSED"


def test_other_accounts_and_people_go_on(twin: Twin) -> None:
    campaign = twin.campaign()
    twin.desk("restrictions", [{"account": "act_1", "code": 368}])
    assert "id" in twin.get("act_2/")
    assert twin.edit(campaign, status="PAUSED") == {"success": True}


def test_a_disabled_account_delivers_nothing(twin: Twin) -> None:
    campaign = twin.campaign(status="ACTIVE")
    twin.ad(twin.adset(campaign)["id"], twin.ready_creative())
    twin.now += timedelta(hours=2)
    assert deliver_until(twin.state, twin.now).ad_hours == 1
    twin.desk("restrictions", [{"account": "act_1", "code": 368}])
    twin.now += timedelta(hours=2)
    assert deliver_until(twin.state, twin.now).ad_hours == 0
    twin.desk("restrictions", [])
    twin.now += timedelta(hours=2)
    assert deliver_until(twin.state, twin.now).ad_hours == 2


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ([{"account": "act_9", "code": 368}], 400),
        ([{"account": "act_1", "code": 1}], 422),
        ({"account": "act_1", "code": 368}, 422),
    ],
)
def test_an_order_that_makes_no_sense_changes_nothing(twin: Twin, order: Any, status: int) -> None:
    twin.desk("restrictions", [{"account": "act_1", "code": 190}])
    assert twin.desk("restrictions", order).status_code == status
    assert twin.refused(twin.get("act_1/")) == (190, None)
