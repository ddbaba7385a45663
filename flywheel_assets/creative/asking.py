"""Asking for a video's variations from outside the drop folder: one creative a video and brief, one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Row, or_, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.errors import FlywheelError
from flywheel_assets.core.ids import creative_id
from flywheel_assets.creative.briefs import described
from flywheel_assets.creative.intake import next_attempt
from flywheel_assets.creative.options import Options
from flywheel_assets.creative.types import Brief
from flywheel_assets.store.tables import creatives, publish_plans, renders, videos

Answer = Literal["queued", "under way", "finished"]


class NotKnown(FlywheelError):
    """A request names a creative or video that is not here."""


class AskRefused(FlywheelError):
    """A creative cannot be what a request wants of it."""


@dataclass(frozen=True)
class Asked:
    """What became of a request: a run was queued, one is under way already, or there is nothing to do."""

    creative_id: str
    answer: Answer


@dataclass(frozen=True)
class AskedRun:
    """A run that somebody waits for."""

    creative_id: str
    attempt: int

    @property
    def run_key(self) -> str:
        """The attempt is part of the key: an ask starts one run, another ask another."""
        return f"{self.creative_id}:{self.attempt}"


def open_creative(connection: Connection, video: str, brief: Brief, account_id: str) -> str:
    """The creative of a stored video, named by its URI or SHA-256, and a brief; made where there is none.

    Raises:
        NotKnown: no such video was taken in. Nothing is ever read from the address itself.
        AskRefused: another account has that creative.
    """
    known = videos.c
    found = connection.execute(select(known.sha256).where(or_(known.uri == video, known.sha256 == video))).first()
    if found is None:
        raise NotKnown("no such video was taken in; put it into the drop folder and name it by its SHA-256")
    words = described(brief)
    key = creative_id(found.sha256, words)
    row = {"creative_id": key, "video_sha256": found.sha256, "account_id": account_id, "brief": words}
    connection.execute(insert(creatives).values(row).on_conflict_do_nothing(index_elements=["creative_id"]))
    owner = select(creatives.c.account_id).where(creatives.c.creative_id == key)
    if connection.execute(owner).scalar_one() != account_id:
        raise AskRefused(f"another account has creative {key}, of the same video and brief; change the brief")
    return key


def ask(connection: Connection, key: str, options: Options, is_launched: Callable[[str], bool]) -> Asked:
    """Ask for a creative's variations. The same request again changes nothing while it is under way or done.

    Raises:
        NotKnown: there is no such creative.
        AskRefused: its ads were asked for with other options; what they show stands.
    """
    query = select(creatives).where(creatives.c.creative_id == key).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotKnown(f"creative {key} is not known; name a video and a brief instead")
    alike = Options.model_validate(row.options or {}) == options
    if is_launched(key):
        return _launched(key, row, alike=alike)
    if alike and row.asked_run is not None:
        return Asked(key, "under way")
    if not alike:
        _forget_results(connection, key)
    run = next_attempt(connection, key)
    changed = {"options": options.model_dump(mode="json"), "asked_run": run, "failure": None}
    connection.execute(creatives.update().where(creatives.c.creative_id == key).values(changed))
    return Asked(key, "queued")


def _launched(key: str, row: Row[tuple[object, ...]], *, alike: bool) -> Asked:
    if alike:
        return Asked(key, "finished")
    stored = Options.model_validate(row.options or {})
    raise AskRefused(
        f"the ads of creative {key} were asked for with {stored.variations or 'the usual'} variations in "
        f"{', '.join(stored.ratios)}; what they show stands. Ask with another brief for another creative"
    )


def _forget_results(connection: Connection, key: str) -> None:
    """Files made as somebody asked before are no answer to this; nothing was launched of them."""
    for table in (renders, publish_plans):
        connection.execute(table.delete().where(table.c.creative_id == key))


def asked_runs(connection: Connection, limit: int) -> tuple[AskedRun, ...]:
    """Runs that are waited for, longest first."""
    request = creatives.c
    query = select(request.creative_id, request.asked_run).where(request.asked_run.is_not(None))
    rows = connection.execute(query.order_by(request.requested_at, request.creative_id).limit(limit))
    return tuple(AskedRun(row.creative_id, row.asked_run) for row in rows)


def awaited(connection: Connection, key: str) -> AskedRun | None:
    """The run that was asked for and has not ended. Until this transaction ends no other can be asked for."""
    request = creatives.c
    query = select(request.asked_run).where(request.creative_id == key).with_for_update()
    attempt = connection.execute(query).scalar_one()
    return None if attempt is None else AskedRun(key, attempt)


def ended(connection: Connection, run: AskedRun, failure: str | None = None) -> None:
    """Note that a run ended, and why it failed if it did; a later one that was asked for meanwhile stays."""
    request = creatives.c
    same = (request.creative_id == run.creative_id, request.asked_run == run.attempt)
    connection.execute(creatives.update().where(*same).values(asked_run=None, failure=failure))
