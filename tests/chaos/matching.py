"""Which attempt did what: our applied attempts paired with the platform's effects, one to one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from flywheel_assets.core.changes import SAFETY_PRIORITY
from tests.chaos.evidence import APPLIED, Evidence
from tests.chaos.journal import Row, Write

_VAIN = ("failed", "throttled", "not_applied")
_LATEST = timedelta(hours=1)  # a storm's clock leaps a minute from look to look, and a call may take a second


@dataclass(frozen=True)
class Matched:
    """Attempts that are called applied, and conflicts, which claim nothing and may have had one, held against effects.

    Attributes:
        pairs: attempt and effect that belong together.
        vain: numbers of writes by safety pauses of which nothing is claimed; they are not waited for and sent
            again, so such a write may land later than it was looked for, or pause what was paused.
        unclaimed: effects that no attempt accounts for.
        unfounded: attempts without an effect.
    """

    pairs: Sequence[tuple[Row, Write]]
    vain: frozenset[int]
    unclaimed: Sequence[Write]
    unfounded: Sequence[Row]


def match(evidence: Evidence) -> Matched:
    """Pair them: same object, same kind, same value, and the effect came while the attempt was under way."""
    free: dict[tuple[Any, str], list[Write]] = defaultdict(list)
    for one in evidence.effects:
        free[one.remote_id, one.kind].append(one)
    pairs, unfounded = [], []
    # Who claims nothing comes last, and who had least time left comes first: no pair is taken from another.
    claims = [row for row in evidence.history if row["status"] in (*APPLIED, "conflict")]
    for row in sorted(claims, key=lambda row: (row["status"] == "conflict", row["finished_at"])):
        candidates = free[row["remote_id"], row["change_type"]]
        found = next((one for one in candidates if _fits(evidence, row, one)), None)
        if found is None and row["status"] != "conflict":
            unfounded.append(row)
        elif found is not None:
            candidates.remove(found)
            pairs.append((row, found))
    vain = _vain(evidence, {one.number for _, one in pairs})
    urgent = vain | {one.number for row, one in pairs if is_urgent(evidence.changes[row["change_id"]])}
    unfounded = [row for row in unfounded if not _answered_by_another(evidence, row, urgent)]
    left = [one for some in free.values() for one in some if one.number not in vain]
    return Matched(pairs, vain, sorted(left, key=lambda one: one.number), unfounded)


def is_urgent(change: Row) -> bool:
    """Whether it is a safety pause."""
    return bool(change["priority"] >= SAFETY_PRIORITY)


def _answered_by_another(evidence: Evidence, row: Row, urgent: frozenset[int]) -> bool:
    """Whether a pause that was read back met the one of another attempt, where either of the two is a safety pause.

    That does not wait until what nobody answered is known, so both may be under way, and where the call of one was
    never made the platform shows what it wanted all the same. Nothing else is sent beside an unanswered write.
    """
    if (row["status"], row["change_type"]) != ("reconciled", "set_status"):
        return False
    beside = [one for one in evidence.effects if one.remote_id == row["remote_id"] and one.kind == "set_status"]
    is_safe = is_urgent(evidence.changes[row["change_id"]])
    return any(_fits(evidence, row, one) and (is_safe or one.number in urgent) for one in beside)


def _vain(evidence: Evidence, claimed: set[int]) -> frozenset[int]:
    """Of every try of a safety pause that came to nothing, the write that it was, if one has arrived."""
    found = set(claimed)
    for row in evidence.history:
        if row["status"] in _VAIN and is_urgent(evidence.changes[row["change_id"]]):
            its = (one.number for one in evidence.writes if one.number not in found and _may_be(row, one))
            found.update(islice(its, 1))
    return frozenset(found - claimed)


def _may_be(row: Row, one: Write) -> bool:
    same = (one.remote_id, one.kind, one.params.get("status")) == (row["remote_id"], "set_status", "PAUSED")
    return same and row["started_at"] <= one.at <= row["started_at"] + _LATEST


def _fits(evidence: Evidence, row: Row, one: Write) -> bool:
    return row["started_at"] <= one.at <= row["finished_at"] and _same_value(evidence, row, one)


def _same_value(evidence: Evidence, row: Row, one: Write) -> bool:
    spec = evidence.changes[row["change_id"]]["spec"]
    match row["change_type"]:
        case "set_budget" | "create_adset":
            meant = row["target_budget"] if row["status"] == "conflict" else row["actual_budget"]
            return bool(int(one.params["daily_budget"]) == meant)
        case "set_status":
            return bool(one.value == spec["status"])
        case "set_name":
            return str(one.value).startswith(spec["name"])
        case "set_targeting":
            return bool(one.value == spec["targeting"])
        case _:
            return True
