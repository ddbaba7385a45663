"""Creative DNA (D1): what an ad is made of, as a record a person can read and as a vector that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.clients.embeddings import Embedder
from flywheel_assets.core.account import Account
from flywheel_assets.creative.types import Blueprint, Brief, Perception, SceneFeatures
from flywheel_assets.learning.examples import Videos
from flywheel_assets.learning.features import opening_features
from flywheel_assets.learning.published import PublishedAd, published_ads
from flywheel_assets.learning.report import Problem
from flywheel_assets.store.tables import creative_dna

_DARK, _BRIGHT = 0.35, 0.65  # mean luma
_MUTED, _VIVID = 0.2, 0.45  # mean saturation
_PACE = 0.585  # log2 of half as much motion again as the video's median scene


class DnaRecord(BaseModel):
    """The elements of one ad. None means not looked for, or not in the ad."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hook_family: str
    hook_text: str
    call_to_action: str
    offer: str | None
    proof: str | None
    opening_objects: tuple[str, ...] | None = Field(description="Names of what the opening shows, most frequent first.")
    looks: tuple[str, ...] = Field(
        description="Of a closed list: bright, dark, vivid, muted, fast, still, text, speech."
    )

    def text(self) -> str:
        """The words that are embedded, with what the ad shows as words too."""
        shown = " ".join(self.opening_objects or ())
        return ". ".join(part for part in (self.hook_text, self.call_to_action, self.offer, self.proof, shown) if part)


@dataclass(frozen=True)
class DnaIndexed:
    """Ads whose DNA was written now, and all that have one."""

    written: int
    known: int
    problems: tuple[Problem, ...]


def dna_of(blueprint: Blueprint, perception: Perception | None) -> DnaRecord:
    """The record of an ad; without a perception nothing is known of its pictures."""
    opening = blueprint.scene_order[0]
    seen = None if perception is None else next(one for one in perception.features if one.index == opening)
    return DnaRecord(
        hook_family=blueprint.hook.family,
        hook_text=blueprint.hook.text,
        call_to_action=blueprint.call_to_action,
        offer=blueprint.offer,
        proof=blueprint.proof,
        opening_objects=None if seen is None else _objects(seen),
        looks=() if perception is None or seen is None else tuple(_looks(perception, seen)),
    )


def _objects(seen: SceneFeatures) -> tuple[str, ...] | None:
    if seen.objects is None:
        return None
    labels = [each.label for each in seen.objects]
    return tuple(sorted(set(labels), key=lambda label: (-labels.count(label), label)))


def _looks(perception: Perception, seen: SceneFeatures) -> list[str]:
    pace = opening_features(perception, seen.index).pace
    told = {
        "dark": seen.brightness < _DARK,
        "bright": seen.brightness > _BRIGHT,
        "muted": seen.saturation < _MUTED,
        "vivid": seen.saturation > _VIVID,
        "still": pace < -_PACE,
        "fast": pace > _PACE,
        "text": bool(seen.texts),
        "speech": bool(seen.words),
    }
    return [name for name, holds in told.items() if holds]


def brief_text(brief: Brief) -> str:
    """A brief in the words its ads will use: what is asked, promised and shown to be true."""
    parts = (brief.pain, brief.outcome, brief.product, brief.audience, brief.call_to_action, brief.offer, brief.proof)
    return ". ".join(part for part in parts if part)


def index_dna(engine: Engine, account: Account, embedder: Embedder) -> DnaIndexed:
    """Record and vector of every published ad; written when missing, changed, or made by another embedder."""
    with engine.begin() as connection:
        ads, problems = published_ads(connection, account.account_id)
        videos = Videos(connection)
        found = [(ad, dna_of(ad.blueprint, videos.of(ad.creative_id))) for ad in ads]
        table = creative_dna.c
        query = select(table.ad_id, table.record, table.embedder).where(table.account_id == account.account_id)
        known = {row.ad_id: (row.record, row.embedder) for row in connection.execute(query)}
        fresh = [(ad, dna) for ad, dna in found if known.get(ad.ad_id) != (dna.model_dump(mode="json"), embedder.name)]
        for row in _rows(fresh, account.account_id, embedder):
            kept = {name: value for name, value in row.items() if name != "ad_id"}
            statement = insert(creative_dna).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["ad_id"], set_=kept))
    return DnaIndexed(len(fresh), len(found), problems)


def _rows(
    fresh: Sequence[tuple[PublishedAd, DnaRecord]], account_id: str, embedder: Embedder
) -> list[dict[str, object]]:
    vectors = embedder.embed([dna.text() for _, dna in fresh])
    return [
        {
            "ad_id": ad.ad_id,
            "account_id": account_id,
            "creative_id": ad.creative_id,
            "variation": ad.key,
            "record": dna.model_dump(mode="json"),
            "embedder": embedder.name,
            "vector": vector,
        }
        for (ad, dna), vector in zip(fresh, vectors, strict=True)
    ]
