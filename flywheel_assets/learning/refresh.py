"""Tired ads ask for a successor (E7, C8): a request per ad, and the creative that is opened for it.

A new generation is the same video and brief under a new key with a parent. Perception is cached,
so it costs no second look; the director retrieves winners anew, so it starts from what won since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.budget.fatigue import fatigue_of
from flywheel_assets.budget.states import load_states
from flywheel_assets.budget.types import AdState
from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.hours import HOUR
from flywheel_assets.core.ids import creative_id
from flywheel_assets.learning.published import published_ads
from flywheel_assets.learning.report import Count, Problem, Status, StepReport, in_words
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import ad_states, creative_refresh_requests, creatives, ml_feedback

STEP = "E7 Thompson and DNA loops"


@dataclass(frozen=True)
class Request:
    """A row of `creative_refresh_requests`; ``creative_id`` is the generation that was opened, None before."""

    id: int
    account_id: str
    ad_id: str
    parent_creative_id: str
    reason: str
    decay_factor: float
    creative_id: str | None


@dataclass(frozen=True)
class RefreshRequested:
    """Ads that were found tired now, how many were looked at, and the feedback the sampler got since the last hour."""

    requested: tuple[str, ...]
    looked_at: int
    states_at: datetime | None
    feedback_rows: int
    decay_per_1000: float
    problems: tuple[Problem, ...]

    def report(self) -> StepReport:
        """The step in words."""
        changed: dict[str, Count] = {"refresh_requests": len(self.requested)}
        status: Status = "done" if self.requested else "insufficient" if self.states_at is None else "nothing"
        if self.states_at is None:
            return StepReport(step=STEP, status=status, changed=changed, reason="no ad states of the last day")
        told = (
            f"{self.feedback_rows} feedback rows in the hour, which the sampler's priors read; click-through rates "
            f"fall by {self.decay_per_1000:.2%} per 1,000 impressions; {self.looked_at} ads looked at"
        )
        tired = f", tired: {', '.join(self.requested)}" if self.requested else ", none is newly tired"
        return StepReport(step=STEP, status=status, changed=changed, reason=told + tired + in_words(self.problems))


def request_refreshes(engine: Engine, account: Account, settings: Settings, hour: datetime) -> RefreshRequested:
    """Ask for a successor of every ad that is tired in the newest states of the last day; once an ad."""
    with engine.begin() as connection:
        at, states = _states(connection, account.account_id, hour)
        ads, problems = published_ads(connection, account.account_id)
        parents = {ad.ad_id: ad.creative_id for ad in ads}
        worn = fatigue_of(states, account, settings.budget, hour + HOUR if at is None else at + HOUR)
        requested = []
        for one in worn.ads:
            if not one.tired or one.ad_id not in parents:
                continue
            row = {
                "account_id": account.account_id,
                "ad_id": one.ad_id,
                "parent_creative_id": parents[one.ad_id],
                "reason": one.reason,
                "decay_factor": one.factor,
            }
            statement = insert(creative_refresh_requests).values(row).on_conflict_do_nothing(index_elements=["ad_id"])
            if connection.execute(statement).rowcount == 1:
                requested.append(one.ad_id)
        feedback = _feedback(connection, account.account_id, hour)
    return RefreshRequested(tuple(requested), len(states), at, feedback, worn.k * 1000, problems)


def _states(connection: Connection, account_id: str, hour: datetime) -> tuple[datetime | None, tuple[AdState, ...]]:
    """The newest states at or before ``hour``, at most a day old; older ones say nothing about today."""
    table = ad_states.c
    newest = select(func.max(table.hour)).where(
        table.account_id == account_id, table.hour <= hour, table.hour > hour - timedelta(days=1)
    )
    at = connection.execute(newest).scalar_one()
    return at, () if at is None else load_states(connection, account_id, at)


def _feedback(connection: Connection, account_id: str, hour: datetime) -> int:
    table = ml_feedback.c
    within = table.occurred_at.between(hour, hour + timedelta(hours=1) - timedelta(microseconds=1))
    query = select(func.count()).where(table.account_id == account_id, within)
    return int(connection.execute(query).scalar_one())


def open_requests(connection: Connection, account_id: str) -> tuple[Request, ...]:
    """Requests for which no generation was opened yet, oldest first."""
    table = creative_refresh_requests.c
    columns = [table[name] for name in Request.__dataclass_fields__]
    query = select(*columns).where(table.account_id == account_id, table.creative_id.is_(None)).order_by(table.id)
    return tuple(Request(**row) for row in connection.execute(query).mappings())


def open_generation(connection: Connection, request: Request) -> str:
    """Open the creative that answers a request and note it there; its id.

    Two ads of one creative that tire together share one successor: its id depends on video, brief and
    generation alone.

    Raises:
        ConfigurationError: the parent is not known.
    """
    parent = _creative(connection, request.parent_creative_id)
    generation = parent.generation + 1
    key = creative_id(parent.video_sha256, parent.brief, generation)
    row = {
        "creative_id": key,
        "video_sha256": parent.video_sha256,
        "account_id": parent.account_id,
        "brief": parent.brief,
        "options": parent.options,
        "generation": generation,
        "parent_id": parent.creative_id,
    }
    connection.execute(insert(creatives).values(row).on_conflict_do_nothing(index_elements=["creative_id"]))
    noted = creative_refresh_requests.update().where(creative_refresh_requests.c.id == request.id)
    connection.execute(noted.values(creative_id=key))
    return key


def _creative(connection: Connection, key: str) -> Row[tuple[object, ...]]:
    row = connection.execute(select(creatives).where(creatives.c.creative_id == key)).one_or_none()
    if row is None:
        raise ConfigurationError(f"creative {key} is not known, so it cannot have a successor; drop its video again")
    return row
