"""What must hold at single moments: when a worker claims, when it writes its intent, after a drain, in the end."""

from __future__ import annotations

from typing import Any

from tests.chaos.machine_picture import OPEN, Picture
from tests.chaos.machine_scene import SAFETY, is_safety
from tests.chaos.machine_world import World

LET_GO = {"pending", "claimed", "executing", "unknown", "applied"}


def check_intent(world: World, worker: str) -> None:
    """I15, I16, supersession: what must be true when an intent is committed."""
    audit, picture = world.open_audit(), Picture(world)
    account, change = picture.accounts[audit["account_id"]], picture.changes[audit["change_id"]]
    safety = is_safety(change)
    assert not account["frozen"] or (account["pausing"] and safety), f"I16: a call of {worker} starts while frozen"
    allowed = account["mode"] == "auto" or (account["mode"] == "approve" and change["approved_at"] is not None)
    assert safety or allowed, f"a call of {worker} starts in {account['mode']} mode"
    newer = [
        row
        for row in picture.queue
        if _same(row, change)
        and row["seq"] > change["seq"]
        and row["status"] in LET_GO
        and (is_safety(row) or not safety)
    ]
    assert not newer, f"I14: {change['object_ref']} is sent although a later change was let go"
    started = audit["started_at"]
    assert change["expires_at"] is None or started < change["expires_at"], "I15: a stale change is sent"


def check_claim(world: World, worker: str) -> None:
    """I24: an open breaker lets nothing through, a half-open one a single probe."""
    picture = Picture(world)
    (held,) = [row for row in picture.queue if (row["worker"], row["status"]) == (worker, "claimed")]
    breaker = picture.breakers.get(held["account_id"])
    state = breaker["state"] if breaker else "closed"
    if world.streaks.get(held["account_id"], 0) >= SAFETY.breaker_failures:
        assert state == "half_open", f"I24: claimed after {SAFETY.breaker_failures} failures in a row"
    assert state != "open", "I24: claimed while the breaker is open"
    if state == "half_open":
        probes = world.probes.setdefault(held["account_id"], worker)
        assert probes == worker, f"I24: {worker} claimed beside the probe of {probes}"
    else:
        world.probes.pop(held["account_id"], None)


def check_idle(world: World) -> None:
    """I12: after a drain, whatever is due waits for something that can be named."""
    picture, now = Picture(world), world.now()
    for row in picture.queue:
        if row["status"] in ("pending", "unknown") and row["not_before"] <= now:
            same = [(one["seq"], one["status"], one["wait_reason"]) for one in picture.queue if _same(one, row)]
            assert _blocked(picture, row), f"I12: {row['object_ref']} {row['change_type']} is due, not taken: {same}"


def _blocked(picture: Picture, row: dict[str, Any]) -> bool:
    account, breaker = picture.accounts[row["account_id"]], picture.breakers.get(row["account_id"])
    asking, safety = row["status"] == "unknown", is_safety(row)
    frozen = account["frozen"] and not (account["pausing"] and (safety or asking))
    mode = account["mode"] == "observe" or (account["mode"] == "approve" and row["approved_at"] is None)
    missing = [ref for ref in row["depends_on"] if picture.objects[ref]["remote_id"] is None]
    earlier = [
        other
        for other in picture.queue
        if _same(other, row) and other["seq"] < row["seq"] and _goes_before(other, safety=safety)
    ]
    held = row["account_id"] in picture.held
    tripped = breaker is not None and breaker["state"] != "closed"
    return bool(frozen or (mode and not safety and not asking) or missing or earlier or held or tripped)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Changes of the same kind to the same object."""
    return bool((one["object_ref"], one["change_type"]) == (other["object_ref"], other["change_type"]))


def _goes_before(earlier: dict[str, Any], *, safety: bool) -> bool:
    """What is under way, or not known yet, does, but no safety pause waits to learn what became of something else."""
    match earlier["status"]:
        case "claimed" | "executing":
            return True
        case "unknown":
            return is_safety(earlier) or not safety
        case "pending":
            return is_safety(earlier) and not safety
        case _:
            return False


def check_settled(world: World) -> None:
    """I13: the platform is well again, time has passed, so everything has ended; and the end is told truly."""
    picture = Picture(world)
    left = [(row["object_ref"], row["change_type"], row["status"]) for row in picture.queue if row["status"] in OPEN]
    assert not left, f"I13: still open: {left}"
    assert all(row["finished_at"] is not None for row in picture.history), "I13: an attempt was never resolved"
    if any(write.actor == "person" for write in world.ledger.writes):
        return
    told = {row["id"] for row in picture.history if row["status"] in ("applied", "reconciled")}
    done = {write.audit["id"] for write in picture.ours if write.applied}
    idle = {write.audit["id"] for write in picture.ours if not write.changed}  # to pause twice is to pause once
    open_ended = {row["id"] for row in picture.history if row["status"] == "conflict"}  # claims nothing
    excused = idle | open_ended | picture.excused
    assert told - excused == done - excused, f"I2: {len(told)} on record, {len(done)} effects"
