"""From webhook to feedback over a real database; the CRM is a hand-written one in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, func, select, text

from flywheel_assets.clients.hubspot import Deal, StageEntry
from flywheel_assets.core.account import Account, Consent, HubSpot, Stage
from flywheel_assets.core.errors import RemoteError, TransientError
from flywheel_assets.core.ids import rng
from flywheel_assets.revenue.attribution import SETTLED_AFTER, attribute_deals
from flywheel_assets.revenue.collect import collect_stage_changes
from flywheel_assets.revenue.crm import FINGERPRINT_PROPERTY
from flywheel_assets.revenue.feedback import write_feedback
from flywheel_assets.revenue.identity import hash_fingerprint
from flywheel_assets.revenue.inbox import Source, Stored, store_events
from flywheel_assets.revenue.ledger import update_ledger
from flywheel_assets.revenue.reconcile import reconcile
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import (
    ad_objects,
    attributions,
    clicks,
    deal_stage_changes,
    deals,
    hubspot_events,
    ml_feedback,
    revenue_problems,
    synthetic_revenue,
)

PORTAL = 62515
STAGES = {
    "appointmentscheduled": Stage(win_probability=0.2),
    "qualifiedtobuy": Stage(win_probability=0.4),
    "contractsent": Stage(win_probability=0.9),
    "closedwon": Stage(win_probability=1.0, outcome="won"),
    "closedlost": Stage(win_probability=0.0, outcome="lost"),
}
AD = "120200000000000101"
OTHER_AD = "120200000000000102"


@dataclass
class MemoryCrm:
    """A CRM: deals with their histories, and the failure its next answers are."""

    now: datetime
    held: dict[int, Deal] = field(default_factory=dict)
    histories: dict[int, list[StageEntry]] = field(default_factory=dict)
    failure: RemoteError | None = None

    def put(self, deal_id: int, moves: Sequence[tuple[float, str]], **properties: str | None) -> None:
        """A deal that came into each stage so many hours after the start."""
        entries = [StageEntry(stage, self.now + timedelta(hours=hours)) for hours, stage in moves]
        self.histories[deal_id] = entries
        latest = max(entries, key=lambda entry: entry.since)
        known = {"dealstage": latest.stage, "amount": "3000", **properties}
        self.held[deal_id] = Deal(deal_id, min(one.since for one in entries), latest.since, known)

    def deals(self, ids: Sequence[int], properties: Sequence[str]) -> list[Deal]:
        self._fail()
        return [self._shown(self.held[one], properties) for one in ids if one in self.held]

    def modified_since(self, moment: datetime, properties: Sequence[str]) -> Iterator[Deal]:
        self._fail()
        return (self._shown(one, properties) for one in self.held.values() if one.updated_at >= moment)

    def stage_histories(self, ids: Sequence[int]) -> dict[int, tuple[StageEntry, ...]]:
        self._fail()
        return {one: tuple(self.histories[one]) for one in ids if one in self.held}

    def _shown(self, deal: Deal, properties: Sequence[str]) -> Deal:
        """Only what was asked for, as the real one does."""
        asked = {name: deal.properties.get(name) for name in properties}
        return Deal(deal.id, deal.created_at, deal.updated_at, asked)

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class House:
    """The revenue stages of one account in a row."""

    store: Store
    account: Account
    crm: MemoryCrm
    start: datetime

    def events(self, deal_id: int) -> list[dict[str, Any]]:
        """What HubSpot sends about a deal's stages."""
        return [
            {
                "eventId": deal_id * 100 + index,
                "subscriptionId": 102,
                "portalId": PORTAL,
                "appId": 54321,
                "occurredAt": int(entry.since.timestamp() * 1000),
                "subscriptionType": "deal.propertyChange",
                "attemptNumber": 0,
                "objectId": deal_id,
                "propertyName": "dealstage",
                "propertyValue": entry.stage,
                "changeSource": "CRM_UI",
            }
            for index, entry in enumerate(self.crm.histories[deal_id])
        ]

    def deliver(self, events: Sequence[Any], source: Source = "webhook") -> Stored:
        with self.store.engine.begin() as connection:
            return store_events(connection, events, source)

    def run(self, hours: float = 500) -> None:
        """Collect, value, attribute, feed."""
        now = self.start + timedelta(hours=hours)
        collect_stage_changes(self.store.engine, self.account, self.crm, now)
        update_ledger(self.store.engine, self.account, now)
        attribute_deals(self.store.engine, self.account, now)
        write_feedback(self.store.engine, self.account)

    def configure(self, **changes: Any) -> None:
        self.account = Account.model_validate(self.account.model_copy(update=changes).model_dump())
        with self.store.engine.begin() as connection:
            save_account(connection, self.account, "sandbox")

    def add_click(self, click_id: str, ad_id: str, hours: float, **identity: str) -> None:
        at = self.start + timedelta(hours=hours)
        values = {"account_id": self.account.account_id, "ad_id": ad_id, "clicked_at": at, "source": "redirect"}
        with self.store.engine.begin() as connection:
            connection.execute(clicks.insert().values(click_id=click_id, **values, **identity))

    def rows(self, table: Table) -> list[Row[Any]]:
        with self.store.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)).all())

    def rules(self) -> list[tuple[str, str]]:
        return [(row.subject, row.rule) for row in self.rows(revenue_problems)]

    def fed(self, ad_id: str) -> tuple[int, int]:
        """Sums of an ad's feedback: pipeline, cash."""
        table = ml_feedback.c
        sums = select(func.sum(table.pipeline_increment), func.sum(table.cash_increment))
        with self.store.engine.connect() as connection:
            pipeline, cash = connection.execute(sums.where(table.ad_id == ad_id)).one()
        return int(pipeline or 0), int(cash or 0)


@pytest.fixture
def house(store: Store, account: Account) -> House:
    with store.engine.begin() as connection:
        start = connection.execute(select(func.flywheel_now())).scalar_one()
        for number, remote_id in enumerate((AD, OTHER_AD)):
            connection.execute(
                ad_objects.insert().values(
                    ref=f"c_1/v{number:02}/ad",
                    world="sandbox",
                    account_id=account.account_id,
                    kind="ad",
                    campaign_ref="c_1/campaign",
                    tag=f"fw{number}",
                    remote_id=remote_id,
                    currency=account.currency,
                )
            )
    made = House(store, account, MemoryCrm(start), start)
    made.configure(hubspot=HubSpot(portal_id=PORTAL, stages=STAGES))
    return made


# --- the way of one deal ---------------------------------------------------------------------------


def test_a_won_deal_reaches_the_ad_it_came_from(house: House) -> None:
    house.crm.put(1, [(1, "appointmentscheduled"), (20, "contractsent"), (60, "closedwon")], meta_ad_id=AD)
    assert house.deliver(house.events(1)) == Stored(3, 0, 0)
    house.run()
    assert [row.pipeline_increment for row in house.rows(synthetic_revenue)] == [60_000, 210_000, 30_000]
    (credit,) = house.rows(attributions)
    assert (credit.ad_id, credit.method, credit.weight) == (AD, "url", 1.0)
    assert house.fed(AD) == (300_000, 300_000)
    assert house.rules() == []
    assert all(row.handled_at is not None for row in house.rows(hubspot_events))


def test_duplicates_and_disorder_change_nothing(house: House) -> None:
    stages = [(1, "appointmentscheduled"), (9, "qualifiedtobuy"), (20, "contractsent"), (60, "closedlost")]
    for deal_id in range(1, 31):
        house.crm.put(deal_id, stages, meta_ad_id=AD)
    events = [event for deal_id in range(1, 31) for event in house.events(deal_id)] * 2
    shuffled = [events[index] for index in rng("disorder").permutation(len(events))]
    for start in range(0, len(shuffled), 50):
        house.deliver(shuffled[start : start + 50])
        house.run()
    assert len(house.rows(hubspot_events)) == len(house.rows(deal_stage_changes)) == 120
    assert house.fed(AD) == (0, 0)
    assert [row.pipeline for row in house.rows(synthetic_revenue)[:4]] == [60_000, 120_000, 270_000, 0]


def test_running_everything_again_and_at_once_changes_nothing(house: House) -> None:
    for deal_id in range(1, 6):
        house.crm.put(deal_id, [(1, "appointmentscheduled"), (20, "closedwon")], meta_ad_id=AD)
        house.deliver(house.events(deal_id))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: house.run(), range(8)))
    before = {table.name: house.rows(table) for table in (synthetic_revenue, attributions, ml_feedback)}
    again = write_feedback(house.store.engine, house.account)
    assert (again.count, again.written, again.withdrawn, again.cash) == (10, 0, 0, 1_500_000)
    house.run()
    assert {table.name: house.rows(table) for table in (synthetic_revenue, attributions, ml_feedback)} == before


def test_what_has_not_happened_yet_is_not_counted(house: House) -> None:
    house.crm.put(1, [(1, "appointmentscheduled"), (20, "closedwon")], meta_ad_id=AD)
    house.deliver(house.events(1))
    house.run(hours=19)
    assert house.fed(AD) == (60_000, 0)
    house.run(hours=20)
    assert house.fed(AD) == (300_000, 300_000)


# --- the inbox -------------------------------------------------------------------------------------


def test_the_inbox_takes_both_names_of_a_deal_event_and_refuses_the_rest_visibly(house: House) -> None:
    house.crm.put(1, [(1, "contractsent")])
    (event,) = house.events(1)
    generic = {**event, "eventId": 2, "subscriptionType": "object.propertyChange", "objectTypeId": "0-3"}
    creation = {**event, "eventId": 3, "subscriptionType": "deal.creation", "changeFlag": "NEW"}
    contact = {**generic, "eventId": 4, "objectTypeId": "0-1"}
    stranger = {**event, "eventId": 5, "portalId": 1}
    escaped = {**event, "eventId": 6, "sourceId": "a path such as C:\\u0000"}
    odd: list[Any] = [
        {**event, "eventId": "9"},
        {**event, "occurredAt": 10**17},
        {**event, "objectId": 2**63},
        {**event, "propertyValue": "a\x00b"},
        {**event, "propertyValue": "\ud800"},
        {**event, "sourceId": float("nan")},
        {"eventId": 1},
        None,
        [],
        "text",
    ]
    assert house.deliver([event, generic, creation, contact, stranger, escaped, *odd]) == Stored(4, 0, 12)
    rules = [rule for _, rule in house.rules()]
    assert rules.count("malformed_event") == len(odd)
    assert ("portal:1", "unknown_portal") in house.rules()
    assert ("subscription:object.propertyChange", "unsupported_event") in house.rules()
    assert house.deliver([event, *odd]) == Stored(0, 1, len(odd))


def test_the_payload_is_kept_as_it_was_sent(house: House) -> None:
    house.crm.put(1, [(1, "contractsent")])
    (event,) = house.events(1)
    house.deliver([event])
    (row,) = house.rows(hubspot_events)
    assert (row.payload, row.source, row.handled_at) == (event, "webhook", None)


# --- what goes wrong -------------------------------------------------------------------------------


def test_while_the_crm_is_away_events_wait_and_the_failure_is_shown(house: House) -> None:
    house.crm.put(1, [(1, "contractsent")], meta_ad_id=AD)
    house.deliver(house.events(1))
    house.crm.failure = TransientError("HubSpot batch read: no answer; try again later")
    waiting = collect_stage_changes(house.store.engine, house.account, house.crm, house.start)
    assert (waiting.events, waiting.waiting, waiting.failure) == (0, 1, str(house.crm.failure))
    assert house.rules() == [(f"account:{house.account.account_id}", "crm_unavailable")]
    house.crm.failure = None
    house.run()
    assert house.fed(AD) == (270_000, 0)
    assert house.rules() == []


def test_one_broken_deal_does_not_stop_the_others(house: House) -> None:
    won = [(1, "closedwon")]
    house.crm.put(1, won, meta_ad_id=AD)
    house.crm.put(2, won, amount=None, meta_ad_id=AD)
    house.crm.put(3, won, amount="12.345", meta_ad_id=AD)
    house.crm.put(4, won, deal_currency_code="EUR", meta_ad_id=AD)
    house.crm.put(5, [(1, "contractsent"), (2, "legalreview")], meta_ad_id=AD)
    house.crm.put(6, won, amount="-1", meta_ad_id=AD)
    house.crm.put(7, won, dealname="x", meta_ad_id="ad \ud800\x00")
    house.crm.put(8, won)
    house.deliver([event for deal_id in range(1, 9) for event in house.events(deal_id)])
    del house.crm.held[8]
    house.run()
    assert house.rules() == [
        ("deal:2", "no_amount"),
        ("deal:3", "bad_amount"),
        ("deal:3", "no_amount"),
        ("deal:4", "other_currency"),
        ("deal:5", "unknown_stage"),
        ("deal:6", "bad_amount"),
        ("deal:6", "no_amount"),
        ("deal:8", "deal_not_found"),
    ]
    assert house.fed(AD) == (300_000 + 270_000, 300_000)
    assert [row.ad_id for row in house.rows(attributions) if row.deal_id == 7] == [None]
    assert {row.deal_id for row in house.rows(synthetic_revenue)} == {1, 5, 7}


def test_a_mended_deal_loses_its_problem_and_is_counted(house: House) -> None:
    house.crm.put(1, [(1, "legalreview")], amount=None, meta_ad_id=AD)
    house.deliver(house.events(1))
    house.run()
    assert house.rules() == [("deal:1", "no_amount"), ("deal:1", "unknown_stage")]
    house.crm.put(1, [(1, "legalreview")], meta_ad_id=AD)
    house.configure(hubspot=HubSpot(portal_id=PORTAL, stages=STAGES | {"legalreview": Stage(win_probability=0.5)}))
    done = reconcile(house.store.engine, house.account, house.crm, house.start)
    assert (done.looked_at, done.behind) == (1, ())
    house.run()
    assert house.rules() == []
    assert house.fed(AD) == (150_000, 0)


def test_a_deal_of_another_account_is_left_to_it(house: House) -> None:
    house.crm.put(1, [(1, "closedwon")], meta_ad_id=AD)
    house.deliver(house.events(1))
    house.run()
    first = house.account
    house.configure(account_id="act_1000000009", name="Another")
    house.crm.put(1, [(1, "closedwon"), (2, "closedlost")], meta_ad_id=AD)
    house.deliver(house.events(1))
    house.run()
    assert house.rules() == [("deal:1", "deal_of_other_account")]
    assert [row.account_id for row in house.rows(deals)] == [first.account_id]
    assert len(house.rows(deal_stage_changes)) == 1


# --- reconciliation --------------------------------------------------------------------------------


def test_a_lost_webhook_is_found_with_its_time_and_only_once(house: House) -> None:
    moves = [(1, "appointmentscheduled"), (20.0005, "contractsent"), (60, "closedwon")]
    house.crm.put(1, moves, meta_ad_id=AD)
    house.crm.put(2, [(3, "qualifiedtobuy")], meta_ad_id=OTHER_AD)
    house.deliver(house.events(1)[:1])
    house.run()
    done = reconcile(house.store.engine, house.account, house.crm, house.start)
    assert (done.looked_at, done.behind, done.recovered) == (2, (1, 2), 3)
    house.run()
    assert (house.fed(AD), house.fed(OTHER_AD)) == ((300_000, 300_000), (120_000, 0))
    entered = [row.occurred_at for row in house.rows(deal_stage_changes) if row.deal_id == 1]
    assert entered == [house.start + timedelta(hours=hours) for hours, _ in moves]
    assert sorted(row.source for row in house.rows(hubspot_events)).count("reconciliation") == 3
    again = reconcile(house.store.engine, house.account, house.crm, house.start)
    assert (again.looked_at, again.behind, again.recovered) == (2, (), 0)


def test_an_event_that_waits_in_the_inbox_is_not_lost(house: House) -> None:
    house.crm.put(1, [(1, "contractsent")])
    house.deliver(house.events(1))
    done = reconcile(house.store.engine, house.account, house.crm, house.start)
    assert (done.behind, done.recovered) == ((), 0)
    assert done.collected is not None
    assert done.collected.events == 1


def test_a_webhook_that_comes_after_all_repeats_nothing(house: House) -> None:
    house.crm.put(1, [(1, "contractsent"), (2, "closedwon")], meta_ad_id=AD)
    reconcile(house.store.engine, house.account, house.crm, house.start)
    house.deliver(house.events(1))
    house.run()
    assert house.fed(AD) == (300_000, 300_000)
    assert len(house.rows(deal_stage_changes)) == 2


def test_a_stage_without_history_is_a_problem_not_a_guess(house: House) -> None:
    house.crm.put(1, [(1, "contractsent")])
    house.crm.histories[1] = []
    reconcile(house.store.engine, house.account, house.crm, house.start)
    assert house.rules() == [("deal:1", "no_stage_history")]
    assert house.rows(deal_stage_changes) == []


def test_reconciliation_without_the_crm_says_so(house: House) -> None:
    house.crm.failure = TransientError("HubSpot search: no answer")
    done = reconcile(house.store.engine, house.account, house.crm, house.start)
    assert (done.failure, done.collected) == ("HubSpot search: no answer", None)
    assert house.rules() == [(f"account:{house.account.account_id}", "crm_unavailable")]


# --- attribution and feedback ----------------------------------------------------------------------


def test_a_click_id_carried_by_the_form_names_its_ad(house: House) -> None:
    house.add_click("k1", AD, 0)
    house.crm.put(1, [(1, "closedwon")], flywheel_click_id="k1", meta_ad_id="{{ad.id}}")
    house.deliver(house.events(1))
    house.run()
    (credit,) = house.rows(attributions)
    assert (credit.ad_id, credit.click_id, credit.method) == (AD, "k1", "url")


def test_an_ad_of_somebody_else_is_a_row_and_feeds_nobody(house: House) -> None:
    house.crm.put(1, [(1, "closedwon")], meta_ad_id="999")
    house.deliver(house.events(1))
    house.run()
    (credit,) = house.rows(attributions)
    assert (credit.ad_id, credit.method, credit.weight) == (None, "unattributed", 1.0)
    assert "999" in credit.reason
    assert house.rows(ml_feedback) == []


def test_identity_is_kept_and_matched_only_with_consent(house: House) -> None:
    mark = hash_fingerprint("a pepper of our own", house.account.account_id, "canvas:1")
    house.add_click("k1", AD, 0, fingerprint_hmac=mark)
    house.add_click("k2", OTHER_AD, 0.5, fingerprint_hmac=mark)
    for number in range(40):
        house.add_click(f"s{number}", OTHER_AD, 0.1, fingerprint_hmac=f"{number:064x}")
    house.crm.put(1, [(2, "closedwon")], **{FINGERPRINT_PROPERTY: mark})
    house.crm.put(2, [(2, "closedwon")], **{FINGERPRINT_PROPERTY: "canvas:1, raw"})
    house.deliver(house.events(1) + house.events(2))
    house.run()
    assert {row.fingerprint_hmac for row in house.rows(deals)} == {None}
    assert {row.method for row in house.rows(attributions)} == {"unattributed"}
    house.configure(consent=Consent(identity_matching=True))
    reconcile(house.store.engine, house.account, house.crm, house.start)
    house.run()
    assert [row.fingerprint_hmac for row in house.rows(deals)] == [mark, None]
    weights = {row.ad_id: row.weight for row in house.rows(attributions) if row.deal_id == 1}
    assert weights[OTHER_AD] > weights[AD] > weights[None]
    unattributed = 300_000 - house.fed(AD)[0] - house.fed(OTHER_AD)[0]
    assert abs(unattributed - 300_000 * weights[None]) < 1


def test_a_corrected_ad_moves_the_money_and_keeps_the_sum(house: House) -> None:
    moves = [(1, "contractsent"), (5, "closedwon")]
    house.crm.put(1, moves, meta_ad_id=AD)
    house.deliver(house.events(1))
    house.run()
    house.crm.put(1, moves, meta_ad_id=OTHER_AD, amount="1000")
    reconcile(house.store.engine, house.account, house.crm, house.start)
    house.run()
    assert (house.fed(AD), house.fed(OTHER_AD)) == ((0, 0), (100_000, 100_000))


def test_a_settled_attribution_outlives_its_click(house: House) -> None:
    house.add_click("k1", AD, 0)
    house.crm.put(1, [(1, "closedwon")], flywheel_click_id="k1")
    house.deliver(house.events(1))
    house.run()
    with house.store.engine.begin() as connection:
        connection.execute(text("delete from clicks"))
    later = house.start + timedelta(hours=1) + SETTLED_AFTER
    assert attribute_deals(house.store.engine, house.account, later + timedelta(seconds=1)).deals == 0
    assert [row.ad_id for row in house.rows(attributions)] == [AD]
    assert attribute_deals(house.store.engine, house.account, later).changed == (1,)


def test_an_account_without_a_crm_has_nothing_to_collect(house: House) -> None:
    house.configure(hubspot=None)
    assert collect_stage_changes(house.store.engine, house.account, house.crm, house.start).events == 0
    assert reconcile(house.store.engine, house.account, house.crm, house.start).looked_at == 0
    assert update_ledger(house.store.engine, house.account, house.start).deals == 0
