"""The winner index (E6, D2): DNA of the winners, searched by cosine in Postgres, published as a file.

Postgres is the truth. The file is for readers without the database: a zip with a FAISS index of inner
products over unit vectors and the ids in its order. It is written only when its content changes.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from flywheel_assets.clients.embeddings import DIMENSIONS, Embedder, unit_rows
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.core.ids import file_sha256
from flywheel_assets.creative.protocols import Winner
from flywheel_assets.creative.types import Brief
from flywheel_assets.learning.dna import DnaIndexed, DnaRecord, brief_text, index_dna
from flywheel_assets.learning.report import StepReport, in_words
from flywheel_assets.learning.winners import WinnersChanged, refresh_winners
from flywheel_assets.settings import Settings
from flywheel_assets.store.blobs import Blobs
from flywheel_assets.store.tables import creative_dna, index_snapshots, winners

STEP = "E6 winner index"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first date: equal content, equal bytes
_INDEX, _IDS = "index.faiss", "ids.json"


@dataclass(frozen=True)
class IndexUpdated:
    """What the index gained, and the file it was published as when that changed."""

    dna: DnaIndexed
    winners: WinnersChanged
    snapshot_uri: str | None

    def report(self) -> StepReport:
        """The step in words."""
        changed = {
            "dna": self.dna.written,
            "winners_added": len(self.winners.added),
            "winners_removed": len(self.winners.removed),
            "snapshots": int(self.snapshot_uri is not None),
        }
        told = "; ".join(f"{one.ad_id} {one.reason}" for one in self.winners.winners) or "no winner yet"
        reason = f"{self.dna.known} ads have DNA, {len(self.winners.winners)} are winners: {told}"
        status = "done" if any(changed.values()) else "nothing" if self.dna.known else "insufficient"
        return StepReport(step=STEP, status=status, changed=dict(changed), reason=reason + in_words(self.dna.problems))


@dataclass(frozen=True)
class PostgresWinnerRetriever:
    """`WinnerRetriever` over one account's winners; only vectors of the same embedder are compared."""

    engine: Engine
    account_id: str
    embedder: Embedder

    def similar(self, query: Brief | NDArray[np.float32], k: int) -> Sequence[Winner]:
        """At most ``k`` winners, most similar first; empty when nothing has won yet.

        Raises:
            ValueError: a vector of another width, or without a direction.
        """
        row = self.embedder.embed([brief_text(query)]) if isinstance(query, Brief) else np.atleast_2d(query)
        if row.shape != (1, DIMENSIONS):
            raise ValueError(f"a query has {DIMENSIONS} numbers, this one has shape {row.shape}")
        away = creative_dna.c.vector.cosine_distance(unit_rows(np.asarray(row, dtype=np.float32))[0])
        nearest = (
            select(creative_dna.c.ad_id, creative_dna.c.record, (1 - away).label("similarity"))
            .join_from(creative_dna, winners)
            .where(creative_dna.c.account_id == self.account_id, creative_dna.c.embedder == self.embedder.name)
            .order_by(away, creative_dna.c.ad_id)
            .limit(k)
        )
        with self.engine.connect() as connection:
            return [_winner(row.ad_id, row.record, row.similarity) for row in connection.execute(nearest)]


def _winner(ad_id: str, record: dict[str, object], similarity: float) -> Winner:
    dna = DnaRecord.model_validate(record)
    return Winner(ad_id, dna.hook_family, dna.hook_text, dna.call_to_action, float(similarity))


def update_winner_index(  # noqa: PLR0917 - the shape all services have: where, whose, by which rules, when, with what
    engine: Engine, blobs: Blobs, account: Account, settings: Settings, hour: datetime, embedder: Embedder
) -> IndexUpdated:
    """DNA of every published ad, the winners among them, and the file when the winners' vectors changed."""
    dna = index_dna(engine, account, embedder)
    with engine.begin() as connection:
        changed = refresh_winners(connection, account, settings, hour)
    return IndexUpdated(dna, changed, publish_snapshot(engine, blobs, account.account_id, embedder.name))


def publish_snapshot(engine: Engine, blobs: Blobs, account_id: str, embedder: str) -> str | None:
    """Put the winners' vectors into blob storage; its URI, or None when the newest file says the same."""
    with engine.connect() as connection:
        ids, vectors = _winner_vectors(connection, account_id, embedder)
        newest = newest_snapshot(connection, account_id)
    if not ids and newest is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "winners.zip"
        path.write_bytes(_packed(ids, vectors, embedder))
        if newest is not None and newest[1] == file_sha256(path):
            return None
        stored = blobs.put(path)
    row = {"account_id": account_id, "uri": stored.uri, "sha256": stored.sha256, "vectors": len(ids)}
    with engine.begin() as connection:
        connection.execute(index_snapshots.insert().values(row))
    return stored.uri


def newest_snapshot(connection: Connection, account_id: str) -> tuple[str, str] | None:
    """URI and SHA-256 of the file published last."""
    table = index_snapshots.c
    query = select(table.uri, table.sha256).where(table.account_id == account_id).order_by(table.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.uri, row.sha256)


def _winner_vectors(connection: Connection, account_id: str, embedder: str) -> tuple[list[str], NDArray[np.float32]]:
    query = (
        select(creative_dna.c.ad_id, creative_dna.c.vector)
        .join_from(creative_dna, winners)
        .where(creative_dna.c.account_id == account_id, creative_dna.c.embedder == embedder)
        .order_by(creative_dna.c.ad_id)
    )
    rows = connection.execute(query).all()
    vectors = np.array([row.vector for row in rows], dtype=np.float32).reshape(len(rows), DIMENSIONS)
    return [row.ad_id for row in rows], vectors


def _packed(ids: Sequence[str], vectors: NDArray[np.float32], embedder: str) -> bytes:
    import faiss

    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(unit_rows(vectors))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_INDEX, _EPOCH), faiss.serialize_index(index).tobytes())
        archive.writestr(zipfile.ZipInfo(_IDS, _EPOCH), json.dumps({"embedder": embedder, "ids": list(ids)}))
    return buffer.getvalue()


def search_snapshot(path: Path, sha256: str, query: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
    """Ids and cosines of the ``k`` nearest winners in a published file, for a reader without the database.

    Raises:
        NotAvailable: the file is not the one that was registered.
    """
    import faiss

    if (found := file_sha256(path)) != sha256:
        raise NotAvailable(
            f"index {path.name} has SHA-256 {found[:12]}, registered was {sha256[:12]}; publish it again"
        )
    with zipfile.ZipFile(path) as archive:
        index = faiss.deserialize_index(np.frombuffer(archive.read(_INDEX), dtype=np.uint8))
        ids = json.loads(archive.read(_IDS))["ids"]
    if not ids:
        return []
    scores, places = index.search(unit_rows(np.atleast_2d(query)), min(k, len(ids)))
    return [(ids[place], float(score)) for place, score in zip(places[0], scores[0], strict=True)]
