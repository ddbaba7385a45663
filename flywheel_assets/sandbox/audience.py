"""The people: see ads by the hour, click through to the landing page, some of them become deals that move.

Deterministic by seed: which leads become deals, what they are worth and how they go depends on
the ad, the hour and the lead's number alone, not on when or how often `Audience.tick` is called.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import numpy as np
import requests

from flywheel_assets.core.ids import rng
from flywheel_assets.core.money import minor_digits
from flywheel_assets.sandbox.hubspot.journey import FIRST_STAGE, plan_journey
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookSender
from flywheel_assets.sandbox.market.latent import MARKET, latent_of
from flywheel_assets.sandbox.meta.delivery import deliver_until
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_BROWSER = {"User-Agent": "Mozilla/5.0 (sandbox visitor)", "Accept-Language": "en-GB"}
_PATIENCE = 10.0
# What the landing page's form carries into the CRM: parameter of its address -> deal property.
_FORM = {
    "utm_content": "meta_ad_id",
    "flywheel_click_id": "flywheel_click_id",
    "fbclid": "fbclid",
    "flywheel_fingerprint_hmac": "flywheel_fingerprint_hmac",
    "flywheel_ip_hmac": "flywheel_ip_hmac",
}


@dataclass(frozen=True)
class Happened:
    """What one tick brought. ``lost_visits`` are leads whose click did not reach the landing page."""

    impressions: int
    clicks: int
    leads: int
    spend_minor: int
    lost_visits: int
    deals: int
    stage_moves: int
    webhooks: int
    failed_webhooks: int


@dataclass(frozen=True)
class _Lead:
    """One person who filled in the form; ``origin`` names them for good."""

    ad: Node
    origin: str


class Audience:
    """Everybody outside: the feed's viewers, the leads and the sales team."""

    def __init__(
        self,
        meta: SandboxMeta,
        hubspot: SandboxHubSpot,
        webhooks: WebhookSender,
        http: requests.Session,
        *,
        seed: int,
    ) -> None:
        self._meta, self._hubspot, self._webhooks = meta, hubspot, webhooks
        self._http, self._seed = http, seed

    def tick(self, now: datetime) -> Happened:
        """Let everything happen that is due at ``now``: delivery, visits, deals, stage changes, webhooks."""
        got = deliver_until(self._meta, now)
        arrived = [self._arrive(lead) for lead in self._leads()]
        moved = self._hubspot.move_due(now)
        sent = self._webhooks.send()
        return Happened(
            impressions=got.impressions,
            clicks=got.clicks,
            leads=got.leads,
            spend_minor=got.spend_minor,
            lost_visits=arrived.count("lost"),
            deals=arrived.count("deal"),
            stage_moves=moved,
            webhooks=sent.delivered,
            failed_webhooks=sent.failed,
        )

    def _leads(self) -> Iterator[_Lead]:
        """Leads of delivered hours that nobody has followed yet; an hour is ticked off after its last one."""
        query = "SELECT ad, hour, leads FROM deliveries WHERE visited = 0 AND leads > 0 ORDER BY hour, ad"
        for number, hour, count in self._meta.execute(query):
            ad = self._meta.get(number)
            if ad is not None:
                yield from (_Lead(ad, f"{number}-{int(hour)}-{index}") for index in range(count))
            self._meta.execute("UPDATE deliveries SET visited = 1 WHERE ad = ? AND hour = ?", number, hour)

    def _arrive(self, lead: _Lead) -> str:
        """One lead: ``lost`` on the way, only a ``contact``, or a ``deal``."""
        draws = rng("lead", lead.origin, self._seed)
        address = self._visit(lead, draws)
        if address is None:
            return "lost"
        form = {_FORM[name]: value for name, value in parse_qsl(urlsplit(address).query) if name in _FORM}
        person = {"email": f"lead-{lead.origin}@example.com", "hs_facebook_click_id": form.get("fbclid", "")}
        self._hubspot.create("contacts", person, origin=f"contact {lead.origin}")
        if draws.random() >= MARKET.deal_share:
            return "contact"
        self._open_deal(lead, form, draws)
        return "deal"

    def _visit(self, lead: _Lead, draws: np.random.Generator) -> str | None:
        """The address at which the visitor ends; a redirect of our own is really followed one step."""
        link = self._link(lead.ad, f"IwAR{draws.bytes(24).hex()}")
        if urlsplit(link).hostname not in _LOOPBACK:
            return link
        try:
            answer = self._http.get(link, headers=_BROWSER, timeout=_PATIENCE, allow_redirects=False)
        except requests.RequestException:
            return None
        return answer.headers.get("Location") if answer.is_redirect else None

    def _link(self, ad: Node, fbclid: str) -> str:
        """The ad's link as the platform opens it: macros expanded, its own click id added."""
        adset, creative = self._need(ad.parent), self._need(int(ad.data["creative"]["creative_id"]))
        campaign = self._need(adset.parent)
        video: dict[str, Any] = creative.data["object_story_spec"]["video_data"]
        tags = str(creative.data.get("url_tags", ""))
        for name, node in (("campaign", campaign), ("adset", adset), ("ad", ad)):
            expanded = {"id": str(node.id), "name": str(node.data["name"])}
            for field, value in expanded.items():
                tags = tags.replace(f"{{{{{name}.{field}}}}}", quote_plus(value))
        link = str(video["call_to_action"]["value"]["link"])
        query = "&".join(part for part in (urlsplit(link).query, tags, urlencode({"fbclid": fbclid})) if part)
        return urlsplit(link)._replace(query=query).geturl()

    def _open_deal(self, lead: _Lead, form: dict[str, str], draws: np.random.Generator) -> None:
        latent, currency = latent_of(str(lead.ad.id), self._meta.seed), self._meta.accounts[lead.ad.account]
        minor = round(latent.deal_value * math.exp(MARKET.deal_value_spread * draws.standard_normal()))
        digits = minor_digits(currency)
        journey = plan_journey(latent.win_chance, f"{Decimal(minor).scaleb(-digits):.{digits}f}", draws)
        deal = {
            "dealname": f"Lead {lead.origin}",
            "pipeline": "default",
            "deal_currency_code": currency,
            **({} if journey.amount is None else {"amount": journey.amount}),
            **form,
            "dealstage": FIRST_STAGE,
        }
        self._hubspot.create("deals", deal, journey=journey, origin=f"deal {lead.origin}")

    def _need(self, number: int | None) -> Node:
        found = self._meta.get(number)
        if found is None:
            raise KeyError(f"the sandbox lost object {number}, which an ad refers to")
        return found
