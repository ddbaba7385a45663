"""Resources of the revenue, budget and learning loops: what they read, and what they know."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from flywheel_assets.budget.insights import InsightsSource
from flywheel_assets.clients.embeddings import Embedder, WordLlamaEmbedder
from flywheel_assets.clients.hubspot import HubSpotClient
from flywheel_assets.clients.hubspot_access import open_hubspot
from flywheel_assets.clients.meta_accounts import MetaAccounts
from flywheel_assets.creative.protocols import WinnerRetriever
from flywheel_assets.learning.winner_index import PostgresWinnerRetriever
from flywheel_assets.resources.base import SETTINGS, installation
from flywheel_assets.store.accounts import load_account
from flywheel_assets.store.store import Store


class CrmResource(dg.ConfigurableResource[HubSpotClient]):
    """The CRM, read only."""

    overrides: str = SETTINGS

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[HubSpotClient]:
        """A client whose connections are closed when the step ends."""
        del context
        with open_hubspot(installation(self.overrides)) as client:
            yield client


class InsightsSourceResource(dg.ConfigurableResource[InsightsSource]):
    """The platform's reports, read only."""

    overrides: str = SETTINGS

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[InsightsSource]:
        """The client of the account this installation serves."""
        del context
        settings = installation(self.overrides)
        with MetaAccounts(settings) as accounts:
            yield accounts(load_account(settings.account_file).account_id)


class EmbedderResource(dg.ConfigurableResource[Embedder]):
    """Text to vectors, offline."""

    def create_resource(self, context: dg.InitResourceContext) -> Embedder:
        """Nothing is loaded before the first text."""
        del context
        return WordLlamaEmbedder()


class WinnerRetrieverResource(dg.ConfigurableResource[WinnerRetriever]):
    """The account's winners, by similarity."""

    overrides: str = SETTINGS

    def create_resource(self, context: dg.InitResourceContext) -> WinnerRetriever:
        """A retriever over the winners in the database."""
        del context
        settings = installation(self.overrides)
        account = load_account(settings.account_file)
        return PostgresWinnerRetriever(Store.open(settings).engine, account.account_id, WordLlamaEmbedder())
