"""The twin of HubSpot: read through the official client, moved by time and by hand, told by signed webhooks."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flywheel_assets.clients.hubspot_signature import verify
from flywheel_assets.sandbox.audience import Audience, Happened
from flywheel_assets.sandbox.hubspot.app import build_app
from flywheel_assets.sandbox.hubspot.journey import LOST, PATH, Journey, Move
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import Sent, WebhookFaults, WebhookSender
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.serving import ThreadServer

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRET = "client-secret-canary"  # noqa: S105 - a secret of the test
JOURNEY = Journey("3000.00", (Move(18, "dealstage", "qualifiedtobuy"), Move(40, "dealstage", "presentationscheduled")))


class Subscriber:
    """An app that receives webhooks, checks their signature and answers as told."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.server = ThreadServer(Starlette(routes=[Route("/hook", self._take, methods=["POST"])]), name="subscriber")

    async def _take(self, request: Request) -> Response:
        raw = await request.body()
        verify([SECRET], "POST", f"{self.server.url}/hook", raw, request.headers, datetime.now(UTC))
        self.batches.append(json.loads(raw))
        return Response(status_code=self.answers.pop(0) if self.answers else 204)

    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    def stages(self) -> list[str]:
        return [event["propertyValue"] for event in self.events() if event.get("propertyName") == "dealstage"]


class Twin:
    """A CRM with a clock, its server, and one subscriber."""

    def __init__(self, path: Path) -> None:
        self.now = START
        self.state = SandboxHubSpot(path, 62515, lambda: self.now)
        self.faults, self.subscriber, self.http = WebhookFaults(), Subscriber(), requests.Session()
        self.server = SandboxServer(build_app(self.state, self.faults))

    def start(self) -> None:
        self.server.__enter__()
        self.subscriber.server.__enter__()
        url = f"{self.subscriber.server.url}/hook"
        self.sender = WebhookSender(self.state, url, SECRET, self.faults, self.http)

    def stop(self) -> None:
        self.http.close()
        self.subscriber.server.__exit__()
        self.server.__exit__()
        self.state.close()

    def after(self, hours: float) -> int:
        self.now += timedelta(hours=hours)
        return self.state.move_due(self.now)

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": "Bearer pat-test"}
        return self.http.request(method, f"{self.server.url}{path}", json=body, headers=headers, timeout=10)

    def deal(self, **properties: str) -> int:
        values = {"dealname": "D", "dealstage": "appointmentscheduled", **properties}
        answer = self.send("POST", "/crm/v3/objects/deals", {"properties": values})
        assert answer.status_code == 201
        return int(answer.json()["id"])

    def order(self, *faults: dict[str, Any]) -> requests.Response:
        return self.send("POST", "/_sandbox/faults", list(faults))

    def search(self, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.send("POST", "/crm/v3/objects/deals/search", body).json()
        return answer


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    made = Twin(tmp_path / "hubspot.sqlite")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """A twin with three deals an hour apart, for tests that change nothing."""
    made = Twin(tmp_path_factory.mktemp("busy") / "hubspot.sqlite")
    made.start()
    for _ in range(3):
        made.deal()
        made.now += timedelta(hours=1)
    yield made
    made.stop()


@pytest.fixture
def client(twin: Twin) -> Any:
    from hubspot import HubSpot

    return HubSpot(access_token="pat-test", host=twin.server.url)  # noqa: S106 - a token of the test


def close(api: Any) -> None:
    api.api_client.rest_client.pool_manager.clear()


def test_the_official_client_reads_a_deal(twin: Twin, client: Any) -> None:
    number = twin.deal(amount="100.00", meta_ad_id="7")
    api = client.crm.deals.basic_api
    deal = api.get_by_id(number, properties=["dealstage", "meta_ad_id", "closedate"])
    close(api)
    assert deal.id == str(number)
    assert deal.properties["dealstage"] == "appointmentscheduled"
    assert deal.properties["meta_ad_id"] == "7"
    assert deal.properties["closedate"] is None
    assert deal.created_at == START
    assert deal.archived is False


def test_the_official_client_reads_batches_with_history(twin: Twin, client: Any) -> None:
    from hubspot.crm.deals import BatchReadInputSimplePublicObjectId, SimplePublicObjectId

    number = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY).id
    twin.after(20)
    api = client.crm.deals.batch_api
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id=str(number))], properties=["amount"], properties_with_history=["dealstage"]
    )
    answer = api.read(wanted)
    wanted.inputs.append(SimplePublicObjectId(id="1"))
    partly = api.read(wanted)
    close(api)
    (deal,) = answer.results
    entries = [(entry.value, entry.timestamp) for entry in deal.properties_with_history["dealstage"]]
    assert entries == [("qualifiedtobuy", START + timedelta(hours=18)), ("appointmentscheduled", START)]
    assert answer.status == "COMPLETE"
    assert [one.id for one in partly.results] == [str(number)]
    assert partly.errors[0].context == {"ids": ["1"]}


def test_the_official_client_reads_the_pipeline(client: Any) -> None:
    api = client.crm.pipelines.pipelines_api
    (pipeline,) = api.get_all("deals").results
    close(api)
    stages = {stage.id: stage.metadata for stage in pipeline.stages}
    assert stages["contractsent"] == {"isClosed": "false", "probability": "0.9"}
    assert stages["closedlost"] == {"isClosed": "true", "probability": "0.0"}


def test_the_official_client_searches_by_time_of_change(twin: Twin, client: Any) -> None:
    from hubspot.crm.deals import PublicObjectSearchRequest

    old = twin.deal()
    twin.now += timedelta(hours=1)
    young = [twin.deal() for _ in range(3)]
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(int(twin.now.timestamp() * 1000))}
    sort = {"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}
    query = PublicObjectSearchRequest(
        filter_groups=[{"filters": [since]}], sorts=[sort], properties=["dealstage"], limit=2
    )
    api = client.crm.deals.search_api
    first = api.do_search(query)
    query.after = first.paging.next.after
    second = api.do_search(query)
    close(api)
    assert first.total == 3
    assert [int(one.id) for one in (*first.results, *second.results)] == young
    assert second.paging is None
    twin.send("PATCH", f"/crm/v3/objects/deals/{old}", {"properties": {"amount": "1.00"}})
    assert twin.search(filterGroups=[{"filters": [since]}])["total"] == 4


@pytest.mark.parametrize(
    ("operator", "hours", "found"), [("EQ", 1, 1), ("GT", 1, 1), ("GTE", 1, 2), ("LT", 1, 1), ("LTE", 1, 2)]
)
def test_a_search_compares_times_exactly(busy: Twin, operator: str, hours: int, found: int) -> None:
    rule = {"propertyName": "createdate", "operator": operator, "value": (START + timedelta(hours=hours)).isoformat()}
    assert busy.search(filterGroups=[{"filters": [rule]}])["total"] == found


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "GT", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "IN", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "soon"}]}]},
        {"limit": 201},
        {"after": "9995"},
        {"sorts": ["dealname"]},
        {"filterGroups": "all"},
    ],
)
def test_a_search_that_the_twin_cannot_do_is_refused(busy: Twin, body: dict[str, Any]) -> None:
    answer = busy.send("POST", "/crm/v3/objects/deals/search", body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/crm/v3/objects/deals/1", None, 404),
        ("GET", "/crm/v3/objects/deals/x", None, 404),
        ("GET", "/crm/v3/objects/tickets/1", None, 404),
        ("GET", "/crm/v3/owners", None, 404),
        ("POST", "/crm/v3/objects/deals", {}, 400),
        ("POST", "/crm/v3/objects/deals", {"properties": {"amount": 5}}, 400),
        ("POST", "/crm/v3/objects/deals", [], 400),
        ("POST", "/crm/v3/objects/deals/batch/read", {"inputs": []}, 400),
        ("POST", "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": "1"}] * 101}, 400),
        (
            "POST",
            "/crm/v3/objects/deals/batch/read",
            {"inputs": [{"id": "1"}] * 51, "propertiesWithHistory": ["dealstage"]},
            400,
        ),
    ],
)
def test_a_wrong_request_is_refused_and_journaled(busy: Twin, method: str, path: str, body: Any, status: int) -> None:
    assert busy.send(method, path, body).status_code == status
    entry = busy.state.journal()[-1]
    assert (entry["direction"], entry["method"], entry["path"], entry["status"]) == ("in", method, path, status)


def test_without_a_token_nothing_is_answered(twin: Twin) -> None:
    answer = requests.get(f"{twin.server.url}/crm/v3/pipelines/deals", timeout=10)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_a_deal_moves_when_its_time_has_come_and_not_before(twin: Twin) -> None:
    number = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY).id
    assert twin.after(17.9) == 0
    assert twin.after(0.2) == 1
    assert twin.state.need(number).properties["dealstage"] == "qualifiedtobuy"
    assert twin.after(1000) == 1
    history = twin.state.history(number, "dealstage")
    assert [(at - START.timestamp()) / 3600 for _, at in history] == [40, 18, 0]
    assert twin.after(1000) == 0


def test_a_deal_moved_by_hand_leaves_its_plan(twin: Twin) -> None:
    number = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY).id
    twin.send("PATCH", f"/crm/v3/objects/deals/{number}", {"properties": {"dealstage": "closedwon"}})
    assert twin.after(100) == 0
    assert twin.state.need(number).properties["dealstage"] == "closedwon"


def test_the_same_origin_is_the_same_deal(twin: Twin) -> None:
    first = twin.state.create("deals", {"dealname": "one"}, origin="lead 1")
    assert twin.state.create("deals", {"dealname": "two"}, origin="lead 1") == first
    assert twin.state.create("deals", {"dealname": "two"}, origin="lead 2").id != first.id


def test_memory_survives_a_restart(twin: Twin, tmp_path: Path) -> None:
    number = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY).id
    again = SandboxHubSpot(tmp_path / "hubspot.sqlite", 62515, lambda: twin.now)
    assert again.move_due(START + timedelta(hours=20)) == 1
    assert again.need(number).properties["dealstage"] == "qualifiedtobuy"
    assert len(again.waiting(10)) == 2  # the creation and its first stage; the move lies ahead of the clock
    again.close()


def test_events_look_like_hubspot_s_and_are_signed(twin: Twin) -> None:
    number = twin.deal(amount="100.00")
    assert twin.sender.send() == Sent(delivered=3)
    creation, stage, amount = twin.subscriber.events()
    assert (creation["subscriptionType"], creation["changeFlag"]) == ("deal.creation", "NEW")
    assert stage["subscriptionType"] == "deal.propertyChange"
    assert (stage["propertyName"], stage["propertyValue"]) == ("dealstage", "appointmentscheduled")
    assert (amount["propertyName"], amount["propertyValue"]) == ("amount", "100.00")
    assert {event["objectId"] for event in (creation, stage, amount)} == {number}
    assert {event["portalId"] for event in (creation, stage, amount)} == {62515}
    assert stage["occurredAt"] == int(START.timestamp() * 1000)
    assert len({event["eventId"] for event in (creation, stage, amount)}) == 3
    assert twin.sender.send() == Sent()


def test_a_batch_holds_at_most_a_hundred_events(twin: Twin) -> None:
    for _ in range(51):
        twin.state.create("deals", {"dealstage": "appointmentscheduled"})
    assert twin.sender.send() == Sent(delivered=102)
    assert [len(batch) for batch in twin.subscriber.batches] == [100, 2]


def test_a_refused_batch_is_sent_again_later_and_says_so(twin: Twin) -> None:
    twin.deal()
    twin.subscriber.answers = [503, 500]
    assert twin.sender.send() == Sent(failed=2)
    assert twin.sender.send() == Sent()
    twin.now += timedelta(minutes=1)
    assert twin.sender.send() == Sent(failed=2)
    twin.now += timedelta(minutes=2)
    assert twin.sender.send() == Sent(delivered=2)
    assert [batch[0]["attemptNumber"] for batch in twin.subscriber.batches] == [0, 1, 2]


def test_a_silent_subscriber_is_given_up_after_ten_tries(twin: Twin) -> None:
    twin.deal()
    twin.subscriber.server.__exit__()
    for _ in range(10):
        assert twin.sender.send().failed == 2
        twin.now += timedelta(hours=9)
    assert twin.sender.send() == Sent()
    assert [entry["status"] for entry in twin.state.journal() if entry["direction"] == "out"] == [None] * 10
    twin.subscriber.server.__enter__()


def test_faults_duplicate_drop_and_reorder_what_comes_next(twin: Twin) -> None:
    number = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY).id
    twin.sender.send()
    assert twin.order({"kind": "duplicate"}, {"kind": "drop"}, {"kind": "reorder"}).json() == {"outstanding": 3}
    twin.after(18)
    assert twin.sender.send() == Sent(delivered=1)
    assert twin.subscriber.stages() == ["appointmentscheduled", "qualifiedtobuy", "qualifiedtobuy"]
    twin.after(22)
    assert twin.sender.send() == Sent(dropped=1)
    assert "presentationscheduled" not in twin.subscriber.stages()
    assert twin.state.need(number).properties["dealstage"] == "presentationscheduled"
    for stage in ("contractsent", "closedwon"):
        twin.send("PATCH", f"/crm/v3/objects/deals/{number}", {"properties": {"dealstage": stage}})
    assert twin.sender.send() == Sent(delivered=2)
    assert twin.subscriber.stages()[-2:] == ["closedwon", "contractsent"]
    assert twin.order({"kind": "explode"}).status_code == 422


def test_the_journal_can_be_read_over_http(twin: Twin) -> None:
    twin.deal()
    twin.sender.send()
    entries = twin.send("GET", "/_sandbox/journal").json()
    assert [(entry["direction"], entry["status"]) for entry in entries] == [("in", 201), ("out", 204)]


class Outside:
    """Both twins and the audience between them; ads link to a page elsewhere, so nobody fetches it."""

    def __init__(
        self, folder: Path, crm: Twin, link: str = "https://example.com/page?a=1", ads: int = 3, currency: str = "USD"
    ) -> None:
        self.crm = crm
        self.meta = SandboxMeta(folder / "meta.sqlite", {"act_1": currency}, lambda: crm.now, seed=5)
        tags = "utm_source=meta&utm_content={{ad.id}}&utm_term={{adset.id}}&utm_campaign={{campaign.name}}"
        button = {"type": "LEARN_MORE", "value": {"link": link}}
        story = {"video_data": {"call_to_action": button}}
        creative = self.meta.add("adcreative", "act_1", None, {"object_story_spec": story, "url_tags": tags})
        self.ads = [str(self._ad(creative)) for _ in range(ads)]
        self.audience = Audience(self.meta, crm.state, crm.sender, crm.http, seed=5)

    def _ad(self, creative: int) -> int:
        parent: int | None = None
        for kind, more in (("campaign", {}), ("adset", {"daily_budget": 50_000})):
            parent = self.meta.add(kind, "act_1", parent, {"name": f"A {kind}", "status": "ACTIVE", **more})
        data = {"name": "An ad", "status": "ACTIVE", "creative": {"creative_id": str(creative)}}
        return self.meta.add("ad", "act_1", parent, data)

    def hours(self, count: int) -> list[Happened]:
        ticks = []
        for _ in range(count):
            self.crm.now += timedelta(hours=1)
            ticks.append(self.audience.tick(self.crm.now))
        return ticks


def test_leads_carry_the_ad_into_the_crm(twin: Twin, tmp_path: Path) -> None:
    outside = Outside(tmp_path, twin)
    ticks = outside.hours(24)
    deals, contacts = twin.state.records("deals"), twin.state.records("contacts")
    assert sum(tick.leads for tick in ticks) == len(contacts) == len(deals) > 0
    assert sum(tick.visits for tick in ticks) > len(deals)  # the others have not sent the form yet
    named = [deal.properties for deal in deals if "meta_ad_id" in deal.properties]
    assert {deal["meta_ad_id"] for deal in named} <= set(outside.ads)
    assert len({deal["fbclid"] for deal in named}) == len(named) > 0
    assert all("flywheel_click_id" not in deal.properties for deal in deals)
    assert sum(tick.webhooks for tick in ticks) == len(twin.subscriber.events())
    outside.meta.close()


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("JPY", 0)])
def test_a_deal_is_worth_the_same_minor_units_in_every_currency(
    twin: Twin, tmp_path: Path, currency: str, digits: int
) -> None:
    outside = Outside(tmp_path, twin, currency=currency)
    outside.hours(24)
    deals = [deal.properties for deal in twin.state.records("deals") if "amount" in deal.properties]
    assert {deal["deal_currency_code"] for deal in deals} == {currency}
    assert {len(deal["amount"].partition(".")[2]) for deal in deals} == {digits}
    minor = [Decimal(deal["amount"]).scaleb(digits) for deal in deals]
    assert 80_000 < median(minor) < 320_000  # the scenario's 1,600 dollars
    outside.meta.close()


def test_deals_go_through_their_stages_over_days(twin: Twin, tmp_path: Path) -> None:
    outside = Outside(tmp_path, twin, ads=12)
    ticks = outside.hours(30)
    for ad in outside.ads:
        node = outside.meta.get(int(ad))
        assert node is not None
        outside.meta.put(node.id, {**node.data, "status": "PAUSED"})
    ticks += outside.hours(24 * 40)
    stages = [deal.properties["dealstage"] for deal in twin.state.records("deals")]
    told = Counter(twin.subscriber.stages())
    assert sum(tick.stage_moves for tick in ticks) == told.total() - len(stages) > 0
    assert set(told) == {*PATH, LOST}
    assert set(stages) == {*PATH, LOST}  # what is lost and not marked stays where it was
    assert stages.count("closedwon") == told["closedwon"] > 0
    assert all("amount" in deal.properties for deal in twin.state.records("deals"))
    outside.meta.close()


def test_the_audience_is_the_same_for_the_same_seed_and_no_lead_comes_twice(twin: Twin, tmp_path: Path) -> None:
    def run(name: str) -> list[dict[str, str]]:
        (tmp_path / name).mkdir()
        crm = Twin(tmp_path / name / "crm.sqlite")
        crm.sender = twin.sender
        outside = Outside(tmp_path / name, crm)
        outside.hours(12)
        again = Audience(outside.meta, crm.state, twin.sender, twin.http, seed=5)
        counted = outside.meta.execute("SELECT leads FROM deliveries")
        # As after a crash between the CRM and the platform's count.
        outside.meta.execute("UPDATE visitors SET status = 'on_page' WHERE status = 'lead'")
        outside.meta.execute("UPDATE deliveries SET leads = 0")
        again.tick(crm.now)
        assert outside.meta.execute("SELECT leads FROM deliveries") == counted
        found = [deal.properties for deal in crm.state.records("deals")]
        outside.meta.close()
        crm.http.close()
        crm.state.close()
        return found

    first, second = run("one"), run("two")
    assert first == second
    assert len({deal["dealname"] for deal in first}) == len(first) > 0


def test_a_visitor_who_does_not_reach_the_page_is_no_lead_anywhere(twin: Twin, tmp_path: Path) -> None:
    outside = Outside(tmp_path, twin, link=f"{twin.subscriber.server.url}/c/ad")
    ticks = outside.hours(12)
    assert sum(tick.lost_visits for tick in ticks) == sum(tick.visits for tick in ticks) > 0
    assert sum(tick.leads for tick in ticks) == 0
    assert outside.meta.execute("SELECT sum(leads) FROM deliveries") == [(0,)]
    assert twin.state.records("contacts") == []
    outside.meta.close()


def test_webhooks_are_stamped_with_real_time_whatever_the_twin_s_clock_says(twin: Twin) -> None:
    twin.now = START + timedelta(days=30)
    twin.deal()
    assert twin.sender.send().delivered == 2  # the subscriber refuses stamps five minutes off
    assert twin.subscriber.events()[0]["occurredAt"] < time.time() * 1000 + 60 * 86400e3


def test_an_event_and_the_history_name_the_same_millisecond(twin: Twin) -> None:
    twin.now = START + timedelta(microseconds=123_456)
    created = twin.state.create("deals", {"dealstage": "appointmentscheduled"}, journey=JOURNEY)
    assert created.created >= twin.now.timestamp()
    twin.after(50)
    twin.sender.send()
    told = {event["occurredAt"] for event in twin.subscriber.events() if event.get("propertyName") == "dealstage"}
    path = f"/crm/v3/objects/deals/{created.id}?propertiesWithHistory=dealstage"
    entries = twin.send("GET", path).json()["propertiesWithHistory"]["dealstage"]
    shown = [datetime.fromisoformat(entry["timestamp"]) for entry in entries]
    assert {round(moment.timestamp() * 1000) for moment in shown} == told
    assert len(told) == 3
