"""The invariants that bound what may be sent: how many, how much, in which order, on top of what, when."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from flywheel_assets.core.account import Account
from tests.chaos.machine_picture import Picture
from tests.chaos.machine_scene import ACCOUNTS, SAFETY, is_safety
from tests.fakes import most_in_any_hour

# --- limits ------------------------------------------------------------------------------------------


def actions_per_hour(picture: Picture) -> None:
    """I4: in any sliding hour, with one action kept for safety pauses; account-level writes likewise.

    A safety pause's own tries that came to nothing do not use up what is kept for it.
    """
    moments: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for write in picture.ours:
        row = write.audit
        if is_safety(row) and (write.late or not write.applied):
            continue
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
    for path, changes in picture.budget_effects().items():
        known = picture.known_budgets(path)
        for place, sent in enumerate(changes):
            value = sent.params["daily_budget"]
            if sent.actor == "person":
                continue
            for ended in changes[: place + 1]:
                before = ended.before.get("daily_budget")
                if before in known and ended.at > sent.at - window:
                    assert 0.8 * before <= value <= 1.2 * before, f"I5: {path} to {value}, {before} within six hours"


def daily_cap(picture: Picture) -> None:
    """Budgets in force never sum to more than the account's cap, as long as nobody else sets them and no answer lies."""
    for account_id, platform in picture.world.platforms.items():
        account = Account.model_validate(picture.accounts[account_id]["config"])
        here = [write for write in picture.world.ledger.writes if write.account_id == account_id]
        if any(write.actor == "person" or write.lied for write in here):
            continue
        tenth_above = int(account.money(account.daily_plan).minor * (1 + SAFETY.cap_over_plan))
        cap = tenth_above if account.daily_cap is None else account.money(account.daily_cap).minor
        running = [known for known in platform.objects.values() if known.get("status") == "ACTIVE"]
        total = sum(known.get("daily_budget", 0) for known in running)
        assert total <= cap, f"cap: {account_id} runs {total} a day, its cap is {cap}"


# --- order, a person's word -------------------------------------------------------------------------


def in_order(picture: Picture) -> None:
    """I14: changes of one kind to one object reach it in the order in which they were asked for.

    A safety pause waits for nothing, so it and an unanswered change may land in any order: `stays_stopped`.
    """
    latest: dict[tuple[str, str], Any] = {}
    for write in picture.ours:
        row, subject = write.audit, (write.audit["object_ref"], write.audit["change_type"])
        last = latest.get(subject, row)
        unordered = write.late and (is_safety(row) or is_safety(last))
        assert row["seq"] >= last["seq"] or unordered, f"I14: {subject} was overtaken"
        latest[subject] = max(row, last, key=lambda one: one["seq"])


def stays_stopped(picture: Picture) -> None:
    """I16: once the pauses of a stop are through, no campaign of ours runs that nobody else has switched on."""
    for account_id, since in picture.world.stopped.items():
        if picture.accounts[account_id]["pausing"]:
            continue
        for ref, known in picture.objects.items():
            if known["account_id"] != account_id or known["kind"] != "campaign" or known["remote_id"] is None:
                continue
            shown = picture.world.platforms[account_id].objects[known["remote_id"]]["status"]
            told = any(row["object_ref"] == ref and row["status"] == "dead" and is_safety(row) for row in picture.queue)
            others = picture.world.ledger.edited(known["remote_id"], since)
            assert shown == "PAUSED" or told or others, f"I16: {ref} runs although spend was stopped"


def persons_edit_stands(picture: Picture) -> None:
    """I15: a budget that a person set, and that our worker could see, is not overwritten until it was adopted."""
    for path, changes in picture.budget_effects().items():
        known = picture.known_budgets(path)
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


LIMITS = (
    actions_per_hour,
    budget_changes_per_hour,
    velocity,
    daily_cap,
    in_order,
    stays_stopped,
    persons_edit_stands,
    not_before_its_time,
    amount_sent_is_the_recorded_one,
)
