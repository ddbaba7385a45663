"""``flywheel intake``: what was dropped, and what became of it."""

from __future__ import annotations

import click
from sqlalchemy import select

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.tables import show_table
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import uploads

_STATES = ("accepted", "duplicate", "rejected")


@click.group()
def intake() -> None:
    """See which videos were taken in, and why others were not."""


@intake.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only these.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option("one array")
def list_uploads(state: str | None, limit: int, as_json: bool) -> None:
    """List what was dropped, newest first: accepted, the same as before, or rejected with rule, reason and remedy."""
    columns = uploads.c
    query = select(columns.seen_at, columns.name, columns.status, columns.creative_id)
    query = query.add_columns(columns.rule, columns.reason, columns.remedy)
    if state is not None:
        query = query.where(columns.status == state)
    with Store.open(read_settings()).engine.connect() as connection:
        rows = connection.execute(query.order_by(columns.id.desc()).limit(limit)).all()
    if as_json:
        show_json([row._asdict() for row in rows])
    elif not rows:
        click.echo("nothing was dropped" if state is None else f"nothing is {state}")
    else:
        lines = [
            (
                f"{row.seen_at:%Y-%m-%d %H:%M}",
                row.name,
                row.status,
                row.rule or row.creative_id,
                _why(row.reason, row.remedy),
            )
            for row in rows
        ]
        show_table(("dropped", "file", "state", "creative or rule", "reason and remedy"), lines)


def _why(reason: str | None, remedy: str | None) -> str:
    return "" if reason is None else f"{reason}. {remedy}"
