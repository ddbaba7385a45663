"""A bar for long work, on standard error and only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Told how much is done, of how much (None: nobody knows), and what is being done.
Step = Callable[[float, float | None, str], None]


@contextmanager
def progress_bar(what: str) -> Iterator[Step]:
    """A bar that is gone when the block ends; without a terminal nothing is shown."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)

        def step(done: float, total: float | None, doing: str) -> None:
            bars.update(task, completed=done, total=total, description=doing)

        yield step
