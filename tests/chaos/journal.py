"""What the platform itself wrote down, as typed values. Nothing here asks the executor what it believes.

The journal is the sandbox's (`SandboxMeta.journal`), oldest first; objects are its stored objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]

_CREATES = {
    "campaigns": "create_campaign",
    "adsets": "create_adset",
    "adcreatives": "create_creative",
    "ads": "create_ad",
    "advideos": "upload_video",
    "adimages": "upload_image",
}
# Field that an update sets -> kind of change it carries out.
_SETS = {"daily_budget": "set_budget", "status": "set_status", "name": "set_name", "targeting": "set_targeting"}
_UNSEEN_PHASES = frozenset({"start", "transfer"})  # of an upload: nothing exists for others before it is finished


@dataclass(frozen=True)
class Write:
    """One write that reached the platform.

    Attributes:
        number: its place in the journal.
        at: business time.
        real: wall time.
        kind: of the change that it carries out.
        remote_id: of the object made or changed; None when a create was refused.
        applied: whether anything came of it.
    """

    number: int
    at: datetime
    real: datetime
    account: str | None
    kind: str
    remote_id: str | None
    params: Mapping[str, str]
    applied: bool

    @property
    def value(self) -> Any:
        """What an update set, in the words of a change's spec."""
        name = next(name for name, kind in _SETS.items() if kind == self.kind)
        return json.loads(self.params[name]) if name == "targeting" else self.params[name]

    @property
    def text(self) -> str:
        """The name that a new object was given; its tag is in it."""
        return str(self.params.get("name") or self.params.get("title") or self.params)


def writes(journal: Iterable[Row]) -> list[Write]:
    """Every write of a whole object, oldest first; the first phases of an upload are none."""
    return list(_writes(journal))


def effects(journal: Iterable[Row]) -> list[Write]:
    """Those that had an effect."""
    return [one for one in _writes(journal) if one.applied]


def _writes(journal: Iterable[Row]) -> Iterator[Write]:
    videos: dict[str, str] = {}
    for row in journal:
        if row["method"] != "POST" or row["fault"] in {"reset_before", "html_502", "json_500"}:
            continue  # a fault of the twin that kept the call from it
        phase, answer = row["params"].get("upload_phase"), row["answer"]
        if phase == "start" and row["applied"]:
            videos[answer["upload_session_id"]] = answer["video_id"]
        if phase not in _UNSEEN_PHASES:
            yield _write(row, videos)


def _write(row: Row, videos: Mapping[str, str]) -> Write:
    place, _, edge = row["path"].rstrip("/").partition("/")
    kind = _CREATES.get(edge) or next(_SETS[name] for name in _SETS if name in row["params"])
    applied, remote_id = bool(row["applied"]), place
    if edge:
        remote_id, applied = _made(row, videos)
    at, real = datetime.fromisoformat(row["business_time"]), datetime.fromisoformat(row["real_time"])
    return Write(row["id"], at, real, row["account"], kind, remote_id, row["params"], applied)


def _made(row: Row, videos: Mapping[str, str]) -> tuple[Any, bool]:
    """Id of a new object, and whether it was made. An image sent again is answered like a new one."""
    answer = row["answer"] if isinstance(row["answer"], Mapping) else {}
    if "images" in answer:
        (image,) = answer["images"].values()
        return image["hash"], True
    if not row["applied"]:
        return None, False
    if row["params"].get("upload_phase") == "finish":
        return videos[row["params"]["upload_session_id"]], True
    return str(answer["id"]), True
