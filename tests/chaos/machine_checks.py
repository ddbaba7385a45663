"""The invariants that nothing is lost, doubled or told wrongly: what the platforms saw, held against what the rows say.

Where a person has edited an object between a worker's look and its call, nobody can keep the rule;
those writes are left out, and only those (docs/safety.md says so too).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.chaos.machine_limits import LIMITS
from tests.chaos.machine_picture import OPEN, Picture
from tests.chaos.machine_platform import Write
from tests.chaos.machine_scene import is_safety
from tests.chaos.machine_world import World


def check_everything(world: World) -> None:
    """Every invariant that must hold after every step."""
    for platform in world.platforms.values():
        platform.land()
    picture = Picture(world)
    for check in (*_TRUTHS, *LIMITS):
        check(picture)


# --- one change, one effect, one audit row --------------------------------------------------------


def applied_once(picture: Picture) -> None:
    """I1: no change has two applied attempts, none more than one effect."""
    applied = Counter(row["change_id"] for row in picture.history if row["status"] in ("applied", "reconciled"))
    assert all(number == 1 for number in applied.values()), "I1: a change was applied twice"
    effects: dict[Any, list[Write]] = defaultdict(list)
    for write in picture.ours:
        if write.changed and not (write.late and is_safety(write.audit)):
            effects[write.audit["change_id"]].append(write)
    for writes in effects.values():
        edited = picture.world.ledger.edited(writes[0].path, writes[0].number)
        assert len(writes) == 1 or edited, f"I1: {len(writes)} effects of one change at {writes[0].path}"


def one_object_a_tag(picture: Picture) -> None:
    """I11: what was made after a lost answer was looked for first."""
    names = [
        str(known.get("name"))
        for platform in picture.world.platforms.values()
        for known in platform.objects.values()
        if "edge" in known
    ]
    for known in picture.objects.values():
        assert sum(known["tag"] in name for name in names) <= 1, f"I11: {known['ref']} exists twice"


def audit_tells_the_truth(picture: Picture) -> None:
    """I2, I3: one call an audit row at most, and its outcome is what the platform did."""
    calls, excused = {write.audit["id"]: write for write in picture.ours}, picture.excused
    assert len(calls) == len(picture.ours), "I2: two calls under one audit row"
    for row in picture.history:
        call = calls.get(row["id"])
        effect = call is not None and call.applied
        meddled = bool(row["remote_id"]) and picture.world.ledger.edited(row["remote_id"])
        meddled |= row["id"] in excused
        if row["status"] in ("applied", "reconciled"):
            assert effect or meddled, f"I3: {row['object_ref']} is called {row['status']}, the platform knows nothing"
        elif row["status"] in ("failed", "throttled", "not_applied"):
            assert not (call and call.changed) or meddled, (
                f"I3: {row['object_ref']} is called {row['status']}, but took effect"
            )


# --- nothing lost -----------------------------------------------------------------------------------


def nothing_lost(picture: Picture) -> None:
    """I7: rows in are rows kept; the dead are in the dead letters, all of them and nobody else."""
    repeated = [row for row in picture.queue if ":after:" in row["idempotency_key"]]
    assert all(is_safety(row) for row in repeated), "I7: something else than a safety pause was asked for again"
    assert len(picture.queue) - len(repeated) == picture.world.queued, "I7, I21: rows were lost or doubled"
    dead = {row["id"] for row in picture.queue if row["status"] == "dead"}
    assert dead == {row["change_id"] for row in picture.letters}, "I7: dead letters and dead changes differ"
    for row in picture.queue:
        assert (row["finished_at"] is None) == (row["status"] in OPEN), f"I7: {row['status']} at {row['finished_at']}"


def waiting_is_no_failure(picture: Picture) -> None:
    """I8: only calls and questions that failed are counted; limits, throttles and a stopped account are not."""
    failed: Counter[Any] = Counter()
    for row in picture.history:
        why = (row["error"] or {}).get("error")
        stopped = row["status"] == "failed" and why in ("AuthError", "PolicyError")
        failed[row["change_id"]] += row["status"] != "throttled" and not stopped
    for row in picture.queue:
        most = failed[row["id"]] + picture.world.ledger.failed_reads
        assert row["failures"] <= most, f"I8: {row['object_ref']} has {row['failures']} failures, {most} were met"


def breaker_counts_failures_only(picture: Picture) -> None:
    """I24: no more failures on record than the platform gave."""
    for account_id, breaker in picture.breakers.items():
        met = picture.world.ledger.failures[account_id]
        assert breaker["failures"] <= met, f"breaker of {account_id} counts {breaker['failures']}, {met} were met"


def other_world_untouched(picture: Picture) -> None:
    """A worker of one world never takes a change of the other."""
    (row,) = picture.trap
    assert (row["status"], row["worker"], row["wait_reason"]) == ("pending", None, None), "a worker crossed over"


_TRUTHS = (
    applied_once,
    one_object_a_tag,
    audit_tells_the_truth,
    nothing_lost,
    waiting_is_no_failure,
    breaker_counts_failures_only,
    other_world_untouched,
)
