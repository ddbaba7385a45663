"""The day after the story: insights that do not come, and an ad that somebody deletes at the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from flywheel_assets.core.hours import HOUR
from flywheel_assets.store.tables import ad_states, budget_allocations
from tests.acceptance.story import MINUTE, Story, show
from tests.acceptance.world import World


@dataclass(frozen=True)
class Decided:
    """What one hour came to: reasons of the ads that were blocked, by ad, and what Dagster's pages say."""

    hour: datetime
    blocked: dict[str, str]
    decided: bool
    nothing_blocked: tuple[bool, str]
    insights: str


@dataclass(frozen=True)
class BadDay:
    """Two hours hidden, four hidden, all shown again; then one ad gone."""

    two: Decided
    four: Decided
    mended: Decided
    gone_ad: str
    no_drift: tuple[bool, str]
    gone: Decided


def endure(world: World, story: Story) -> BadDay:
    """Hour after hour by the schedules."""
    first, ads = story.decided[1] + HOUR, list(world.ads())
    hours = [first + HOUR * index for index in range(6)]
    for hour in hours[:5]:
        show(world, story.winner, hour, ads)
    world.hide(hours[:2])
    two = _decide(world, hours[1])
    world.hide(hours[:4])
    four = _decide(world, hours[3])
    world.hide(())
    mended = _decide(world, hours[4])
    gone_ad = next(ad_id for ad_id in reversed(ads) if ad_id != story.winner)
    world.delete_ad(gone_ad)
    show(world, story.winner, hours[5], [ad_id for ad_id in ads if ad_id != gone_ad])
    world.scheduled("hourly_look")
    return BadDay(two, four, mended, gone_ad, world.check("ads", "no_drift"), _decide(world, hours[5]))


def _decide(world: World, hour: datetime) -> Decided:
    world.at(hour + HOUR + 10 * MINUTE)
    partition = world.scheduled("hourly_sampling_schedule")
    (allocation,) = world.rows(select(budget_allocations).where(budget_allocations.c.hour == hour))
    states = world.rows(select(ad_states.c.ad_id, ad_states.c.blocked).where(ad_states.c.hour == hour))
    return Decided(
        hour=hour,
        blocked={row.ad_id: row.blocked for row in states if row.blocked is not None},
        decided=allocation.decided,
        nothing_blocked=world.check("ad_states", "nothing_blocked"),
        insights=str(world.materialised("ad_insights", partition)["summary"]),
    )
