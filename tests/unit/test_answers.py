"""What every command has in common: `--json`, the exit codes as they are documented, and how an error is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from sqlalchemy.exc import OperationalError

from flywheel_assets.cli import main
from flywheel_assets.cli.answers import plain
from flywheel_assets.cli.exits import Exit
from flywheel_assets.cli.failures import failure_of
from flywheel_assets.core.errors import (
    AuthError,
    Busy,
    ChangeRefused,
    ConfigurationError,
    FlywheelError,
    IntakeRejected,
    NoAnswer,
    NotAvailable,
    RenderFailed,
)
from flywheel_assets.core.money import Money

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name), found


def test_every_command_takes_json_and_says_what_it_then_prints() -> None:
    found = dict(commands(main))
    assert len(found) > 20
    for path, command in found.items():
        (option,) = [one for one in command.params if "--json" in one.opts] or [None]
        assert isinstance(option, click.Option), " ".join(path)
        assert option.is_flag
        assert (option.help or "").startswith("For a program: one "), " ".join(path)


def test_the_documented_exit_codes_are_those_of_the_code() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| `(\w+)` \| (.+) \|$", DOCS.read_text(encoding="utf-8"))
    assert rows == [(str(int(one)), one.name.lower(), one.says) for one in Exit]


# --- JSON ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Amount:
    money: Money
    at: datetime


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Money(5500, "USD"), {"minor": 5500, "currency": "USD"}),
        (datetime(2026, 9, 1, 12, tzinfo=UTC), "2026-09-01T12:00:00Z"),
        (datetime(2026, 9, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-09-01T06:30:00Z"),
        (timedelta(minutes=2), 120.0),
        ([float("nan"), float("inf"), 0.5], [None, None, 0.5]),
        ({1: (True, None)}, {"1": [True, None]}),
        (
            Amount(Money(1, "JPY"), datetime(2026, 1, 1, tzinfo=UTC)),
            {"money": {"minor": 1, "currency": "JPY"}, "at": "2026-01-01T00:00:00Z"},
        ),
        (Path("/srv"), "/srv"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Decimal("1.50"), "1.50"),
    ],
    ids=str,
)
def test_a_value_is_told_in_jsons_own_words(value: Any, told: Any) -> None:
    assert plain(value) == told
    json.dumps(plain(value), allow_nan=False)


# --- errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "message", "step"),
    [
        (ConfigurationError("x is wrong; set FLYWHEEL_X"), 3, "x is wrong", "set FLYWHEEL_X"),
        (ConfigurationError("a: bad; b: worse"), 3, "a: bad; b: worse", ConfigurationError.usual_step),
        (ConfigurationError("a; set b", next_step="ask c"), 3, "a; set b", "ask c"),
        (NoAnswer("no database at x", next_step="start it"), 5, "no database at x", "start it"),
        (Busy("port 1 is taken; stop the other"), 6, "port 1 is taken", "stop the other"),
        (NotAvailable("no weights; run `flywheel fetch-weights` once"), 5, "no weights", "run `flywheel fetch-weights` once"),
        (AuthError("Meta says no; renew the token"), 5, "Meta says no", "renew the token"),
        (ChangeRefused("d0", "unknown_plan", "none; look with x"), 4, "d0: unknown_plan: none", "look with x"),
        (IntakeRejected("a.mp4", "empty", "0 bytes", "Upload it."), 7, "a.mp4: empty: 0 bytes", "Upload it"),
        (RenderFailed("a: ffmpeg ended with 1:\nno\nroom"), 1, "a: ffmpeg ended with 1: no room", RenderFailed.usual_step),
        (FlywheelError("odd"), 1, "odd", FlywheelError.usual_step),
        (click.UsageError("no"), 2, "no", "read flywheel --help"),
        (ConfigurationError("file \x1b[31mred\x1b[0m\r\nis bad"), 3, "file [31mred[0m is bad", ConfigurationError.usual_step),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_an_expected_error_is_one_line_of_what_and_one_of_what_next(
    error: Exception, code: int, message: str, step: str
) -> None:
    told = failure_of(error)
    assert (told.exit, told.message, told.next_step) == (code, message, step)


def test_a_file_that_may_not_be_used_is_named() -> None:
    told = failure_of(PermissionError(13, "Permission denied", "/srv/flywheel"))
    assert told.exit is Exit.CONFIGURATION
    assert told.message == "/srv/flywheel cannot be used: Permission denied"
    assert "FLYWHEEL_HOME" in told.next_step


def test_a_lost_database_shows_neither_the_statement_nor_its_values() -> None:
    cause = Exception("server closed the connection unexpectedly\n\tThis probably means")
    told = failure_of(OperationalError("select secret", {"name": "hush"}, cause))
    assert told.exit is Exit.UNAVAILABLE
    assert told.message == "the connection was lost: server closed the connection unexpectedly"
    assert "hush" not in str(told)


def test_what_nobody_expected_is_a_bug_and_says_so() -> None:
    told = failure_of(KeyError("campaign"))
    assert told.exit is Exit.BUG
    assert told.message == "a fault of Flywheel itself: KeyError: 'campaign'"
    assert told.next_step.startswith("report it")
