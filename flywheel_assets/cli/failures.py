"""What a person or a program is told when a command fails: two lines, or one JSON object, and an exit code."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass

import click
from click.exceptions import NoArgsIsHelpError

from flywheel_assets.cli.exits import Exit
from flywheel_assets.core.errors import (
    Busy,
    ChangeRefused,
    ConfigurationError,
    FlywheelError,
    IntakeRejected,
    NoAnswer,
    NotAvailable,
    RemoteError,
)


class Interrupted(FlywheelError):
    """Somebody pressed Ctrl-C."""


# The first that fits counts.
_EXITS: tuple[tuple[type[FlywheelError], Exit], ...] = (
    (Interrupted, Exit.INTERRUPTED),
    (Busy, Exit.BUSY),
    (NoAnswer, Exit.UNAVAILABLE),
    (ConfigurationError, Exit.CONFIGURATION),
    (IntakeRejected, Exit.UNUSABLE),
    (NotAvailable, Exit.UNAVAILABLE),
    (RemoteError, Exit.UNAVAILABLE),
    (ChangeRefused, Exit.REFUSED),
)


@dataclass(frozen=True)
class Failure:
    """How a command ended that did not do what was asked."""

    exit: Exit
    kind: str
    message: str
    next_step: str

    def show(self, *, as_json: bool) -> None:
        """Print it to standard error, which has it as its last lines; standard output holds results only."""
        if as_json:
            told = {"code": int(self.exit), "exit": self.exit.name.lower(), "kind": self.kind}
            told |= {"message": self.message, "next": self.next_step}
            click.echo(json.dumps({"error": told}), err=True)
        else:
            click.echo(f"flywheel: {self.message}\nnext: {self.next_step}", err=True)


def ended(error: Exception, *, as_json: bool) -> Exit:
    """Tell an error and say which exit code it is."""
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return Exit.USAGE
    failure = failure_of(error)
    if failure.exit is Exit.BUG:
        traceback.print_exception(error)
    failure.show(as_json=as_json)
    return failure.exit


def failure_of(error: Exception) -> Failure:
    """What to tell of an error; what nobody expected is a bug and says so."""
    code, told = _judged(error)
    message, step = map(_line, told)
    return Failure(code, type(error).__name__, message, step)


def _judged(error: Exception) -> tuple[Exit, tuple[str, str]]:
    match error:
        case FlywheelError():
            return _exit_of(error), error.told()
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "flywheel"
            return Exit.USAGE, (error.format_message(), f"read {path} --help")
        case click.ClickException():
            return Exit.FAILED, (error.format_message(), FlywheelError.usual_step)
    if _is_lost_service(error):
        step = "look whether the service runs and answers: flywheel doctor"
        return Exit.UNAVAILABLE, (f"the connection was lost: {_first_line(error)}", step)
    if isinstance(error, OSError):
        return Exit.CONFIGURATION, _told_of_file(error)
    step = "report it with the traceback above, and what you called"
    return Exit.BUG, (f"a fault of Flywheel itself: {type(error).__name__}: {_first_line(error)}", step)


def _exit_of(error: FlywheelError) -> Exit:
    from flywheel_assets.budget.backtest.history import HistoryRefused

    if isinstance(error, HistoryRefused):
        return Exit.UNUSABLE
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.FAILED)


def _told_of_file(error: OSError) -> tuple[str, str]:
    why = error.strerror or str(error)
    if error.filename is None:
        return f"the system refused: {why}", "look at disk, rights and limits: flywheel doctor"
    step = "make it usable for the user who runs this, or name another place (FLYWHEEL_HOME, or the command's option)"
    return f"{error.filename} cannot be used: {why}", step


def _is_lost_service(error: Exception) -> bool:
    """A connection that ended while it was used; a wrong statement is our own fault and not meant."""
    import requests
    from sqlalchemy.exc import InterfaceError, OperationalError

    return isinstance(
        error, OperationalError | InterfaceError | requests.RequestException | ConnectionError | TimeoutError
    )


def _first_line(error: Exception) -> str:
    """Of a database's error neither the statement nor its values, which may hold what is nobody's business."""
    told = getattr(error, "orig", None) or error
    return str(told).strip().partition("\n")[0]


def _line(told: str) -> str:
    """One line, without what steers a terminal: names of files and answers of servers are not ours."""
    return "".join(letter for letter in " ".join(told.split()) if letter.isprintable()).rstrip(" ;:.")
