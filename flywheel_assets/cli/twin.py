"""The outside world of a sandbox: Meta, HubSpot and the people between them, on one clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

import click
import requests
from pydantic import SecretStr

from flywheel_assets.cli.installation import Installation
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.gateway.app import WEBHOOK_PATH, build_gateway, public_url
from flywheel_assets.sandbox.audience import Audience
from flywheel_assets.sandbox.hubspot.app import build_app as build_hubspot
from flywheel_assets.sandbox.hubspot.state import SandboxHubSpot
from flywheel_assets.sandbox.hubspot.webhooks import WebhookFaults, WebhookSender
from flywheel_assets.sandbox.market.scenarios import SCENARIOS, scenario_named
from flywheel_assets.sandbox.meta.app import build_app as build_meta
from flywheel_assets.sandbox.meta.state import SandboxMeta
from flywheel_assets.sandbox.server import SandboxServer
from flywheel_assets.serving import ThreadServer
from flywheel_assets.settings import Settings
from flywheel_assets.store.clock import business_now
from flywheel_assets.store.store import Store

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 5.0

# For commands that start a twin.
scenario_option = click.option(
    "--scenario",
    type=click.Choice(list(SCENARIOS)),
    help="Market of a new sandbox, as in `flywheel simulate`. Default: FLYWHEEL_SCENARIO, else service.",
)


def in_scenario(settings: Settings, scenario: str | None) -> Settings:
    """The settings with what ``--scenario`` says, if it says anything.

    Raises:
        ConfigurationError: there is no such scenario, or no sandbox that it could be for.
    """
    if scenario is not None and settings.world != "sandbox":
        raise ConfigurationError(f"the world is {settings.world}, whose market nobody chooses; leave out --scenario")
    chosen = settings if scenario is None else settings.model_copy(update={"scenario": scenario})
    scenario_named(chosen.scenario)
    return chosen


@dataclass(frozen=True)
class Twin:
    """A running twin.

    Attributes:
        settings: the installation's, with the twin's addresses and the gateway's secret filled in.
        meta: the platform's memory, for those who look from outside.
        audience: lets happen what is due.
    """

    settings: Settings
    meta: SandboxMeta
    audience: Audience
    meta_url: str


@contextmanager
def running_twin(installation: Installation, *, meta_port: int = 0, hubspot_port: int = 0) -> Iterator[Twin]:
    """Meta, HubSpot, the gateway and an audience, on loopback, until the block ends; memory is kept under the home."""
    settings = with_gateway(installation.settings)
    store, account = Store(settings, installation.store.engine, installation.store.blobs), installation.account
    folder = settings.root / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)

    def clock() -> datetime:
        with store.engine.connect() as connection:
            return business_now(connection)

    with ExitStack() as stack:
        meta = stack.enter_context(
            closing(
                SandboxMeta(
                    folder / "meta.sqlite",
                    {account.account_id: account.currency},
                    clock,
                    time_zones={account.account_id: account.time_zone},
                    scenario=scenario_named(settings.scenario),
                    seed=settings.seed,
                )
            )
        )
        portal = account.hubspot.portal_id if account.hubspot else 0
        hubspot = stack.enter_context(closing(SandboxHubSpot(folder / "hubspot.sqlite", portal, clock)))
        http, faults = stack.enter_context(requests.Session()), WebhookFaults()
        meta_url = stack.enter_context(SandboxServer(build_meta(meta), meta_port)).url
        hubspot_url = stack.enter_context(SandboxServer(build_hubspot(hubspot, faults), hubspot_port)).url
        stack.enter_context(ThreadServer(build_gateway(store), settings.gateway_port, name="gateway"))
        secret = settings.hubspot_webhook_secret
        webhooks = WebhookSender(
            hubspot, public_url(settings) + WEBHOOK_PATH, secret.get_secret_value() if secret else "", faults, http
        )
        addresses = {"meta_graph_url": meta_url, "hubspot_url": hubspot_url}
        audience = Audience(meta, hubspot, webhooks, http, seed=settings.seed)
        yield Twin(settings.model_copy(update=addresses), meta, audience, meta_url)


def with_gateway(settings: Settings) -> Settings:
    """A sandbox makes up the secret it shares with its own HubSpot, and its ads lead through its own gateway."""
    update: dict[str, object] = {}
    if settings.hubspot_webhook_secret is None:
        update["hubspot_webhook_secret"] = SecretStr(token_hex(16))
    if settings.public_url is None:
        update["public_url"] = public_url(settings)
    return settings.model_copy(update=update)


@contextmanager
def living(twin: Twin, store: Store) -> Iterator[None]:
    """Let the audience act every few seconds for as long as the block lasts."""
    stop = threading.Event()

    def live() -> None:
        while not stop.wait(_TICK_SECONDS):
            try:
                with store.engine.connect() as connection:
                    now = business_now(connection)
                twin.audience.tick(now)
            except Exception:  # noqa: BLE001 - a bad minute in the sandbox must not end it; the next tick tries again
                _LOG.exception("the sandbox's audience could not act")

    thread = threading.Thread(target=live, name="audience", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
