"""Two accounts and the campaigns that run in them before a storm begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from flywheel_assets.core.account import Account
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.tables import ad_objects


def _account(number: int, name: str, zone: str) -> Account:
    return Account(
        account_id=f"act_100000000{number}",
        name=name,
        mode="auto",
        currency="USD",
        time_zone=zone,
        page_id="1000000002",
        pixel_id="1000000003",
        targeting={"geo_locations": {"countries": ["US"]}},
        daily_plan="10000.00",
        ad_set_floor="10.00",
        ad_set_ceiling="120.00",
        new_creative_share=0.005,
    )


ACCOUNTS = (_account(1, "Bright Cup", "America/New_York"), _account(2, "Night Owl", "Asia/Kolkata"))
CAMPAIGNS, AD_SETS = 2, 5  # that run already, per account and per campaign


def campaign_ref(account: Account, number: int) -> str:
    """Local name of a campaign that runs already."""
    return f"{account.account_id}/c{number}/campaign"


def ad_set_ref(campaign: str, number: int) -> str:
    """Local name of one of its ad sets."""
    return f"{campaign.removesuffix('/campaign')}/s{number}/adset"


def settle(connection: Connection, state: SandboxMeta) -> dict[str, int]:
    """Save the accounts and let campaigns run in each; the budgets by remote id."""
    budgets: dict[str, int] = {}
    for account in ACCOUNTS:
        save_account(connection, account, "sandbox")
        for number in range(CAMPAIGNS):
            budgets |= _run(_Place(connection, state, account, campaign_ref(account, number)))
    return budgets


@dataclass(frozen=True)
class _Place:
    """One campaign, here and at the platform."""

    connection: Connection
    state: SandboxMeta
    account: Account
    campaign: str

    def put(self, ref: str, parent: int | None, **facts: Any) -> int:
        """An object that is active on both sides; its remote id."""
        tag, kind = f"fw-{ref}", ref.rpartition("/")[2]
        data = {"name": f"{ref} [{tag}]", "status": "ACTIVE", "targeting": self.account.targeting, **facts}
        remote_id = self.state.add(kind, self.account.account_id, parent, data)
        row = {
            "ref": ref,
            "world": "sandbox",
            "account_id": self.account.account_id,
            "kind": kind,
            "campaign_ref": self.campaign,
            "tag": tag,
            "remote_id": str(remote_id),
            "status": "ACTIVE",
            "daily_budget": facts.get("daily_budget"),
            "currency": self.account.currency,
        }
        self.connection.execute(ad_objects.insert().values(row))
        return remote_id


def _run(place: _Place) -> dict[str, int]:
    campaign = place.put(place.campaign, None, objective=place.account.objective, special_ad_categories=[])
    budgets = {}
    for number in range(AD_SETS):
        facts = {"daily_budget": 4000 + 1000 * number, "billing_event": "IMPRESSIONS", "campaign_id": str(campaign)}
        remote_id = place.put(ad_set_ref(place.campaign, number), campaign, **facts)
        budgets[str(remote_id)] = 4000 + 1000 * number
    return budgets
