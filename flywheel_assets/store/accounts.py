"""Accounts: read from their file, kept in the database, where their mode and freeze are looked up."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import World
from flywheel_assets.store.documents import explain, read_yaml
from flywheel_assets.store.tables import accounts


def load_account(path: Path) -> Account:
    """Read and validate an account file.

    Raises:
        ConfigurationError: the file is missing, not YAML, or a field is wrong; one line, every field named.
    """
    try:
        return Account.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigurationError(f"account file {path}: {explain(error)}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"account file {path}: {error}; FLYWHEEL_ACCOUNT_FILE names another") from None
    except ZoneInfoNotFoundError:
        raise ConfigurationError(f"account file {path}: time_zone: not an IANA name such as Europe/Berlin") from None


def save_account(connection: Connection, account: Account, world: World) -> None:
    """Insert or update an account. A freeze outlives this: only an operator lifts it."""
    values = {
        "world": world,
        "mode": account.mode,
        "currency": account.currency,
        "config": account.model_dump(mode="json"),
    }
    statement = insert(accounts).values(account_id=account.account_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))


def get_account(connection: Connection, account_id: str) -> Account:
    """The stored account.

    Raises:
        ConfigurationError: there is none of that id.
    """
    config = connection.execute(
        select(accounts.c.config).where(accounts.c.account_id == account_id)
    ).scalar_one_or_none()
    if config is None:
        raise ConfigurationError(f"account {account_id} is not known; add its file and start again")
    return Account.model_validate(config)
