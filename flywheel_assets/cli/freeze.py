"""``flywheel freeze`` and ``flywheel resume``: whether any call of an account may start."""

from __future__ import annotations

import click
from sqlalchemy import select

from flywheel_assets.cli.environment import read_settings
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts


@click.command()
@click.argument("account_id")
@click.option("--reason", required=True, help="For whoever finds the account frozen.")
def freeze(account_id: str, reason: str) -> None:
    """Let no call of an account start; calls under way end, running ads keep running."""
    _set(account_id, frozen=True, reason=reason)
    click.echo(f"{account_id} is frozen; lift it with: flywheel resume {account_id}")


@click.command()
@click.argument("account_id")
def resume(account_id: str) -> None:
    """Lift a freeze, e.g. after a new token; what waited goes on within the limits."""
    _set(account_id, frozen=False, reason=None)
    click.echo(f"{account_id} goes on")


def _set(account_id: str, *, frozen: bool, reason: str | None) -> None:
    with Store.open(read_settings()).engine.begin() as connection:
        known = connection.execute(select(accounts.c.account_id)).scalars().all()
        if account_id not in known:
            raise ConfigurationError(f"account {account_id} is not known; known are: {', '.join(known) or 'none'}")
        statement = accounts.update().where(accounts.c.account_id == account_id)
        connection.execute(statement.values(frozen=frozen, frozen_reason=reason))
