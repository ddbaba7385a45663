"""What the platform shows and we did not write: since when, and by whom as far as the account's log tells. Pure.

An edit is kept as JSON in `ad_objects.drift`, by field:

- ``ours``, ``theirs``: a status, or a daily budget in minor units. A budget of theirs is 0 where the object
  owns none any more, and null where it is for a lifetime, whose part of a day nobody knows.
- ``after``, ``since``: the last look before it, and the first look that showed it.
- ``by``: ``who``, ``through`` (which application) and ``at``; absent until the log has named them.

`VANISHED` in place of a field: the platform answers to know nothing of the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flywheel_assets.clients.meta_activities import Activity

Edit = dict[str, Any]

VANISHED = "vanished"
DELETED = "DELETED"

_STATUS_EVENTS = frozenset({"update_campaign_run_status", "update_ad_set_run_status", "update_ad_run_status"})
_EVENTS = {
    "daily_budget": frozenset({"update_campaign_budget", "update_ad_set_budget"}),
    "status": _STATUS_EVENTS,
    VANISHED: _STATUS_EVENTS,
}
# The log's own words for a status, as far as they differ from the field's.
_WORDS = {"INACTIVE": "PAUSED"}
# The platform's clock and the database's are not the same one.
_SKEW = timedelta(minutes=1)


def edit(
    drift: Mapping[str, Any] | None, field: str, ours: Any, theirs: Any, *, after: datetime, now: datetime
) -> Edit:
    """The edit of a field that shows ``theirs`` now; one that was seen before keeps its times and its author.

    Args:
        drift: of the object, as the last look left it.
        field: which one.
        ours: what we know.
        theirs: what is shown.
        after: the last look.
        now: this one.
    """
    seen: Mapping[str, Any] = (drift or {}).get(field) or {}
    if "since" in seen and seen.get("theirs") == theirs:
        return {**seen, "ours": ours}
    return {"ours": ours, "theirs": theirs, "after": after.isoformat(), "since": now.isoformat()}


def nameless(one: Mapping[str, Any], now: datetime, lag: timedelta) -> bool:
    """Whether the log may still name who made it: an entry can appear some time after its change."""
    return "by" not in one and "since" in one and datetime.fromisoformat(one["since"]) + lag >= now


def span(edits: Iterable[Mapping[str, Any]]) -> tuple[datetime, datetime]:
    """The part of the log that tells of these edits; there must be one."""
    known = list(edits)
    first = min(datetime.fromisoformat(one["after"]) for one in known)
    return first - _SKEW, max(datetime.fromisoformat(one["since"]) for one in known) + _SKEW


def named(field: str, one: Edit, remote_id: str, log: Iterable[Activity]) -> Edit:
    """The edit with its author, where the log has an entry that fits object, field, value and time; the last of them."""
    since, until = span([one])
    wanted = DELETED if field == VANISHED else one["theirs"]
    entries = [
        entry
        for entry in log
        if entry.object_id == remote_id
        and entry.event_type in _EVENTS[field]
        and since <= entry.at <= until
        and _says(field, entry.new, wanted)
    ]
    if not entries:
        return one
    last = max(entries, key=lambda entry: entry.at)
    who, through = last.actor_name or last.actor_id, last.application_name or last.application_id
    return {**one, "by": {"who": who, "through": through, "at": last.at.isoformat()}}


def told(ref: str, field: str, one: Mapping[str, Any]) -> str:
    """The edit for the person who reads the asset's page."""
    return f"{ref}: {_what(field, one)}, {_by(one)}"


def _says(field: str, value: str | None, wanted: Any) -> bool:
    """Whether an entry's new value is the one that is shown. Of one that is gone the log must say so in so many words."""
    if value is None:
        return field != VANISHED
    return value == str(wanted) if field == "daily_budget" else _WORDS.get(value.upper(), value.upper()) == wanted


def _what(field: str, one: Mapping[str, Any]) -> str:
    if field == VANISHED:
        return "not shown any more, deleted or hidden from our token"
    if field == "daily_budget" and not one["theirs"]:
        kind = "no daily budget of its own any more" if one["theirs"] == 0 else "a lifetime budget"
        return f"{kind}, ours was {one['ours']}"
    return f"{field} is {one['theirs']}, ours was {one['ours']}"


def _by(one: Mapping[str, Any]) -> str:
    by = one.get("by")
    if by is None:
        since = f"between {_moment(one['after'])} and {_moment(one['since'])} UTC; " if "since" in one else ""
        return f"{since}the account's log does not name who"
    through = f" through {by['through']}" if by["through"] else ""
    return f"by {by['who'] or 'somebody without a name'}{through} at {_moment(by['at'])} UTC"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"
