"""The winner index on a real database: cosine in Postgres, the same order from the published file."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import func, select

from flywheel_assets.clients.embeddings import DIMENSIONS, WordLlamaEmbedder
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.types import Brief
from flywheel_assets.learning.dna import DnaRecord
from flywheel_assets.learning.winner_index import (
    PostgresWinnerRetriever,
    newest_snapshot,
    publish_snapshot,
    search_snapshot,
)
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import creative_dna, index_snapshots, winners

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EMBEDDER = WordLlamaEmbedder()
HOOKS = {
    "ad_coffee": "Still waiting for somebody to fix the office coffee machine?",
    "ad_tea": "Fresh tea and coffee for your office every morning",
    "ad_tyres": "Winter tyres fitted while you wait",
    "ad_teeth": "A dentist who is never late",
    "ad_tax": "Your tax return done in one hour",
    "ad_dog": "Dog walking for busy owners",
    "ad_roof": "Leaking roof? We come today",
}
BRIEF = Brief(
    brand="Bright Cup",
    product="office coffee service",
    audience="office managers",
    pain="a broken coffee machine",
    pain_doing="waiting for a repair",
    outcome="fresh coffee every morning",
    outcome_do="start the day with fresh coffee",
    call_to_action="Book a tasting",
    landing_url="https://example.org",
)


def add(
    store: Store, account_id: str, ad_id: str, hook: str, *, won: bool = True, embedder: str = EMBEDDER.name
) -> None:
    dna = DnaRecord(
        hook_family="question", hook_text=hook, call_to_action="Book now", offer=None, proof=None,
        opening_objects=None, looks=(),
    )  # fmt: skip
    row = {
        "ad_id": ad_id,
        "account_id": account_id,
        "creative_id": "c_1",
        "variation": "v01",
        "record": dna.model_dump(mode="json"),
        "embedder": embedder,
        "vector": EMBEDDER.embed([dna.text()])[0],
    }
    win = {
        "ad_id": ad_id,
        "account_id": account_id,
        "probability_best": 0.8,
        "metrics": {},
        "reason": "test",
        "won_at": NOW,
    }
    with store.engine.begin() as connection:
        connection.execute(creative_dna.insert().values(row))
        if won:
            connection.execute(winners.insert().values(win))


@pytest.fixture
def retriever(store: Store, account: Account) -> PostgresWinnerRetriever:
    for ad_id, hook in HOOKS.items():
        add(store, account.account_id, ad_id, hook)
    return PostgresWinnerRetriever(store.engine, account.account_id, EMBEDDER)


def snapshots(store: Store) -> int:
    with store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(index_snapshots)).scalar_one())


def test_nothing_has_won_yet(store: Store, account: Account) -> None:
    assert list(PostgresWinnerRetriever(store.engine, account.account_id, EMBEDDER).similar(BRIEF, 5)) == []


def test_a_brief_finds_the_five_winners_most_like_it(retriever: PostgresWinnerRetriever) -> None:
    found = retriever.similar(BRIEF, 5)
    assert len(found) == 5
    assert {found[0].ad_id, found[1].ad_id} == {"ad_coffee", "ad_tea"}
    scores = [one.similarity for one in found]
    assert scores == sorted(scores, reverse=True)
    assert (found[0].hook_text, found[0].call_to_action) == (HOOKS[found[0].ad_id], "Book now")


def test_an_advert_finds_itself_first_with_cosine_one(retriever: PostgresWinnerRetriever) -> None:
    own = EMBEDDER.embed([f"{HOOKS['ad_dog']}. Book now"])[0]
    (found,) = retriever.similar(own * 7, 1)
    assert found.ad_id == "ad_dog"
    assert found.similarity == pytest.approx(1, abs=1e-5)


def test_ads_that_did_not_win_other_accounts_and_other_embedders_are_not_found(store: Store, account: Account) -> None:
    mine, hook = account.account_id, HOOKS["ad_coffee"]
    add(store, mine, "ad_mine", hook)
    add(store, mine, "ad_loser", hook, won=False)
    add(store, mine, "ad_old_weights", hook, embedder="another 1.0")
    add(store, "act_999", "ad_theirs", hook)
    found = PostgresWinnerRetriever(store.engine, mine, EMBEDDER).similar(BRIEF, 5)
    assert [one.ad_id for one in found] == ["ad_mine"]


@pytest.mark.parametrize("query", [np.ones(3), np.ones((2, DIMENSIONS)), np.zeros(DIMENSIONS)])
def test_a_query_of_another_shape_or_without_direction_is_refused(
    retriever: PostgresWinnerRetriever, query: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    with pytest.raises(ValueError, match=r"256 numbers|no direction"):
        retriever.similar(query.astype(np.float32), 5)


def test_the_published_file_gives_the_order_of_the_database(
    store: Store, account: Account, retriever: PostgresWinnerRetriever
) -> None:
    uri = publish_snapshot(store.engine, store.blobs, account.account_id, EMBEDDER.name)
    with store.engine.connect() as connection:
        newest = newest_snapshot(connection, account.account_id)
    assert newest is not None
    assert newest[0] == uri
    query = EMBEDDER.embed(["something hot to drink at work"])[0]
    from_file = search_snapshot(store.blobs.local(newest[0]), newest[1], query, 5)
    from_database = [(one.ad_id, pytest.approx(one.similarity, abs=1e-5)) for one in retriever.similar(query, 5)]
    assert from_file == from_database


def test_a_file_is_published_only_when_the_winners_changed(
    store: Store, account: Account, retriever: PostgresWinnerRetriever
) -> None:
    args = (store.engine, store.blobs, account.account_id, EMBEDDER.name)
    assert publish_snapshot(*args) is not None
    assert publish_snapshot(*args) is None
    assert snapshots(store) == 1
    add(store, account.account_id, "ad_new", "Coffee beans by post")
    assert publish_snapshot(*args) is not None
    assert len(retriever.similar(BRIEF, 50)) == len(HOOKS) + 1
    with store.engine.begin() as connection:
        connection.execute(winners.delete())
    assert publish_snapshot(*args) is not None
    with store.engine.connect() as connection:
        newest = newest_snapshot(connection, account.account_id)
    assert newest is not None
    assert search_snapshot(store.blobs.local(newest[0]), newest[1], EMBEDDER.embed(["tea"])[0], 5) == []


def test_without_winners_there_is_nothing_to_publish(store: Store, account: Account) -> None:
    assert publish_snapshot(store.engine, store.blobs, account.account_id, EMBEDDER.name) is None
    assert snapshots(store) == 0


def test_a_changed_file_is_not_searched(store: Store, account: Account, retriever: PostgresWinnerRetriever) -> None:
    assert list(retriever.similar(BRIEF, 1))
    uri = publish_snapshot(store.engine, store.blobs, account.account_id, EMBEDDER.name)
    assert uri is not None
    with pytest.raises(NotAvailable, match="SHA-256"):
        search_snapshot(store.blobs.local(uri), "0" * 64, EMBEDDER.embed(["tea"])[0], 5)
