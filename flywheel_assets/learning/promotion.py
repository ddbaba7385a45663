"""The auto-promoter (E4): experiments kept up to date, and one budget increase for each clear winner.

A leader is promoted once, through the queue like every change, when it is probably the best, little
would be lost if it were not, and it is out of the zone of ignorance. The executor still clamps the
increase to its limits; in an account that only observes it is recorded and not sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account, names_of
from flywheel_assets.core.changes import AdChange, SetBudget
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.core.money import Money
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.learning.experiments import Judgement
from flywheel_assets.learning.report import Problem, StepReport, in_words
from flywheel_assets.learning.trials import Trial, load_trials, too_early
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import ad_objects, experiments, pending_ad_changes

STEP = "E4 auto-promoter"


@dataclass(frozen=True)
class Experiment:
    """A row of `experiments`."""

    creative_id: str
    status: str
    leader_ad_id: str | None
    probability_best: float | None
    expected_loss: float | None
    arms: list[dict[str, Any]]
    reason: str
    promoted_at: datetime | None


@dataclass(frozen=True)
class ExperimentsUpdated:
    """All experiments of the account as they stand, how many rows changed, and the promotions queued now."""

    experiments: tuple[Experiment, ...]
    changed: int
    promoted: tuple[str, ...]
    problems: tuple[Problem, ...]

    def report(self) -> StepReport:
        """The step in words."""
        changed = {"experiments": self.changed, "increases_queued": len(self.promoted)}
        if not self.experiments:
            reason = "no creative has a reported ad"
            return StepReport(step=STEP, status="insufficient", changed=dict(changed), reason=reason)
        told = "; ".join(f"{one.creative_id} {one.status}: {one.reason}" for one in self.experiments)
        status = "done" if self.changed or self.promoted else "nothing"
        return StepReport(step=STEP, status=status, changed=dict(changed), reason=told + in_words(self.problems))


def update_experiments(engine: Engine, account: Account, settings: Settings, hour: datetime) -> ExperimentsUpdated:
    """Judge every running experiment and queue the increase of a clear winner; one transaction.

    A promoted experiment is over and stays as it was.
    """
    with engine.begin() as connection:
        trials, problems = load_trials(connection, account, settings, hour)
        before = load_experiments(connection, account.account_id)
        after = {}
        for trial in trials:
            was = before.get(trial.creative_id)
            over = was is not None and was.status == "promoted"
            after[trial.creative_id] = was if was and over else _judged(connection, trial, account, settings)
        changed = [one for key, one in after.items() if one != before.get(key)]
        for one in changed:
            _save(connection, account.account_id, one)
    promoted = tuple(one.creative_id for one in changed if one.status == "promoted")
    return ExperimentsUpdated(tuple(after.values()), len(changed), promoted, problems)


def _judged(connection: Connection, trial: Trial, account: Account, settings: Settings) -> Experiment:
    found = trial.judgement
    if found is None:
        return Experiment(trial.creative_id, "running", None, None, None, [], trial.missing, None)
    leader = found.leader
    running = Experiment(
        trial.creative_id, "running", leader.arm.ad_id, leader.best, found.loss, _arms(found), "", None
    )
    if why := _undecided(found, account, settings):
        return replace(running, reason=why)
    decided = replace(running, status="decided")
    try:
        with connection.begin_nested():
            what = _promote(connection, trial, found, account, settings)
    except ChangeRefused as error:
        return replace(decided, reason=f"not promoted: {error}")
    return replace(decided, status="promoted", reason=what, promoted_at=business_now(connection))


def _arms(found: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "ad_id": one.arm.ad_id,
            "key": one.arm.key,
            "impressions": one.arm.impressions,
            "clicks": one.arm.clicks,
            "leads": one.arm.leads,
            "spend": one.arm.spend,
            "probability_best": round(one.best, 4),
            "judged_by": found.outcome,
        }
        for one in found.standings
    ]


def _undecided(found: Judgement, account: Account, settings: Settings) -> str | None:
    """Why the leader is not a clear winner; None when it is one."""
    rules, leader = settings.learning, found.leader
    name = f"{leader.arm.key} leads by {found.outcome} with probability {leader.best:.2f}"
    if len(found.standings) < 2:  # noqa: PLR2004 - it takes two
        return f"{leader.arm.key} is the only reported variation; there is nothing to compare it with"
    if leader.best < rules.winner_probability:
        return f"{name}, {rules.winner_probability:.2f} is asked for"
    if found.loss >= rules.winner_max_loss:
        return (
            f"{name}, but {found.loss:.1%} would be lost if it is not; under {rules.winner_max_loss:.1%} is asked for"
        )
    if early := too_early(leader.arm, account, rules, settings.budget):
        return f"{name}, but it is too early: {early}"
    return None


def _promote(connection: Connection, trial: Trial, found: Judgement, account: Account, settings: Settings) -> str:
    """Queue the increase; what was asked for, in words."""
    leader = found.leader
    ad = trial.ads[leader.arm.ad_id]
    if named := account.opted_out(names_of(ad.ad_id, f"{ad.creative_id}/{ad.key}/ad")):
        raise ChangeRefused(ad.budget_ref, "opt_out", f"the account file's opt_outs name {named}")
    current = _running_budget(connection, ad.budget_ref)
    raised = current * (100 + settings.safety.velocity_percent) // 100
    target = min(raised, account.money(account.ad_set_ceiling).minor)
    if target <= current:
        raise ChangeRefused(ad.budget_ref, "at_ceiling", f"its budget of {current} is the most an ad set may have")
    was, wanted = Money(current, account.currency), Money(target, account.currency)
    what = f"{ad.key} is the best of {len(found.standings)} by {found.outcome} with probability {leader.best:.2f}"
    change = AdChange(
        account_id=account.account_id,
        campaign_ref=ad.campaign_ref,
        object_ref=ad.budget_ref,
        spec=SetBudget(daily_budget=target),
        idempotency_key=f"{trial.creative_id}:experiment:promotion",
        reasoning=f"{what}: {was} to {wanted} a day",
        requested_by="experiments",
        currency=account.currency,
        expires_at=business_now(connection) + timedelta(hours=settings.safety.velocity_window_hours),
    )
    queued = enqueue(connection, [change], settings.safety)
    return f"{change.reasoning}, {queued.status}"


def _running_budget(connection: Connection, ref: str) -> int:
    """The owner's daily budget, minor units.

    Raises:
        ChangeRefused: not known, the owner is paused, or another change of it is open.
    """
    table = ad_objects.c
    row = connection.execute(select(table.daily_budget, table.status).where(table.ref == ref)).one_or_none()
    if row is None or row.daily_budget is None:
        raise ChangeRefused(ref, "budget_unknown", "its budget was never read; materialise ads first")
    if row.status == "PAUSED":
        raise ChangeRefused(ref, "paused", "a paused ad set spends nothing; activate it first")
    queue = pending_ad_changes.c
    open_ones = select(queue.id).where(
        queue.object_ref == ref,
        queue.change_type == "set_budget",
        queue.status.in_(("proposed", "pending", "claimed", "executing", "unknown")),
    )
    # It would take that one's place, and that one may be a cut the plan counts on.
    if connection.execute(open_ones.limit(1)).first() is not None:
        raise ChangeRefused(
            ref, "budget_under_way", "the hour's own decision about it has not gone out yet; next cycle"
        )
    return int(row.daily_budget)


def _save(connection: Connection, account_id: str, one: Experiment) -> None:
    values = {**vars(one), "account_id": account_id, "updated_at": business_now(connection)}
    statement = insert(experiments).values(values)
    del values["creative_id"]
    connection.execute(statement.on_conflict_do_update(index_elements=["creative_id"], set_=values))


def load_experiments(connection: Connection, account_id: str) -> dict[str, Experiment]:
    """The account's experiments by creative."""
    columns = [experiments.c[name] for name in Experiment.__dataclass_fields__]
    query = select(*columns).where(experiments.c.account_id == account_id).order_by(experiments.c.creative_id)
    return {row["creative_id"]: Experiment(**row) for row in connection.execute(query).mappings()}
