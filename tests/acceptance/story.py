"""One story across every seam: a click, a deal, four stages with accidents, a decision, a lesson, the next draft.

All ads do equally well but one that is clicked three times as often. Four days after the launch one
visitor of that ad becomes a deal that is won stage by stage, and some regulars buy at once on its
account. Nothing but the events told here happens.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Row, func, select

from flywheel_assets.assets.common import key_of
from flywheel_assets.cli.demo import drop
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.store.tables import ad_change_history, budget_recommendations, hubspot_events, synthetic_revenue
from tests.acceptance.launch import ROOT
from tests.acceptance.world import World

MINUTE = timedelta(minutes=1)
FBCLID = "IwAR-story"
AMOUNT = 300_000  # of the deal, minor units
STAGES = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "closedwon")
_DAYS = 4
_REGULARS = 9  # with fewer deals chance still decides whether the sampler is sure enough
_TO_DRAFTS = ("source_video", "scenes", "scene_features", "scene_ctr_predictions", "creative_drafts")


@dataclass(frozen=True)
class Deals:
    """The deals of the story by id at the CRM: the one it follows, others that are won at once, two that have no value."""

    won: int
    others: tuple[int, ...]
    without_amount: int
    unknown_stage: int


@dataclass(frozen=True)
class Story:
    """What was seen on the way; what stays is read from the database.

    Attributes:
        winner: the ad that does better and is clicked.
        click_id: what the gateway gave the visitor.
        decided: the last hour before anybody bought, and the first after it.
        told: stages the inbox knew of before reconciliation, in the order they came.
        ledger_before: stages of the deal's ledger at that time.
        next_creative: the next video's request.
    """

    winner: str
    click_id: str
    landing: str
    deals: Deals
    decided: tuple[datetime, datetime]
    told: tuple[str, ...]
    ledger_before: tuple[str, ...]
    next_creative: str


def tell(world: World, folder: Path) -> Story:
    """From the first quiet days to the next video's drafts."""
    launched = world.rows(select(func.max(ad_change_history.c.finished_at)))[0][0]
    winner, day = next(iter(world.ads())), floor_hour(launched) + timedelta(days=_DAYS)
    quiet = _quiet_days(world, winner, floor_hour(launched) + HOUR, day)
    landing = world.visit(_link(world, winner))
    click_id = parse_qs(urlsplit(landing).query)["flywheel_click_id"][0]
    deals = _deals(world, day, click_id)
    told = tuple(row.property_value for row in stage_events(world, deals.won))
    ledger_before = tuple(row.stage for row in ledger_of(world, deals.won))
    _found_again(world, day)
    _next_hour(world, winner, day)
    next_creative = _next_video(world, folder)
    return Story(winner, click_id, landing, deals, (quiet, day), told, ledger_before, next_creative)


def show(world: World, winner: str, hour: datetime, ads: Sequence[str]) -> None:
    """An ordinary hour: all alike, but the winner is clicked three times as often; a lead a day each."""
    for ad_id in ads:
        clicks, leads = 6 if ad_id == winner else 2, int(hour.hour == 15)
        world.deliver(ad_id, hour, impressions=250, clicks=clicks, leads=leads, spend=312)


def recommended(world: World, hour: datetime) -> dict[str, Row[Any]]:
    """The decision of an hour, by ad."""
    table = budget_recommendations
    return {row.ad_id: row for row in world.rows(select(table).where(table.c.hour == hour))}


def ledger_of(world: World, deal_id: int) -> Sequence[Row[Any]]:
    table = synthetic_revenue
    return world.rows(select(table).where(table.c.deal_id == deal_id).order_by(table.c.position))


def stage_events(world: World, deal_id: int) -> Sequence[Row[Any]]:
    inbox = hubspot_events.c
    query = select(hubspot_events).where(inbox.object_id == deal_id, inbox.property_name == "dealstage")
    return world.rows(query.order_by(inbox.id))


def _quiet_days(world: World, winner: str, first: datetime, day: datetime) -> datetime:
    """Four days in which nobody buys, read in one backfill, and the decision after the last hour."""
    hours = [first + HOUR * index for index in range(int((day - first) / HOUR))]
    for hour in hours:
        show(world, winner, hour, list(world.ads()))
    world.at(day + 5 * MINUTE)
    world.backfill("ad_insights", "hourly_sampling", key_of(hours[0]), key_of(hours[-1]))
    assert world.scheduled("hourly_sampling_schedule") == key_of(hours[-1])
    return hours[-1]


def _link(world: World, ad_id: str) -> str:
    """The ad's address as its creative at the platform has it, with what the platform adds."""
    objects = {one["id"]: one["data"] for one in world.twin.meta.objects()}
    ad = objects[ad_id]
    creative = objects[ad["creative"]["creative_id"]]
    address: str = creative["object_story_spec"]["video_data"]["call_to_action"]["value"]["link"]
    campaign = objects[str(ad["adset_id"])]["campaign_id"]
    tags: str = creative["url_tags"]
    for macro, value in (("ad.id", ad_id), ("adset.id", ad["adset_id"]), ("campaign.id", campaign)):
        tags = tags.replace("{{" + macro + "}}", str(value))
    return f"{address}?{tags}&fbclid={FBCLID}"


def _deals(world: World, day: datetime, click_id: str) -> Deals:
    """A lead becomes a deal; its first stage is told twice, two more in the wrong order, the last one not at all."""
    world.at(day + 10 * MINUTE)
    world.crm("POST", "contacts", {"email": "visitor@example.com"})
    form = {"dealname": "Visitor", "pipeline": "default", "deal_currency_code": "USD", "flywheel_click_id": click_id}
    world.order("duplicate")
    won = world.crm("POST", "deals", {**form, "amount": f"{AMOUNT // 100}.00", "dealstage": STAGES[0]})
    others = tuple(_won_at_once(world, form) for _ in range(_REGULARS))
    unpriced = world.crm("POST", "deals", {**form, "dealstage": STAGES[0]})
    odd = world.crm("POST", "deals", {**form, "amount": "9000.00", "dealstage": "handshake"})
    world.at(day + 11 * MINUTE)
    world.sense("hubspot_events")
    world.order("reorder")
    for minute, stage in ((20, STAGES[1]), (30, STAGES[2])):
        world.wait(day + minute * MINUTE)  # two events wait together
        world.crm("PATCH", f"deals/{won}", {"dealstage": stage})
    world.at(day + 31 * MINUTE)
    world.order("drop")
    world.crm("PATCH", f"deals/{won}", {"dealstage": STAGES[3]})
    world.at(day + 32 * MINUTE)
    world.sense("hubspot_events")
    return Deals(won, others, unpriced, odd)


def _won_at_once(world: World, form: Mapping[str, str]) -> int:
    """A regular who buys on the telephone."""
    return world.crm("POST", "deals", {**form, "amount": f"{AMOUNT // 100}.00", "dealstage": STAGES[-1]})


def _found_again(world: World, day: datetime) -> None:
    """The nightly look at the CRM finds the stage that nobody told us of."""
    world.at(day + 50 * MINUTE)
    world.scheduled("revenue_reconciliation")


def _next_hour(world: World, winner: str, day: datetime) -> None:
    """The hour in which somebody bought: decided, applied, learned from."""
    show(world, winner, day, list(world.ads()))
    world.at(day + HOUR + 10 * MINUTE)
    assert world.scheduled("hourly_sampling_schedule") == key_of(day)
    world.at(day + HOUR + 11 * MINUTE)
    world.sense("ad_change_queue")
    world.at(day + HOUR + 25 * MINUTE)
    assert world.scheduled("hourly_learning_schedule") == key_of(day)
    world.at(day + HOUR + 26 * MINUTE)
    world.sense("ad_change_queue")


def _next_video(world: World, folder: Path) -> str:
    """The same footage under another brief, dropped in and drafted."""
    video = folder / "next_ad.mp4"
    shutil.copyfile(ROOT / "samples" / "raw_ad.mp4", video)
    brief = (ROOT / "samples" / "raw_ad.brief.yaml").read_text(encoding="utf-8")
    video.with_suffix(".brief.yaml").write_text(brief.replace("office managers ", "team leads "), encoding="utf-8")
    drop(video, world.store.settings.drop_path)
    (request,) = world.sense("uploads", ticks=2, only=_TO_DRAFTS)
    return str(request.partition_key)
