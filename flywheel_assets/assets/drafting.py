"""What is proposed and what the council makes of it."""

import dagster as dg

from flywheel_assets.assets.common import CREATIVES, OWNERS, check, materialized, standing, table
from flywheel_assets.assets.prediction import scene_ctr_predictions
from flywheel_assets.core.ids import rng
from flywheel_assets.creative import repository
from flywheel_assets.creative.council.reflexion import approved, review, told
from flywheel_assets.creative.director.draft import draft
from flywheel_assets.creative.director.hooks import hooks as write_hooks
from flywheel_assets.creative.protocols import WinnerRetriever
from flywheel_assets.creative.types import Blueprint
from flywheel_assets.store.store import Store


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"python"},
    deps=[scene_ctr_predictions],
    check_specs=[
        dg.AssetCheckSpec(
            "enough_hooks",
            asset="creative_drafts",
            blocking=True,
            description="At least 50 hooks, and some that this video did not use before.",
        )
    ],
)
def creative_drafts(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    winner_retriever: dg.ResourceParam[WinnerRetriever],
) -> dg.MaterializeResult:
    """The director's drafts: 50 or more hooks from the brief, the best with a scene order each; what won is used again."""
    key, settings = context.partition_key, store.settings
    if stands := standing(store, key, ["enough_hooks"]):
        return stands
    with store.engine.connect() as connection:
        brief = repository.load_request(connection, key).brief
        perception = repository.load_perception(connection, key)
        predictions = repository.load_predictions(connection, key)
        tired = repository.ancestors_hooks(connection, key)
    draws = rng(settings.seed, "director", key)
    written = write_hooks(brief, perception, draws, settings.creative.min_hooks)
    hooks = [hook for hook in written if hook.text not in tired]
    winners = winner_retriever.similar(brief, settings.learning.similar_winners)
    wanted = min(settings.creative.drafts, len(hooks))
    drafts = draft(brief, perception, predictions, hooks, draws, wanted, winners) if wanted else ()
    with store.engine.begin() as connection:
        repository.save_drafts(connection, key, hooks, drafts)
    metadata = {
        "drafts": table(_draft_row(one) for one in drafts),
        "hooks": table(hook.model_dump() for hook in hooks),
        "hook_count": len(hooks),
        "hooks_of_ancestors_left_out": len(written) - len(hooks),
        "winners": table(vars(winner) for winner in winners),
        "drafts_from_winners": sum(bool(one.learned_from) for one in drafts),
    }
    found = f"{len(written)} hooks, {len(hooks)} of them not used by this video before"
    enough = check("enough_hooks", passed=len(written) >= settings.creative.min_hooks and bool(hooks), found=found)
    return materialized(store, f"{len(hooks)} hooks, {len(drafts)} drafts", metadata, [enough])


def _draft_row(one: Blueprint) -> dict[str, str]:
    order = " ".join(map(str, one.scene_order))
    return {"draft": one.key, "hook": one.hook.text, "family": one.hook.family, "scenes": order}


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"python"},
    deps=[creative_drafts],
    check_specs=[
        dg.AssetCheckSpec(
            "something_approved",
            asset="council_verdicts",
            blocking=True,
            description="The council approved at least one draft; otherwise nothing is rendered.",
        )
    ],
)
def council_verdicts(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """What the council makes of every draft, 0 to 100: more than 85 approves, the rest is rewritten at most three times."""
    key, settings = context.partition_key, store.settings
    if stands := standing(store, key, ["something_approved"]):
        return stands
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        perception = repository.load_perception(connection, key)
        predictions = repository.load_predictions(connection, key)
        hooks = repository.load_hooks(connection, key)
        drafts = repository.load_drafts(connection, key)
    draws, wanted = rng(settings.seed, "council", key), request.options.wanted(settings.creative)
    verdicts = review(drafts, request.brief, perception, predictions, hooks, wanted, draws)
    with store.engine.begin() as connection:
        repository.save_verdicts(connection, key, verdicts)
    passed = approved(verdicts)
    metadata = {
        "verdicts": table(
            {
                "draft": one.blueprint.key,
                "varied from": one.blueprint.parent,
                "turn": one.turn,
                "score": None if one.score is None else round(one.score, 1),
                "approved": one.approved,
                "hook": one.blueprint.hook.text,
                "votes": ", ".join(f"{vote.judge} {vote.score:.0f}" for vote in one.votes if vote.score is not None),
                "next": one.reflection,
            }
            for one in verdicts
        ),
        "approved": len(passed),
    }
    found = told(verdicts, wanted)
    return materialized(store, found, metadata, [check("something_approved", passed=bool(passed), found=found)])
