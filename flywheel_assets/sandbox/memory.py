"""What a twin remembers: one SQLite file that survives a restart, written by one call at a time, on a given clock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from flywheel_assets.core.errors import ConfigurationError


class Memory:
    """Base of a twin's memory.

    Args:
        path: SQLite file; created with its folder when missing, taken up again otherwise.
        schema: statements that create what is missing.
        clock: timezone-aware business time; every rule of a twin uses it.
    """

    def __init__(self, path: Path, schema: str, clock: Callable[[], datetime]) -> None:
        self._clock, self._lock = clock, threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {schema}")

    def close(self) -> None:
        """Close the file; nothing is lost."""
        with self._lock:
            self._db.close()

    def now(self) -> float:
        """Business time in epoch seconds."""
        moment = self._clock()
        if moment.tzinfo is None:
            raise ConfigurationError(
                f"the sandbox clock gave {moment} without a time zone; give it timezone-aware times"
            )
        return moment.timestamp()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement of this package and return its rows."""
        with self._lock:
            return self._db.execute(statement, values).fetchall()
