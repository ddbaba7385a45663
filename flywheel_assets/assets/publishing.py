"""The Meta publisher: a plan a person can read, then the changes that carry it out. Nothing here calls Meta."""

import dagster as dg
from sqlalchemy import Connection

from flywheel_assets.assets.common import CREATIVES, OWNERS, QUEUES, check, materialized, standing, table
from flywheel_assets.assets.renders import renders
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import Money
from flywheel_assets.creative import repository
from flywheel_assets.creative.asking import awaited
from flywheel_assets.execution import plans
from flywheel_assets.execution.account_check import require_sound
from flywheel_assets.execution.enqueue import enqueue, plan_digest
from flywheel_assets.execution.refusing import committed
from flywheel_assets.execution.structure import PublishPlan, Variation, changes_of, plan_launch
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.rendering import repository as rendered
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.store import Store


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"python"},
    deps=[renders],
    check_specs=[
        dg.AssetCheckSpec(
            "within_the_plan",
            asset="publish_plan",
            blocking=True,
            description="All first budgets, beside what runs already, stay within the account's daily plan.",
        )
    ],
)
def publish_plan(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    safe_meta_executor: dg.ResourceParam[SafeExecutor],
) -> dg.MaterializeResult:
    """Which variations are launched, with which first budget, and which are held; its digest is what a person approves."""
    key = context.partition_key
    if stands := standing(store, key, ["within_the_plan"]):
        return stands
    with store.engine.connect() as connection:
        request = repository.load_request(connection, key)
        account = get_account(connection, request.account_id)
        variations = _variations(connection, key)
        in_use, now = committed(connection, account.account_id), business_now(connection)
    platform = safe_meta_executor.platform_for(account.account_id)
    require_sound(account, platform.account_info(), now)
    plan = plan_launch(
        key,
        variations,
        account,
        brand=request.brief.brand,
        landing_url=request.brief.landing_url,
        public_url=store.settings.public_url,
        committed=in_use,
        least=platform.minimum_daily_budget(),
    )
    digest = plan_digest(changes_of(plan, account))
    with store.engine.begin() as connection:
        plans.save_plan(connection, plan, digest)
    total, daily = sum(ad.daily_budget for ad in plan.launched), account.money(account.daily_plan)
    spend, beside = Money(total, plan.currency), Money(in_use, plan.currency)
    found = f"{spend} a day beside {beside} of other campaigns, of {daily} in all"
    within = check("within_the_plan", passed=total + in_use <= daily.minor, found=found)
    summary = f"{len(plan.launched)} ads for {spend} a day, {len(plan.held)} held"
    return materialized(store, summary, {"launched": table(_rows(plan)), "plan_digest": digest}, [within])


def _variations(connection: Connection, key: str) -> list[Variation]:
    """Renders that passed their gate, with the words and the prediction of the blueprint each was made from."""
    blueprints = repository.load_approved(connection, key)
    ctr = {one.index: one.ctr for one in repository.load_predictions(connection, key)}
    made = rendered.load_passed(connection, key)
    if stale := [one.key for one in made if one.key not in blueprints]:
        message = (
            f"creative {key}: {', '.join(stale)} was rendered of plans that are not approved now; materialise renders"
        )
        raise ConfigurationError(message)
    return [
        Variation(
            key=one.key,
            video_uri=one.uri,
            cover_uri=one.cover_uri,
            message=blueprints[one.key].promise,
            title=blueprints[one.key].call_to_action,
            predicted_ctr=ctr[blueprints[one.key].scene_order[0]],
        )
        for one in made
    ]


@dg.asset(
    group_name="creative",
    partitions_def=CREATIVES,
    owners=OWNERS,
    kinds={"postgres"},
    tags=QUEUES,
    deps=[publish_plan],
)
def publish_changes(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult:
    """The plan as changes in the queue: campaign, ad sets, videos, covers, creatives, ads, activation last.

    A run that was under way when somebody asked for other options made other variations: it launches nothing.
    """
    key = context.partition_key
    with store.engine.begin() as connection:
        asked = awaited(connection, key)
        if asked is not None and context.run.tags.get("dagster/run_key") != asked.run_key:
            return materialized(store, "left to the run that was asked for since", {"left_to": asked.run_key})
        plan = plans.load_plan(connection, key)
        account = get_account(connection, plan.account_id)
        changes = changes_of(plan, account)
        queued = enqueue(connection, changes, store.settings.safety)
    rows = [{"change": one.spec.kind, "object": one.object_ref, "why": one.reasoning} for one in changes]
    metadata = {"changes": table(rows), "plan_digest": queued.plan_digest, "status": queued.status}
    known = f", {queued.known} were queued before" if queued.known else ""
    return materialized(store, f"{queued.added} changes {queued.status}{known}", metadata)


def _rows(plan: PublishPlan) -> list[dict[str, object]]:
    return [
        {
            "variation": ad.variation.key,
            "daily budget": str(Money(ad.daily_budget, plan.currency)),
            "predicted CTR": f"{ad.variation.predicted_ctr:.2%}",
            "text": ad.variation.message,
        }
        for ad in plan.launched
    ]
