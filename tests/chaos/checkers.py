"""The invariants, one pure function each: what it finds broken, in words; nothing when it holds.

What was done is read from the platform's journal. Our own tables are believed in nothing but what
we claim, and every claim is held against the journal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from tests.chaos.evidence import APPLIED, ENDED, Evidence
from tests.chaos.journal import Row, Write
from tests.chaos.matching import is_urgent, match

_HOUR = timedelta(hours=1)
# Writes below a campaign; videos, images and creatives belong to the account.
_OF_CAMPAIGN = frozenset(
    {"create_campaign", "create_adset", "create_ad", "set_budget", "set_status", "set_name", "set_targeting"}
)
_CALLS_OF_AN_UPLOAD = 3  # start, one chunk, finish: each may take its time
Found = Iterator[str]


def violations(evidence: Evidence) -> list[str]:
    """Everything that is broken, each with the number of its invariant."""
    return [f"{name}: {found}" for name, check in CHECKS.items() for found in check(evidence)]


def applied_once(evidence: Evidence) -> Found:
    """I1: a change is applied once or never, and a tag names one object at the platform."""
    applied = Counter(row["change_id"] for row in evidence.history if row["status"] in APPLIED)
    for row in evidence.queue:
        wanted = int(row["status"] == "applied")
        if applied[row["id"]] != wanted:
            yield f"{_name(row)} is {row['status']} and has {applied[row['id']]} applied attempts"
    made = [one for one in evidence.effects if one.kind.startswith(("create_", "upload_"))]
    for planned in evidence.planned:
        ids = {one.remote_id for one in made if planned["tag"] in one.text}
        if len(ids) > 1:
            yield f"{planned['ref']} exists {len(ids)} times: {sorted(map(str, ids))}"


def audited(evidence: Evidence) -> Found:
    """I2: every effect has its audit row."""
    yield from (f"{_write(one)} has no audit row" for one in match(evidence).unclaimed)


def true_claims(evidence: Evidence) -> Found:
    """I3: every attempt that is called applied did happen, with that value, while it was under way."""
    for row in match(evidence).unfounded:
        name = f"attempt {row['attempt']} of {row['change_type']} {row['object_ref']} is {row['status']}"
        yield f"{name} and never happened{_told(evidence, row)}"


def _told(evidence: Evidence, row: Row) -> str:
    """When it was under way, who else was at the same object, and what happened to that: a storm does not come twice."""
    others = [
        f"{one['change_id']}.{one['attempt']} {one['status']} {one['started_at']} to {one['finished_at']}"
        for one in evidence.history
        if (one["object_ref"], one["change_type"]) == (row["object_ref"], row["change_type"])
    ]
    writes = [f"{one.number} {one.value} {one.at}" for one in evidence.writes if one.remote_id == row["remote_id"]]
    return f"\n  attempts: {'; '.join(others)}\n  of these {row['change_id']}.{row['attempt']}\n  writes: {'; '.join(writes)}"


def hourly_actions(evidence: Evidence) -> Found:
    """I4: no campaign has more actions than allowed in any sliding hour, and the reserve is left to safety pauses.

    Refused writes are actions too, but a safety pause's own vain tries do not use up what is kept for it.
    """
    limit, matched = evidence.safety.actions_per_campaign_hour, match(evidence)
    urgent = {one.number for row, one in matched.pairs if is_urgent(evidence.changes[row["change_id"]])}
    counted = [one for one in evidence.writes if one.number not in matched.vain]
    ordinary = [one for one in counted if one.number not in urgent]
    for words, some, allowed in (
        ("actions", counted, limit),
        ("actions that are no safety pause", ordinary, limit - evidence.safety.pause_reserve),
    ):
        for campaign, moments in _actions(evidence, some).items():
            most, opens = _fullest_hour(moments)
            if most > allowed:
                yield f"campaign {campaign} has {most} {words} in the hour from {opens}, {allowed} are allowed"


def budget_velocity(evidence: Evidence) -> Found:
    """I5: no two budgets in force at most six hours apart differ by more than a fifth."""
    window = timedelta(hours=evidence.safety.velocity_window_hours)
    share = evidence.safety.velocity_percent
    for owner, path in _budgets(evidence).items():
        spans = [(minor, until) for (_, minor), (until, _) in pairwise(path)]
        for index, (since, minor) in enumerate(path):
            for earlier, until in spans[:index]:
                near = since - until < window
                if near and not earlier * (100 - share) <= 100 * minor <= earlier * (100 + share):
                    yield f"{owner}: {earlier} was in force until {until}, and {minor} is from {since}"


def budget_changes(evidence: Evidence) -> Found:
    """I6: no owner's budget changes more often in an hour than allowed."""
    limit = evidence.safety.budget_changes_per_hour
    moments: dict[str | None, list[datetime]] = defaultdict(list)
    for one in evidence.effects:
        if one.kind == "set_budget":
            moments[one.remote_id].append(one.at)
    for owner, times in moments.items():
        most, opens = _fullest_hour(times)
        if most > limit:
            yield f"{owner}: {most} budget changes in the hour from {opens}, {limit} are allowed"


def nothing_lost(evidence: Evidence) -> Found:
    """I7: as many rows as were asked for, and the dead ones lie in the dead letters, each once.

    Pauses that were repeated after a late activation were asked for by nobody.
    """
    there = [row for row in evidence.queue if not (is_urgent(row) and ":after:" in row["idempotency_key"])]
    if len(there) != evidence.asked:
        yield f"{evidence.asked} changes were queued and {len(there)} are there"
    dead = Counter(row["id"] for row in evidence.queue if row["status"] == "dead")
    letters = Counter(row["change_id"] for row in evidence.letters)
    for change_id in (dead - letters) | (letters - dead):
        yield f"{_name(evidence.changes[change_id])} is {evidence.changes[change_id]['status']} and has {letters[change_id]} letters"


def ended(evidence: Evidence) -> Found:
    """I12, I13: in the end no change and no attempt is open."""
    for row in evidence.queue:
        if row["status"] not in ENDED:
            yield f"{_name(row)} is still {row['status']}: {row['wait_reason']}"
    for row in evidence.history:
        if row["finished_at"] is None:
            yield f"attempt {row['attempt']} of {row['change_type']} {row['object_ref']} is still {row['status']}"


def in_order(evidence: Evidence) -> Found:
    """I14: changes of one kind to one object take effect in the order in which they were asked for.

    A safety pause does not wait for what nobody has answered; what lands after it is paused again.
    """
    latest: dict[tuple[str, str], Row] = {}
    for attempt, _ in sorted(match(evidence).pairs, key=lambda pair: pair[1].number):
        change = evidence.changes[attempt["change_id"]]
        key = (change["object_ref"], change["change_type"])
        waited = attempt["status"] == "applied" or not (key in latest and is_urgent(latest[key]))
        if key in latest and latest[key]["seq"] > change["seq"] and waited:
            yield f"{_name(change)} took effect after {_name(latest[key])}"
        latest[key] = change


def frozen(evidence: Evidence) -> Found:
    """I16: once a freeze has committed no call starts; one that had started may still arrive for a moment."""
    patience = _CALLS_OF_AN_UPLOAD * timedelta(seconds=evidence.safety.http_timeout_seconds)
    started = {one.number: row["started_real"] for row, one in match(evidence).pairs}
    for freeze in evidence.freezes:
        for row in evidence.history:
            if row["account_id"] == freeze.account and freeze.since < row["started_real"] < freeze.until:
                yield f"{row['change_type']} {row['object_ref']} began while {freeze.account} was frozen"
        for one in evidence.writes:
            inside = one.account == freeze.account and freeze.since < one.real < freeze.until
            late = started.get(one.number, freeze.since) > freeze.since or one.real > freeze.since + patience
            if inside and late:
                yield f"{_write(one)} arrived while {freeze.account} was frozen"


def jittered(evidence: Evidence) -> Found:
    """I25: the jitter lies within its bounds, is on record, and was waited for; a safety pause has none."""
    low, high = evidence.safety.jitter_seconds
    first = {row["change_id"]: row for row in reversed(evidence.history)}
    for row in evidence.queue:
        jitter = row["jitter_seconds"]
        if not (jitter == 0 if is_urgent(row) else low <= jitter <= high):
            yield f"{_name(row)} has a jitter of {jitter} s"
        attempt = first.get(row["id"])
        if attempt is not None and attempt["started_at"] < row["created_at"] + timedelta(seconds=jitter):
            yield f"{_name(row)} began {attempt['started_at'] - row['created_at']} after it was asked for, before its {jitter} s"


CHECKS: dict[str, Callable[[Evidence], Found]] = {
    "I1": applied_once,
    "I2": audited,
    "I3": true_claims,
    "I4": hourly_actions,
    "I5": budget_velocity,
    "I6": budget_changes,
    "I7": nothing_lost,
    "I13": ended,
    "I14": in_order,
    "I16": frozen,
    "I25": jittered,
}


def fullest_hours(evidence: Evidence) -> dict[str, int]:
    """By campaign, the most actions in any sliding hour."""
    return {campaign: _fullest_hour(moments)[0] for campaign, moments in _actions(evidence, evidence.writes).items()}


def _actions(evidence: Evidence, some: Sequence[Write]) -> dict[str, list[datetime]]:
    moments: dict[str, list[datetime]] = defaultdict(list)
    for one in some:
        if one.kind in _OF_CAMPAIGN and (campaign := _campaign(evidence, one)) is not None:
            moments[campaign].append(one.at)
    return moments


def _campaign(evidence: Evidence, one: Write) -> str | None:
    """The campaign a write counts toward; None for one that was refused before it was anybody's."""
    place = one.remote_id or one.params.get("adset_id") or one.params.get("campaign_id")
    while place is not None and evidence.parents.get(place) is not None:
        place = evidence.parents[place]
    return place


def _fullest_hour(moments: Sequence[datetime]) -> tuple[int, datetime | None]:
    """The most moments in any [t, t + 1 h), and that t."""
    ordered, first, most, opens = sorted(moments), 0, 0, None
    for index, moment in enumerate(ordered):
        while moment - ordered[first] >= _HOUR:
            first += 1
        if index - first + 1 > most:
            most, opens = index - first + 1, ordered[first]
    return most, opens


def _budgets(evidence: Evidence) -> dict[str, list[tuple[datetime, int]]]:
    """For each owner the budgets as the platform had them, with the time from which each was in force."""
    start = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
    path = {owner: [(start, minor)] for owner, minor in evidence.budgets.items()}
    for one in evidence.effects:
        if one.remote_id is not None and "daily_budget" in one.params:
            path.setdefault(one.remote_id, []).append((one.at, int(one.params["daily_budget"])))
    return path


def _name(row: Row) -> str:
    return f"{row['change_type']} {row['object_ref']} (#{row['seq']})"


def _write(one: Write) -> str:
    return f"{one.kind} {one.remote_id} of {one.at} (journal {one.number})"
