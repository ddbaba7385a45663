"""The gateway as one application; it refuses to start half configured."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel_assets.core.account import Account
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.gateway.budget import SELECT_PATH, SelectBudgets
from flywheel_assets.gateway.clicks import Clicks
from flywheel_assets.gateway.generate import GENERATE_PATH, Generate, check_token
from flywheel_assets.gateway.health import HealthPage
from flywheel_assets.gateway.webhook import HubSpotWebhook
from flywheel_assets.revenue.identity import hash_fingerprint
from flywheel_assets.settings import Settings
from flywheel_assets.store.store import Store
from flywheel_assets.store.tables import accounts

WEBHOOK_PATH = "/webhook/hubspot"
_RETRY_SECONDS = "30"


def build_gateway(store: Store) -> Starlette:
    """The application over ``store``. Without a webhook secret there is no webhook; clicks and health are always there.

    Raises:
        ConfigurationError: an account has HubSpot or consents to matching, and the key that this needs is not set; or
            the token of the API is too short.
    """
    _check(store)
    taken, page, budgets = Clicks(store), HealthPage(store), SelectBudgets(store.settings.select_megabytes)
    variations = Generate(store)
    routes = [
        Route("/c/{ad}", taken.redirect),
        Route("/api/clicks", taken.report, methods=["POST"]),
        Route("/health", page.show),
        Route(SELECT_PATH, budgets.answer, methods=["POST"]),
        Route(GENERATE_PATH, variations.ask, methods=["POST"]),
        Route(f"{GENERATE_PATH}/{{creative_id}}", variations.show),
    ]
    if secret := store.settings.hubspot_webhook_secret:
        webhook = HubSpotWebhook(store, public_url(store.settings), secret.get_secret_value())
        routes.append(Route(WEBHOOK_PATH, webhook.receive, methods=["POST"]))
    handlers = {OperationalError: _away, PoolTimeout: _away, HTTPException: _refused}
    return Starlette(routes=routes, exception_handlers=handlers)


def public_url(settings: Settings) -> str:
    """Where the internet reaches the gateway, without a trailing slash; on its own machine when nothing is set."""
    return (settings.public_url or f"http://127.0.0.1:{settings.gateway_port}").rstrip("/")


def _check(store: Store) -> None:
    """A gateway that would have to refuse every genuine webhook, or drop consented data, does not start."""
    settings = store.settings
    check_token(settings)
    with store.engine.connect() as connection:
        configs = connection.execute(select(accounts.c.config).where(accounts.c.world == settings.world)).scalars()
        known = [Account.model_validate(config) for config in configs]
    for account in known:
        if account.hubspot is not None and not settings.hubspot_webhook_secret:
            raise ConfigurationError(
                f"account {account.account_id} has HubSpot portal {account.hubspot.portal_id}, but the secret that "
                "signs its webhooks is not set; set FLYWHEEL_HUBSPOT_WEBHOOK_SECRET"
            )
        if account.consent.identity_matching and not settings.identity_pepper:
            raise ConfigurationError(
                f"account {account.account_id} consents to identity matching, but the key of its hashes is not set; "
                "set FLYWHEEL_IDENTITY_PEPPER"
            )
    if settings.identity_pepper:
        hash_fingerprint(settings.identity_pepper.get_secret_value(), "", "")  # refuses a key that is too short
    if settings.world == "live" and settings.hubspot_webhook_secret and settings.public_url is None:
        raise ConfigurationError("HubSpot signs the public address of its webhook; set FLYWHEEL_PUBLIC_URL")


def _away(_: Request, __: Exception) -> Response:
    """Nothing was stored: the sender is asked to come again."""
    reason = "the database cannot be reached; nothing was stored, send it again"
    return JSONResponse({"error": reason}, status_code=503, headers={"Retry-After": _RETRY_SECONDS})


def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)
