"""Patterns across accounts (E5): only of accounts whose owners opted in, only of one niche, never a text or an id.

Kept are elements from closed lists (hook families, looks, names of things the detector knows), with
the number of accounts and ads they were seen in and their mean lifts. A pattern of fewer
accounts than the setting asks for is not written, and one that falls below it is removed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from sqlalchemy import Connection, Engine, select

from flywheel_assets.core.account import Account
from flywheel_assets.learning.report import Count, Status, StepReport
from flywheel_assets.settings import Settings
from flywheel_assets.store.tables import accounts, knowledge_nodes, shared_patterns

STEP = "E5 cross-learner"
# Calls to action, offers and proofs are somebody's words.
SHARED_KINDS = ("hook_family", "look", "opening_object")


@dataclass(frozen=True)
class Pattern:
    """One element in one account."""

    account_id: str
    kind: str
    value: str
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """What is shared in the niche now, and why not more."""

    written: int
    removed: int
    accounts: int
    status: Status
    reason: str

    def report(self) -> StepReport:
        """The step in words."""
        changed: dict[str, Count] = {"written": self.written, "removed": self.removed}
        return StepReport(step=STEP, status=self.status, changed=changed, reason=self.reason)


def update_shared(engine: Engine, account: Account, settings: Settings) -> Shared:
    """Replace the patterns of the account's niche by what its sharing accounts have in common; one transaction."""
    if account.niche is None:
        return Shared(0, 0, 0, "nothing", "the account names no niche")
    least = settings.learning.shared_min_accounts
    with engine.begin() as connection:
        sharing = _sharing(connection, account.niche, settings.world)
        rows = common(_patterns(connection, sharing), least)
        written, removed = _replace(connection, account.niche, rows)
    if not account.consent.cross_account_sharing:
        reason = "the owner does not share across accounts (consent.cross_account_sharing)"
        return Shared(written, removed, len(sharing), "done" if removed else "nothing", reason)
    if len(sharing) < least:
        reason = f"needs {least} accounts, {len(sharing)} of niche {account.niche!r} share"
        return Shared(written, removed, len(sharing), "done" if removed else "insufficient", reason)
    reason = f"{len(rows)} patterns of {len(sharing)} accounts in niche {account.niche!r}"
    return Shared(written, removed, len(sharing), "done" if written or removed else "nothing", reason)


def _sharing(connection: Connection, niche: str, world: str) -> list[str]:
    query = select(accounts.c.account_id, accounts.c.config).where(accounts.c.world == world)
    configs = [(row.account_id, Account.model_validate(row.config)) for row in connection.execute(query)]
    return sorted(key for key, one in configs if one.niche == niche and one.consent.cross_account_sharing)


def _patterns(connection: Connection, sharing: Sequence[str]) -> list[Pattern]:
    node = knowledge_nodes.c
    query = select(node.account_id, node.kind, node.value, node.metrics).where(
        node.account_id.in_(sharing), node.kind.in_(SHARED_KINDS)
    )
    return [Pattern(*row) for row in connection.execute(query)]


def common(patterns: Sequence[Pattern], least: int) -> list[dict[str, Any]]:
    """Elements seen in at least ``least`` accounts: every account counts once, however many ads it has."""
    groups: defaultdict[tuple[str, str], list[Pattern]] = defaultdict(list)
    for one in patterns:
        groups[one.kind, one.value].append(one)
    return [
        {
            "kind": kind,
            "value": value,
            "accounts": len({one.account_id for one in members}),
            "ads": sum(one.metrics["ads"] for one in members),
            "metrics": {name: _mean_lift(members, name) for name in ("ctr_lift", "lead_lift", "winner_lift")},
        }
        for (kind, value), members in sorted(groups.items())
        if len({one.account_id for one in members}) >= least
    ]


def _mean_lift(members: Sequence[Pattern], name: str) -> float | None:
    """Geometric mean of the ratios; an account without a comparison, or with none of the outcome, has no say."""
    known = [one.metrics[name] for one in members if one.metrics[name] is not None and one.metrics[name] > -1]
    return math.expm1(fmean(math.log1p(lift) for lift in known)) if known else None


def _replace(connection: Connection, niche: str, rows: list[dict[str, Any]]) -> tuple[int, int]:
    """How many patterns were written because they are new or moved, and how many went."""
    table = shared_patterns.c
    columns = (table.kind, table.value, table.accounts, table.ads, table.metrics)
    before = {
        (row["kind"], row["value"]): dict(row)
        for row in connection.execute(select(*columns).where(table.niche == niche)).mappings()
    }
    after = {(row["kind"], row["value"]): row for row in rows}
    moved = [row for key, row in after.items() if before.get(key) != row]
    gone = before.keys() - after.keys()
    if moved or gone:
        connection.execute(shared_patterns.delete().where(table.niche == niche))
    if rows and (moved or gone):
        connection.execute(shared_patterns.insert(), [{"niche": niche, **row} for row in rows])
    return len(moved), len(gone)
