"""Delivered ads as training rows: what opened them, what the prior said, what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.ids import digest
from flywheel_assets.creative.repository import load_perception
from flywheel_assets.creative.types import Perception
from flywheel_assets.learning.actuals import Actual, load_actuals
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.learning.ctr_model import Example
from flywheel_assets.learning.features import opening_features
from flywheel_assets.learning.published import PublishedAd, published_ads
from flywheel_assets.learning.report import Problem


def load_examples(connection: Connection, account_id: str) -> tuple[tuple[Example, ...], tuple[Problem, ...]]:
    """The account's matured ads, and those whose video nobody has looked at."""
    ads, problems = published_ads(connection, account_id)
    outcomes = {row.ad_id: row for row in load_actuals(connection, account_id) if row.matured_at is not None}
    seen = Videos(connection)
    examples, unseen = [], []
    for ad in ads:
        if ad.ad_id not in outcomes:
            continue
        if (perception := seen.of(ad.creative_id)) is None:
            reason = f"the video of {ad.creative_id} was not looked at; materialise scene_features"
            unseen.append(Problem(subject=ad.ad_id, rule="not_perceived", reason=reason))
            continue
        examples.append(_example(ad, outcomes[ad.ad_id], perception))
    return tuple(examples), (*problems, *unseen)


class Videos:
    """Perceptions by creative, each read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, Perception | None] = {}

    def of(self, creative_id: str) -> Perception | None:
        """What was seen of the creative's video; None when nobody has looked."""
        if creative_id not in self._known:
            try:
                self._known[creative_id] = load_perception(self._connection, creative_id)
            except ConfigurationError:
                self._known[creative_id] = None
        return self._known[creative_id]


def _example(ad: PublishedAd, outcome: Actual, perception: Perception) -> Example:
    opening = ad.blueprint.scene_order[0]
    prior = {each.index: each.ctr for each in ColdStartCtr().predict(perception)}
    return Example(
        ad_id=ad.ad_id,
        creative_id=ad.creative_id,
        features=opening_features(perception, opening, ad.blueprint.hook),
        prior_ctr=prior[opening],
        impressions=outcome.impressions,
        clicks=outcome.clicks,
    )


def evidence(examples: Sequence[Example]) -> str:
    """Digest of the outcomes a model is trained on: equal digests, equal models."""
    return digest(sorted((each.ad_id, each.impressions, each.clicks) for each in examples))
