"""The CRM client for the world this process acts in."""

from __future__ import annotations

from flywheel_assets.clients.hubspot import HubSpotClient
from flywheel_assets.clients.meta_accounts import refuse_outside
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings

# The twin checks that a token is there, not which.
_SANDBOX_TOKEN = "sandbox"  # noqa: S105 - no secret


def open_hubspot(settings: Settings) -> HubSpotClient:
    """A client; in a sandbox it can reach the twin only.

    Raises:
        ConfigurationError: the world is live and no token is set, or a sandbox was given an outside address.
    """
    timeout = settings.safety.http_timeout_seconds
    if settings.world == "sandbox":
        url = settings.hubspot_url or f"http://127.0.0.1:{settings.sandbox_hubspot_port}"
        refuse_outside(url, "FLYWHEEL_HUBSPOT_URL")
        return HubSpotClient(_SANDBOX_TOKEN, url, timeout)
    if settings.hubspot_access_token is None:
        raise ConfigurationError("the world is live and the account has HubSpot: set FLYWHEEL_HUBSPOT_ACCESS_TOKEN")
    return HubSpotClient(settings.hubspot_access_token.get_secret_value(), settings.hubspot_url, timeout)
