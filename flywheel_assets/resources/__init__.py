"""Dagster resources: each turns settings into one plain object that assets use. No logic lives here."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.core.account import Account
from flywheel_assets.creative.protocols import CtrPredictor
from flywheel_assets.execution.worker import SafeExecutor
from flywheel_assets.learning.registry import predictor_for
from flywheel_assets.resources.base import SETTINGS, installation, worker_name
from flywheel_assets.store.accounts import load_account, save_account
from flywheel_assets.store.store import Store


class StoreResource(dg.ConfigurableResource[Store]):
    """Database and files of this installation."""

    overrides: str = SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> Store:
        """Open the store; its account file is read and saved, so that the database knows the account."""
        del context
        store = Store.open(installation(self.overrides))
        with store.engine.begin() as connection:
            save_account(connection, load_account(store.settings.account_file), store.settings.world)
        return store


class AccountResource(dg.ConfigurableResource[Account]):
    """The ad account this installation serves, from its file."""

    overrides: str = SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> Account:
        """Read and check the file."""
        del context
        return load_account(installation(self.overrides).account_file)


class CtrPredictorResource(dg.ConfigurableResource[CtrPredictor]):
    """The model that ranks scenes: the account's champion, or the documented cold-start prior until there is one."""

    overrides: str = SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> CtrPredictor:
        """Open the champion's artifact, checked by its checksum."""
        del context
        store = Store.open(installation(self.overrides))
        return predictor_for(store.engine, store.blobs, load_account(store.settings.account_file))


class SafeMetaExecutor(dg.ConfigurableResource[SafeExecutor]):
    """The only way to Meta. Limits, leases and the audit trail are inside; see `flywheel_assets.execution`."""

    overrides: str = SETTINGS

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SafeExecutor]:
        """An executor whose connections are closed when the step ends."""
        del context
        settings = installation(self.overrides)
        store = Store.open(settings)
        with MetaAccounts(settings) as accounts:
            yield SafeExecutor(store.engine, accounts, store.blobs, settings.safety, worker_name())
