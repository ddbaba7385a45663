"""What a command answers to a program: ``--json`` on every command, declared and written here only.

Standard output then holds JSON and nothing else: one value, or one a line where there are many. Money is minor units
with its currency, times are ISO 8601 in UTC, spans are seconds. Progress, notes and errors go to standard error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
from pydantic import BaseModel

F = TypeVar("F", bound=Callable[..., Any])


def json_option(shape: str) -> Callable[[F], F]:
    """Give a command ``--json``, which it receives as ``as_json``; ``shape`` is what it then prints."""
    return click.option("--json", "as_json", is_flag=True, help=f"For a program: {shape} on standard output.")


def show_json(value: Any) -> None:
    """Print one JSON value on a line of its own."""
    click.echo(json.dumps(plain(value), allow_nan=False))


def plain(value: Any) -> Any:
    """The value in JSON's own words; what is not a number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return _spelt(value)


def _spelt(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case BaseModel():
            return value.model_dump(mode="json")
    if is_dataclass(value):  # money among them
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return str(value)
