"""From a deal's stage in the CRM to money per ad. Each asset brings everything that is new up to date."""

import dagster as dg
from pydantic import Field

from flywheel_assets.assets.common import OWNERS, check, materialized, table, units
from flywheel_assets.clients.hubspot import HubSpotClient
from flywheel_assets.core.account import Account
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.money import Money
from flywheel_assets.revenue.attribution import attribute_deals
from flywheel_assets.revenue.collect import collect_stage_changes
from flywheel_assets.revenue.feedback import write_feedback
from flywheel_assets.revenue.ledger import update_ledger
from flywheel_assets.revenue.problems import Problem
from flywheel_assets.revenue.reconcile import reconcile
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.store import Store


class Reconciliation(dg.Config):
    """How far back the CRM is asked for stages whose webhook never came."""

    hours: int = Field(0, ge=0, description="0 trusts the webhooks; the daily schedule asks for two days.")


@dg.asset(
    group_name="revenue",
    owners=OWNERS,
    kinds={"hubspot"},
    check_specs=[
        dg.AssetCheckSpec(
            "nothing_unclear",
            asset="deal_stage_changes",
            blocking=False,
            description="The CRM answered, and every event names a deal and a stage that are known.",
        )
    ],
)
def deal_stage_changes(
    config: Reconciliation,
    store: dg.ResourceParam[Store],
    account: dg.ResourceParam[Account],
    crm: dg.ResourceParam[HubSpotClient],
) -> dg.MaterializeResult:
    """Stage changes of deals, from the webhook's inbox, in the order they occurred; what is unclear is a visible row."""
    with store.engine.connect() as connection:
        now = business_now(connection)
    collected = collect_stage_changes(store.engine, account, crm, now)
    found = {
        "events": collected.events,
        "deals": collected.deals,
        "changes": collected.changes,
        "waiting": collected.waiting,
    }
    problems, failures = collected.problems, [collected.failure]
    if config.hours:
        recovered = reconcile(store.engine, account, crm, now - HOUR * config.hours)
        found |= {"looked_at": recovered.looked_at, "recovered": recovered.recovered}
        problems += recovered.collected.problems if recovered.collected else ()
        failures.append(recovered.failure)
    summary = ", ".join(f"{count} {name}" for name, count in found.items())
    away = "; ".join(failure for failure in failures if failure)
    clear = not problems and not away
    unclear = check("nothing_unclear", passed=clear, found=away or f"{len(problems)} problems", blocking=False)
    return materialized(store, summary, {**found, "failure": away or "none", "problems": _shown(problems)}, [unclear])


@dg.asset(
    group_name="revenue",
    owners=OWNERS,
    kinds={"postgres"},
    deps=[deal_stage_changes],
    check_specs=[
        dg.AssetCheckSpec(
            "every_deal_valued",
            asset="synthetic_revenue",
            blocking=False,
            description="Every deal has an amount or a stage value; without one its ad gets no credit.",
        )
    ],
)
def synthetic_revenue(store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]) -> dg.MaterializeResult:
    """The ledger: what each deal's stage is worth, as increments that sum to the value of its latest stage."""
    with store.engine.connect() as connection:
        now = business_now(connection)
    update = update_ledger(store.engine, account, now)
    pipeline, cash = Money(update.pipeline, update.currency), Money(update.cash, update.currency)
    metadata = {
        "deals": update.deals,
        "changed": len(update.changed),
        "pipeline": units(update.pipeline, update.currency),
        "cash": units(update.cash, update.currency),
        "problems": _shown(update.problems),
    }
    valued = f"{update.valued} of {update.deals} deals have a value"
    clear = check("every_deal_valued", passed=update.valued == update.deals, found=valued, blocking=False)
    return materialized(store, f"{valued}: pipeline {pipeline}, cash {cash}", metadata, [clear])


@dg.asset(group_name="revenue", owners=OWNERS, kinds={"postgres"}, deps=[synthetic_revenue])
def attributed_revenue(store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]) -> dg.MaterializeResult:
    """Which ad a deal came from, and how sure that is; a deal from nowhere known is a row that says so."""
    with store.engine.connect() as connection:
        now = business_now(connection)
    found = attribute_deals(store.engine, account, now)
    methods = ", ".join(f"{count} by {method}" for method, count in found.methods.items()) or "no deal was open"
    return materialized(store, methods, {"deals": found.deals, "changed": len(found.changed), **found.methods})


@dg.asset(
    group_name="revenue",
    owners=OWNERS,
    kinds={"postgres"},
    deps=[attributed_revenue],
)
def sampler_feedback(store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]) -> dg.MaterializeResult:
    """Attributed increments per ad (`ml_feedback`): what the sampler and the learning loops are fed with."""
    fed = write_feedback(store.engine, account)
    pipeline, cash = Money(fed.pipeline, fed.currency), Money(fed.cash, fed.currency)
    metadata = {
        "rows": fed.count,
        "written": fed.written,
        "withdrawn": fed.withdrawn,
        "pipeline": units(fed.pipeline, fed.currency),
        "cash": units(fed.cash, fed.currency),
    }
    return materialized(store, f"{fed.written} new rows; pipeline {pipeline}, cash {cash}", metadata)


def _shown(problems: tuple[Problem, ...]) -> dg.MetadataValue:
    return table(vars(problem) for problem in problems)
