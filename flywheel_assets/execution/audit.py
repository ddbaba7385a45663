"""Does the audit trail tell the whole truth? Our history held against the platform's own journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from flywheel_assets.store.tables import ad_change_history


def applied_effects(connection: Connection) -> Counter[str]:
    """Remote ids of every attempt the audit calls applied, with how often."""
    history = ad_change_history.c
    rows = select(history.remote_id).where(history.status.in_(("applied", "reconciled")))
    return Counter(str(remote_id) for remote_id in connection.execute(rows).scalars())


def journal_effects(calls: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Remote ids of every object that a journal shows created or changed, with how often.

    Args:
        calls: the sandbox's journal, oldest first: ``method``, ``path``, ``params``, ``answer``, ``applied``.
    """
    return Counter(_effects(calls))


def gaps(audited: Counter[str], journal: Counter[str]) -> int:
    """Effects that one side has and the other has not; 0 when they agree."""
    return (audited - journal).total() + (journal - audited).total()


def _effects(calls: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    uploads: dict[str, str] = {}  # a video exists for others once its upload session is finished
    for call in calls:
        answer, params = call["answer"], call["params"]
        if call["method"] != "POST" or not isinstance(answer, dict):
            continue
        if "images" in answer:  # the same bytes again change nothing, but they are answered and audited
            yield from (str(image["hash"]) for image in answer["images"].values())
        elif not call["applied"] or params.get("upload_phase") == "transfer":
            continue
        elif params.get("upload_phase") == "start":
            uploads[answer["upload_session_id"]] = answer["video_id"]
        elif params.get("upload_phase") == "finish":
            yield uploads[params["upload_session_id"]]
        else:
            yield str(answer.get("id") or call["path"].rstrip("/").rpartition("/")[2])
