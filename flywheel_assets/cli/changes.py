"""``flywheel changes``: look at the queue, approve a plan."""

from __future__ import annotations

import json
from collections import Counter

import click
from sqlalchemy import select

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.core.money import Money
from flywheel_assets.execution.enqueue import approve as approve_plan
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import pending_ad_changes


@click.group()
def changes() -> None:
    """The queue of changes to the ad platform."""


@changes.command("list")
@click.option("--status", help="Only changes in this status, e.g. pending, applied, dead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_changes(status: str | None, as_json: bool) -> None:
    """Every change, in the order it was asked for, with its reason and what it waits for."""
    queue = pending_ad_changes
    query = select(queue).order_by(queue.c.seq)
    if status is not None:
        query = query.where(queue.c.status == status)
    with Store.open(read_settings()).engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    for row in rows:
        if as_json:
            click.echo(json.dumps(dict(row), default=str))
        else:
            budget = "" if row["new_budget"] is None else f" {Money(row['new_budget'], row['currency'])} a day"
            waits = f"  ({row['wait_reason']})" if row["wait_reason"] else ""
            click.echo(
                f"{row['status']:<10} {row['change_type']:<16} {row['object_ref']:<32}{budget}  {row['reasoning']}{waits}"
            )
    for digest, count in Counter(row["plan_digest"] for row in rows if row["status"] == "proposed").items():
        click.echo(f"{count} proposed; let them go with: flywheel changes approve {digest}", err=True)
    if not rows:
        click.echo("no changes", err=True)


@changes.command()
@click.argument("plan_digest")
def approve(plan_digest: str) -> None:
    """Let the proposed changes of one plan go, exactly as they were shown."""
    with Store.open(read_settings()).engine.begin() as connection:
        released = approve_plan(connection, plan_digest)
    click.echo(f"{released} changes approved; they go out within the limits")
