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
        ConfigurationError: the file is missing, not YAML, or a field is wrong; one line that names the field.
    """
    if not path.exists():
        raise ConfigurationError(f"account file {path} does not exist; set FLYWHEEL_ACCOUNT_FILE")
    try:
        account = Account.model_validate(read_yaml(path))
        _check_amounts(account)
    except ValidationError as error:
        raise ConfigurationError(f"account file {path}: {explain(error)}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"account file {path}: {error}") from None
    except (ZoneInfoNotFoundError, OSError):
        raise ConfigurationError(f"account file {path}: time_zone is not an IANA name such as Europe/Berlin") from None
    return account


def _check_amounts(account: Account) -> None:
    """A mistyped amount stops the start, not the first launch hours later."""
    amounts = {}
    for field in ("daily_plan", "ad_set_floor", "ad_set_ceiling"):
        try:
            amounts[field] = account.money(getattr(account, field)).minor
        except ConfigurationError as error:
            raise ConfigurationError(f"{field}: {error}") from None
    if not 0 < amounts["ad_set_floor"] <= amounts["ad_set_ceiling"]:
        raise ConfigurationError(
            f"ad_set_floor {account.ad_set_floor} must be above 0 and at most ad_set_ceiling {account.ad_set_ceiling}"
        )


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
