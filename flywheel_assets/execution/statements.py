"""The executor's SQL, one statement a file, loaded by name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def sql(name: str) -> TextClause:
    """The statement in ``sql/<name>.sql``, with its named parameters."""
    return text(files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))
