"""One Marketing API client an account, for the world this process acts in."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from flywheel_assets.clients.meta import MetaClient
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.settings import Settings

# The twin checks that a token is there, not which.
_SANDBOX_TOKEN = "sandbox"  # noqa: S105 - no secret


class MetaAccounts:
    """Makes clients when they are asked for and closes them together. Not shared between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = graph_url(settings)
        self._token, self._secret = _credentials(settings)
        self._clients: dict[str, MetaClient] = {}

    def __call__(self, account_id: str) -> MetaClient:
        """The client of an account."""
        if account_id not in self._clients:
            timeout = self._settings.safety.http_timeout_seconds
            self._clients[account_id] = MetaClient(account_id, self._token, self._secret, self._url, timeout)
        return self._clients[account_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()


def graph_url(settings: Settings) -> str | None:
    """Where calls go; None is the real platform, which only a live process may reach.

    Raises:
        ConfigurationError: a sandbox process was given an address outside this machine.
    """
    if settings.world == "live":
        return settings.meta_graph_url
    url = settings.meta_graph_url or f"http://127.0.0.1:{settings.sandbox_port}"
    refuse_outside(url, "FLYWHEEL_META_GRAPH_URL")
    return url


def refuse_outside(url: str, variable: str) -> None:
    """A sandbox process talks to this machine only.

    Raises:
        ConfigurationError: ``url`` points elsewhere.
    """
    host = urlsplit(url).hostname  # only the host is quoted: the rest may hold a password or a token
    if not is_loopback(host):
        raise ConfigurationError(f"the world is sandbox but {variable} is at {host}; the twin is on loopback only")


def _credentials(settings: Settings) -> tuple[str, str | None]:
    if settings.world == "sandbox":
        return _SANDBOX_TOKEN, None
    if settings.meta_access_token is None or settings.meta_app_secret is None:
        raise ConfigurationError("the world is live: set FLYWHEEL_META_ACCESS_TOKEN and FLYWHEEL_META_APP_SECRET")
    return settings.meta_access_token.get_secret_value(), settings.meta_app_secret.get_secret_value()


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
