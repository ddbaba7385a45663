"""What the safe executor did, and what is at the platform now."""

from collections import Counter

import dagster as dg

from flywheel_assets.assets.common import OWNERS, SENDS, check, materialized, table, units
from flywheel_assets.execution.alerts import open_alerts
from flywheel_assets.execution.drain import drain, hour_to_decide
from flywheel_assets.execution.reconciled import Seen, refresh
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.store.accounts import get_account
from flywheel_assets.store.store import Store

# Traffic control only: two drains at once are safe, just pointless.
EXECUTOR_POOL = "meta_executor"


@dg.asset(
    group_name="delivery",
    owners=OWNERS,
    kinds={"postgres", "meta"},
    tags=SENDS,
    pool=EXECUTOR_POOL,
    check_specs=[
        dg.AssetCheckSpec(
            "no_dead_letters",
            asset="ad_change_history",
            blocking=False,
            description="No change was given up in this drain; one that was waits for a person in dead_letters.",
        ),
        dg.AssetCheckSpec(
            "no_open_alert",
            asset="ad_change_history",
            blocking=False,
            description="No alert waits for a person: a bad token, a restricted account, spend that should not be.",
        ),
    ],
)
def ad_change_history(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    safe_meta_executor: dg.ResourceParam[SafeExecutor],
) -> dg.MaterializeResult:
    """One drain of the queue: every due change applied, deferred or refused, each with its audit row."""
    steps = []
    for step in drain(safe_meta_executor, hour_to_decide(store.engine)):
        steps.append(step)
        context.log.info("%s %s: %s, %s", step.outcome, step.change.spec.kind, step.change.object_ref, step.reason)
    counts = Counter(step.outcome for step in steps)
    rows = [
        {"change": one.change.spec.kind, "object": one.change.object_ref, "outcome": one.outcome, "reason": one.reason}
        for one in steps
    ]
    dead = counts["dead"]
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) or "nothing was due"
    metadata = {"steps": table(rows), **{f"outcome_{outcome}": count for outcome, count in counts.items()}}
    found = f"{dead} changes died in this drain; see dead_letters"
    checks = [check("no_dead_letters", passed=dead == 0, found=found, blocking=False), _no_open_alert(store)]
    return materialized(store, summary, metadata, checks)


def _no_open_alert(store: Store) -> dg.AssetCheckResult:
    """What a person has to look at: a bad token, a restricted account, spend that should not be."""
    with store.engine.connect() as connection:
        alerts = open_alerts(connection)
    told = "; ".join(f"{one['account_id']}, {one['rule']}: {one['reason']}" for one in alerts)
    return check("no_open_alert", passed=not alerts, found=told or "no alert is open", blocking=False)


@dg.asset(
    group_name="delivery",
    owners=OWNERS,
    kinds={"meta"},
    deps=[ad_change_history],
    check_specs=[
        dg.AssetCheckSpec(
            "no_drift",
            asset="ads",
            blocking=False,
            description="Everything at Meta is as we left it; what a person changed there stays and is shown.",
        )
    ],
)
def ads(store: dg.ResourceParam[Store], safe_meta_executor: dg.ResourceParam[SafeExecutor]) -> dg.MaterializeResult:
    """Campaigns, ad sets and ads as the platform shows them; what we did not write is drift, shown and left alone."""
    seen = refresh(store.engine, safe_meta_executor.platform_for, store.settings.world, store.settings.safety)
    active = sum(one.kind == "ad" and one.effective_status == "ACTIVE" for one in seen)
    differing = [one for one in seen if one.differences]
    summary = f"{active} ads active of {sum(one.kind == 'ad' for one in seen)}"
    with store.engine.connect() as connection:
        currency = {key: get_account(connection, key).currency for key in {one.account_id for one in seen}}
    metadata = {"objects": table(_shown(one, currency[one.account_id]) for one in seen), "active_ads": active}
    told = "; ".join(sentence for one in differing[:5] for sentence in one.differences)
    found = f"{len(differing)} objects differ or cannot be read: {told}"
    return materialized(
        store, summary, metadata, [check("no_drift", passed=not differing, found=found, blocking=False)]
    )


def _shown(one: Seen, currency: str) -> dict[str, object]:
    """A row of the table, with who changed what and when instead of the record that says so."""
    return {
        "object": one.ref,
        "kind": one.kind,
        "status": one.effective_status,
        "daily budget": units(one.daily_budget, currency),
        "drift": "; ".join(one.differences) if one.drift else None,
        "error": one.error,
        "learning phase": one.learning_phase,
        "id at Meta": one.remote_id,
        "account": one.account_id,
    }
