"""The auto-promoter (E4): experiments kept up to date, and one budget increase for each clear winner.

A leader is promoted once, through the queue like every change, when it is probably the best, little
would be lost if it were not, and it is out of the zone of ignorance. The executor still clamps the
increase to its limits; in an account that only observes it is recorded and not sent. What became of the
increase is what the experiment says (`increases`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.learning.experiments import Judgement
from flywheel_assets.learning.increases import Increase, ask_increase, find_increase
from flywheel_assets.learning.report import Problem, StepReport, in_words
from flywheel_assets.learning.trials import Trial, load_trials, too_early
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.tables import experiments

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
    increase: str | None


@dataclass(frozen=True)
class ExperimentsUpdated:
    """All experiments of the account as they stand, how many rows changed, and the increases asked for now."""

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

    An experiment whose winner's increase was sent is over: it is not judged again, and says what became of
    the increase.
    """
    with engine.begin() as connection:
        trials, problems = load_trials(connection, account, settings, hour)
        before = load_experiments(connection, account.account_id)
        after: dict[str, Experiment] = {}
        asked = []
        for trial in trials:
            key, was = trial.creative_id, before.get(trial.creative_id)
            increase = find_increase(connection, key)
            if was is None or increase is None or increase.may_be_asked_again:
                after[key], new = _judged(connection, trial, account, settings)
                asked += [key] if new else []
            else:
                after[key] = _followed(connection, was, increase)
        changed = [one for key, one in after.items() if one != before.get(key)]
        for one in changed:
            _save(connection, account.account_id, one)
    return ExperimentsUpdated(tuple(after.values()), len(changed), tuple(asked), problems)


def _judged(connection: Connection, trial: Trial, account: Account, settings: Settings) -> tuple[Experiment, bool]:
    """The experiment as its ads stand, and whether its winner's increase was asked for now."""
    found = trial.judgement
    if found is None:
        return Experiment(trial.creative_id, "running", None, None, None, [], trial.missing, None, None), False
    leader = found.leader
    running = Experiment(
        trial.creative_id, "running", leader.arm.ad_id, leader.best, found.loss, _arms(found), "", None, None
    )
    if why := _undecided(found, account, settings):
        return replace(running, reason=why), False
    decided = replace(running, status="decided")
    ad = trial.ads[leader.arm.ad_id]
    best = f"{ad.key} is the best of {len(found.standings)} by {found.outcome} with probability {leader.best:.2f}"
    try:
        with connection.begin_nested():
            new = ask_increase(connection, trial.creative_id, ad, best, account=account, settings=settings)
    except ChangeRefused as error:
        return replace(decided, reason=f"not promoted: {error}"), False
    increase = find_increase(connection, trial.creative_id)
    return (decided if increase is None else _followed(connection, decided, increase)), new


def _followed(connection: Connection, one: Experiment, increase: Increase) -> Experiment:
    """The experiment with what became of its increase: promoted while that is under way or in force."""
    since = one.promoted_at or business_now(connection)
    return replace(
        one,
        status="promoted" if increase.stands else "decided",
        reason=increase.told(),
        promoted_at=since if increase.stands else None,
        increase=increase.status,
    )


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
