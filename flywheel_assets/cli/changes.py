"""``flywheel changes``: look at the queue, decide on its plans, send again, take back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import click
from sqlalchemy import Connection, Engine, select

from flywheel_assets.cli import changes_told as told
from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.tables import counted, show_table
from flywheel_assets.core.errors import ChangeRefused
from flywheel_assets.execution import operators
from flywheel_assets.execution.enqueue import approve as approve_plan
from flywheel_assets.execution.story import story
from flywheel_assets.execution.undo import undo as undo_applied
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts, dead_letters, pending_ad_changes

_as_json = json_option("one object a line")


@click.group()
def changes() -> None:
    """The queue of changes to the ad platform: look, approve, reject, retry, undo.

    A change is named by its id or the first characters of it, a plan by its digest or the first
    characters of it, as the tables show them.
    """


# --- looking -----------------------------------------------------------------------------------------


@changes.command("list")
@click.option("--status", help="Only changes in this status, e.g. proposed, pending, applied, rejected, dead.")
@click.option("--plan", "digest", metavar="DIGEST", help="Only changes of this plan.")
@_as_json
def list_changes(status: str | None, digest: str | None, as_json: bool) -> None:
    """Every change, in the order it was asked for.

    With its short id, what it asks for, why, and what it waits for.
    """
    queue = pending_ad_changes
    query = select(queue).order_by(queue.c.seq)
    with _engine().connect() as connection:
        if status is not None:
            query = query.where(queue.c.status == status)
        if digest is not None:
            query = query.where(queue.c.plan_digest == operators.find_plan(connection, digest))
        rows = [dict(row) for row in connection.execute(query).mappings()]
    _show(rows, told.CHANGE_COLUMNS, map(told.change_told, rows), as_json=as_json, nothing="no changes")
    proposed = Counter(row["plan_digest"] for row in rows if row["status"] == "proposed")
    for plan, count in proposed.items():
        click.echo(
            f"{count} proposed; let them go with: flywheel changes approve {plan[: told.SHORT_DIGEST]}", err=True
        )


@changes.command()
@click.argument("change")
@_as_json
def show(change: str, as_json: bool) -> None:
    """The whole story of one change.

    What was asked for and why, what it waits for and until when, every attempt, how it ended. Budgets are told as requested, after the fuzz, after the limits and as applied, with what moved
    them in words; errors with the platform's code, subcode and trace id.
    """
    with _engine().connect() as connection:
        found = story(connection, operators.find_change(connection, change))
    if as_json:
        show_json(found)
    else:
        told.show_story(found)


@changes.command()
@_as_json
def plans(as_json: bool) -> None:
    """Every plan, open ones first.

    With who asked for it, its changes by status, what its open ones add to the daily spend, and its age.
    """
    with _engine().connect() as connection:
        rows = [dict(row) for row in operators.plans(connection)]
    _show(rows, told.PLAN_COLUMNS, map(told.plan_told, rows), as_json=as_json, nothing="no plans")


@changes.command("dead-letters")
@_as_json
def dead(as_json: bool) -> None:
    """Changes that were given up, and why.

    With the error that ended each; `flywheel changes retry` sends one again.
    """
    queue, letters = pending_ad_changes.c, dead_letters
    about = (queue.account_id, queue.object_ref, queue.change_type, queue.reasoning, queue.plan_digest)
    query = select(letters, *about).join_from(letters, pending_ad_changes).order_by(letters.c.died_at)
    with _engine().connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    _show(rows, told.LETTER_COLUMNS, map(told.letter_told, rows), as_json=as_json, nothing="no dead letters")


# --- deciding ----------------------------------------------------------------------------------------


@changes.command()
@click.argument("digest")
@_as_json
def approve(digest: str, as_json: bool) -> None:
    """Let the proposed changes of one plan go.

    Exactly as they were shown: the digest covers every amount, so none can differ.
    """
    with _engine().begin() as connection:
        plan = operators.find_plan(connection, digest)
        released = approve_plan(connection, plan)
    words = f"{counted(released, 'change')} approved; they go out within the limits"
    _answer({"plan_digest": plan, "approved": released}, words, as_json=as_json)


@changes.command()
@click.argument("digest")
@click.option("--reason", required=True, help="For whoever asked for it, e.g. 'not before the holidays'.")
@_as_json
def reject(digest: str, reason: str, as_json: bool) -> None:
    """Refuse whatever of a plan was not sent yet.

    What was to be built on it is cancelled; what was applied stays and can be undone.
    """
    with _engine().begin() as connection:
        plan = operators.find_plan(connection, digest)
        done = operators.reject(connection, plan, reason)
    words = f"{counted(done.rejected, 'change')} rejected"
    if done.cancelled:
        words += f", {done.cancelled} cancelled that needed them"
    if done.left:
        words += f"; {told.counts_told(done.left)} stay: flywheel changes list --plan {plan[: told.SHORT_DIGEST]}"
    _answer({"plan_digest": plan, **vars(done)}, words, as_json=as_json)


@changes.command()
@click.argument("change")
@_as_json
def retry(change: str, as_json: bool) -> None:
    """Send a dead, rejected or cancelled change again.

    With whatever was cancelled because of it. Refused, with the reason, for one that is open, applied, stale or superseded; what a
    stop of spend took the place of, such as the activation of a launch, is asked for anew. Without its plan's approval a change of an
    account in approve mode is proposed again.
    """
    settings = read_settings()
    with Store.open(settings).engine.begin() as connection:
        done = operators.retry(connection, operators.find_change(connection, change), settings.safety)
    others = f", with {done.restored} that were cancelled because of it" if done.restored else ""
    words = f"change {str(done.change_id)[: told.SHORT_ID]} is {done.status} again{others}"
    _answer(vars(done), words, as_json=as_json)


@changes.command()
@click.argument("change_or_digest")
@_as_json
def undo(change_or_digest: str, as_json: bool) -> None:
    """Take back an applied change, or a whole plan.

    What takes it back are new changes under the same limits. A budget, status, targeting or name goes back to what the platform showed before the change; a
    campaign, ad set or ad that was created is paused. Uploads and creatives stay: they spend
    nothing. A budget is fuzzed and clamped as always; where that keeps it from going the whole way
    at once, it is said.
    """
    settings = read_settings()
    with Store.open(settings).engine.begin() as connection:
        what = _change_or_plan(connection, change_or_digest)
        done = undo_applied(connection, what, settings.safety, "flywheel changes undo")
        frozen = _frozen(connection, done.changes[0].account_id)
    if as_json:
        show_json(told.undone_as_dict(done))
        return
    rows = [(one.object_ref, one.spec.kind, told.spec_told(one)) for one in done.changes]
    show_table(("object", "change", "back to"), rows)
    for line in (*done.notes, *done.left):
        click.echo(f"note: {line}", err=True)
    click.echo(told.undone_told(done, frozen))


def _change_or_plan(connection: Connection, prefix: str) -> UUID | str:
    try:
        return operators.find_change(connection, prefix)
    except ChangeRefused as refusal:
        if refusal.rule != "unknown_change":
            raise
    try:
        return operators.find_plan(connection, prefix)
    except ChangeRefused as refusal:
        raise ChangeRefused(prefix, refusal.rule, f"{refusal.reason}; no change is named so either") from None


def _frozen(connection: Connection, account_id: str) -> str | None:
    row = connection.execute(
        select(accounts.c.frozen, accounts.c.frozen_reason).where(accounts.c.account_id == account_id)
    ).one()
    return row.frozen_reason if row.frozen else None


# --- telling -----------------------------------------------------------------------------------------


def _engine() -> Engine:
    return Store.open(read_settings()).engine


def _show(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    words: Iterable[Sequence[object]],
    *,
    as_json: bool,
    nothing: str,
) -> None:
    if not rows:
        click.echo(nothing, err=True)
    elif as_json:
        for row in rows:
            show_json(row)
    else:
        show_table(columns, words, right=("failures", "adds a day", "age"))


def _answer(value: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    if as_json:
        show_json(value)
    else:
        click.echo(words)
