"""Tables and fields in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 1000  # where nobody looks, in a pipe or a file, nothing is cut or wrapped
_NAME = 16  # characters of the longest name of a field, so that fields of several blocks stand in line


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print rows under their headings; words in square brackets are just words."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    _print(table)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print what each name says, those that say nothing left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", min_width=_NAME)
    table.add_column(overflow="fold")
    for name, value in fields:
        if value not in (None, ""):
            table.add_row(Text(name), Text(str(value)))
    _print(table)


def counted(number: int, what: str) -> str:
    """A number with its noun, both in the singular or the plural."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _print(table: Table) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())
