"""``flywheel freeze``, ``resume`` and ``stop-spend``: whether any call of an account may start, and whether its ads run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import click
from sqlalchemy import Engine

from flywheel_assets.cli.answers import json_option, show_json
from flywheel_assets.cli.changes_told import SHORT_DIGEST
from flywheel_assets.cli.environment import read_settings
from flywheel_assets.cli.tables import counted, show_table
from flywheel_assets.cli.worker import EndRequest, Worker, executor_of
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.core.errors import FlywheelError
from flywheel_assets.execution import stops
from flywheel_assets.execution.enqueue import Enqueued
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store

_LOOK_SECONDS = 0.5
_PATIENCE = timedelta(minutes=1)  # how far a twin's clock that stands is moved for retries of a pause
_NOT_OURS = (
    "Campaigns of the account that Flywheel did not create are not ours to pause and go on spending; "
    "pause those in the Ads Manager."
)


@click.command()
@click.argument("account_id")
@click.option("--reason", required=True, help="For whoever finds the account frozen.")
@json_option("one object")
def freeze(account_id: str, reason: str, as_json: bool) -> None:
    """Let no call of an account start.

    Calls under way end; running ads keep running and spending. To end the spending too: flywheel stop-spend.
    """
    with _engine().begin() as connection:
        stops.freeze(connection, account_id, reason)
    if as_json:
        show_json({"account_id": account_id, "frozen": True, "reason": reason})
    else:
        click.echo(f"{account_id} is frozen; lift it with: flywheel resume {account_id}")


@click.command()
@click.argument("account_id")
@json_option("one object")
def resume(account_id: str, as_json: bool) -> None:
    """Lift a freeze; what waited goes on.

    Within the limits, e.g. after a new token. Closes the alerts that stopped the account and lets
    its calls start anew. Campaigns that stop-spend paused stay paused: `flywheel changes undo` with
    the plan of the stop starts them again.
    """
    with _engine().begin() as connection:
        closed = stops.resume(connection, account_id)
        paused = stops.stops_in_force(connection, account_id)
    if as_json:
        show_json({"account_id": account_id, "frozen": False, "alerts_closed": closed, "stops_in_force": paused})
        return
    click.echo(f"{account_id} goes on" + (f"; {counted(closed, 'alert')} closed" if closed else ""))
    for plan in paused:
        click.echo(f"campaigns stay paused; start them again with: flywheel changes undo {plan[:SHORT_DIGEST]}")


@click.command("stop-spend")
@click.argument("account_id")
@click.option("--reason", required=True, help="For whoever finds the campaigns paused.")
@click.option("--wait", is_flag=True, help="Send the pauses from here and end when they are through.")
@json_option("one object")
def stop_spend(account_id: str, reason: str, wait: bool, as_json: bool) -> None:
    """Pause every campaign of ours, then freeze the account.

    The pauses go at once and first, in any mode, with an action of every hour kept for them;
    whatever else is queued waits for `flywheel resume`. Campaigns of the account that Flywheel did
    not create are not ours to pause and go on. Asked for again it adds nothing.

    Without --wait a running `flywheel worker` or Dagster's drain sends the pauses. With it the exit
    code is 1 if a campaign could not be paused.
    """
    settings = read_settings()
    engine = Store.open(settings).engine
    with engine.begin() as connection:
        queued = stops.stop_spend(connection, account_id, reason, "flywheel stop-spend", settings.safety)
        refs = stops.open_pauses(connection, account_id)
    if not as_json:
        _tell(account_id, queued, refs)
    if wait:
        _send(settings, account_id)
    with engine.connect() as connection:
        left = stops.not_paused(connection, refs)
    if as_json:
        show_json({"account_id": account_id, **vars(queued), "to_pause": refs, "not_paused": left})
    if wait:
        _tell_end(account_id, left, as_json=as_json)


def _tell(account_id: str, queued: Enqueued, refs: Sequence[str]) -> None:
    if refs:
        show_table(("to be paused",), [[ref] for ref in refs])
        click.echo(
            f"plan {queued.plan_digest[:SHORT_DIGEST]}: {counted(queued.added, 'pause')} queued, {queued.known} before"
        )
    else:
        click.echo("no campaign of ours is running")
    click.echo(f"{account_id} is frozen; lift it with: flywheel resume {account_id}")
    click.echo(_NOT_OURS)


def _tell_end(account_id: str, left: Mapping[str, str], *, as_json: bool) -> None:
    if left:
        why = "; ".join(f"{ref}: {reason}" for ref, reason in left.items())
        raise FlywheelError(
            f"{account_id}: {counted(len(left), 'campaign')} not paused ({why}); pause them in the Ads Manager, or call "
            "stop-spend again when the cause is gone"
        )
    if not as_json:
        click.echo("every campaign of ours is paused")


def _send(settings: Settings, account_id: str) -> None:
    """Send what is due until no pause is left to send, none may be sent, or somebody asks us to end."""
    with EndRequest.listening() as end, MetaAccounts(settings) as platforms:
        here = Worker(executor_of(settings, platforms), end)
        engine = here.executor.engine
        while True:
            here.drain(moving_clock=_PATIENCE)
            with engine.connect() as connection:
                waits = stops.open_pauses(connection, account_id) and stops.is_pausing(connection, account_id)
            if not waits or end.wait(_LOOK_SECONDS):
                return


def _engine() -> Engine:
    return Store.open(read_settings()).engine
