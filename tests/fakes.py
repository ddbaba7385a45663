"""A hand-written ad platform for the executor's tests: it keeps its own journal and fails on order.

The journal has the shape of the sandbox's, so that `execution.audit` reads both. What a test
checks is this journal, never the executor's own account of itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from flywheel_assets.clients.meta_activities import Activity
from flywheel_assets.clients.meta_money import AccountInfo, BudgetOwner, budget_owner
from flywheel_assets.core.money import Money
from flywheel_assets.core.uploads import UploadSession, not_kept
from flywheel_assets.execution.platform import CreateEdge, Edge, VideoStatus

_INFO = AccountInfo("USD", "America/New_York", 1, active=True, least=None)


@dataclass(frozen=True)
class Fault:
    """What one write meets whose path ends with ``path``: an error, after its effect (``landed``) or instead of it."""

    error: BaseException
    landed: bool = False
    path: str = ""


@dataclass
class FakePlatform:
    """One ad account.

    Attributes:
        now: business time of a journal row.
        writes: faults still to be met, each by one write.
        reads: errors of the next reads.
        inside: called with its path by every write that is under way, before its effect.
        video: what every video's status is.
        usage: used share of the quota that the last answer told, percent.
        log: the account's activities; entries are shown when they lie within the time asked for.
        info: the account itself.
    """

    now: Callable[[], datetime]
    writes: list[Fault] = field(default_factory=list)
    reads: list[Exception] = field(default_factory=list)
    inside: Callable[[str], object] | None = None
    video: VideoStatus = "ready"
    usage: float | None = None
    log: list[Activity] = field(default_factory=list)
    info: AccountInfo = _INFO
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    journal: list[dict[str, Any]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(120_200_000_000_000_001))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # --- the protocol ------------------------------------------------------------------------------

    def minimum_daily_budget(self) -> Money:
        return Money(100, "USD")

    def create(self, edge: CreateEdge, params: Mapping[str, Any]) -> str:
        return self._add(edge, dict(params))

    def upload_video(
        self,
        path: Path,
        name: str,
        *,
        resume: UploadSession | None = None,
        progress: Callable[[UploadSession], None] = not_kept,
    ) -> str:
        content = path.read_bytes()
        size = len(content)
        if resume is None or not resume.fits(size) or resume.video_id in self.objects:  # a finished session is gone
            resume = UploadSession(f"session-{next(self._ids)}", str(next(self._ids)), size, 0)
            progress(resume)
        progress(replace(resume, next_byte=size))
        return self._add("advideos", {"name": name, "sha256": sha256(content).hexdigest()}, new_id=resume.video_id)

    def upload_image(self, path: Path, name: str) -> str:
        found = sha256(path.read_bytes()).hexdigest()
        return self._add("adimages", {"name": name, "hash": found}, new_id=found)

    def update(self, remote_id: str, params: Mapping[str, Any]) -> None:
        def effect() -> dict[str, Any]:
            self.objects[remote_id].update(params)
            return {"success": True}

        self._write(remote_id, params, effect)

    def read(self, remote_id: str, fields: Sequence[str]) -> dict[str, Any]:
        if self.reads:
            raise self.reads.pop(0)
        known = self.objects[remote_id]
        shown = {name: known[name] for name in fields if name in known}
        return {**shown, **({"daily_budget": str(known["daily_budget"])} if "daily_budget" in shown else {})}

    def find(self, edge: Edge, tag: str) -> list[dict[str, Any]]:
        if self.reads:
            raise self.reads.pop(0)
        rows = [{"id": key, **known} for key, known in self.objects.items() if known.get("edge") == edge]
        return [row for row in rows if tag in row["name"]]

    def activities(self, since: datetime, until: datetime) -> list[Activity]:
        if self.reads:
            raise self.reads.pop(0)
        return [one for one in self.log if since <= one.at <= until]

    def account_info(self) -> AccountInfo:
        if self.reads:
            raise self.reads.pop(0)
        return self.info

    def budget_owner(self, adset_id: str) -> BudgetOwner:
        above = self.objects[adset_id].get("campaign_id", "")
        campaign = {"id": above, **self.objects.get(above, {})}
        return budget_owner(adset_id, {**self.objects[adset_id], "campaign": campaign})

    def video_status(self, video_id: str) -> VideoStatus:
        assert self.objects[video_id]["edge"] == "advideos"
        return self.video

    # --- what tests look at -------------------------------------------------------------------------

    def applied_at(self) -> list[datetime]:
        """Business times of the writes that had an effect."""
        return [row["at"] for row in self.journal if row["applied"]]

    def put(self, remote_id: str, **known: Any) -> str:
        """Something that exists already; a person may have made or changed it."""
        self.objects.setdefault(remote_id, {}).update(known)
        return remote_id

    # --- inside -------------------------------------------------------------------------------------

    def _add(self, edge: Edge, params: dict[str, Any], new_id: str | None = None) -> str:
        chosen = new_id or str(next(self._ids))

        def effect() -> dict[str, Any]:
            self.objects[chosen] = {**params, "edge": edge}
            return {"images": {params["name"]: {"hash": chosen}}} if edge == "adimages" else {"id": chosen}

        self._write(f"act_1/{edge}", params, effect)
        return chosen

    def _write(self, path: str, params: Mapping[str, Any], effect: Callable[[], dict[str, Any]]) -> None:
        if self.inside is not None:
            self.inside(path)
        with self._lock:
            fault = next((one for one in self.writes if path.endswith(one.path)), None)
            if fault is not None:
                self.writes.remove(fault)
            applied = fault is None or fault.landed
            row = {"method": "POST", "path": path, "params": dict(params), "at": self.now(), "applied": applied}
            self.journal.append({**row, "answer": effect() if applied else None})
        if fault is not None:
            raise fault.error


def most_in_any_hour(moments: Sequence[datetime]) -> int:
    """The fullest sliding hour: how many moments lie in [t, t + 60 min), over every t."""
    ordered = sorted(moments)
    return max((sum(0 <= (b - a).total_seconds() < 3600 for b in ordered) for a in ordered), default=0)
