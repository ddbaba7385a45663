"""Delivery: what the running ads of the twin got, hour by closed hour.

Hours are those of the account's own clock, so an account in a half-hour zone has them end at half
past. What runs is read once, when hours are filled: after a gap of several hours the state of now
stands for all of them, so the caller fills every hour when it closes. An ad begins with the first
full hour after it was created. Budgets for a lifetime are not delivered. What an ad gets depends on
the ad, the hour and the seed alone, but for the ad that a lead is wrongly credited to: that is any
that runs beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from flywheel_assets.core.ids import rng
from flywheel_assets.sandbox.market.comparison import BudgetPath
from flywheel_assets.sandbox.market.curves import clock_of
from flywheel_assets.sandbox.market.deals import draw_deals
from flywheel_assets.sandbox.market.delivery import CENTS, deliver
from flywheel_assets.sandbox.market.truth import Truth, truth_of
from flywheel_assets.sandbox.meta.restrictions import disabled
from flywheel_assets.sandbox.meta.rules import effective_status
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.visitors import expect_leads

_HOUR = 3600.0
_INSERT = (
    "INSERT INTO deliveries (account, ad, hour, daily_budget, impressions, clicks, leads, spend) "
    "VALUES (?, ?, ?, ?, ?, ?, 0, ?)"
)


@dataclass(frozen=True)
class Delivered:
    """Sums over the hours that were filled; ``ad_hours`` counts one per ad and hour. Leads come later."""

    ad_hours: int = 0
    impressions: int = 0
    clicks: int = 0
    spend_minor: int = 0


@dataclass(frozen=True)
class _Running:
    """An active ad, its part of the budget that pays for it, what is true about it, and how often it was shown so far."""

    ad: Node
    daily_budget: int
    truth: Truth
    shown: int


def deliver_until(state: SandboxMeta, now: datetime) -> Delivered:
    """Fill every hour that closed since the last call, for all accounts. Calling again adds nothing."""
    with state.transaction():
        rows = [row for account in state.accounts for row in _deliver_account(state, account, now.timestamp())]
    return Delivered(
        ad_hours=len(rows),
        impressions=sum(row.impressions for row in rows),
        clicks=sum(row.clicks for row in rows),
        spend_minor=sum(row.spend_minor for row in rows),
    )


def delivered_budgets(state: SandboxMeta, account: str) -> BudgetPath:
    """The daily budgets that were in force, by hour on the account's clock and ad id."""
    path: dict[datetime, dict[str, int]] = {}
    rows = state.execute("SELECT hour, ad, daily_budget FROM deliveries WHERE account = ? ORDER BY hour, ad", account)
    for hour, ad, budget in rows:
        # The offset is fixed, so that the hour which a change of clocks repeats stays two hours.
        path.setdefault(datetime.fromisoformat(_local(hour, state.zone(account)).isoformat()), {})[str(ad)] = budget
    return path


def _deliver_account(state: SandboxMeta, account: str, now: float) -> Iterator[Delivered]:
    zone, ads = state.zone(account), state.nodes(account, "ad")
    if not ads:
        return
    start = _open_since(state, account, _closed(min(ad.created for ad in ads), zone))
    end = _closed(now, zone)
    if end <= start:
        return
    running = _running(state, account, ads)
    shown = {one.ad.id: one.shown for one in running}
    for index in range(int((end - start) // _HOUR)):
        hour = start + index * _HOUR
        here = [one for one in running if one.ad.created <= hour]
        for one in here:
            beside = [other.ad for other in here if other is not one]
            got = _deliver_hour(state, one, hour, shown[one.ad.id], beside)
            shown[one.ad.id] += got.impressions
            yield got
    state.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?)", account, end)


def _deliver_hour(state: SandboxMeta, one: _Running, hour: float, shown: int, beside: Sequence[Node]) -> Delivered:
    ad, scenario = one.ad, state.scenario
    draws = rng("delivery", str(ad.id), int(hour), state.seed)
    daily, clock = np.array([one.daily_budget / CENTS]), np.array([clock_of(_local(hour, state.zone(ad.account)))])
    hours = deliver(daily, clock, np.array([float(shown)]), truth=one.truth, scenario=scenario, random=draws)
    got = Delivered(1, int(hours.impressions[0, 0]), int(hours.clicks[0, 0]), round(CENTS * float(hours.spend[0, 0])))
    row = (ad.account, ad.id, hour, one.daily_budget, got.impressions, got.clicks, got.spend_minor)
    state.execute(_INSERT, *row)
    deals = draw_deals(hours.leads, 0, 1 + len(beside), truth=one.truth, scenario=scenario, random=draws)
    expect_leads(state, hour, deals, [ad, *beside])
    return got


def _running(state: SandboxMeta, account: str, ads: list[Node]) -> list[_Running]:
    """Active ads, oldest first; those that share a budget share it equally. A disabled account runs none."""
    if disabled(state, account):
        return []
    owners: dict[int, tuple[int, list[Node]]] = {}
    for ad in reversed(ads):
        owner = _payer(state, ad)
        if owner is not None:
            owners.setdefault(owner.id, (owner.data["daily_budget"], []))[1].append(ad)
    totals = "SELECT ad, sum(impressions) FROM deliveries WHERE account = ? GROUP BY ad"
    shown = dict(state.execute(totals, account))
    return [
        _Running(ad, budget // len(sharing), truth_of(state.scenario, state.seed, [str(ad.id)]), shown.get(ad.id, 0))
        for budget, sharing in owners.values()
        for ad in sharing
    ]


def _payer(state: SandboxMeta, ad: Node) -> Node | None:
    """The ad set or campaign whose daily budget pays for the ad; None when it does not run."""
    adset = state.get(ad.parent)
    campaign = state.get(adset.parent) if adset else None
    if adset is None or campaign is None:
        return None
    if effective_status(ad.data["status"], adset.data["status"], campaign.data["status"]) != "ACTIVE":
        return None
    return next((owner for owner in (adset, campaign) if "daily_budget" in owner.data), None)


def _open_since(state: SandboxMeta, account: str, first: float) -> float:
    rows = state.execute("SELECT until FROM delivered WHERE account = ?", account)
    return float(rows[0][0]) if rows else first


def _closed(moment: float, zone: ZoneInfo) -> float:
    """Start of the account's hour that ``moment`` lies in."""
    offset = _local(moment, zone).utcoffset()
    shift = offset.total_seconds() % _HOUR if offset else 0.0
    return (moment + shift) // _HOUR * _HOUR - shift


def _local(moment: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone(zone)
