"""Questions to the platform: what is there before a call, and what became of a call nobody answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flywheel_assets.core.changes import CreateCreative, SetBudget, SetName, SetStatus, SetTargeting
from flywheel_assets.core.errors import PermanentError
from flywheel_assets.execution.calls import EDGES, tagged
from flywheel_assets.execution.platform import AdPlatform
from flywheel_assets.execution.records import Attempt, ClaimedChange, Observed

# The field that a change overwrites.
_FIELD = {"set_status": "status", "set_targeting": "targeting", "set_name": "name"}


class NotReady(Exception):
    """The platform is still busy with something the change needs; not an error of anybody."""


def observe(change: ClaimedChange, platform: AdPlatform, ids: Mapping[str, str]) -> Observed:
    """What the platform shows just before the call, as far as the call has to know.

    Raises:
        NotReady: a video is still processed.
        RemoteError: the question failed, or can never be answered well.
    """
    match change.spec:
        case CreateCreative(video=video):
            _require_ready(platform, ids[video])
            return Observed()
        case SetBudget():
            return _budget(change, platform, ids)
        case SetStatus() | SetTargeting() | SetName():
            name, remote_id = _FIELD[change.spec.kind], ids[change.object_ref]
            return Observed(remote_id, fields={name: platform.read(remote_id, [name]).get(name)})
        case _:
            return Observed()


@dataclass(frozen=True)
class Landing:
    """What became of a call that nobody answered.

    Attributes:
        ours: whether the platform shows our value (True), the one before (False) or a third (None).
        remote_id: of the object, where it was to be made.
        shown: what it shows instead.
    """

    ours: bool | None
    remote_id: str | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)


def look_for(change: ClaimedChange, platform: AdPlatform, tag: str) -> Landing:
    """Whether the object that a change is to make exists."""
    found = platform.find(EDGES[change.spec.kind], tag)
    return Landing(ours=True, remote_id=str(found[0].get("hash") or found[0]["id"])) if found else Landing(ours=False)


def landed(change: ClaimedChange, attempt: Attempt, platform: AdPlatform, tag: str) -> Landing:
    """Find out what an attempt did."""
    if change.spec.kind in EDGES:
        return look_for(change, platform, tag)
    if attempt.remote_id is None:
        raise PermanentError(f"{change.object_ref}: the attempt has no remote id to read back")
    if isinstance(change.spec, SetBudget):
        budget = minor(platform.read(attempt.remote_id, ["daily_budget"]).get("daily_budget"), change.object_ref)
        ours = {attempt.target_budget: True, attempt.previous_budget: False}.get(budget)
        return Landing(ours=ours, shown={"daily_budget": budget})
    name = _FIELD[change.spec.kind]
    shown = platform.read(attempt.remote_id, [name]).get(name)
    return Landing(ours=_compared(shown, change, attempt.previous.get(name), tag), shown={name: shown})


def _compared(shown: Any, change: ClaimedChange, before: Any, tag: str) -> bool | None:
    if shown == before:  # asked first: a targeting that only takes something away is all there before it lands
        return False
    match change.spec:
        case SetStatus(status=status):
            ours = shown == status
        case SetName(name=name):
            ours = shown == tagged(name, tag)
        case SetTargeting(targeting=targeting):
            # The platform fills in what was not said; everything that was has to be there.
            ours = isinstance(shown, dict) and all(shown.get(key) == value for key, value in targeting.items())
        case _:
            raise PermanentError(f"{change.object_ref}: {change.spec.kind} cannot be read back")
    return True if ours else None


def _require_ready(platform: AdPlatform, video_id: str) -> None:
    status = platform.video_status(video_id)
    if status == "error":
        raise PermanentError(f"the platform could not process video {video_id}; render it again")
    if status != "ready":
        raise NotReady(f"video {video_id} is still processed")


def _budget(change: ClaimedChange, platform: AdPlatform, ids: Mapping[str, str]) -> Observed:
    """The budget of the object; where it owns none, who does is found out and told, never guessed."""
    remote_id = ids[change.object_ref]
    shown = platform.read(remote_id, ["daily_budget", "lifetime_budget"])
    budget = minor(shown.get("daily_budget"), change.object_ref)
    if budget is not None:
        return Observed(remote_id, daily_budget=budget)
    return Observed(remote_id, fields={"owner": _owner(change, platform, ids, shown)})


def _owner(change: ClaimedChange, platform: AdPlatform, ids: Mapping[str, str], shown: Mapping[str, Any]) -> str:
    if minor(shown.get("lifetime_budget"), change.object_ref):
        return "it has a lifetime budget, which is not paced by the hour; give it a daily budget first"
    campaign = ids.get(change.campaign_ref)
    if campaign is not None and change.object_ref != change.campaign_ref:
        above = platform.read(campaign, ["daily_budget", "lifetime_budget"])
        if any(minor(above.get(name), change.campaign_ref) for name in ("daily_budget", "lifetime_budget")):
            return f"its campaign {change.campaign_ref} owns the budget; ask for a change of the campaign's"
    return "neither it nor its campaign owns a daily budget at the platform"


def minor(budget: Any, ref: str) -> int | None:
    """A budget as the platform writes it; None when the object owns none.

    Raises:
        PermanentError: it is no count of minor units.
    """
    if budget is None:
        return None
    if not str(budget).isdecimal():
        raise PermanentError(f"{ref}: the platform shows a budget of {budget!r}, which is no count of minor units")
    return int(budget) or None
