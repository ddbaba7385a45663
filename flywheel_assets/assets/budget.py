"""Hour by hour: what was delivered, what is known of every ad, what is decided, what is queued."""

import base64

import dagster as dg

from flywheel_assets.assets.common import HOURS, ONE_RUN, OWNERS, QUEUES, check, hours_of, materialized, table, units
from flywheel_assets.assets.guard import spend_guard
from flywheel_assets.assets.revenue import sampler_feedback
from flywheel_assets.budget.changes import changes_of
from flywheel_assets.budget.faults import faults
from flywheel_assets.budget.hour import HourDecision, decide_hour, observe_hour
from flywheel_assets.budget.insights import InsightsSource, read_insights
from flywheel_assets.budget.posterior_picture import posterior_png
from flywheel_assets.budget.repository import load_allocation
from flywheel_assets.budget.types import AdState, Allocation, Recommendation
from flywheel_assets.core.account import Account
from flywheel_assets.core.money import Money
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.watch import frozen_because
from flywheel_assets.store.store import Store


@dg.asset(
    group_name="budget",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"meta"},
    check_specs=[
        dg.AssetCheckSpec(
            "platform_answered",
            asset="ad_insights",
            blocking=False,
            description="Meta reported the hours that were asked for; how stale an ad may be is decided for each ad.",
        )
    ],
)
def ad_insights(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    account: dg.ResourceParam[Account],
    insights_source: dg.ResourceParam[InsightsSource],
) -> dg.MaterializeResult:
    """Impressions, clicks, leads and spend per ad and hour, as the platform reports them now; re-reading restates.

    A platform that does not answer fails the check, not the hour: how stale an ad may be is decided for each ad.
    """
    read = read_insights(store.engine, account, insights_source, hours_of(context))
    answered = check("platform_answered", passed=read.problem is None, found=read.problem or "yes", blocking=False)
    spend = Money(read.spend, read.currency)
    metadata = {"rows": read.rows, "ads": read.ads, "impressions": read.impressions, "reached_ads": read.reached}
    metadata["spend"] = units(read.spend, read.currency)
    gaps = {"not answered for": len(read.missing), "without a report of any ad": len(read.silent)}
    told = "".join(f", {count} h {what}" for what, count in gaps.items() if count)
    return materialized(store, f"{read.impressions} impressions, {spend}{told}", metadata, [answered])


@dg.asset(
    group_name="budget",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"postgres"},
    deps=[ad_insights, sampler_feedback],
    check_specs=[
        dg.AssetCheckSpec(
            "nothing_blocked",
            asset="ad_states",
            blocking=False,
            description="Enough is known of every ad to decide about its budget.",
        )
    ],
)
def ad_states(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.MaterializeResult:
    """All that is known of each ad at the end of the hour; what is stale or missing blocks decisions about that ad."""
    states = [observe_hour(store.engine, account, store.settings, hour) for hour in hours_of(context)][-1]
    blocked = [state for state in states if state.blocked is not None]
    rows = [_row(state) for state in states]
    found = "; ".join(f"{state.ad_id}: {state.blocked}" for state in blocked[:5]) or "every ad can be decided about"
    free = check("nothing_blocked", passed=not blocked, found=found, blocking=False)
    return materialized(store, f"{len(states)} ads, {len(blocked)} blocked", {"states": table(rows)}, [free])


# What a person asks first comes first.
_SHOWN = (
    "object_ref",
    "blocked",
    "held",
    "age_hours",
    "current_budget",
    "spend",
    "impressions",
    "clicks",
    "leads",
    "pipeline",
    "cash",
    "platform_value",
    "learning_phase",
    "frequency",
    "ad_id",
)
_MONEY = {"current_budget", "spend", "pipeline", "cash", "platform_value"}


def _row(state: AdState) -> dict[str, object]:
    known = {name: getattr(state, name) for name in _SHOWN}
    amounts = {name: units(known[name], state.currency) for name in _MONEY}
    low, high = (units(one, state.currency) for one in state.allowed or (None, None))
    allowed = None if state.allowed is None else f"{low} to {high}"
    sources = {f"{source.name}_as_of": source.as_of for source in state.sources}
    return known | amounts | {"allowed": allowed, "deals": len(state.deals), "hours": len(state.hours.hour)} | sources


@dg.asset(
    group_name="budget",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"numpy"},
    deps=[ad_states],
    check_specs=[
        dg.AssetCheckSpec(
            "within_every_limit",
            asset="budget_allocations",
            blocking=True,
            description="Every budget keeps floor, ceiling, velocity and plan; otherwise nothing is queued.",
        ),
        dg.AssetCheckSpec(
            "something_decided",
            asset="budget_allocations",
            blocking=False,
            description="A decision could be made; where not, budgets stay and the reason is told.",
        ),
    ],
)
def budget_allocations(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.MaterializeResult:
    """The decision of the hour: a budget for every running ad, with confidence and reason, also where nothing changes."""
    decision = [decide_hour(store.engine, account, store.settings, hour) for hour in hours_of(context)][-1]
    one = decision.allocation
    total, outside = sum(line.recommended_budget for line in one.recommendations), faults(one, decision.states, account)
    planned, wanted = Money(one.planned, one.currency), Money(one.wanted, one.currency)
    checks = [
        check("within_every_limit", passed=not outside, found="; ".join(outside) or f"{total} a day in all"),
        check("something_decided", passed=one.decided, found=one.summary, blocking=False),
    ]
    metadata = {
        "recommendations": table(_line(line, one.currency) for line in one.recommendations),
        "reasons": table({"budget of": line.object_ref, "why": line.reason} for line in one.recommendations),
        "posterior": _picture(one),
        "planned": units(one.planned, one.currency),
        "wanted": units(one.wanted, one.currency),
        "policy": one.policy,
    }
    return materialized(store, _told(decision, f"{planned} planned of {wanted}"), metadata, checks)


def _line(line: Recommendation, currency: str) -> dict[str, object]:
    """What a person asks first: which budget, from what to what, and how sure that is."""
    return {
        "budget of": line.object_ref,
        "now": units(line.current_budget, currency),
        "next": units(line.recommended_budget, currency),
        "change %": line.change_percent,
        "sure": line.confidence,
        "sent": line.worth_an_action,
        "stopped by": line.binding,
        "may gain a day": units(line.expected_gain, currency),
        "may lose a day": units(line.expected_loss, currency),
        "ad": line.ad_id,
    }


def _picture(allocation: Allocation) -> dg.MetadataValue:
    png = base64.b64encode(posterior_png(allocation)).decode()
    return dg.MetadataValue.md(f"![what each ad is believed to be worth, and its budgets](data:image/png;base64,{png})")


def _told(decision: HourDecision, amounts: str) -> str:
    stands = " (stands: its changes are queued)" if decision.stands else ""
    return f"{amounts}: {decision.allocation.summary}{stands}"


@dg.asset(
    group_name="budget",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"postgres"},
    tags=QUEUES,
    deps=[budget_allocations, spend_guard],
)
def budget_changes(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.MaterializeResult:
    """The newest decision as changes in the queue; a move that is too small to be worth an action is not among them."""
    hour = hours_of(context)[-1]
    with store.engine.begin() as connection:
        allocation = load_allocation(connection, account.account_id, hour)
        frozen = frozen_because(connection, account.account_id)
        changes = changes_of(allocation, account, hour) if allocation is not None and frozen is None else ()
        queued = enqueue(connection, changes, store.settings.safety) if changes else None
    if queued is None:
        why = "this hour" if frozen is None else f"while the account is frozen: {frozen}"
        return materialized(store, f"no budget moves {why}", {"changes": 0})
    rows = [{"object": one.object_ref, "why": one.reasoning} for one in changes]
    return materialized(
        store, f"{queued.added} changes {queued.status}", {"changes": table(rows), "digest": queued.plan_digest}
    )
