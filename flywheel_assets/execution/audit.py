"""Does the audit trail tell the whole truth? Our history held against the platform's own journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from flywheel_assets.store.tables import ad_change_history


@dataclass(frozen=True)
class Comparison:
    """Our history beside the journal: remote ids, with how many effects.

    Attributes:
        unfounded: we call them applied, the platform knows nothing of them.
        unaudited: they happened, and we have no word of them.
        overtaken: they happened unanswered, and something later had taken their place before they could
            be read back; our history says that they may have happened. No gap.
    """

    unfounded: Counter[str]
    unaudited: Counter[str]
    overtaken: Counter[str]

    @property
    def gaps(self) -> int:
        """Effects that only one side has; 0 when they agree."""
        return self.unfounded.total() + self.unaudited.total()


def compare(connection: Connection, calls: Iterable[Mapping[str, Any]]) -> Comparison:
    """Hold our history against a platform's journal.

    Args:
        connection: to our database.
        calls: the sandbox's journal, see `journal_effects`.
    """
    audited, unsettled = effects(connection, "applied", "reconciled"), effects(connection, "conflict")
    return compared(audited, unsettled, journal_effects(calls))


def compared(audited: Counter[str], unsettled: Counter[str], journal: Counter[str]) -> Comparison:
    """What we call applied, and what we say may have been, beside what was."""
    more = journal - audited
    overtaken = more & unsettled
    return Comparison(audited - journal, more - overtaken, overtaken)


def effects(connection: Connection, *statuses: str) -> Counter[str]:
    """Remote ids of the attempts that ended in one of these ways, with how often."""
    history = ad_change_history.c
    rows = select(history.remote_id).where(history.status.in_(statuses))
    return Counter(str(remote_id) for remote_id in connection.execute(rows).scalars())


def journal_effects(calls: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Remote ids of every object that a journal shows created or changed, with how often.

    Args:
        calls: the sandbox's journal, oldest first: ``method``, ``path``, ``params``, ``answer``, ``applied``.
    """
    return Counter(_effects(calls))


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
