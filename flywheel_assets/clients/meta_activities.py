"""The account's own log of changes, for when reading an object back does not tell whose change it shows. Pure.

The log names the application that made a change, so one of ours can be told from a person's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flywheel_assets.core.errors import PermanentError

_FIELDS = "event_type,event_time,object_id,object_type,actor_id,actor_name,application_id,application_name,extra_data"
_PAGE = 500
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Activity:
    """One entry of the log.

    Attributes:
        event_type: e.g. ``update_ad_set_budget``, ``update_ad_run_status``.
        at: whole seconds; that is as fine as the log is.
        application_id: who made the change; None when the log does not say, as for some a person made.
        actor_id: the user or system user it was made for.
        actor_name, application_name: as the platform shows them to people; an address in place of a name is left out.
        old, new: the value before and after as text, budgets in minor units; None when there is none
            or it is of a shape we do not know, which decides nothing.
    """

    event_type: str
    at: datetime
    object_id: str
    application_id: str | None = None
    actor_id: str | None = None
    old: str | None = None
    new: str | None = None
    actor_name: str | None = None
    application_name: str | None = None


def activities_query(since: datetime, until: datetime) -> dict[str, Any]:
    """Parameters of the edge; the seconds in which the bounds lie are asked for whole."""
    first, last = int(since.timestamp()), int((until + _SECOND).timestamp())
    return {"fields": _FIELDS, "since": first, "until": last, "limit": _PAGE}


def activities(rows: Iterable[Mapping[str, Any]], since: datetime, until: datetime) -> list[Activity]:
    """The platform's rows from ``since`` to ``until``, oldest first.

    Bounds are compared here too: the platform need not heed ours. The second in which ``since``
    lies counts whole, because the log drops fractions.

    Raises:
        PermanentError: a row cannot be read; the log must not look shorter than it is.
    """
    first = since.replace(microsecond=0)
    found = (one for one in map(_activity, rows) if first <= one.at <= until)
    return sorted(found, key=lambda one: (one.at, one.object_id, one.event_type))


def _activity(row: Mapping[str, Any]) -> Activity:
    try:
        before, after = _values(row.get("extra_data"))
        return Activity(
            event_type=str(row["event_type"]),
            at=_moment(row["event_time"]),
            object_id=str(row["object_id"]),
            application_id=_text(row.get("application_id")),
            actor_id=_text(row.get("actor_id")),
            old=before,
            new=after,
            actor_name=_name(row.get("actor_name")),
            application_name=_name(row.get("application_name")),
        )
    except (KeyError, TypeError, ValueError) as error:
        kind = row.get("event_type")
        raise PermanentError(
            f"activity {kind!r} cannot be read ({type(error).__name__}: {error}); read the object back instead"
        ) from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text} has no zone")
    return moment.astimezone(UTC)


def _values(extra: Any) -> tuple[str | None, str | None]:
    """Old and new value of ``extra_data``: JSON in a text, which for money wraps each value once more."""
    try:
        data = json.loads(extra) if isinstance(extra, str) else extra
    except ValueError:  # some kinds of event carry plain words
        return None, None
    return (_value(data, "old_value"), _value(data, "new_value")) if isinstance(data, dict) else (None, None)


def _value(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return _text(value.get(key) if isinstance(value, dict) else value)


def _text(value: Any) -> str | None:
    """A plain value as text; anything else is not readable."""
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if plain and value != "" else None


def _name(value: Any) -> str | None:
    text = _text(value)
    return None if text is None or "@" in text else text
