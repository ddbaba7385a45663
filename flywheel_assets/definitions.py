"""The one place where assets, jobs, sensors and resources become a Dagster code location."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from flywheel_assets.assets import (
    budget,
    delivery,
    drafting,
    guard,
    learning,
    perception,
    prediction,
    publishing,
    renders,
    revenue,
)
from flywheel_assets.jobs import JOBS
from flywheel_assets.jobs.schedules import SCHEDULES
from flywheel_assets.monitoring.progress import progress
from flywheel_assets.resources import AccountResource, CtrPredictorResource, SafeMetaExecutor, StoreResource
from flywheel_assets.resources.base import is_secret
from flywheel_assets.resources.loops import (
    CrmResource,
    EmbedderResource,
    InsightsSourceResource,
    WinnerRetrieverResource,
)
from flywheel_assets.sensors import SENSORS
from flywheel_assets.settings import Settings

ASSETS = [
    perception.source_video,
    perception.scenes,
    perception.scene_features,
    prediction.scene_ctr_predictions,
    drafting.creative_drafts,
    drafting.council_verdicts,
    renders.renders,
    publishing.publish_plan,
    publishing.publish_changes,
    delivery.ad_change_history,
    delivery.ads,
    guard.spend_guard,
    revenue.deal_stage_changes,
    revenue.synthetic_revenue,
    revenue.attributed_revenue,
    revenue.sampler_feedback,
    budget.ad_insights,
    budget.ad_states,
    budget.budget_allocations,
    budget.budget_changes,
    learning.actuals,
    learning.prediction_accuracy,
    learning.ctr_model,
    learning.experiments,
    learning.winner_index,
    learning.knowledge_graph,
    learning.shared_patterns,
    learning.creative_refresh_requests,
    learning.learning_cycle,
]

_SECRETS = {name for name in Settings.model_fields if is_secret(name)}


def build_defs(settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The code location.

    Args:
        settings: fixed settings, e.g. of a test; None reads this process's environment when a resource is used.
        resource_overrides: resources by name that replace the ordinary ones.
    """
    given = settings.model_dump_json(exclude_unset=True, exclude=_SECRETS) if settings is not None else "{}"
    resources: dict[str, Any] = {
        "store": StoreResource(overrides=given),
        "account": AccountResource(overrides=given),
        "ctr_predictor": CtrPredictorResource(overrides=given),
        "winner_retriever": WinnerRetrieverResource(overrides=given),
        "insights_source": InsightsSourceResource(overrides=given),
        "crm": CrmResource(overrides=given),
        "embedder": EmbedderResource(),
        "safe_meta_executor": SafeMetaExecutor(overrides=given),
    }
    return dg.Definitions(
        assets=ASSETS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources=resources | dict(resource_overrides or {}),
        loggers={"progress": progress},
        # A process a step costs seconds and shares nothing; parallel work happens inside assets.
        executor=dg.in_process_executor,
    )


defs = build_defs()
