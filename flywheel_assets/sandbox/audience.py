"""The people: see ads by the hour, click through to the landing page, send the form hours later, become deals that move.

What they do is the market's: the same functions and scenarios as in `flywheel simulate`. What is added
here is how it reaches the platform: a visit over HTTP, a form that carries what the page's address says,
a contact and a deal. Somebody whom attribution credits to another ad came back through that ad's link;
where it knows no ad, the form was sent from a page without any parameters.

Deterministic by seed: what becomes of a lead depends on the ad, the hour and the lead's number alone,
not on when or how often `Audience.tick` is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import requests

from flywheel_assets.core.ids import rng
from flywheel_assets.core.money import minor_digits
from flywheel_assets.sandbox.hubspot.journey import PATH, plan_journey
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookSender
from flywheel_assets.sandbox.market.delivery import CENTS
from flywheel_assets.sandbox.meta.delivery import deliver_until
from flywheel_assets.sandbox.meta.state import Node, SandboxMeta
from flywheel_assets.sandbox.meta.visitors import Visitor, count_lead, newly_clicked, reached, sending

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
    """What one tick brought. ``visits`` are clicks of people who mean to send the form; the others are not played."""

    impressions: int
    clicks: int
    leads: int
    spend_minor: int
    visits: int
    lost_visits: int
    stage_moves: int
    webhooks: int
    failed_webhooks: int


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
        """Let everything happen that is due at ``now``: delivery, visits, leads, stage changes, webhooks."""
        got = deliver_until(self._meta, now)
        visits = [self._visit(visitor) for visitor in newly_clicked(self._meta)]
        leads = sending(self._meta, now)
        for visitor in leads:
            self._send_form(visitor)
        moved = self._hubspot.move_due(now)
        sent = self._webhooks.send()
        return Happened(
            impressions=got.impressions,
            clicks=got.clicks,
            leads=len(leads),
            spend_minor=got.spend_minor,
            visits=len(visits),
            lost_visits=visits.count(None),
            stage_moves=moved,
            webhooks=sent.delivered,
            failed_webhooks=sent.failed,
        )

    def _visit(self, visitor: Visitor) -> str | None:
        """The page at which the visitor ends; a redirect of our own is really followed one step."""
        address = self._followed(self._link(self._need(visitor.link), self._click_id(visitor)))
        reached(self._meta, visitor, address)
        return address

    def _followed(self, link: str) -> str | None:
        if urlsplit(link).hostname not in _LOOPBACK:
            return link
        try:
            answer = self._http.get(link, headers=_BROWSER, timeout=_PATIENCE, allow_redirects=False)
        except requests.RequestException:
            return None
        return answer.headers.get("Location") if answer.is_redirect else None

    def _click_id(self, visitor: Visitor) -> str:
        return f"IwAR{rng('click', visitor.origin, self._seed).bytes(24).hex()}"

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

    def _send_form(self, visitor: Visitor) -> None:
        """The lead comes in: a contact and a deal in the CRM, then the platform's count; done twice, it is one."""
        page = parse_qsl(urlsplit(visitor.address or "").query) if visitor.known else []
        form = {_FORM[name]: value for name, value in page if name in _FORM}
        person = {"email": f"lead-{visitor.origin}@example.com", "hs_facebook_click_id": form.get("fbclid", "")}
        self._hubspot.create("contacts", person, origin=f"contact {visitor.origin}")
        self._open_deal(visitor, form)
        count_lead(self._meta, visitor)

    def _open_deal(self, visitor: Visitor, form: dict[str, str]) -> None:
        currency = self._meta.accounts[self._need(visitor.ad).account]
        minor, digits = round(CENTS * visitor.course.amount), minor_digits(currency)
        amount = f"{Decimal(minor).scaleb(-digits):.{digits}f}"
        journey = plan_journey(visitor.course, amount, rng("deal", visitor.origin, self._seed))
        deal = {
            "dealname": f"Lead {visitor.origin}",
            "pipeline": "default",
            "deal_currency_code": currency,
            **({} if journey.amount is None else {"amount": journey.amount}),
            **form,
            "dealstage": PATH[0],
        }
        self._hubspot.create("deals", deal, journey=journey, origin=f"deal {visitor.origin}")

    def _need(self, number: int | None) -> Node:
        found = self._meta.get(number)
        if found is None:
            raise KeyError(f"the sandbox lost object {number}, which an ad refers to")
        return found
