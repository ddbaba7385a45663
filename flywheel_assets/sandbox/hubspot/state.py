"""What the twin CRM remembers: objects, their history, what is planned, what is to be told, a journal.

One SQLite file, one lock. A change, its history and its webhook event are one transaction. Times
are business epoch seconds, except the journal's ``real_time``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flywheel_assets.sandbox.hubspot.journey import Journey
from flywheel_assets.sandbox.memory import Memory

Kind = Literal["contacts", "deals"]
_FIRST_ID = 9_000_000_000
_APP_ID = 54_321
_SUBSCRIPTIONS = {"deal.creation": 101, "dealstage": 102, "amount": 103}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
    properties TEXT NOT NULL, origin TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS history (object INTEGER NOT NULL, property TEXT NOT NULL, value TEXT, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS history_by_object ON history (object, property, at);
CREATE TABLE IF NOT EXISTS moves (
    object INTEGER NOT NULL, at REAL NOT NULL, property TEXT NOT NULL, value TEXT NOT NULL, done INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS moves_due ON moves (done, at);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, payload TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL, status TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_due ON events (status, due);
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY, real_time TEXT NOT NULL, business_time REAL NOT NULL, direction TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL, status INTEGER
);
"""


@dataclass(frozen=True)
class Record:
    """One contact or deal."""

    id: int
    kind: str
    created: float
    updated: float
    properties: dict[str, str]


@dataclass(frozen=True)
class Event:
    """One webhook event that is waiting; ``attempts`` were made before."""

    id: int
    payload: dict[str, Any]
    attempts: int


class SandboxHubSpot(Memory):
    """The twin's memory.

    Args:
        path: SQLite file; created with its folder when missing, taken up again otherwise.
        portal_id: HubSpot account that all events name.
        clock: timezone-aware business time.
    """

    def __init__(self, path: Path, portal_id: int, clock: Callable[[], datetime]) -> None:
        super().__init__(path, _SCHEMA, clock)
        self.portal_id = portal_id

    def now(self) -> float:
        """Up to the next millisecond, the grain of the real one: a deal is not older than the click it came from."""
        return math.ceil(super().now() * 1000) / 1000

    def create(
        self, kind: Kind, properties: Mapping[str, str], *, journey: Journey | None = None, origin: str | None = None
    ) -> Record:
        """Open an object; with a ``journey`` it will move by itself, without one people move it.

        ``origin`` names what it came from: asked for twice, the first one is returned.
        """
        with self.transaction():
            known = self.execute("SELECT id FROM objects WHERE origin = ?", origin)
            if known:
                return self.need(known[0][0])
            now = self.now()
            ((last,),) = self.execute("SELECT coalesce(max(id), ?) FROM objects", _FIRST_ID)
            number = int(last) + 1
            self.execute("INSERT INTO objects VALUES (?, ?, ?, ?, '{}', ?)", number, kind, now, now, origin)
            if kind == "deals":
                self._tell(number, now, "deal.creation", changeFlag="NEW")
            for name, value in properties.items():
                self._set(number, name, value, now)
            for move in journey.moves if journey else ():
                at = round(now * 1000 + move.hours * 3_600_000) / 1000  # whole milliseconds, as histories show them
                row = (number, at, move.property, move.value)
                self.execute("INSERT INTO moves VALUES (?, ?, ?, ?, 0)", *row)
            return self.need(number)

    def change(self, number: int, properties: Mapping[str, str]) -> Record:
        """Set properties now, as a person would in the CRM; who moves a deal by hand ends its planned journey."""
        with self.transaction():
            if "dealstage" in properties:
                self.execute("UPDATE moves SET done = 1 WHERE object = ?", number)
            for name, value in properties.items():
                self._set(number, name, value, self.now())
            return self.need(number)

    def move_due(self, now: datetime) -> int:
        """Carry out what was planned until ``now``, each change at its own time; returns how many stages changed."""
        with self.transaction():
            due = "SELECT rowid, object, property, value, at FROM moves WHERE done = 0 AND at <= ? ORDER BY at, rowid"
            rows = self.execute(due, now.timestamp())
            for row, number, name, value, at in rows:
                self._set(number, name, value, at)
                self.execute("UPDATE moves SET done = 1 WHERE rowid = ?", row)
        return sum(name == "dealstage" for _, _, name, _, _ in rows)

    def get(self, number: int) -> Record | None:
        """The object with this id."""
        rows = self.execute("SELECT id, kind, created, updated, properties FROM objects WHERE id = ?", number)
        return _record(rows[0]) if rows else None

    def need(self, number: int) -> Record:
        """The object with this id, which must exist."""
        found = self.get(number)
        if found is None:
            raise KeyError(f"the sandbox CRM has no object {number}")
        return found

    def records(self, kind: Kind) -> list[Record]:
        """All objects of a kind, oldest first."""
        rows = self.execute(
            "SELECT id, kind, created, updated, properties FROM objects WHERE kind = ? ORDER BY id", kind
        )
        return [_record(row) for row in rows]

    def history(self, number: int, name: str) -> list[tuple[str, float]]:
        """Values of a property and when each was set, newest first."""
        query = "SELECT value, at FROM history WHERE object = ? AND property = ? ORDER BY at DESC, rowid DESC"
        return [(value, at) for value, at in self.execute(query, number, name)]

    def waiting(self, limit: int) -> list[Event]:
        """Webhook events that are due, oldest first."""
        query = "SELECT id, payload, attempts FROM events WHERE status = 'waiting' AND due <= ? ORDER BY id LIMIT ?"
        return [
            Event(number, json.loads(text), tries) for number, text, tries in self.execute(query, self.now(), limit)
        ]

    def note(self, direction: Literal["in", "out"], method: str, path: str, body: Any, status: int | None) -> None:
        """Append to the journal; ``out`` are webhooks, ``status`` None means no answer."""
        row = (datetime.now(UTC).isoformat(), self.now(), direction, method, path, json.dumps(body), status)
        self.execute("INSERT INTO journal VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", *row)

    def journal(self) -> list[dict[str, Any]]:
        """Every call in and webhook out so far, oldest first."""
        names = ("id", "real_time", "business_time", "direction", "method", "path", "body", "status")
        rows = [dict(zip(names, row, strict=True)) for row in self.execute("SELECT * FROM journal ORDER BY id")]
        moment = datetime.fromtimestamp
        return [
            {**row, "business_time": moment(row["business_time"], UTC).isoformat(), "body": json.loads(row["body"])}
            for row in rows
        ]

    def _set(self, number: int, name: str, value: str, at: float) -> None:
        record = self.need(number)
        text, updated = json.dumps({**record.properties, name: value}), max(at, record.updated)
        self.execute("UPDATE objects SET properties = ?, updated = ? WHERE id = ?", text, updated, number)
        self.execute("INSERT INTO history VALUES (?, ?, ?, ?)", number, name, value, at)
        if record.kind == "deals" and name in _SUBSCRIPTIONS:
            self._tell(number, at, "deal.propertyChange", propertyName=name, propertyValue=value)

    def _tell(self, number: int, at: float, kind: str, **more: str) -> None:
        """Put one event into the outbox."""
        ((last,),) = self.execute("SELECT coalesce(max(id), 0) FROM events")
        payload = {
            "eventId": int(last) + 1,
            "subscriptionId": _SUBSCRIPTIONS[more.get("propertyName", kind)],
            "portalId": self.portal_id,
            "appId": _APP_ID,
            "occurredAt": round(at * 1000),
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": number,
            **more,
            "changeSource": "CRM_UI",
            "sourceId": "userId:1",
            "isSensitive": False,
        }
        self.execute("INSERT INTO events VALUES (?, ?, 0, ?, 'waiting')", int(last) + 1, json.dumps(payload), at)


def _record(row: tuple[Any, ...]) -> Record:
    number, kind, created, updated, properties = row
    return Record(number, kind, created, updated, json.loads(properties))
