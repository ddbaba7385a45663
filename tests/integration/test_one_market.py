"""The twin's Meta and HubSpot, read over HTTP, and the simulator: the same ads and budgets, the same market.

Both sides draw for themselves, so they agree within what chance allows; seeds are fixed. Ads are
made to burn fast, and to be shown a lot, so that every part of the market shows in the sums.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import requests

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.clients.meta_insights import AdHour
from flywheel_assets.sandbox.audience import Audience
from flywheel_assets.sandbox.hubspot.app import build_app as build_hubspot
from flywheel_assets.sandbox.hubspot.journey import LOST, PATH
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookFaults, WebhookSender
from flywheel_assets.sandbox.market.comparison import Expected, simulate_budgets
from flywheel_assets.sandbox.market.deals import Deals, draw_deals
from flywheel_assets.sandbox.market.scenarios import SCENARIOS
from flywheel_assets.sandbox.market.truth import truth_of
from flywheel_assets.sandbox.market.world import World
from flywheel_assets.sandbox.meta.app import build_app as build_meta
from flywheel_assets.sandbox.meta.delivery import deliver_until, delivered_budgets
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from tests.meta_bench import let_leads_come

ZONE = "Asia/Kolkata"
MONDAY = datetime(2026, 11, 2, tzinfo=ZoneInfo(ZONE))
DAYS, SEED = 14, 5
SCENARIO = replace(
    SCENARIOS["service"], ads_at_start=10, arrivals=0, daily_total=60_000.0, tiring_days=15.0, weekend=0.6, noise=0.2
)
# Cents a day, from a third of the fair share to three times as much: prices differ by that.
BUDGETS = np.geomspace(200_000, 1_800_000, SCENARIO.ads).astype(np.int64)
COUNTS = ("impressions", "clicks", "leads")
FAR = 4.5  # standard deviations; chance takes one of a hundred figures there in 1,500 runs


def make_ads(meta: SandboxMeta, budgets: list[int]) -> list[str]:
    def add(kind: str, parent: int | None, **data: Any) -> int:
        return meta.add(kind, "act_1", parent, {"name": kind, "status": "ACTIVE", **data})

    button = {"call_to_action": {"value": {"link": "https://example.com/page"}}}
    creative = add("adcreative", None, object_story_spec={"video_data": button}, url_tags="utm_content={{ad.id}}")
    adsets = [add("adset", add("campaign", None), daily_budget=budget) for budget in budgets]
    return [str(add("ad", adset, creative={"creative_id": str(creative)})) for adset in adsets]


# --- delivery -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sides:
    """Two weeks of the same ads; arrays of shape (hours, ads), spend in major units."""

    twin: dict[str, np.ndarray]
    simulated: dict[str, np.ndarray]
    expected: Expected


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    now = MONDAY
    path = tmp_path_factory.mktemp("market") / "meta.sqlite"
    meta = SandboxMeta(path, {"act_1": "USD"}, lambda: now, time_zones={"act_1": ZONE}, scenario=SCENARIO, seed=SEED)
    with SandboxServer(build_meta(meta)) as server, MetaClient("act_1", "token", None, server.url, 30) as client:
        ads = make_ads(meta, BUDGETS.tolist())
        now += timedelta(days=DAYS)
        deliver_until(meta, now)
        let_leads_come(meta, now)
        last = (now - timedelta(days=1)).date()
        rows = client.insights(MONDAY.date(), last, time_zone=ZONE, currency="USD")
        expected = simulate_budgets(delivered_budgets(meta, "act_1"), SCENARIO, SEED)
    meta.close()
    return Sides(reported(rows, ads), simulated(ads), expected)


def reported(rows: list[AdHour], ads: list[str]) -> dict[str, np.ndarray]:
    found = {name: np.zeros((DAYS * 24, len(ads))) for name in (*COUNTS, "spend")}
    for row in rows:  # a local hour that begins at half past is filed under the UTC hour it begins in
        place = round((row.hour + timedelta(minutes=30) - MONDAY) / timedelta(hours=1)), ads.index(row.ad_id)
        for name, values in found.items():
            values[place] = getattr(row, name)
    return {**found, "spend": found["spend"] / 100}


def simulated(ads: list[str]) -> dict[str, np.ndarray]:
    world = World(SCENARIO, SEED, DAYS)
    world.truth = truth_of(SCENARIO, SEED, ads)
    while not world.over:
        world.run(BUDGETS, 6)
    return world.see(0).hourly


def distances(one: np.ndarray, other: np.ndarray, hours: int) -> np.ndarray:
    """Standard deviations between two sums over so many hours: counts vary, and spend with its own noise."""
    mean = (one + other) / 2
    return np.asarray((one - other) / np.sqrt(2 * mean + 2 * (1.2 * SCENARIO.noise * mean) ** 2 / hours))


@pytest.mark.parametrize("name", COUNTS)
def test_each_ad_gets_in_the_twin_what_it_gets_in_the_simulator(sides: Sides, name: str) -> None:
    found = distances(sides.twin[name].sum(axis=0), sides.simulated[name].sum(axis=0), DAYS * 24)
    assert np.abs(found).max() < FAR
    assert sides.twin[name].sum() > 10_000
    assert abs(distances(sides.twin[name].sum(), sides.simulated[name].sum(), DAYS * 24 * SCENARIO.ads)) < FAR


def test_spend_is_the_same_to_a_hundredth_and_as_noisy(sides: Sides) -> None:
    one, other = sides.twin["spend"], sides.simulated["spend"]
    assert one.sum(axis=0) == pytest.approx(other.sum(axis=0), rel=FAR * 1.7 * SCENARIO.noise / math.sqrt(DAYS * 24))
    ratio = np.log(one / other)
    assert ratio.std() == pytest.approx(math.sqrt(2) * SCENARIO.noise, rel=0.05)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(("length", "parts"), [(1, 24), (24, 7)], ids=["hours of the day", "days of the week"])
def test_seasons_fall_on_the_account_s_own_clock(sides: Sides, name: str, length: int, parts: int) -> None:
    def by_part(values: np.ndarray) -> np.ndarray:
        return np.asarray(values.sum(axis=1).reshape(-1, parts, length).sum(axis=(0, 2)))

    one, other = by_part(sides.twin[name]), by_part(sides.simulated[name])
    assert np.abs(distances(one, other, DAYS * 24 * SCENARIO.ads // parts)).max() < FAR
    if parts == 24 or name == "leads":
        assert one.max() > 1.2 * one.min()


def test_ads_tire_at_the_same_pace(sides: Sides) -> None:
    def halves(side: dict[str, np.ndarray], name: str) -> np.ndarray:
        return np.asarray(side[name].reshape(2, -1, SCENARIO.ads).sum(axis=1))

    def left(side: dict[str, np.ndarray]) -> np.ndarray:
        first, second = halves(side, "clicks") / halves(side, "impressions")
        return np.asarray(second / first)

    chance = np.sqrt(sum((1 / halves(side, "clicks")).sum(axis=0) for side in (sides.twin, sides.simulated)))
    assert np.abs(np.log(left(sides.twin) / left(sides.simulated)) / chance).max() < FAR
    assert left(sides.simulated).min() < 0.7


@pytest.mark.parametrize("name", ["impressions", "clicks"])
def test_both_are_what_the_market_expects(sides: Sides, name: str) -> None:
    expected = getattr(sides.expected, name)
    for side in (sides.twin, sides.simulated):
        assert side[name].sum(axis=0) == pytest.approx(expected, rel=0.06)
        assert side[name].sum() == pytest.approx(expected.sum(), rel=0.015)


def test_of_the_leads_of_the_last_hours_as_many_are_still_to_come(sides: Sides) -> None:
    def late(side: dict[str, np.ndarray]) -> tuple[float, float]:
        return side["leads"][-12:].sum(), side["leads"][-36:-24].sum()

    (few, usual), (other_few, other_usual) = late(sides.twin), late(sides.simulated)
    assert abs(distances(np.array(few), np.array(other_few), 12 * SCENARIO.ads)) < FAR
    assert few / usual == pytest.approx(other_few / other_usual, abs=0.12)
    assert few < 0.7 * usual


# --- leads and deals ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crm:
    """Every deal as the CRM's API shows it when all has happened, and what the simulator makes of twenty times as many."""

    deals: list[dict[str, Any]]
    expected: Deals

    def entered(self, stage: str) -> list[float]:
        """Hours from the stage before, of the deals that came to this one."""
        found = []
        for deal in self.deals:
            times = {entry["value"]: datetime.fromisoformat(entry["timestamp"]) for entry in _stages(deal)}
            if stage in times:
                before = max(moment for name, moment in times.items() if moment < times[stage])
                found.append((times[stage] - before) / timedelta(hours=1))
        return found


def _stages(deal: dict[str, Any]) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = deal["propertiesWithHistory"]["dealstage"]
    return entries


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Crm:
    folder, now = tmp_path_factory.mktemp("crm"), MONDAY.astimezone(UTC)
    meta = SandboxMeta(folder / "meta.sqlite", {"act_1": "USD"}, lambda: now, scenario=SCENARIO, seed=SEED)
    hubspot = SandboxHubSpot(folder / "hubspot.sqlite", 1, lambda: now)
    ads = make_ads(meta, [900_000] * 4)
    with requests.Session() as http, SandboxServer(build_hubspot(hubspot, WebhookFaults())) as server:
        nobody = WebhookSender(hubspot, f"{server.url}/nobody-listens", "secret", WebhookFaults(), http)
        audience = Audience(meta, hubspot, nobody, http, seed=SEED)
        for hour in range(96):
            now += timedelta(hours=1)
            if hour == 47:
                for adset in meta.nodes("act_1", "adset"):
                    meta.put(adset.id, {**adset.data, "status": "PAUSED"})
            audience.tick(now)
        hubspot.execute("DELETE FROM events")  # nobody listens for the rest either
        now += timedelta(days=120)
        hubspot.move_due(now)
        deals = list(read_deals(server.url, http))
    meta.close()
    hubspot.close()
    leads = Counter(map(clicked_ad, deals))
    many = np.array([[20 * leads[ad] for ad in ads]])
    truth, random = truth_of(SCENARIO, SEED, ads), np.random.default_rng(1)
    return Crm(deals, draw_deals(many, 0, len(ads), truth=truth, scenario=SCENARIO, random=random))


def read_deals(url: str, http: requests.Session) -> Iterator[dict[str, Any]]:
    headers, numbers, after = {"Authorization": "Bearer t"}, [], "0"
    while after:
        body = {"limit": 200, "after": after}
        page = http.post(f"{url}/crm/v3/objects/deals/search", json=body, headers=headers, timeout=30).json()
        numbers += [one["id"] for one in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
    for start in range(0, len(numbers), 50):
        inputs = [{"id": number} for number in numbers[start : start + 50]]
        names = {"properties": ["dealname", "amount", "meta_ad_id"], "propertiesWithHistory": ["dealstage"]}
        answer = http.post(
            f"{url}/crm/v3/objects/deals/batch/read", json={"inputs": inputs, **names}, headers=headers, timeout=30
        )
        yield from answer.json()["results"]


def clicked_ad(deal: dict[str, Any]) -> str:
    """The truth, which only the deal's name tells."""
    name: str = deal["properties"]["dealname"]
    return name.removeprefix("Lead ").split("-")[0]


def near(found: float, expected: float, deviation: float, number: int) -> bool:
    return abs(found - expected) < FAR * deviation / math.sqrt(number)


def share_is(found: float, expected: float, number: int) -> bool:
    return near(found, expected, math.sqrt(expected * (1 - expected)), number)


def test_as_many_deals_pass_each_stage_and_as_many_losses_are_told(crm: Crm) -> None:
    here = Counter(entry["value"] for deal in crm.deals for entry in _stages(deal))
    number, expected = len(crm.deals), np.isfinite(crm.expected.entered).mean(axis=0)
    assert number > 1_000
    assert here[PATH[0]] == number
    for stage, share in zip(PATH[1:], expected[1:], strict=True):
        assert share_is(here[stage] / number, share, number), stage
    assert share_is(here[LOST] / number, float(np.isfinite(crm.expected.lost).mean()), number)


def test_leads_and_stages_take_their_time(crm: Crm) -> None:
    entered = crm.expected.entered
    for place, stage in enumerate(PATH[1:]):
        came = np.isfinite(entered[:, place + 1])
        there, here = np.log(entered[came, place + 1] - entered[came, place]), np.log(crm.entered(stage))
        assert near(here.mean(), there.mean(), there.std(), len(here)), stage
        assert here.std() == pytest.approx(there.std(), rel=2 / math.sqrt(len(here))), stage
    waits = []
    for deal in crm.deals:
        click = int(deal["properties"]["dealname"].split("-")[1])
        waits.append((datetime.fromisoformat(deal["createdAt"]).timestamp() - click) / 3600)
    expected = crm.expected.entered[:, 0] - crm.expected.click_hour
    # The audience looks once an hour.
    assert near(fmean(waits) - 0.5, float(expected.mean()), stdev(waits), len(waits))


def test_amounts_are_spread_alike(crm: Crm) -> None:
    amounts = np.log([float(deal["properties"]["amount"]) for deal in crm.deals])
    expected = np.log(crm.expected.amount)
    assert near(amounts.mean(), expected.mean(), expected.std(), len(amounts))
    assert amounts.std() == pytest.approx(expected.std(), rel=0.1)


def test_as_many_deals_name_another_ad_or_none(crm: Crm) -> None:
    real, named = map(clicked_ad, crm.deals), [deal["properties"].get("meta_ad_id") for deal in crm.deals]
    number = len(named)
    assert share_is(named.count(None) / number, SCENARIO.no_ad, number)
    wrong = sum(name not in {None, ad} for name, ad in zip(named, real, strict=True))
    assert share_is(wrong / number, SCENARIO.wrong_ad * 3 / 4, number)
