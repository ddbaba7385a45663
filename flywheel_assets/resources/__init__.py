"""Dagster resources: each turns settings into one plain object that assets use. No logic lives here."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import dagster as dg
from pydantic import Field, SecretStr

from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.core.account import Account
from flywheel_assets.creative.protocols import CtrPredictor
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.learning.cold_start import ColdStartCtr
from flywheel_assets.settings import Settings
from flywheel_assets.store.accounts import load_account, save_account
from flywheel_assets.store.store import Store

_SETTINGS = Field("{}", description="Settings that differ from this process's environment, as JSON; secrets never.")


def installation(overrides: str) -> Settings:
    """The settings of this process, with a resource's overrides; a secret comes from the process alone."""
    given = {name: value for name, value in json.loads(overrides).items() if not is_secret(name)}
    return Settings(**given)


def is_secret(setting: str) -> bool:
    """Whether a setting is kept out of what Dagster stores and shows."""
    field = Settings.model_fields.get(setting)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


class StoreResource(dg.ConfigurableResource):
    """Database and files of this installation."""

    overrides: str = _SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> Store:
        """Open the store; its account file is read and saved, so that the database knows the account."""
        del context
        store = Store.open(installation(self.overrides))
        with store.engine.begin() as connection:
            save_account(connection, load_account(store.settings.account_file), store.settings.world)
        return store


class AccountResource(dg.ConfigurableResource):
    """The ad account this installation serves, from its file."""

    overrides: str = _SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> Account:
        """Read and check the file."""
        del context
        return load_account(installation(self.overrides).account_file)


class CtrPredictorResource(dg.ConfigurableResource):
    """The model that ranks scenes: the documented cold-start prior until one has been trained."""

    def create_resource(self, context: dg.InitResourceContext) -> CtrPredictor:
        """Make the predictor."""
        del context
        return ColdStartCtr()


class SafeMetaExecutor(dg.ConfigurableResource):
    """The only way to Meta. Limits, leases and the audit trail are inside; see `flywheel_assets.execution`."""

    overrides: str = _SETTINGS

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SafeExecutor]:
        """An executor whose connections are closed when the step ends."""
        del context
        settings = installation(self.overrides)
        store = Store.open(settings)
        with MetaAccounts(settings) as accounts:
            yield SafeExecutor(store.engine, accounts, store.blobs, settings.safety, worker_name())


def worker_name() -> str:
    """Host and process: tells two workers of one machine apart."""
    return f"{socket.gethostname()}:{os.getpid()}"
