"""The seven loops. Each asset runs one of them and shows what it changed, or why it changed nothing."""

import dagster as dg

from flywheel_assets.assets.common import (
    HOURS,
    ONE_RUN,
    OWNERS,
    QUEUES,
    check,
    hours_of,
    last_closed_hour,
    materialized,
    table,
)
from flywheel_assets.clients.embeddings import Embedder
from flywheel_assets.core.account import Account
from flywheel_assets.learning import actuals as outcomes
from flywheel_assets.learning import knowledge, promotion, refresh, shared, training
from flywheel_assets.learning import winner_index as index
from flywheel_assets.learning.accuracy import record_accuracy
from flywheel_assets.learning.cycle import Bench, load_cycle, run_step
from flywheel_assets.learning.registry import serving_name
from flywheel_assets.learning.report import StepReport
from flywheel_assets.store.store import Store

_STEP_CHECK = "step_got_through"
_STEP_TOLD = "The step ended as it should; too little data to learn from is no failure."


def _shown(store: Store, report: StepReport) -> dg.MaterializeResult:
    changed = {f"changed_{name}": value for name, value in report.changed.items() if value is not None}
    through = check(_STEP_CHECK, passed=report.status != "failed", found=report.reason, blocking=False)
    summary = f"{report.status}: {report.reason}"
    return materialized(store, summary, {"status": report.status, **changed}, [through])


def _loop(
    name: str,
    step: str,
    description: str,
    deps: list[dg.AssetsDefinition],
    kinds: set[str],
    *,
    tags: dict[str, str] | None = None,
) -> dg.AssetsDefinition:
    """An asset that runs one step of the cycle for the newest closed hour."""

    @dg.asset(
        name=name,
        group_name="learning",
        owners=OWNERS,
        kinds=kinds,
        tags=tags,
        deps=deps,
        description=description,
        check_specs=[dg.AssetCheckSpec(_STEP_CHECK, asset=name, blocking=False, description=_STEP_TOLD)],
    )
    def loop(
        store: dg.ResourceParam[Store], account: dg.ResourceParam[Account], embedder: dg.ResourceParam[Embedder]
    ) -> dg.MaterializeResult:
        bench = Bench(store.engine, store.blobs, account, store.settings, last_closed_hour(store), embedder)
        return _shown(store, run_step(bench, step))

    return loop


@dg.asset(
    group_name="learning",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"postgres"},
    check_specs=[dg.AssetCheckSpec(_STEP_CHECK, asset="actuals", blocking=False, description=_STEP_TOLD)],
)
def actuals(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    account: dg.ResourceParam[Account],
    embedder: dg.ResourceParam[Embedder],
) -> dg.MaterializeResult:
    """What each published ad did, held beside what was predicted for it."""
    bench = Bench(store.engine, store.blobs, account, store.settings, hours_of(context)[-1], embedder)
    return _shown(store, run_step(bench, outcomes.STEP))


@dg.asset(
    group_name="learning",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    owners=OWNERS,
    kinds={"numpy"},
    deps=[actuals],
)
def prediction_accuracy(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]
) -> dg.MaterializeResult:
    """RMSE, MAE, R² and accuracy of every model beside its noise ceiling, or 'insufficient' and what is missing."""
    serving = serving_name(store.engine, account)
    found = record_accuracy(store.engine, account, hours_of(context)[-1], store.settings, serving)
    rows = [{"model": model, **one.row()} for model, one in found.items()]
    summary = "; ".join(f"{model}: {one.told()}" for model, one in found.items())
    return materialized(store, summary, {"accuracy": table(rows)})


ctr_model = _loop(
    "ctr_model",
    training.STEP,
    "Champion and challenger of the CTR model: recalibrated, retrained or left alone, with the comparison that decided.",
    [prediction_accuracy],
    {"scikitlearn"},
)
experiments = _loop(
    "experiments",
    promotion.STEP,
    "Each creative's variations against one another; a clear leader's increase is queued through the executor.",
    [actuals],
    {"numpy"},
    tags=QUEUES,
)
winner_index = _loop(
    "winner_index",
    index.STEP,
    "Creative DNA of what won, in pgvector and as a FAISS file: what the director's next draft retrieves.",
    [experiments],
    {"postgres"},
)
knowledge_graph = _loop(
    "knowledge_graph",
    knowledge.STEP,
    "What winners are made of, with counts and lifts: hooks, calls to action, offers, openings.",
    [winner_index],
    {"postgres"},
)
shared_patterns = _loop(
    "shared_patterns",
    shared.STEP,
    "Anonymous patterns of accounts that opted in; nothing below five accounts.",
    [knowledge_graph],
    {"postgres"},
)
creative_refresh_requests = _loop(
    "creative_refresh_requests",
    refresh.STEP,
    "Ads that tire by two signals, and the new generation each asks for.",
    [actuals],
    {"postgres"},
)


@dg.asset(
    group_name="learning",
    owners=OWNERS,
    kinds={"postgres"},
    deps=[ctr_model, shared_patterns, creative_refresh_requests],
    check_specs=[
        dg.AssetCheckSpec(
            "seven_steps",
            asset="learning_cycle",
            blocking=False,
            description="All seven steps of the cycle reported for the hour, and none failed.",
        )
    ],
)
def learning_cycle(store: dg.ResourceParam[Store], account: dg.ResourceParam[Account]) -> dg.MaterializeResult:
    """The cycle of the newest closed hour: seven steps and what each of them did."""
    cycle = load_cycle(store.engine, account, last_closed_hour(store))
    counts = ", ".join(f"{count} {status}" for status, count in cycle.counts().items())
    found = f"{len(cycle.steps)} of 7 steps reported, {len(cycle.failed)} failed"
    whole = check("seven_steps", passed=len(cycle.steps) == 7 and not cycle.failed, found=found, blocking=False)  # noqa: PLR2004 - E1 to E7
    rows = [one.row() for one in cycle.steps]
    return materialized(store, counts or "no step has run", {"steps": table(rows)}, [whole])
