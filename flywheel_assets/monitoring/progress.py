"""A Dagster logger for a person at a terminal: one line a finished stage, one moving line while it works."""

import logging
import os
import sys
import time
from functools import cache

import dagster as dg

from flywheel_assets.monitoring.failures import cause

_CLEAR = "\r\x1b[2K"


class _Terminal(logging.Handler):
    """Writes to standard error. Without a terminal only finished stages are written, so that logs stay short.

    Dagster captures the standard error of a step through a second process and may end that process
    before it has passed on the last line; a descriptor of our own, taken before, loses nothing. It
    lives as long as the process, because reconfiguring `logging` closes handlers that are in use.
    """

    def __init__(self) -> None:
        super().__init__()
        self._out = _standard_error()
        self._started: dict[str, float] = {}
        self._summary: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message as it comes, and a stage when it ends."""
        meta = getattr(record, "dagster_meta", {})
        event, step = meta.get("dagster_event"), meta.get("step_key") or ""
        if event is not None:
            self._event(event, step)
        elif record.levelno >= logging.INFO:
            self._moving(step, meta.get("orig_message") or record.getMessage())

    def _event(self, event: dg.DagsterEvent, step: str) -> None:
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._started[step] = time.monotonic()
                self._moving(step, "")
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                if (summary := event.materialization.metadata.get("summary")) is not None:
                    self._summary[step] = str(summary.value)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._line(step, self._summary.get(step, "done"))
            case dg.DagsterEventType.STEP_FAILURE:
                self._line(step, f"FAILED: {cause(event)}")

    def _moving(self, step: str, message: str) -> None:
        if os.isatty(self._out):
            os.write(self._out, f"{_CLEAR}{step:<24} … {message[:80]}".encode())

    def _line(self, step: str, message: str) -> None:
        seconds = time.monotonic() - self._started.get(step, time.monotonic())
        clear = _CLEAR if os.isatty(self._out) else ""
        os.write(self._out, f"{clear}{step:<24} {seconds:6.1f} s  {message}\n".encode())


@cache
def _standard_error() -> int:
    return os.dup(sys.stderr.fileno())


@dg.logger(config_schema=None, description="One line a stage on standard error.")
def progress(_: dg.InitLoggerContext) -> logging.Logger:
    """A logger with nothing but the terminal as its handler."""
    logger = logging.getLogger("flywheel.progress")
    logger.setLevel(logging.DEBUG)  # Dagster reports its own events, stage by stage, at this level
    logger.propagate = False
    logger.handlers = [_Terminal()]
    return logger
