"""Our side: status changes through the real `SafeExecutor`, against a platform that answers at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL

from executor_parts.server import Server
from executor_parts.workers import Round, run_together
from flywheel_assets.core.account import Account
from flywheel_assets.core.changes import AdChange, SetStatus
from flywheel_assets.core.uploads import UploadSession, not_kept
from flywheel_assets.execution.audit import effects
from flywheel_assets.execution.enqueue import enqueue
from flywheel_assets.execution.platform import CreateEdge, Edge, VideoStatus
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.settings import Safety
from flywheel_assets.store.accounts import save_account
from flywheel_assets.store.database import connect, migrate
from flywheel_assets.store.tables import ad_objects

# Real limits; only the wait before a first call is left out, which both sides would sleep through.
SAFETY = Safety(jitter_seconds=(0.0, 0.0))

ACCOUNT = Account(
    account_id="act_1000000001",
    name="Bright Cup",
    mode="auto",
    currency="USD",
    time_zone="America/New_York",
    page_id="1000000002",
    targeting={"geo_locations": {"countries": ["US"]}},
    daily_plan="250.00",
    ad_set_floor="10.00",
    ad_set_ceiling="120.00",
)


@dataclass
class InstantPlatform:
    """Every object exists and is active; a write is noted and answered."""

    journal: list[str] = field(default_factory=list)
    usage: float | None = None

    def create(self, edge: CreateEdge, params: Mapping[str, Any]) -> str:
        raise NotImplementedError

    def upload_video(
        self,
        path: Path,
        name: str,
        *,
        resume: UploadSession | None = None,
        progress: Callable[[UploadSession], None] = not_kept,
    ) -> str:
        raise NotImplementedError

    def upload_image(self, path: Path, name: str) -> str:
        raise NotImplementedError

    def find(self, edge: Edge, tag: str) -> list[dict[str, Any]]:
        raise NotImplementedError

    def video_status(self, video_id: str) -> VideoStatus:
        raise NotImplementedError

    def update(self, remote_id: str, params: Mapping[str, Any]) -> None:
        assert params
        self.journal.append(remote_id)

    def read(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any]:
        known = {"id": remote_id, "name": f"ad set {remote_id}", "status": "ACTIVE", "effective_status": "ACTIVE"}
        return {name: known[name] for name in fields if name in known}


class NoFiles:
    """A status change needs no file."""

    def local(self, uri: str) -> Path:
        raise FileNotFoundError(uri)


def migrated(server: Server) -> URL:
    """A database with our tables and functions and one account."""
    url = server.create()
    engine = connect(url, "live")
    migrate(engine)
    with engine.begin() as connection:
        save_account(connection, ACCOUNT, "live")
    engine.dispose()
    return url


def loaded(server: Server, changes: int, campaigns: int) -> URL:
    """A database whose queue holds one status change for each of so many ad sets, spread over campaigns."""
    url = migrated(server)
    engine = connect(url, "live")
    with engine.begin() as connection:
        for number in range(campaigns):
            adsets = [f"c{number}/v{one}/adset" for one in range(number, changes, campaigns)]
            plan_objects(connection, f"c{number}/campaign", adsets)
            enqueue(connection, [pause(f"c{number}/campaign", ref) for ref in adsets], SAFETY)
    engine.dispose()
    server.settle(url)
    return url


def plan_objects(connection: Connection, campaign: str, adsets: Sequence[str], **more: Any) -> None:
    """A campaign and its ad sets as they are after their launch."""
    common = {"world": "live", "account_id": ACCOUNT.account_id, "currency": "USD", "campaign_ref": campaign} | more
    rows = [
        {
            **common,
            "ref": ref,
            "kind": ref.rpartition("/")[2],
            "tag": ref,
            "remote_id": f"remote-{ref}" if more.get("remote_id", ref) is not None else None,
            "status": "ACTIVE",
        }
        for ref in (campaign, *adsets)
    ]
    connection.execute(ad_objects.insert(), rows)


def pause(campaign: str, ref: str) -> AdChange:
    """The change that is measured."""
    return AdChange(
        account_id=ACCOUNT.account_id,
        campaign_ref=campaign,
        object_ref=ref,
        spec=SetStatus(status="PAUSED"),
        idempotency_key=f"{ref}:set_status:bench",
        reasoning="because the benchmark asks for it",
        requested_by="benchmark",
        currency=ACCOUNT.currency,
    )


def drain(server: Server, template: URL, processes: int) -> Round:
    """Empty a copy of ``template``.

    Raises:
        AssertionError: the audit and the platform's journal do not name the same effects.
    """
    url = server.create(template)
    told = run_together(partial(_worker, url), processes)
    journal = Counter(remote_id for words in told.told for remote_id in words)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert effects(connection, "applied", "reconciled") == journal, "audit and journal disagree"
    engine.dispose()
    server.drop(url)
    return told


def _worker(url: URL, number: int) -> Generator[list[str] | None, None, None]:
    platform = InstantPlatform()
    engine = connect(url, "live")
    executor = SafeExecutor(engine, lambda _: platform, NoFiles(), SAFETY, f"bench-{number}")
    executor.next_due()
    yield None
    for step in executor.drain():
        assert step.outcome == "applied", step
    yield platform.journal
    engine.dispose()
