"""The rows that other parts of the platform would have written, for the tests of hourly decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from flywheel_assets.budget.hour import HourDecision, decide_hour
from flywheel_assets.budget.states import build_states
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.store import tables
from flywheel_assets.store.store import Store


@dataclass
class House:
    """The rows that other parts of the platform would have written."""

    store: Store
    account: Account

    def add(self, table: Any, **values: Any) -> Any:
        with self.store.engine.begin() as connection:
            return connection.execute(table.insert().values(**values).returning(*table.primary_key)).one()[0]

    def change(self, table: Any, where: Any, **values: Any) -> None:
        with self.store.engine.begin() as connection:
            connection.execute(table.update().where(where).values(**values))

    def launch(
        self, *keys: str, at: datetime, budget: int = 5000, creative: str = "c_1", world: str = "sandbox"
    ) -> None:
        campaign = f"{creative}/campaign"
        shared = {"world": world, "account_id": self.account.account_id, "campaign_ref": campaign, "currency": "USD"}
        self.add(
            tables.ad_objects, ref=campaign, kind="campaign", tag=campaign, remote_id="1", status="ACTIVE", **shared
        )
        for key in keys:
            owner, ad = f"{creative}/{key}/adset", f"{creative}/{key}/ad"
            values = {"remote_id": f"5{key[1:]}", "daily_budget": budget}
            self.add(tables.ad_objects, ref=owner, kind="adset", tag=owner, **values, **shared)
            self.add(tables.ad_objects, ref=ad, kind="ad", tag=ad, remote_id=f"9{key[1:]}", **shared)
            self.attempt(ad, "create_ad", at, world=world)
        self.attempt(campaign, "set_status", at, world=world)

    def attempt(
        self,
        ref: str,
        kind: str,
        at: datetime | None,
        *,
        status: str = "applied",
        world: str = "sandbox",
        **budgets: int,
    ) -> None:
        shared = {
            "world": world,
            "account_id": self.account.account_id,
            "campaign_ref": f"{ref.split('/', maxsplit=1)[0]}/campaign",
            "object_ref": ref,
            "change_type": kind,
            "currency": "USD",
            "reasoning": "test",
        }
        now = at or datetime.now().astimezone()
        known = select(func.count()).select_from(tables.pending_ad_changes)
        with self.store.engine.connect() as connection:
            number = connection.execute(known).scalar_one()
        change = self.add(
            tables.pending_ad_changes,
            **shared,
            spec={},
            requested_by="test",
            idempotency_key=f"test:{number}",
            status="applied",
            jitter_seconds=0,
            not_before=now,
        )
        self.add(
            tables.ad_change_history,
            **shared,
            **budgets,
            change_id=change,
            attempt=1,
            scope="campaign",
            worker="test",
            status=status,
            started_at=now,
            finished_at=at,
        )

    def report(self, ad_id: str, hours: list[datetime], *, rate: float = 0.01, currency: str = "USD") -> None:
        for hour in hours:
            counts = {"impressions": 1000, "clicks": round(1000 * rate), "leads": round(100 * rate), "spend": 200}
            self.add(
                tables.ad_insights,
                account_id=self.account.account_id,
                ad_id=ad_id,
                hour=hour,
                currency=currency,
                **counts,
            )

    def read(self, hours: list[datetime]) -> None:
        for hour in hours:
            self.add(tables.insight_reads, account_id=self.account.account_id, hour=hour)

    def earn(
        self, ad_id: str, at: datetime, pipeline: int, *, cash: int = 0, deal: int = 1, currency: str = "USD"
    ) -> None:
        self.add(
            tables.ml_feedback,
            account_id=self.account.account_id,
            ad_id=ad_id,
            deal_id=deal,
            position=int(at.timestamp()),
            occurred_at=at,
            stage="s",
            pipeline_increment=pipeline,
            cash_increment=cash,
            currency=currency,
        )

    def deal(self, number: int, *stages: tuple[str, datetime], **more: Any) -> None:
        """A deal of the CRM with its stages, taken over and attributed to an ad or to nobody."""
        created = min(at for _, at in stages)
        values = {"portal_id": 62515, "amount": 50_000, "currency": "USD", "stage": stages[-1][0], **more}
        self.add(tables.deals, deal_id=number, account_id=self.account.account_id, created_at=created, **values)
        for index, (stage, at) in enumerate(stages):
            event = self.event(10 * number + index, number, at, handled_at=at)
            self.add(tables.deal_stage_changes, deal_id=number, occurred_at=at, stage=stage, inbox_id=event)

    def event(self, event_id: int, deal: int, at: datetime, **more: Any) -> int:
        """An event in the CRM's inbox; it waits unless it says when it was handled."""
        values = {"portal_id": 62515, "subscription_id": 1, "subscription_type": "deal.propertyChange", "payload": {}}
        row = {"event_id": event_id, "object_id": deal, "occurred_at": at, "source": "webhook", **values, **more}
        return int(self.add(tables.hubspot_events, **row))

    def attribute(self, number: int, ad_id: str | None, *, click: datetime | None = None) -> None:
        """The best candidate of a deal, through a click of ours where one is known."""
        click_id = None if click is None else f"click-{number}"
        if click is not None:
            known = {"account_id": self.account.account_id, "ad_id": ad_id, "source": "redirect"}
            self.add(tables.clicks, click_id=click_id, clicked_at=click, **known)
        method = "unattributed" if ad_id is None else "url"
        row = {"account_id": self.account.account_id, "ad_id": ad_id, "click_id": click_id, "method": method}
        self.add(tables.attributions, deal_id=number, candidate=0, weight=1.0, layers={}, reason="test", **row)

    def decide(self, hour: datetime) -> HourDecision:
        return decide_hour(self.store.engine, self.account, self.store.settings, hour)

    def states(self, hour: datetime) -> dict[str, AdState]:
        with self.store.engine.connect() as connection:
            return {one.ad_id: one for one in build_states(connection, self.account, self.store.settings, hour)}

    def count(self, table: Any) -> int:
        with self.store.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()


def back(hour: datetime, count: int) -> list[datetime]:
    return [hour - HOUR * index for index in range(count)]
