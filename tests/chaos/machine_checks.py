"""The invariants, each a function of the world: what the platforms saw, held against what the rows say.

Where a person has edited an object between a worker's look and its call, nobody can keep the rule;
those writes are left out, and only those (docs/safety.md says so too).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from flywheel_assets.store.tables import (
    account_holds,
    accounts,
    ad_change_history,
    ad_objects,
    breakers,
    dead_letters,
    pending_ad_changes,
)
from tests.chaos.machine_platform import Write
from tests.chaos.machine_scene import ACCOUNTS, SAFETY, is_safety
from tests.chaos.machine_world import World
from tests.fakes import most_in_any_hour

OPEN = {"proposed", "pending", "claimed", "executing", "unknown"}


class Picture:
    """The rows at one moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        every = world.rows(pending_ad_changes, pending_ad_changes.c.seq)
        self.trap = [row for row in every if row["world"] == "live"]
        self.queue = [row for row in every if row["world"] != "live"]
        self.changes = {row["id"]: row for row in self.queue}
        self.history = world.rows(ad_change_history, ad_change_history.c.id)
        self.letters = world.rows(dead_letters)
        self.objects = {row["ref"]: row for row in world.rows(ad_objects)}
        self.accounts = {row["account_id"]: row for row in world.rows(accounts)}
        self.breakers = {row["account_id"]: row for row in world.rows(breakers)}
        self.held = {row["account_id"] for row in world.rows(account_holds) if row["until"] > world.now()}
        self.ours = world.ledger.ours()


def check_everything(world: World) -> None:
    """Every invariant that must hold after every step."""
    picture = Picture(world)
    for check in _CHECKS:
        check(picture)


# --- one change, one effect, one audit row --------------------------------------------------------


def applied_once(picture: Picture) -> None:
    """I1: no change has two applied attempts, none more than one effect, no tag more than one object."""
    applied = Counter(row["change_id"] for row in picture.history if row["status"] in ("applied", "reconciled"))
    assert all(number == 1 for number in applied.values()), "I1: a change was applied twice"
    effects: dict[Any, list[Write]] = defaultdict(list)
    for write in picture.ours:
        if write.applied:
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
    calls = {write.audit["id"]: write for write in picture.ours}
    assert len(calls) == len(picture.ours), "I2: two calls under one audit row"
    for row in picture.history:
        call = calls.get(row["id"])
        effect = call is not None and call.applied
        meddled = bool(row["remote_id"]) and picture.world.ledger.edited(row["remote_id"])
        if row["status"] in ("applied", "reconciled"):
            assert effect or meddled, f"I3: {row['object_ref']} is called {row['status']}, the platform knows nothing"
        elif row["status"] in ("failed", "throttled", "not_applied"):
            assert not effect or meddled, f"I3: {row['object_ref']} is called {row['status']}, but took effect"


def amount_sent_is_the_recorded_one(picture: Picture) -> None:
    """I25, fuzz: within 3 % of what was asked unless a limit moved it, and the audit says which."""
    for write in picture.ours:
        if "daily_budget" not in write.params:
            continue
        row = next(row for row in picture.history if row["id"] == write.audit["id"])
        sent, asked = write.params["daily_budget"], row["requested_budget"]
        assert sent == row["target_budget"], f"{row['object_ref']}: sent {sent}, recorded {row['target_budget']}"
        moved = any("moved" in words for words in row["adjustments"])
        again = row["attempt"] > 1
        assert moved or again or abs(sent - asked) <= SAFETY.fuzz * asked + 1, f"fuzz of {sent} for {asked} is too wide"


# --- limits ------------------------------------------------------------------------------------------


def actions_per_hour(picture: Picture) -> None:
    """I4: in any sliding hour, with one action kept for safety pauses; account-level writes likewise."""
    moments: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for write in picture.ours:
        row = write.audit
        counted = row["campaign_ref"] if row["scope"] == "campaign" else row["account_id"]
        moments["all", counted].append(write.at)
        if not is_safety(row):
            moments["ordinary", counted].append(write.at)
    for (kind, counted), times in moments.items():
        limit = SAFETY.actions_per_campaign_hour - (SAFETY.pause_reserve if kind == "ordinary" else 0)
        if counted in ACCOUNTS:
            limit = SAFETY.account_writes_per_hour
        assert most_in_any_hour(times) <= limit, (
            f"I4: {kind} actions of {counted} in one hour: {most_in_any_hour(times)}"
        )


def budget_changes_per_hour(picture: Picture) -> None:
    """I6: three a budget owner and sliding hour."""
    moments: dict[str, list[datetime]] = defaultdict(list)
    for write in picture.ours:
        if write.audit["change_type"] == "set_budget" and not write.throttled:
            moments[write.path].append(write.at)
    for path, times in moments.items():
        assert most_in_any_hour(times) <= SAFETY.budget_changes_per_hour, f"I6: budget of {path} changed too often"


def velocity(picture: Picture) -> None:
    """I5: no budget of ours is further than a fifth from any other that was known in force up to six hours before."""
    window = timedelta(hours=SAFETY.velocity_window_hours)
    for path, changes in _budget_effects(picture).items():
        known = _known_budgets(picture, path)
        for place, sent in enumerate(changes):
            value = sent.params["daily_budget"]
            if sent.actor == "person":
                continue
            for ended in changes[: place + 1]:
                before = ended.before.get("daily_budget")
                if before in known and ended.at > sent.at - window:
                    assert 0.8 * before <= value <= 1.2 * before, f"I5: {path} to {value}, {before} within six hours"


def daily_cap(picture: Picture) -> None:
    """Budgets in force never sum to more than the account's cap, as long as nobody else sets them."""
    for account_id, platform in picture.world.platforms.items():
        account = ACCOUNTS[account_id]
        if any(write.actor == "person" and write.account_id == account_id for write in picture.world.ledger.writes):
            continue
        cap = int(account.money(account.daily_plan).minor * (1 + SAFETY.cap_over_plan))
        running = [known for known in platform.objects.values() if known.get("status") == "ACTIVE"]
        total = sum(known.get("daily_budget", 0) for known in running)
        assert total <= cap, f"cap: {account_id} runs {total} a day, its cap is {cap}"


# --- order, a person's word -------------------------------------------------------------------------


def in_order(picture: Picture) -> None:
    """I14: changes of one kind to one object reach it in the order in which they were asked for."""
    last: dict[tuple[str, str], int] = {}
    for write in picture.ours:
        subject = write.audit["object_ref"], write.audit["change_type"]
        assert write.audit["seq"] >= last.get(subject, 0), f"I14: {subject} was overtaken"
        last[subject] = write.audit["seq"]


def persons_edit_stands(picture: Picture) -> None:
    """I15: a budget that a person set, and that our worker could see, is not overwritten until it was adopted."""
    for path, changes in _budget_effects(picture).items():
        known = _known_budgets(picture, path)
        for sent in changes:
            raced = any(w.actor == "person" and sent.seen_at < w.number < sent.number for w in changes)
            if sent.actor == "us" and sent.before and not raced:
                before = sent.before["daily_budget"]
                assert before in known, f"I15: {path} at {before} by a person was set to {sent.params['daily_budget']}"


def not_before_its_time(picture: Picture) -> None:
    """I8, I25: jitter recorded and kept, a deferral kept to its time."""
    for row in picture.queue:
        low, high = (0, 0) if is_safety(row) else SAFETY.jitter_seconds
        assert low <= row["jitter_seconds"] <= high, f"I25: jitter of {row['jitter_seconds']} s"
    for write in picture.ours:
        asked, row = write.audit["created_at"], write.audit
        assert write.at >= asked + timedelta(seconds=row["jitter_seconds"]), "I25: sent before its jitter was over"
        assert write.at >= row["not_before"], f"I8: sent at {write.at}, not before {row['not_before']}"


# --- nothing lost -----------------------------------------------------------------------------------


def nothing_lost(picture: Picture) -> None:
    """I7: rows in are rows kept; the dead are in the dead letters, all of them and nobody else."""
    assert len(picture.queue) == picture.world.queued, "I7, I21: rows were lost or doubled"
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


def _budget_effects(picture: Picture) -> dict[str, list[Write]]:
    """By path, every write that set a budget, in order."""
    found: dict[str, list[Write]] = defaultdict(list)
    for write in picture.world.ledger.writes:
        if write.applied and "daily_budget" in write.params and not write.path.startswith("act_"):
            found[write.path].append(write)
    return found


def _known_budgets(picture: Picture, path: str) -> set[int]:
    """Budgets of an object that were ours, or a person's that the executor has told us it adopted."""
    refs = [ref for ref, known in picture.objects.items() if known["remote_id"] == path]
    told = {minor for ref in refs for minor in picture.world.known.get(ref, set())}
    sent = {
        write.params["daily_budget"]
        for write in picture.ours
        if write.applied and "daily_budget" in write.params and write.audit["object_ref"] in refs
    }
    return told | sent


_CHECKS = (
    applied_once,
    one_object_a_tag,
    audit_tells_the_truth,
    amount_sent_is_the_recorded_one,
    actions_per_hour,
    budget_changes_per_hour,
    velocity,
    daily_cap,
    in_order,
    persons_edit_stands,
    not_before_its_time,
    nothing_lost,
    waiting_is_no_failure,
    breaker_counts_failures_only,
    other_world_untouched,
)
