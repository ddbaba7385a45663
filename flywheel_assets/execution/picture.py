"""All that the spend guard looks at of one account, as plain values; amounts are minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flywheel_assets.core.account import GuardStop
from flywheel_assets.core.money import Money


@dataclass(frozen=True)
class Day:
    """One day of the account's own calendar; amounts are minor units.

    Attributes:
        spend: of the whole day as far as it was reported.
        counted: what of it has not been answered for by a person who resumed the account since.
        budgets: the highest sum of daily budgets in force at any moment of the day.
    """

    on: date
    spend: int
    counted: int
    budgets: int


@dataclass(frozen=True)
class Counts:
    """What the platform reported over some hours; spend is minor units."""

    spend: int = 0
    clicks: int = 0
    leads: int = 0


@dataclass(frozen=True)
class Redirect:
    """Ads that link through our redirect: clicks the platform billed, and clicks that arrived there."""

    billed: int
    arrived: int


@dataclass(frozen=True)
class Unseen:
    """Objects that were deleted or are hidden from our token: nobody here knows which, nor what they spend.

    Attributes:
        refs: of campaigns, ad sets and ads.
        daily_budget: what they may be spending by the budgets we know, minor units.
    """

    refs: tuple[str, ...]
    daily_budget: int


@dataclass(frozen=True)
class Picture:
    """All the guard knows of one account; amounts are minor units.

    Attributes:
        plan: the daily plan.
        cap: what budgets in force may sum to.
        days: newest first; the day before is among them, as its last hours are reported late.
        week: spend of the trailing seven days, without what a person has answered for.
        recent: the last 24 closed hours, for the cost of leads.
        tracked: the last 24 closed hours, for tracking; they differ after a person answered for one rule.
        redirect: None where no ad links through the gateway.
        past: the days before the last 24 hours.
        active_ads: ads that are shown and can spend now.
        unseen: what the platform does not show any more although it may spend.
        blind_hours: since the newest hour that was reported, or since ads became active if that is later.
        stops_on: findings that may stop spend.
        faults: why the account at the platform is not the one of the account file, or cannot run ads; none are
            known where the platform could not be asked.
    """

    account_id: str
    currency: str
    plan: int
    cap: int
    days: tuple[Day, ...]
    week: int
    recent: Counts
    tracked: Counts
    redirect: Redirect | None
    past: Counts
    active_ads: int
    unseen: Unseen
    blind_hours: float
    stops_on: tuple[GuardStop, ...]
    faults: tuple[str, ...]

    def money(self, minor: float) -> Money:
        """An amount as people read it."""
        return Money(round(minor), self.currency)
