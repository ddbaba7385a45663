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
    return account.model_copy(update={"brand_kit": account.brand_kit.beside(path.absolute().parent)})


def _check_amounts(account: Account) -> None:
    """A mistyped amount stops the start, not the first launch hours later."""
    minor = {
        field: _minor(account, field, getattr(account, field))
        for field in ("daily_plan", "ad_set_floor", "ad_set_ceiling")
    }
    if not 0 < minor["ad_set_floor"] <= minor["ad_set_ceiling"]:
        raise ConfigurationError(
            f"ad_set_floor {account.ad_set_floor} must be above 0 and at most ad_set_ceiling {account.ad_set_ceiling}"
        )
    if account.daily_cap is not None and _minor(account, "daily_cap", account.daily_cap) < minor["daily_plan"]:
        raise ConfigurationError(f"daily_cap {account.daily_cap} must be at least daily_plan {account.daily_plan}")
    for ref, own in account.bounds.items():
        floor = _minor(account, f"bounds of {ref}", own.floor or account.ad_set_floor)
        ceiling = _minor(account, f"bounds of {ref}", own.ceiling or account.ad_set_ceiling)
        if not 0 < floor <= ceiling:
            raise ConfigurationError(f"bounds of {ref}: floor {floor} must be above 0 and at most ceiling {ceiling}")


def _minor(account: Account, field: str, amount: str) -> int:
    try:
        return account.money(amount).minor
    except ConfigurationError as error:
        raise ConfigurationError(f"{field}: {error}") from None


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
