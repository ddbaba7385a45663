"""What the twin remembers: one SQLite file, one lock, a journal of every call.

An effect and its journal row are one transaction, so the journal is the truth that other parts
are checked against. Business time comes from the caller; wall time is only noted in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.core.money import minor_digits
from flywheel_assets.sandbox.market.scenarios import SCENARIOS, Scenario
from flywheel_assets.sandbox.memory import Memory
from flywheel_assets.sandbox.meta.schema import SCHEMA

_FIRST_ID = 120_200_000_000_000_000  # ids look like Meta's: too long for a float, so nobody stores them as one
TierName = Literal["development", "standard"]


@dataclass(frozen=True)
class Tier:
    """An access tier of an app: its name in the headers, its allowance of calls, its block when that is used up."""

    label: str
    score_limit: int
    block_seconds: float


TIERS: dict[TierName, Tier] = {
    "development": Tier("development_access", 60, 300.0),
    "standard": Tier("standard_access", 9000, 60.0),
}


@dataclass(frozen=True)
class Node:
    """One stored object; ``created`` and ``updated`` are business epoch seconds."""

    id: int
    kind: str
    account: str
    parent: int | None
    created: float
    updated: float
    data: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One journal row about to be written; ``params`` are free of secrets and file contents.

    Attributes:
        applied: whether a call created or changed something of the account.
        actor: `app` for calls of the API, `person` for edits made at the desk.
    """

    account: str | None
    method: str
    path: str
    params: Mapping[str, str]
    status: int
    answer: Any
    applied: bool
    fault: str | None
    cost: int
    actor: str = "app"


class SandboxMeta(Memory):
    """The twin's memory.

    Args:
        path: SQLite file; created with its folder when missing, taken up again otherwise.
        accounts: currency of each ad account, keyed ``act_<digits>``.
        clock: timezone-aware business time; every rule uses it.
        video_seconds: business seconds from a finished upload until the video is ready.
        report_seconds: business seconds from the order of an asynchronous report until it is complete.
        tier: the app's access tier, which sets the allowance of calls and the length of the block.
        score_limit: calls an account may make in 300 business seconds, a write counting three; None is the tier's.
        mutations_per_second: writes an account may make in one business second; None for no such limit,
            because a clock that stands still would never open it again.
        time_zones: IANA name of each account's time zone; UTC for an account that is not named.
        scenario, seed: of the market that answers the ads; a file goes on with those it began with.

    Raises:
        ConfigurationError: the file began with another scenario or seed.

    Attributes:
        hidden_hours: epoch starts of hours that insights leave out for now, by order of a test.
    """

    def __init__(
        self,
        path: Path,
        accounts: Mapping[str, str],
        clock: Callable[[], datetime],
        *,
        video_seconds: float = 60.0,
        report_seconds: float = 10.0,
        tier: TierName = "standard",
        score_limit: int | None = None,
        mutations_per_second: int | None = None,
        time_zones: Mapping[str, str] | None = None,
        scenario: Scenario = SCENARIOS["service"],
        seed: int = 0,
    ) -> None:
        for currency in accounts.values():
            minor_digits(currency)
        super().__init__(path, SCHEMA, clock)
        _add_actor(self)
        self.accounts, self.video_seconds, self.report_seconds = dict(accounts), video_seconds, report_seconds
        self.tier, self.mutations_per_second = TIERS[tier], mutations_per_second
        self.score_limit = self.tier.score_limit if score_limit is None else score_limit
        self._zones = {account: ZoneInfo((time_zones or {}).get(account, "UTC")) for account in accounts}
        self.scenario, self.seed, self.hidden_hours = scenario, seed, frozenset[float]()
        _keep_market(self, path)
        self.upload_folder = path.with_suffix(".uploads")
        self.upload_folder.mkdir(parents=True, exist_ok=True)

    def zone(self, account: str) -> ZoneInfo:
        """The time zone in which the account's days and hours are reported."""
        return self._zones[account]

    def add(self, kind: str, account: str, parent: int | None, data: Mapping[str, Any]) -> int:
        """Store a new object; returns its id."""
        now = self.now()
        ((last,),) = self.execute("SELECT coalesce(max(id), ?) FROM objects", _FIRST_ID)
        row = (last + 1, kind, account, parent, now, now, json.dumps(dict(data)))
        self.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
        return int(last) + 1

    def put(self, node_id: int, data: Mapping[str, Any]) -> None:
        """Replace an object's data."""
        self.execute(
            "UPDATE objects SET data = ?, updated = ? WHERE id = ?", json.dumps(dict(data)), self.now(), node_id
        )

    def get(self, node_id: int | None) -> Node | None:
        """The object with this id."""
        rows = self.execute("SELECT * FROM objects WHERE id = ?", node_id)
        return _node(rows[0]) if rows else None

    def node(self, node_id: int) -> Node:
        """The object with this id, which is known to exist."""
        return _node(self.execute("SELECT * FROM objects WHERE id = ?", node_id)[0])

    def nodes(self, account: str, kind: str) -> list[Node]:
        """An account's objects of one kind, newest first."""
        rows = self.execute("SELECT * FROM objects WHERE account = ? AND kind = ? ORDER BY id DESC", account, kind)
        return [_node(row) for row in rows]

    def next_call(self) -> int:
        """The number that the next journal row will get."""
        ((last,),) = self.execute("SELECT coalesce(max(id), 0) FROM journal")
        return int(last) + 1

    def write(self, entry: Entry) -> None:
        """Append to the journal."""
        now, params, answer = self.now(), json.dumps(dict(entry.params)), json.dumps(entry.answer)
        place = (datetime.now(UTC).isoformat(), now, entry.account, entry.method, entry.path)
        rest = (params, entry.status, answer, int(entry.applied), entry.fault, entry.cost, entry.actor)
        self.execute("INSERT INTO journal VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *place, *rest)

    def journal(self) -> list[dict[str, Any]]:
        """Every call so far, oldest first."""
        columns = "id, real_time, business_time, account, method, path, params, status, answer, applied, fault, actor"
        rows = self.execute(f"SELECT {columns} FROM journal ORDER BY id")  # noqa: S608 - a constant list of columns
        return [_journal_row(dict(zip(columns.split(", "), row, strict=True))) for row in rows]

    def objects(self) -> list[dict[str, Any]]:
        """Every object as stored, oldest first."""
        rows = self.execute("SELECT * FROM objects ORDER BY id")
        return [{**vars(_node(row)), "id": str(row[0])} for row in rows]


def _add_actor(memory: Memory) -> None:
    """A file written before people could edit has no column that tells them from the app."""
    known = {row[1] for row in memory.execute("PRAGMA table_info(journal)")}
    if "actor" not in known:
        memory.execute("ALTER TABLE journal ADD COLUMN actor TEXT NOT NULL DEFAULT 'app'")


def _keep_market(memory: SandboxMeta, path: Path) -> None:
    """Another market would make other ads of those that run, and what they did could no longer be explained."""
    asked = (memory.scenario.name, memory.seed)
    for begun in memory.execute("SELECT scenario, seed FROM market"):
        if begun != asked:
            memory.close()
            raise ConfigurationError(
                f"the sandbox in {path} began with scenario {begun[0]} and seed {begun[1]}, and now {asked[0]} and "
                f"{asked[1]} are asked for; go back to those (--scenario, FLYWHEEL_SCENARIO, FLYWHEEL_SEED), or begin a "
                "new sandbox under another FLYWHEEL_HOME"
            )
        return
    memory.execute("INSERT INTO market VALUES (?, ?)", *asked)


def _node(row: tuple[Any, ...]) -> Node:
    number, kind, account, parent, created, updated, data = row
    return Node(number, kind, account, parent, created, updated, json.loads(data))


def _journal_row(row: dict[str, Any]) -> dict[str, Any]:
    decoded = {"params": json.loads(row["params"]), "answer": json.loads(row["answer"])}
    business = datetime.fromtimestamp(row["business_time"], UTC).isoformat()
    return {**row, **decoded, "business_time": business, "applied": bool(row["applied"])}
