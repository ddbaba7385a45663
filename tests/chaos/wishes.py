"""What a storm asks for: seeded waves of changes of every kind, over both accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import (
    SAFETY_PRIORITY,
    AdChange,
    SetBudget,
    SetName,
    SetStatus,
    SetTargeting,
    Spec,
    UploadImage,
)
from flywheel_assets.execution.structure import Variation, changes_of, plan_launch
from tests.chaos.campaigns import ACCOUNTS, AD_SETS, CAMPAIGNS, ad_set_ref, campaign_ref
from tests.chaos.world import World

_COUNTRIES = ("US", "CA", "GB", "IE")


@dataclass
class Wishes:
    """A producer of changes; equal seeds ask for the same."""

    world: World
    folder: Path
    dice: Random
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def wave(self) -> list[AdChange]:
        """Some seventy changes, more than an hour has room for: a launch, changes of what runs, and one that cannot succeed."""
        wanted = [change for account in ACCOUNTS for change in self._of(account)]
        self.dice.shuffle(wanted)
        return [*wanted, *self.launch(ACCOUNTS[self.dice.randrange(len(ACCOUNTS))])]

    def few(self) -> list[AdChange]:
        """One of everything."""
        account = ACCOUNTS[0]
        campaign = campaign_ref(account, 0)
        return [*self.four_updates(), self._hopeless(account, campaign), *self.launch(account)]

    def four_updates(self) -> list[AdChange]:
        """One of each kind, each of an ad set of its own."""
        account = ACCOUNTS[0]
        campaign = campaign_ref(account, 0)
        specs: tuple[Spec, ...] = (
            SetBudget(daily_budget=4300),
            SetStatus(status="PAUSED"),
            SetName(name="a new name"),
            SetTargeting(targeting={"geo_locations": {"countries": ["CA"]}}),
        )
        refs = (ad_set_ref(campaign, number) for number in range(len(specs)))
        return [self.change(account, campaign, ref, spec) for ref, spec in zip(refs, specs, strict=True)]

    def _of(self, account: Account) -> Iterator[AdChange]:
        for number in range(CAMPAIGNS):
            campaign = campaign_ref(account, number)
            for ad_set in range(AD_SETS):
                ref = ad_set_ref(campaign, ad_set)
                for spec in self._specs():
                    yield self.change(account, campaign, ref, spec)
        campaign = campaign_ref(account, self.dice.randrange(CAMPAIGNS))
        yield self._hopeless(account, campaign)
        yield self._hasty(account, campaign)
        if self.dice.random() < 0.3:
            urgent = SetStatus(status="PAUSED")
            yield self.change(account, campaign, ad_set_ref(campaign, 0), urgent, priority=SAFETY_PRIORITY)

    def _specs(self) -> Iterator[Spec]:
        yield SetBudget(daily_budget=self.dice.randint(2000, 11000))
        yield SetStatus(status=self.dice.choice(["ACTIVE", "PAUSED"]))
        if self.dice.random() < 0.5:
            yield SetName(name=f"name {self.dice.randrange(1000)}")
        if self.dice.random() < 0.5:
            yield SetTargeting(targeting={"geo_locations": {"countries": [self.dice.choice(_COUNTRIES)]}})

    def _hopeless(self, account: Account, campaign: str) -> AdChange:
        """Its file is gone: it dies at once and goes to the dead letters."""
        gone = (self.folder / "gone.jpg").as_uri()
        ref = f"{campaign.removesuffix('/campaign')}/gone{next(self._numbers)}/image"
        return self.change(account, campaign, ref, UploadImage(name="gone", uri=gone))

    def _hasty(self, account: Account, campaign: str) -> AdChange:
        """Stale within the minute, so that some of these expire."""
        until = self.world.now() + timedelta(seconds=self.dice.uniform(20, 60))
        spec = SetBudget(daily_budget=self.dice.randint(2000, 11000))
        return self.change(account, campaign, ad_set_ref(campaign, 0), spec, expires_at=until)

    def launch(self, account: Account) -> tuple[AdChange, ...]:
        """A whole campaign of one ad."""
        creative = f"{account.account_id}/n{next(self._numbers)}"
        plan = plan_launch(creative, [self._variation("v0")], account, brand="Storm", landing_url="https://example.org")
        return changes_of(plan, account)

    def _variation(self, key: str) -> Variation:
        """A film and a still whose bytes nobody else has: the platform tells images apart by their bytes."""
        stored = []
        for suffix in ("mp4", "jpg"):
            path = self.folder / f"file.{suffix}"
            path.write_bytes(self.dice.randbytes(600))
            stored.append(self.world.store.blobs.put(path).uri)
        film, still = stored
        words = {"message": "Coffee on your desk by nine.", "title": "Order today"}
        return Variation(key=key, video_uri=film, cover_uri=still, predicted_ctr=0.02, **words)

    def change(self, account: Account, campaign: str, ref: str, spec: Spec, **more: Any) -> AdChange:
        """One change under a key of its own."""
        fields: dict[str, Any] = {
            "account_id": account.account_id,
            "campaign_ref": campaign,
            "object_ref": ref,
            "spec": spec,
            "idempotency_key": f"{ref}:{spec.kind}:{next(self._numbers)}",
            "reasoning": "because the storm says so",
            "requested_by": "test",
            "currency": account.currency,
        }
        return AdChange(**(fields | more))
