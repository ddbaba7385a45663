"""Rows and ledger of the state machine's world at one moment, as the checks want to see them."""

from __future__ import annotations

from collections import defaultdict

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
from tests.chaos.machine_scene import is_safety
from tests.chaos.machine_world import World

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

    @property
    def excused(self) -> set[int]:
        """Attempts whose record cannot be right.

        The platform said that nothing was made, and it was: it is found when it is to be made again. Or
        a safety pause landed after it was looked for: it is not waited for, to send it twice is harmless.
        """
        lied = {write.audit["change_id"] for write in self.ours if write.lied}
        late = {write.audit["id"] for write in self.ours if write.late and is_safety(write.audit)}
        return late | {row["id"] for row in self.history if row["change_id"] in lied}

    def budget_effects(self) -> dict[str, list[Write]]:
        """By path, every write that set a budget, in order."""
        found: dict[str, list[Write]] = defaultdict(list)
        for write in self.world.ledger.writes:
            if write.applied and "daily_budget" in write.params and not write.path.startswith("act_"):
                found[write.path].append(write)
        return found

    def known_budgets(self, path: str) -> set[int]:
        """Budgets of an object that were ours, or a person's that the executor has told us it adopted."""
        refs = [ref for ref, known in self.objects.items() if known["remote_id"] == path]
        told = {minor for ref in refs for minor in self.world.known.get(ref, set())}
        sent = {
            write.params["daily_budget"]
            for write in self.ours
            if write.applied and "daily_budget" in write.params and write.audit["object_ref"] in refs
        }
        return told | sent
