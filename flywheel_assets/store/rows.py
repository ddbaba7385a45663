"""Replacing all rows of one partition at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table


def replace_rows(connection: Connection, table: Table, creative_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make ``rows`` the only ones of the creative; the caller's transaction makes it all or nothing."""
    connection.execute(table.delete().where(table.c.creative_id == creative_id))
    if rows:
        connection.execute(table.insert(), [{"creative_id": creative_id, **row} for row in rows])
