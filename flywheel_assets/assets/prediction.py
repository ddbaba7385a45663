"""Which scene opens best: a prior for the click-through rate of each."""

import dagster as dg

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, materialized, table
from flywheel_assets.assets.perception import scene_features
from flywheel_assets.creative import repository
from flywheel_assets.creative.protocols import CtrPredictor
from flywheel_assets.store.store import Store


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"python"},
    deps=[scene_features],
    check_specs=[
        dg.AssetCheckSpec(
            "every_scene_ranked",
            asset="scene_ctr_predictions",
            blocking=True,
            description="Every scene has a prediction, so that none is left out unseen.",
        )
    ],
)
def scene_ctr_predictions(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    ctr_predictor: dg.ResourceParam[CtrPredictor],
) -> dg.MaterializeResult:
    """Scenes ranked by the predicted click-through rate of an ad that opens with them, with reasons."""
    key = context.partition_key
    with store.engine.connect() as connection:
        perception = repository.load_perception(connection, key)
    predictions = ctr_predictor.predict(perception)
    with store.engine.begin() as connection:
        repository.save_predictions(connection, key, predictions)
    best = predictions[0]
    ranked = {one.index for one in predictions} == {scene.index for scene in perception.scenes}
    rows = [{**one.model_dump(exclude={"reasons"}), "reasons": "; ".join(one.reasons)} for one in predictions]
    metadata = {
        "ranking": table(rows),
        "model": best.model,
        "best_ctr": best.ctr,
        "mean_ctr": sum(one.ctr for one in predictions) / len(predictions),
    }
    summary = f"scene {best.index} opens best: CTR {best.ctr:.2%} ({best.model})"
    found = f"{len(predictions)} predictions for {len(perception.scenes)} scenes"
    return materialized(store, summary, metadata, [check("every_scene_ranked", passed=ranked, found=found)])
