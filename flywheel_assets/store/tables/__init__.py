"""All tables, one module a subject. `METADATA` is what the migrations are checked against."""

from flywheel_assets.store.tables.base import METADATA
from flywheel_assets.store.tables.creative import (
    council_verdicts,
    creative_drafts,
    creatives,
    hooks,
    perceptions,
    publish_plans,
    renders,
    scene_ctr_predictions,
    scene_features,
    scenes,
    uploads,
    videos,
)
from flywheel_assets.store.tables.execution import ad_change_history, ad_objects, dead_letters, pending_ad_changes
from flywheel_assets.store.tables.system import accounts, twin_clock

__all__ = [
    "METADATA",
    "accounts",
    "ad_change_history",
    "ad_objects",
    "council_verdicts",
    "creative_drafts",
    "creatives",
    "dead_letters",
    "hooks",
    "pending_ad_changes",
    "perceptions",
    "publish_plans",
    "renders",
    "scene_ctr_predictions",
    "scene_features",
    "scenes",
    "twin_clock",
    "uploads",
    "videos",
]
