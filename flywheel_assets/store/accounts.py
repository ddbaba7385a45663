"""Accounts: read from their file, kept in the database, where their mode and freeze are looked up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from flywheel_assets.core.account import Account, Bounds
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import World
from flywheel_assets.store.documents import Fault, faults, read_yaml
from flywheel_assets.store.tables import accounts

_MEND = "correct the file; flywheel check shows every place"


def load_account(path: Path) -> Account:
    """Read and validate an account file.

    Raises:
        ConfigurationError: the file is missing, not YAML, or a field is wrong; one line that names every such field.
    """
    if not path.exists():
        step = "set FLYWHEEL_ACCOUNT_FILE, or write one: flywheel init"
        raise ConfigurationError(f"account file {path} does not exist", next_step=step)
    try:
        account = checked_account(read_yaml(path))
    except ConfigurationError as error:
        raise ConfigurationError(f"account file {path}: {error}", next_step=_MEND) from None
    if isinstance(account, list):
        raise ConfigurationError(f"account file {path}: {'; '.join(map(str, account))}", next_step=_MEND)
    return account.model_copy(update={"brand_kit": account.brand_kit.beside(path.absolute().parent)})


def checked_account(raw: Any) -> Account | list[Fault]:
    """The account that a document describes, or everything that is wrong with it."""
    try:
        account = Account.model_validate(raw)
    except ValidationError as error:
        return [fault if fault.place else Fault((), f"document: {fault.reason}") for fault in faults(error)]
    return list(_wrong_amounts(account)) or account


def _wrong_amounts(account: Account) -> Iterator[Fault]:
    """A mistyped amount stops the start, not the first launch hours later."""
    minor: dict[str, int | str | None] = {}
    for field in ("daily_plan", "ad_set_floor", "ad_set_ceiling", "daily_cap"):
        amount = getattr(account, field)
        minor[field] = found = None if amount is None else _minor(account, amount)
        if isinstance(found, str):
            yield Fault((field,), found)
    plan, floor, ceiling, cap = (value if isinstance(value, int) else None for value in minor.values())
    if floor is not None and ceiling is not None and not 0 < floor <= ceiling:
        told = (
            f"ad_set_floor {account.ad_set_floor} must be above 0 and at most ad_set_ceiling {account.ad_set_ceiling}"
        )
        yield Fault(("ad_set_floor",), told)
    if cap is not None and plan is not None and cap < plan:
        yield Fault(("daily_cap",), f"{account.daily_cap} must be at least daily_plan {account.daily_plan}")
    for ref, own in account.bounds.items():
        yield from _wrong_bounds(account, ref, own)


def _wrong_bounds(account: Account, ref: str, own: Bounds) -> Iterator[Fault]:
    floor = _minor(account, own.floor or account.ad_set_floor)
    ceiling = _minor(account, own.ceiling or account.ad_set_ceiling)
    for name, told in (("floor", floor), ("ceiling", ceiling)):
        if isinstance(told, str) and getattr(own, name) is not None:
            yield Fault(("bounds", ref, name), told)
    if isinstance(floor, int) and isinstance(ceiling, int) and not 0 < floor <= ceiling:
        told = f"floor {own.floor or account.ad_set_floor} must be above 0 and at most ceiling {own.ceiling or account.ad_set_ceiling}"
        yield Fault(("bounds", ref), told)


def _minor(account: Account, amount: str) -> int | str:
    """In minor units, or why it is no amount."""
    try:
        return account.money(amount).minor
    except ConfigurationError as error:
        return str(error)


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
