"""How a command ends, as a number. docs/cli.md has the same table, and a test holds the two together."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """Exit codes; each says what it means to whoever called."""

    says: str

    def __new__(cls, code: int, says: str) -> Self:
        """A number that brings its sentence along."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.says = says
        return made

    DONE = 0, "Done, also when there was nothing to do."
    FAILED = 1, "The work failed on its way, or what was looked at has a fault; which is printed."
    USAGE = 2, "The command line is wrong: no such command, option or value."
    CONFIGURATION = (
        3,
        "A setting, an account, a brief, a folder or a file of ours is missing, wrong or may not be used.",
    )
    REFUSED = 4, "A safety rule refused it; nothing was changed."
    UNAVAILABLE = 5, "Something outside does not answer or is not here: database, platform, registry, engine, weights."
    BUSY = 6, "Another process holds the home, the database or the port; the same may go well later."
    UNUSABLE = 7, "The video or the export that was given cannot be worked with."
    BUG = 70, "A fault of Flywheel itself; the traceback is printed, please report it."
    INTERRUPTED = 130, "Ended by Ctrl-C before it was done; the same command goes on or starts again."
