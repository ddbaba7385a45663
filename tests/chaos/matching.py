"""Which attempt did what: our applied attempts paired with the platform's effects, one to one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import APPLIED, Evidence
from tests.chaos.journal import Row, Write


@dataclass(frozen=True)
class Matched:
    """Attempts that are called applied, held against effects.

    Attributes:
        pairs: attempt and effect that belong together.
        unclaimed: effects that no attempt accounts for.
        unfounded: attempts without an effect.
    """

    pairs: Sequence[tuple[Row, Write]]
    unclaimed: Sequence[Write]
    unfounded: Sequence[Row]


def match(evidence: Evidence) -> Matched:
    """Pair them: same object, same kind, same value, and the effect came while the attempt was under way."""
    free: dict[tuple[Any, str], list[Write]] = defaultdict(list)
    for one in evidence.effects:
        free[one.remote_id, one.kind].append(one)
    pairs, unfounded = [], []
    for row in evidence.history:
        if row["status"] not in APPLIED:
            continue
        candidates = free[row["remote_id"], row["change_type"]]
        found = next((one for one in candidates if _fits(evidence, row, one)), None)
        if found is None:
            unfounded.append(row)
        else:
            candidates.remove(found)
            pairs.append((row, found))
    unclaimed = sorted((one for left in free.values() for one in left), key=lambda one: one.number)
    return Matched(pairs, unclaimed, unfounded)


def _fits(evidence: Evidence, row: Row, one: Write) -> bool:
    return row["started_at"] <= one.at <= row["finished_at"] and _same_value(evidence, row, one)


def _same_value(evidence: Evidence, row: Row, one: Write) -> bool:
    spec = evidence.changes[row["change_id"]]["spec"]
    match row["change_type"]:
        case "set_budget":
            return bool(int(one.value) == row["actual_budget"])
        case "create_adset":
            return bool(int(one.params["daily_budget"]) == row["actual_budget"])
        case "set_status":
            return bool(one.value == spec["status"])
        case "set_name":
            return str(one.value).startswith(spec["name"])
        case "set_targeting":
            return bool(one.value == spec["targeting"])
        case _:
            return True
