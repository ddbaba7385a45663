"""Campaigns, ad sets and ads of the twin together: statuses, who owns the budget, targeting and names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.errors import PermanentError
from flywheel_assets.sandbox.meta.delivery import deliver_until
from tests.meta_bench import Twin

STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED", "DELETED")


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with Twin(tmp_path / "meta.sqlite") as twin:
        yield twin


@pytest.fixture
def client(twin: Twin) -> Iterator[MetaClient]:
    with twin.client() as client:
        yield client


def expected(campaign: str, adset: str | None = None, ad: str | None = None) -> str:
    """Effective status of the lowest of them, spelled out once more and otherwise than in the twin."""
    statuses = [status for status in (campaign, adset, ad) if status]
    if "DELETED" in statuses:
        return "DELETED"
    if "ARCHIVED" in statuses:
        return "ARCHIVED"
    if statuses[-1] == "PAUSED":
        return "PAUSED"
    if ad and adset == "PAUSED":
        return "ADSET_PAUSED"
    return "CAMPAIGN_PAUSED" if len(statuses) > 1 and campaign == "PAUSED" else "ACTIVE"


def test_every_combination_of_statuses_shows_as_it_should(twin: Twin) -> None:
    campaign = twin.campaign()
    adset = twin.adset(campaign)["id"]
    ad = twin.ad(adset, twin.ready_creative())
    every, seen = json.dumps(["ACTIVE", "PAUSED", "ARCHIVED", "DELETED", "ADSET_PAUSED", "CAMPAIGN_PAUSED"]), 0
    for combination in product(STATUSES, repeat=3):
        for object_id, status in zip((campaign, adset, ad), combination, strict=True):
            node = twin.state.node(int(object_id))
            twin.state.put(node.id, {**node.data, "status": status})
        levels = (("campaigns", Campaign), ("adsets", AdSet), ("ads", Ad))
        for depth, (edge, kind) in enumerate(levels, start=1):
            (row,) = twin.get(f"act_1/{edge}", effective_status=every, fields="effective_status,status")["data"]
            assert row["effective_status"] == expected(*combination[:depth]), combination
            assert row["status"] == combination[depth - 1]
            assert row["effective_status"] in set(vars(kind.EffectiveStatus).values())
            seen += 1
    assert seen == 192


def test_a_status_takes_the_way_down_over_real_updates(twin: Twin, client: MetaClient) -> None:
    campaign = twin.campaign(status="ACTIVE")
    adset = twin.adset(campaign)["id"]
    ad = twin.ad(adset, twin.ready_creative())
    for object_id, status, shown in (
        (adset, "PAUSED", "ADSET_PAUSED"),
        (campaign, "PAUSED", "ADSET_PAUSED"),
        (adset, "ACTIVE", "CAMPAIGN_PAUSED"),
        (ad, "PAUSED", "PAUSED"),
        (campaign, "ARCHIVED", "ARCHIVED"),
        (campaign, "DELETED", "DELETED"),
    ):
        client.update(object_id, {"status": status})
        assert client.read(ad, ["effective_status"])["effective_status"] == shown


def test_a_campaign_with_a_budget_pays_for_ad_sets_that_own_none(twin: Twin, client: MetaClient) -> None:
    campaign = twin.campaign(status="ACTIVE", daily_budget=20_000, is_adset_budget_sharing_enabled=None)
    adsets = [twin.adset(campaign, daily_budget=None)["id"] for _ in range(2)]
    for adset in adsets:
        assert "daily_budget" not in client.read(adset, ["daily_budget"])
        with pytest.raises(PermanentError) as both:
            client.update(adset, {"daily_budget": 500})
        assert both.value.subcode == 1885621
        twin.ad(adset, twin.ready_creative())
    twin.now += timedelta(hours=2)
    deliver_until(twin.state, twin.now)
    paid = {row[0] for row in twin.state.execute("SELECT daily_budget FROM deliveries")}
    assert paid == {10_000}


def test_the_four_changes_an_hour_are_those_of_the_budget_s_owner(twin: Twin) -> None:
    campaign = twin.campaign(daily_budget=20_000)
    for budget in range(20_100, 20_500, 100):
        assert twin.post(f"{campaign}/", {"daily_budget": budget}) == {"success": True}
    assert twin.refused(twin.post(f"{campaign}/", {"daily_budget": 21_000})) == (613, 1487632)
    assert twin.post(f"{campaign}/", {"name": "still"}) == {"success": True}


TARGETING = {
    "geo_locations": {"countries": ["DE", "AT"], "cities": [{"key": "2418956", "radius": 20}]},
    "age_min": 25,
    "age_max": 55,
    "genders": [1],
    "flexible_spec": [{"interests": [{"id": "6003107902433", "name": "Coffee"}]}],
    "targeting_automation": {"advantage_audience": 0},
    "device_platforms": ["mobile"],
}


def test_a_targeting_is_replaced_as_a_whole_and_shown_as_it_was_sent(twin: Twin, client: MetaClient) -> None:
    adset = twin.adset(twin.campaign())["id"]
    client.update(adset, {"targeting": TARGETING})
    assert client.read(adset, ["targeting"])["targeting"] == TARGETING
    client.update(adset, {"targeting": {"geo_locations": {"countries": ["FR"]}}})
    assert client.read(adset, ["targeting"])["targeting"] == {"geo_locations": {"countries": ["FR"]}}
    event = twin.get("act_1/activities")["data"][0]
    assert (event["event_type"], event["object_id"]) == ("update_ad_set_target_spec", adset)


@pytest.mark.parametrize(
    "change",
    [
        {"countrys": ["DE"]},
        {"geo_locations": {"countrys": ["DE"]}},
        {"geo_locations": {"countries": "DE"}},
        {"geo_locations": {"countries": ["Germany"]}},
        {"geo_locations": {"countries": []}},
        {"geo_locations": {"location_types": ["home"]}},
        {"geo_locations": {"cities": ["Berlin"]}},
        {"age_min": 12},
        {"age_min": 40, "age_max": 30},
        {"age_max": 66},
        {"age_min": "young"},
        {"age_min": True},
        {"genders": [-1]},
        {"genders": 1},
        {"flexible_spec": [{"interest": []}]},
        {"interests": {"id": "1"}},
        {"device_platforms": ["fridge"]},
        {"targeting_automation": {"advantage_audience": "no"}},
    ],
)
def test_a_targeting_that_meta_does_not_know_is_refused_on_creation_and_update(
    twin: Twin, change: dict[str, Any]
) -> None:
    campaign = twin.campaign()
    adset = twin.adset(campaign)["id"]
    wrong = {**TARGETING, **change}
    assert twin.refused(twin.post(f"{adset}/", {"targeting": wrong})) == (100, None)
    assert twin.refused(twin.adset(campaign, targeting=wrong)) == (100, None)
    assert twin.get(f"{adset}/", fields="targeting")["targeting"] == {"geo_locations": {"countries": ["DE"]}}


def test_names_of_everything_can_change_and_never_be_empty(twin: Twin, client: MetaClient) -> None:
    campaign = twin.campaign()
    adset, creative = twin.adset(campaign)["id"], twin.ready_creative()
    for object_id in (campaign, adset, creative, twin.ad(adset, creative)):
        client.update(object_id, {"name": "Grüße [fw-1]"})
        for empty in ("", "  "):
            assert twin.refused(twin.post(f"{object_id}/", {"name": empty})) == (100, None)
        assert client.read(object_id, ["name"])["name"] == "Grüße [fw-1]"


@pytest.mark.parametrize(
    ("edge", "change"),
    [
        ("campaigns", {"spend_cap": "lots"}),
        ("campaigns", {"bid_strategy": "LUCK"}),
        ("campaigns", {"special_ad_categories": [["NONE"]]}),
        ("campaigns", {"adlabels": [1]}),
        ("adsets", {"bid_constraints": []}),
        ("adsets", {"time_based_ad_rotation_id_blocks": [["x"]]}),
        ("adsets", {"optimization_goal": "FAME"}),
        ("ads", {"creative": "7"}),
        ("ads", {"engagement_audience": "maybe"}),
        ("adcreatives", {"object_story_spec": {"page_id": "7", "video_date": {}}}),
        ("adcreatives", {"object_story_spec": {"page_id": "7", "video_data": {"video_id": "7", "titel": "t"}}}),
    ],
)
def test_each_kind_is_checked_against_the_sdk_s_own_types(twin: Twin, edge: str, change: dict[str, Any]) -> None:
    campaign = twin.campaign()
    adset = {"campaign_id": campaign, "billing_event": "IMPRESSIONS", "optimization_goal": "LEAD_GENERATION"}
    base: dict[str, dict[str, Any]] = {
        "campaigns": {"objective": "OUTCOME_LEADS", "special_ad_categories": [], "daily_budget": 500},
        "adsets": {**adset, "targeting": {"geo_locations": {"countries": ["DE"]}}, "daily_budget": 500},
        "ads": {"adset_id": twin.adset(campaign)["id"], "creative": {"creative_id": twin.ready_creative()}},
        "adcreatives": {"object_story_spec": {"page_id": "7", "video_data": {"video_id": "7"}}},
    }
    status = {} if edge == "adcreatives" else {"status": "PAUSED"}
    (name,) = change
    answer = twin.post(f"act_1/{edge}", {"name": "N", **status, **base[edge], **change})
    assert twin.refused(answer) == (100, None)
    assert f"Param {name}" in answer["error"]["message"]
    if edge != "adcreatives":
        assert "id" in twin.post(f"act_1/{edge}", {"name": "N", **status, **base[edge]})
