"""The spend guard: whether the account keeps to its plan, and what was done where it does not."""

import dagster as dg

from flywheel_assets.assets.common import OWNERS, STOPS, check, materialized, table
from flywheel_assets.clients.meta_money import AccountInfo
from flywheel_assets.core.account import Account
from flywheel_assets.execution.account_check import ask
from flywheel_assets.execution.guard import OFF_PLAN
from flywheel_assets.execution.picture import Picture
from flywheel_assets.execution.watch import Watched, watch
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.store.store import Store


@dg.asset(
    group_name="budget",
    owners=OWNERS,
    kinds={"postgres"},
    tags=STOPS,
    # By name, so that the budget assets can name this one in turn.
    deps=["ad_insights"],
    check_specs=[
        dg.AssetCheckSpec(
            "within_plan",
            asset="spend_guard",
            blocking=False,
            description="The account spends no more than planned, today and over the trailing week.",
        )
    ],
)
def spend_guard(
    store: dg.ResourceParam[Store],
    account: dg.ResourceParam[Account],
    safe_meta_executor: dg.ResourceParam[SafeExecutor],
) -> dg.MaterializeResult:
    """Spend, cost of leads, tracking and silence of the account as of now; what is wrong raises an alert, overspend stops spend."""
    info = ask(safe_meta_executor.platform_for(account.account_id))
    watched = watch(store.engine, account, store.settings, info if isinstance(info, AccountInfo) else None)
    off_plan = [one for one in watched.findings if one.rule in OFF_PLAN]
    rows = [
        {"rule": one.rule, "stops": one.stops, "new": one.rule in watched.told, "what": one.sentence}
        for one in watched.findings
    ]
    metadata = {
        "findings": table(rows),
        "spend": table(_spend(watched.picture)),
        "stopped": watched.stopped is not None,
        "account_at_meta": _account(info),
    }
    found = " ".join(one.sentence for one in off_plan) or _told(watched.picture)
    within = check("within_plan", passed=not off_plan, found=found, blocking=False)
    return materialized(store, _summary(watched), metadata, [within])


def _summary(watched: Watched) -> str:
    stopped = "" if watched.stopped is None else f"; SPEND STOPPED, {watched.stopped} campaigns to pause"
    rules = ", ".join(one.rule for one in watched.findings) or "nothing wrong"
    return f"{_told(watched.picture)}: {rules}{stopped}"


def _account(info: AccountInfo | str) -> str:
    if isinstance(info, str):
        return f"not known, it could not be asked: {info}"
    return f"{info.currency}, {info.time_zone}, account_status {info.status}"


def _told(picture: Picture) -> str:
    today = picture.days[0]
    return f"{picture.money(today.spend)} of {picture.money(picture.plan)} spent on {today.on}"


def _spend(picture: Picture) -> list[dict[str, object]]:
    """Spend against plan: the newest day, the one before, and the trailing week against seven caps."""
    days = [
        {
            "when": str(day.on),
            "spend": str(picture.money(day.spend)),
            "plan": str(picture.money(picture.plan)),
            "highest budgets in force": str(picture.money(day.budgets)),
            "daily cap": str(picture.money(picture.cap)),
        }
        for day in picture.days
    ]
    week = {"when": "seven days", "spend": str(picture.money(picture.week))}
    sevenfold = {"plan": str(picture.money(7 * picture.plan)), "daily cap": str(picture.money(7 * picture.cap))}
    return [*days, {**week, **sevenfold, "highest budgets in force": ""}]
