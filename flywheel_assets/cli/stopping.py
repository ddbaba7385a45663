"""Ending a command that runs until it is told to stop."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Self

import click


class Stop(BaseException):  # a request, not an error: who catches every `Exception` does not mean it
    """Somebody asked us to end."""


class StoppableStack(ExitStack):
    """An exit stack within which SIGINT and SIGTERM end the block: it unwinds, and goes on behind it.

    The first one counts. Those after it, and those that come while it unwinds, change nothing: people press twice
    where ending takes a while, and what was half ended would live on.
    """

    def __enter__(self) -> Self:
        self._asked = False
        # Python handlers are reset to the default in a child; an ignored SIGINT, which a script's
        # background job has, would be inherited, and Dagster could then not be stopped at all.
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool:
        self._asked = True
        try:
            if stopped := isinstance(error, Stop):
                click.echo("stopping …", err=True)
            return super().__exit__(kind, error, trace) or stopped
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def still_wanted(self) -> None:
        """Between two waits: raise `Stop` if it was asked for where an exception goes nowhere, as in a ``__del__``."""
        if self._asked:
            raise Stop

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            raise Stop
