"""What the outside world of a sandbox remembers, read from its own files by nobody's leave."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class MetaOutside:
    """The twin platform's file."""

    path: Path

    def objects(self) -> list[dict[str, Any]]:
        """Every object, oldest first."""
        rows = self._rows("SELECT id, kind, account, parent, data FROM objects ORDER BY id")
        return [row | {"id": str(row["id"]), "data": json.loads(row["data"])} for row in rows]

    def writes(self) -> list[dict[str, Any]]:
        """Every call that changed something, oldest first."""
        rows = self._rows("SELECT path, params, answer FROM journal WHERE method = 'POST' AND applied = 1 ORDER BY id")
        return [row | {"params": json.loads(row["params"]), "answer": json.loads(row["answer"])} for row in rows]

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as file:
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute(query)]
