"""Clicks: recorded first, then sent on to the landing page that the ad was published with.

An ad is named ``<creative id>-<variation key>``. The address it leads to comes from its publish
plan alone; nothing in a request can change the host or path that a visitor is sent to.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, func, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from flywheel_assets.gateway.body import parse_json, read_body
from flywheel_assets.revenue.crm import FINGERPRINT_PROPERTY, IP_PROPERTY
from flywheel_assets.revenue.identity import hash_fingerprint, hash_ip
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.documents import explain
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import ad_objects, clicks, publish_plans

# The landing page's form carries this parameter into the deal property of the same name.
CLICK_PARAMETER = "flywheel_click_id"
# With consent the form also carries the keyed hashes, so that a deal that lost its click id can still be matched.
_CARRIED = {"fingerprint_hmac": FINGERPRINT_PROPERTY, "ip_hmac": IP_PROPERTY}
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
# A platform's click id is kept as it came or not at all; real ones have up to 250 characters.
_FBCLID = r"[!-~]{1,500}"
_AD = re.compile(r"(?P<creative>\w{1,60})-(?P<key>[\w.-]{1,60})", re.ASCII)


class ReportedClick(BaseModel):
    """A click that the landing page's own server reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ad: str
    fbclid: str | None = Field(None, pattern=f"^{_FBCLID}$")
    fingerprint: str | None = Field(None, max_length=2000, description="Of the visitor's device; kept as a hash.")
    ip: str | None = Field(None, max_length=64, description="The visitor's address; its network is kept as a hash.")


@dataclass(frozen=True)
class _Target:
    """The ad behind a name; ``remote_id`` is None while the platform has not confirmed it."""

    account_id: str
    landing_url: str
    remote_id: str | None


@dataclass(frozen=True)
class _Click:
    """One click before it is recorded; ``fingerprint`` and ``ip`` are raw and leave this module as hashes only."""

    fbclid: str | None
    source: str
    fingerprint: str | None
    ip: str | None


class Clicks:
    """The two endpoints."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def redirect(self, request: Request) -> Response:
        """Record a visitor's click and send them to the landing page with all their parameters and the click id."""
        fbclid = request.query_params.get("fbclid")
        agent = request.headers.get("user-agent")
        click = _Click(
            fbclid=fbclid if fbclid and re.fullmatch(_FBCLID, fbclid) else None,
            source="redirect",
            fingerprint=f"{agent}\x1f{request.headers.get('accept-language', '')}" if agent else None,
            ip=request.client.host if request.client else None,
        )
        # Whoever only asks where a link leads has not clicked.
        counts = request.method == "GET"
        target, given = await run_in_threadpool(self._record, request.path_params["ad"], click, counts=counts)
        address = landing_address(target.landing_url, request.url.query, given)
        return RedirectResponse(address, status_code=302, headers=_PRIVATE)

    async def report(self, request: Request) -> Response:
        """Record a click that reached the landing page without the redirect."""
        try:
            reported = ReportedClick.model_validate(parse_json(await read_body(request)))
        except ValidationError as error:
            raise HTTPException(400, explain(error)) from None
        click = _Click(reported.fbclid, "api", reported.fingerprint, reported.ip)
        _, given = await run_in_threadpool(self._record, reported.ad, click, counts=True)
        if not given:
            raise HTTPException(409, f"ad {reported.ad} is not confirmed at the platform yet; report the click later")
        click_id = given.pop(CLICK_PARAMETER)
        return JSONResponse({"click_id": click_id, **given}, status_code=201)

    def _record(self, name: str, click: _Click, *, counts: bool) -> tuple[_Target, dict[str, str]]:
        """The ad, and what the landing page's form is to carry; nothing where no click can be recorded."""
        with self._store.engine.begin() as connection:
            target = _find(connection, name, self._store.settings.world)
            if not counts or target.remote_id is None:
                return target, {}
            click_id, identity = secrets.token_urlsafe(16), self._identity(connection, target.account_id, click)
            row = {
                "click_id": click_id,
                "account_id": target.account_id,
                "ad_id": target.remote_id,
                "clicked_at": func.flywheel_now(),
                "fbclid": click.fbclid,
                "source": click.source,
                **identity,
            }
            connection.execute(clicks.insert().values(row))
        return target, {CLICK_PARAMETER: click_id, **{_CARRIED[name]: value for name, value in identity.items()}}

    def _identity(self, connection: Connection, account_id: str, click: _Click) -> dict[str, str]:
        """Keyed hashes, and only where the account's owner consented; the gateway checked the key at its start."""
        pepper = self._store.settings.identity_pepper
        if pepper is None or not get_account(connection, account_id).consent.identity_matching:
            return {}
        hashes = {}
        if click.fingerprint:
            hashes["fingerprint_hmac"] = hash_fingerprint(pepper.get_secret_value(), account_id, click.fingerprint)
        if click.ip:
            try:
                hashes["ip_hmac"] = hash_ip(pepper.get_secret_value(), account_id, click.ip)
            except ValueError:
                return hashes  # no address, e.g. a socket file of a proxy
        return hashes


def landing_address(landing_url: str, query: str, given: Mapping[str, str]) -> str:
    """The landing page's own query, then everything that came in as it was written, then ours, which none may forge."""
    reserved = {CLICK_PARAMETER, *_CARRIED.values()}
    parts = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in reserved]
    ours = [f"{name}={value}" for name, value in given.items()]
    page = urlsplit(landing_url)
    return page._replace(query="&".join([*filter(None, [page.query]), *parts, *ours])).geturl()


def _find(connection: Connection, name: str, world: str) -> _Target:
    named = _AD.fullmatch(name)
    if named is None:
        raise HTTPException(404, "there is no such ad")
    ads, plans = ad_objects.c, publish_plans.c
    query = (
        select(ads.account_id, ads.remote_id, plans.plan["landing_url"].astext.label("landing_url"))
        .join_from(ad_objects, publish_plans, plans.creative_id == named["creative"])
        .where(ads.ref == f"{named['creative']}/{named['key']}/ad", ads.world == world)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise HTTPException(404, "there is no such ad")
    return _Target(row.account_id, row.landing_url, row.remote_id)
