"""The gateway over real HTTP: who may put something into the inbox, where a click leads, what health says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, insert, select, text
from sqlalchemy.engine import URL

from flywheel_assets.core.account import Account, Consent, HubSpot, Stage
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.gateway.app import WEBHOOK_PATH, build_gateway, public_url
from flywheel_assets.gateway.budget import SELECT_PATH
from flywheel_assets.gateway.clicks import CLICK_PARAMETER, landing_address
from flywheel_assets.sandbox.audience import Audience
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookFaults, WebhookSender
from flywheel_assets.sandbox.market.scenarios import SCENARIOS
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.serving import ThreadServer
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import (
    ad_objects,
    clicks,
    creatives,
    hubspot_events,
    publish_plans,
    revenue_problems,
    videos,
)

SECRET, PEPPER = "client-secret-canary", "pepper-canary-0123456789"
PUBLIC = "https://ads.example.test/flywheel"
PORTAL = 62515
LANDING = "https://example.com/bright-cup?lang=en#form"
AD = "c_0123456789ab-v01"
HUBSPOT = HubSpot(
    portal_id=PORTAL, stages={"closedwon": Stage(win_probability=1, outcome="won"), "x": Stage(win_probability=0.5)}
)


class Gateway:
    """A running gateway and the requests these tests make."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = Store(settings, store.engine, store.blobs)
        self.server = ThreadServer(build_gateway(self.store), name="gateway")
        self.http = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.http.get(f"{self.server.url}{path}", headers=headers, allow_redirects=False, timeout=10)

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"{self.server.url}{path}", data=raw, headers=headers, timeout=10)

    def hook(self, body: Any, query: str = "", **changed: Any) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(int(time.time() * 1000) - int(changed.get("age", 0) * 1000))
        message = f"POST{changed.get('url', PUBLIC)}{WEBHOOK_PATH}{query}".encode() + raw + stamp.encode()
        mac = hmac.digest(changed.get("secret", SECRET).encode(), message, hashlib.sha256)
        headers = {"X-HubSpot-Signature-v3": base64.b64encode(mac).decode(), "X-HubSpot-Request-Timestamp": stamp}
        return self.post(f"{WEBHOOK_PATH}{query}", changed.get("sent", raw), **headers)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


def event(number: int = 1, stage: str = "x", **changed: Any) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 102,
        "portalId": PORTAL,
        "occurredAt": 1_780_000_000_000,
        "subscriptionType": "deal.propertyChange",
        "attemptNumber": 0,
        "objectId": 9,
        "propertyName": "dealstage",
        "propertyValue": stage,
        **changed,
    }


def configured(settings: Settings, **more: Any) -> Settings:
    keys = {"hubspot_webhook_secret": SecretStr(SECRET), "public_url": PUBLIC, "identity_pepper": SecretStr(PEPPER)}
    return settings.model_copy(update={**keys, **more})


@pytest.fixture
def hubspot_account(store: Store, account: Account) -> Account:
    changed = account.model_copy(update={"hubspot": HUBSPOT})
    with store.engine.begin() as connection:
        save_account(connection, changed, "sandbox")
    return changed


@pytest.fixture
def gateway(store: Store, settings: Settings, hubspot_account: Account) -> Iterator[Gateway]:
    publish(store, hubspot_account)
    made = Gateway(store, configured(settings))
    with made.server:
        yield made
    made.http.close()


def publish(store: Store, account: Account, landing: str = LANDING) -> None:
    """One published ad, and one that is planned but not confirmed."""
    creative = AD.partition("-")[0]
    with store.engine.begin() as connection:
        connection.execute(
            insert(videos).values(sha256="ab" * 32, uri="file:///v.mp4", name="v.mp4", bytes=1, probe={})
        )
        connection.execute(
            insert(creatives).values(
                creative_id=creative, video_sha256="ab" * 32, account_id=account.account_id, brief={}
            )
        )
        plan = {"landing_url": landing}
        connection.execute(insert(publish_plans).values(creative_id=creative, digest="d", plan=plan))
        for key, remote in (("v01", "120200000000000042"), ("v02", None)):
            connection.execute(
                insert(ad_objects).values(
                    ref=f"{creative}/{key}/ad",
                    world="sandbox",
                    account_id=account.account_id,
                    kind="ad",
                    campaign_ref=f"{creative}/campaign",
                    tag=key,
                    remote_id=remote,
                    currency="USD",
                )
            )


def test_a_genuine_batch_is_stored_and_its_repetition_is_harmless(gateway: Gateway) -> None:
    batch = [event(1), event(2, "closedwon")]
    answer = gateway.hook(batch)
    assert (answer.status_code, answer.json()) == (200, {"new": 2, "duplicates": 0, "refused": 0})
    again = gateway.hook(batch)
    assert (again.status_code, again.json()) == (200, {"new": 0, "duplicates": 2, "refused": 0})
    rows = gateway.rows(hubspot_events)
    assert [(row["property_value"], row["source"]) for row in rows] == [("x", "webhook"), ("closedwon", "webhook")]


def test_the_signed_address_is_the_public_one_with_its_query(gateway: Gateway) -> None:
    assert gateway.hook([event()], query="?from=hub%3Aspot").status_code == 401
    plain = gateway.hook([event()], query="?from=hubspot")
    assert plain.status_code == 200
    assert gateway.hook([event()], url=gateway.server.url).status_code == 401


def test_a_request_that_is_not_hubspot_s_stores_nothing(gateway: Gateway) -> None:
    forged: list[dict[str, Any]] = [
        {"secret": "another"},
        {"age": 301},
        {"age": -301},
        {"sent": json.dumps([event(stage="closedwon")]).encode()},
        {"sent": json.dumps([event()], separators=(",", ":")).encode()},
    ]
    for changed in forged:
        answer = gateway.hook([event()], **changed)
        assert (answer.status_code, changed) == (401, changed)
        assert SECRET not in answer.text
    assert gateway.rows(hubspot_events) == []


def test_a_request_without_a_signature_is_refused(gateway: Gateway) -> None:
    assert gateway.post(WEBHOOK_PATH, [event()]).status_code == 401


def test_a_malformed_body_is_told_why(gateway: Gateway) -> None:
    for body in (b"", b"{", b'{"eventId": 1}', b"\xff\xfe", b"[" * 100_000, b"null"):
        answer = gateway.hook(body)
        assert (answer.status_code, body[:9]) == (400, body[:9])
        assert "body" in answer.json()["error"]


def test_an_unusable_event_does_not_stop_the_others(gateway: Gateway) -> None:
    answer = gateway.hook([event(1), {"eventId": "x"}, 7, event(2, portalId=1)])
    assert (answer.status_code, answer.json()) == (200, {"new": 1, "duplicates": 0, "refused": 3})
    rules = {row["rule"] for row in gateway.rows(revenue_problems)}
    assert rules == {"malformed_event", "unknown_portal"}


def test_a_body_of_two_megabytes_is_refused_before_it_is_read_whole(gateway: Gateway) -> None:
    host, port = urlsplit(gateway.server.url).hostname, urlsplit(gateway.server.url).port
    with socket.create_connection((host, port), timeout=10) as line:
        head = f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(17):  # 1.1 MB of an endless body; it is never finished
            line.sendall(chunk)
        assert b" 413 " in line.recv(1000).split(b"\r\n")[0]
    assert gateway.hook(b"x" * 2_000_000).status_code == 413
    assert gateway.rows(hubspot_events) == []


def test_without_a_database_everybody_is_asked_to_come_again(
    gateway: Gateway, database_server: Any, database_url: URL
) -> None:
    database_server.drop(database_url)
    answers = [gateway.hook([event()]), gateway.get(f"/c/{AD}"), gateway.post("/api/clicks", {"ad": AD})]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    health = gateway.get("/health")
    assert (health.status_code, health.json()["healthy"]) == (503, False)
    with database_server.admin.connect() as connection:  # for the fixture, which drops it again
        connection.execute(text(f'create database "{database_url.database}"'))


def test_a_click_is_recorded_and_keeps_every_parameter(gateway: Gateway) -> None:
    query = "utm_content=120200000000000042&fbclid=IwAR_Ab%2Bc&empty=&twice=1&twice=2"
    answer = gateway.get(f"/c/{AD}?{query}")
    (row,) = gateway.rows(clicks)
    page = urlsplit(answer.headers["Location"])
    assert answer.status_code == 302
    assert page._replace(query="").geturl() == "https://example.com/bright-cup#form"
    assert page.query == f"lang=en&{query}&{CLICK_PARAMETER}={row['click_id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (row["ad_id"], row["fbclid"], row["source"]) == ("120200000000000042", "IwAR_Ab+c", "redirect")
    with gateway.store.engine.connect() as connection:
        assert row["clicked_at"] == connection.execute(select(func.flywheel_now())).scalar_one()


def test_without_consent_nothing_about_the_visitor_is_kept(gateway: Gateway) -> None:
    gateway.get(f"/c/{AD}", **{"User-Agent": "Mozilla/5.0", "Accept-Language": "en"})
    gateway.post("/api/clicks", {"ad": AD, "ip": "203.0.113.9", "fingerprint": "device"})
    for row in gateway.rows(clicks):
        assert row["fingerprint_hmac"] is None
        assert row["ip_hmac"] is None


def test_with_consent_only_keyed_hashes_are_kept(gateway: Gateway, hubspot_account: Account) -> None:
    with gateway.store.engine.begin() as connection:
        consenting = hubspot_account.model_copy(update={"consent": Consent(identity_matching=True)})
        save_account(connection, consenting, "sandbox")
    arrived = gateway.get(f"/c/{AD}?flywheel_ip_hmac=forged", **{"User-Agent": "Mozilla/5.0"}).headers["Location"]
    for address in ("203.0.113.9", "203.0.113.77", "198.51.100.1", "nowhere"):
        gateway.post("/api/clicks", {"ad": AD, "ip": address, "fingerprint": "device"})
    first, *reported = gateway.rows(clicks)
    carried = dict(parse_qsl(urlsplit(arrived).query))
    assert carried["flywheel_ip_hmac"] == first["ip_hmac"]
    assert carried["flywheel_fingerprint_hmac"] == first["fingerprint_hmac"]
    hashes = [row["ip_hmac"] for row in reported]
    assert len(first["ip_hmac"]) == len(first["fingerprint_hmac"]) == 64
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3] is None
    assert len({row["fingerprint_hmac"] for row in reported}) == 1
    assert "203.0.113" not in json.dumps(gateway.rows(clicks), default=str)


def test_a_reported_click_gets_its_id(gateway: Gateway) -> None:
    answer = gateway.post("/api/clicks", {"ad": AD, "fbclid": "IwAR"})
    (row,) = gateway.rows(clicks)
    assert (answer.status_code, answer.json()) == (201, {"click_id": row["click_id"]})
    assert (row["source"], row["fbclid"]) == ("api", "IwAR")


def test_a_wrong_report_is_refused_with_a_reason(gateway: Gateway) -> None:
    cases: list[tuple[Any, int]] = [
        ({"ad": "c_0123456789ab-v09"}, 404),
        ({"ad": "c_0123456789ab-v02"}, 409),
        ({}, 400),
        ({"ad": 5}, 400),
        ({"ad": AD, "landing_url": "https://evil.example"}, 400),
        ({"ad": AD, "fbclid": "x" * 501}, 400),
        ({"ad": AD, "fbclid": "a\x00b"}, 400),
        ({"ad": AD, "fingerprint": "\ud800"}, 400),
        (b"not json", 400),
        (b"x" * 2_000_000, 413),
    ]
    for body, status in cases:
        answer = gateway.post("/api/clicks", body)
        assert (answer.status_code, str(body)[:60]) == (status, str(body)[:60])
        assert answer.json()["error"]
    assert gateway.rows(clicks) == []


def test_an_unknown_ad_leads_nowhere(gateway: Gateway) -> None:
    for name in ("c_ffffffffffff-v01", "c_0123456789ab-v09", "c_0123456789ab", "-", "%00", "'--", "a-%0d", "%2e%2e"):
        answer = gateway.get(f"/c/{name}")
        assert (answer.status_code, name) == (404, name)
        assert "Location" not in answer.headers
    assert gateway.rows(clicks) == []


def test_an_odd_click_id_of_the_platform_is_passed_on_but_not_kept(gateway: Gateway) -> None:
    for odd in ("%00", "%FF", "a%0D%0Ab", "x" * 501, ""):
        answer = gateway.get(f"/c/{AD}?fbclid={odd}")
        assert (answer.status_code, odd) == (302, odd)
        assert f"fbclid={odd}&{CLICK_PARAMETER}=" in answer.headers["Location"]
    assert [row["fbclid"] for row in gateway.rows(clicks)] == [None] * 5


def test_a_visitor_of_an_ad_that_is_not_confirmed_yet_still_arrives(gateway: Gateway) -> None:
    answer = gateway.get("/c/c_0123456789ab-v02?fbclid=a")
    assert answer.headers["Location"] == "https://example.com/bright-cup?lang=en&fbclid=a#form"
    assert gateway.rows(clicks) == []


def test_asking_where_a_link_leads_is_no_click(gateway: Gateway) -> None:
    answer = gateway.http.head(f"{gateway.server.url}/c/{AD}", allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == "https://example.com/bright-cup?lang=en#form"
    assert gateway.rows(clicks) == []


def test_a_forged_click_id_is_replaced(gateway: Gateway) -> None:
    answer = gateway.get(f"/c/{AD}?{CLICK_PARAMETER}=mine&flywheel%5Fclick_id=mine&url=https://evil.example")
    (row,) = gateway.rows(clicks)
    found = [value for name, value in parse_qsl(urlsplit(answer.headers["Location"]).query) if name == CLICK_PARAMETER]
    assert found == [row["click_id"]]
    assert urlsplit(answer.headers["Location"]).hostname == "example.com"


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="#")))
def test_no_query_moves_the_visitor_to_another_place(query: str) -> None:
    page = urlsplit(landing_address("https://example.com/a", query, {CLICK_PARAMETER: "id"}))
    assert (page.scheme, page.netloc, page.path, page.fragment) == ("https", "example.com", "/a", "")
    assert [value for name, value in parse_qsl(page.query) if name == CLICK_PARAMETER] == ["id"]


def test_health_names_the_oldest_event_that_nobody_took(gateway: Gateway) -> None:
    empty = gateway.get("/health")
    assert (empty.status_code, empty.json()) == (
        200,
        {"healthy": True, "world": "sandbox", "database": "ok", "oldest_unhandled_seconds": None},
    )
    gateway.hook([event()])
    assert 0 <= gateway.get("/health").json()["oldest_unhandled_seconds"] < 60
    with gateway.store.engine.begin() as connection:
        connection.execute(hubspot_events.update().values(received_real=datetime.now(UTC) - timedelta(hours=2)))
    stuck = gateway.get("/health")
    assert (stuck.status_code, stuck.json()["healthy"]) == (503, False)
    with gateway.store.engine.begin() as connection:
        connection.execute(hubspot_events.update().values(handled_at=func.flywheel_now()))
    assert gateway.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"hubspot_webhook_secret": None}, "FLYWHEEL_HUBSPOT_WEBHOOK_SECRET"),
        ({"identity_pepper": None}, "FLYWHEEL_IDENTITY_PEPPER"),
        ({"identity_pepper": SecretStr("short")}, "FLYWHEEL_IDENTITY_PEPPER"),
    ],
)
def test_a_half_configured_gateway_does_not_start(
    store: Store, settings: Settings, account: Account, missing: dict[str, Any], named: str
) -> None:
    changed = account.model_copy(update={"hubspot": HUBSPOT, "consent": Consent(identity_matching=True)})
    with store.engine.begin() as connection:
        save_account(connection, changed, "sandbox")
    with pytest.raises(ConfigurationError, match=named):
        build_gateway(Store(configured(settings, **missing), store.engine, store.blobs))


def test_an_account_without_hubspot_needs_no_secret_and_has_no_webhook(
    store: Store, settings: Settings, account: Account
) -> None:
    publish(store, account)
    plain = Gateway(store, settings)
    with plain.server:
        assert plain.hook([event()]).status_code == 404
        assert plain.get(f"/c/{AD}").status_code == 302
    plain.http.close()
    assert public_url(settings) == "http://127.0.0.1:8790"


def test_a_lead_of_the_audience_becomes_a_deal_that_names_its_click(
    store: Store, settings: Settings, hubspot_account: Account, tmp_path: Path
) -> None:
    publish(store, hubspot_account)
    now = datetime(2026, 11, 2, 8, tzinfo=UTC)
    free = ThreadServer(build_gateway(store_with(store, settings, "http://unused")), name="gateway")
    with free:
        port = int(free.url.rpartition(":")[2])
    gateway = Gateway(store, configured(settings, public_url=f"http://127.0.0.1:{port}"))
    gateway.server = ThreadServer(build_gateway(gateway.store), port, name="gateway")
    named = replace(SCENARIOS["service"], no_ad=0.0)
    currencies = {hubspot_account.account_id: "USD"}
    meta = SandboxMeta(tmp_path / "meta.sqlite", currencies, lambda: now, scenario=named, seed=5)
    crm = SandboxHubSpot(tmp_path / "crm.sqlite", PORTAL, lambda: now)
    with gateway.server:
        ad = published(meta, hubspot_account.account_id, f"{gateway.server.url}/c/{AD}")
        sender = WebhookSender(crm, f"{gateway.server.url}{WEBHOOK_PATH}", SECRET, WebhookFaults(), gateway.http)
        audience = Audience(meta, crm, sender, gateway.http, seed=5)
        ticks = []
        for _ in range(12):
            now += timedelta(hours=1)
            ticks.append(audience.tick(now))
    deals, recorded = crm.records("deals"), {row["click_id"]: row for row in gateway.rows(clicks)}
    assert len(recorded) == sum(tick.visits for tick in ticks) > 0
    assert len(deals) == sum(tick.leads for tick in ticks) > 0
    assert sum(tick.lost_visits + tick.failed_webhooks for tick in ticks) == 0
    for deal in deals:
        click = recorded[deal.properties[CLICK_PARAMETER]]
        assert click["fbclid"] == deal.properties["fbclid"]
        assert deal.properties["meta_ad_id"] == str(ad)
    assert len(gateway.rows(hubspot_events)) == sum(tick.webhooks for tick in ticks)
    gateway.http.close()
    meta.close()
    crm.close()


def store_with(store: Store, settings: Settings, url: str) -> Store:
    return Store(configured(settings, public_url=url), store.engine, store.blobs)


def published(meta: SandboxMeta, account: str, link: str) -> int:
    """A running ad at the twin whose button leads to ``link``."""
    story = {"video_data": {"call_to_action": {"type": "LEARN_MORE", "value": {"link": link}}}}
    tags = "utm_content={{ad.id}}"
    creative = meta.add("adcreative", account, None, {"object_story_spec": story, "url_tags": tags})
    campaign = meta.add("campaign", account, None, {"name": "C", "status": "ACTIVE"})
    adset = meta.add("adset", account, campaign, {"name": "S", "status": "ACTIVE", "daily_budget": 60_000})
    data = {"name": "A", "status": "ACTIVE", "creative": {"creative_id": str(creative)}}
    return meta.add("ad", account, adset, data)


def test_a_budget_decision_is_answered_at_the_briefs_path(gateway: Gateway) -> None:
    ads = [
        {"ad_id": name, "impressions": 9000, "clicks": clicked, "spend": 90, "age_hours": 72} for name, clicked in (("a", 200), ("b", 90))
    ]  # fmt: skip
    answer = gateway.post(SELECT_PATH, {"total_budget": 100, "ad_states": ads, "policy": "blended_literal"})
    assert answer.status_code == 200
    assert sum(one["recommended_budget"] for one in answer.json()["recommendations"]) == 100
    assert gateway.post(SELECT_PATH, {"total_budget": 100, "ad_states": []}).status_code == 422
