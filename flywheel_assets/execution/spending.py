"""What the spend guard looks at, read from the store: one account, as of now in business time.

Amounts in another currency than the account's are not added up; decisions about such ads are blocked
elsewhere (`budget.states`). What a person answered for is not held against the account again: after
they resumed it, the rule that had stopped it counts from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, text

from flywheel_assets.clients.meta_money import AccountInfo
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR, floor_hour
from flywheel_assets.execution.account_check import account_faults
from flywheel_assets.execution.guard import WEEK_DAYS
from flywheel_assets.execution.in_force import Objects, highest_budgets, load_objects
from flywheel_assets.execution.picture import Counts, Day, Picture, Redirect
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_change_history, ad_insights, ad_objects, alerts, clicks, publish_plans

_DAY = timedelta(days=1)
_RECENT = timedelta(hours=24)
_WORLD = text("current_setting('flywheel.world')")


def read_picture(connection: Connection, account: Account, settings: Settings, info: AccountInfo | None) -> Picture:
    """The account as of the newest closed hour; closed hours that were not reported yet are simply not in it.

    Args:
        connection: to our database.
        account: as its file says.
        settings: limits and tolerances.
        info: as the platform has it; None where it could not be asked.
    """
    now = business_now(connection)
    view = _View(connection, account, load_objects(connection, account.account_id), floor_hour(now))
    opens = view.end - _RECENT
    answered = _answered(connection, account.account_id)
    stopped, cpa, tracking = (answered.get(rule) for rule in ("overspend", "cpa", "tracking"))
    week_opens = view.begin(view.today - (WEEK_DAYS - 1) * _DAY)
    plan = account.money(account.daily_plan).minor
    active = view.objects.active_ads()
    return Picture(
        account_id=account.account_id,
        currency=account.currency,
        plan=plan,
        cap=_cap(account, plan, settings),
        days=tuple(view.day(on, stopped) for on in (view.today, view.today - _DAY)),
        week=view.counts(_later(week_opens, stopped)).spend,
        recent=view.counts(_later(opens, cpa)),
        tracked=view.counts(_later(opens, tracking)),
        redirect=view.redirect(_later(opens, tracking)),
        past=view.counts(opens - timedelta(days=settings.guard.trailing_days), opens),
        active_ads=len(active),
        unseen=view.objects.unseen(),
        blind_hours=view.silence(active, now) / HOUR if active else 0.0,
        stops_on=account.guard_stops_on,
        faults=() if info is None else account_faults(account, info, now),
    )


@dataclass(frozen=True)
class _View:
    """The questions asked of the store about one account; ``end`` is the end of the newest closed hour."""

    connection: Connection
    account: Account
    objects: Objects
    end: datetime

    @property
    def today(self) -> date:
        """The account's day that the newest closed hour lies in: just after midnight that is the day that ended."""
        return (self.end - timedelta.resolution).astimezone(ZoneInfo(self.account.time_zone)).date()

    def begin(self, on: date) -> datetime:
        """The first UTC hour of an account day; insights file a local hour under the UTC hour that it begins in."""
        return floor_hour(datetime.combine(on, time(), tzinfo=ZoneInfo(self.account.time_zone)).astimezone(UTC))

    def day(self, on: date, answered: datetime | None) -> Day:
        since, until = self.begin(on), self.begin(on + _DAY)
        return Day(
            on=on,
            spend=self.counts(since, until).spend,
            counted=self.counts(_later(since, answered), until).spend,
            budgets=highest_budgets(self.connection, self.account.account_id, self.objects, since, until),
        )

    def counts(self, since: datetime, until: datetime | None = None) -> Counts:
        """What was reported of all ads of the account."""
        table = ad_insights.c
        sums = (func.coalesce(func.sum(table[name]), 0) for name in ("spend", "clicks", "leads"))
        query = select(*sums).where(
            table.account_id == self.account.account_id,
            table.currency == self.account.currency,
            table.hour >= since,
            table.hour < min(until or self.end, self.end),
        )
        return Counts(*(int(value) for value in self.connection.execute(query).one()))

    def redirect(self, since: datetime) -> Redirect | None:
        """Clicks that were billed, and clicks that arrived, of the ads whose plan links through the gateway."""
        plans = publish_plans.c
        linked = select(plans.creative_id).where(plans.plan["public_url"].astext.is_not(None))
        creatives = set(self.connection.execute(linked).scalars())
        ads = [
            row.remote_id
            for row in self.objects.by_ref.values()
            if row.kind == "ad" and row.remote_id and row.ref.split("/")[0] in creatives
        ]
        if not ads:
            return None
        reported, came = ad_insights.c, clicks.c
        billed = select(func.coalesce(func.sum(reported.clicks), 0)).where(
            reported.account_id == self.account.account_id,
            reported.ad_id.in_(ads),
            reported.hour >= since,
            reported.hour < self.end,
        )
        # A click arrives when it is made, whichever hour is closed by now.
        arrived = select(func.count()).where(
            came.account_id == self.account.account_id,
            came.ad_id.in_(ads),
            came.source == "redirect",
            came.clicked_at >= since,
        )
        return Redirect(*(int(self.connection.execute(query).scalar_one()) for query in (billed, arrived)))

    def silence(self, active: list[str], now: datetime) -> timedelta:
        """Since the end of the newest reported hour, or since the first of the active campaigns was switched on."""
        newest = select(func.max(ad_insights.c.hour)).where(ad_insights.c.account_id == self.account.account_id)
        reported: datetime | None = self.connection.execute(newest).scalar_one()
        since = self._switched_on({self.objects.by_ref[ref].campaign_ref for ref in active})
        return now - max(since, since if reported is None else reported + HOUR)

    def _switched_on(self, campaigns: set[str]) -> datetime:
        """When the first of the campaigns became active for the last time; as far as we know, when it was planned."""
        history = ad_change_history.c
        done = (
            select(func.max(history.finished_at))
            .where(
                history.object_ref == ad_objects.c.ref,
                history.change_type == "set_status",
                history.status.in_(("applied", "reconciled")),
            )
            .scalar_subquery()
        )
        query = select(func.min(func.coalesce(done, ad_objects.c.planned_at))).where(ad_objects.c.ref.in_(campaigns))
        since: datetime = self.connection.execute(query).scalar_one()
        return since


def _answered(connection: Connection, account_id: str) -> Mapping[str, datetime]:
    """When a person last dealt with a stop, by rule."""
    table = alerts.c
    query = select(table.rule, func.max(table.closed_at)).where(
        table.account_id == account_id, table.stopped, table.closed_at.is_not(None)
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(table.rule))}


def _later(start: datetime, answered: datetime | None) -> datetime:
    """Where counting begins: the hour in which a person answered is counted, as its rest lies after that."""
    return start if answered is None else max(start, floor_hour(answered))


def _cap(account: Account, plan: int, settings: Settings) -> int:
    """What budgets in force may sum to, by the account's own word or by the plan."""
    if account.daily_cap is not None:
        return account.money(account.daily_cap).minor
    return int(plan * (1 + settings.safety.cap_over_plan))
