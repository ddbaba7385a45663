"""Notices: every newly opened alert is posted once to a webhook, for people who do not watch Dagster's pages.

The row of the alert is the outbox. It is taken, with the time of its next try, in a transaction of its
own before it is posted, so that nobody who raises an alert ever waits for the network; it is marked
afterwards. Who dies in between posts it again later: told twice is better than never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

from flywheel_assets.clients.meta_accounts import is_loopback, refuse_outside
from flywheel_assets.core.errors import ConfigurationError
from flywheel_assets.execution.alerts import Notice, noticed, take_notice
from flywheel_assets.settings import Settings

if TYPE_CHECKING:
    import requests

_VARIABLE = "FLYWHEEL_NOTICE_URL"
_LONGEST = 3000  # characters; more is cut by those who show it
_TAKEN = range(200, 300)
# What the format reserves for links and mentions.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class Posted:
    """What one round brought; ``problem`` is why it ended early, without the address, which is a secret."""

    told: int
    problem: str | None = None


def post_notices(engine: Engine, settings: Settings) -> Posted:
    """Post what is open, not posted and due, oldest first, until one fails or a round's share is done.

    Raises:
        ConfigurationError: no address is set, it is none, or a sandbox's is outside this machine.
    """
    url, told = _address(settings), 0
    with _session(url, settings.notices.timeout_seconds) as http:
        while told < settings.notices.per_round:
            with engine.begin() as connection:
                notice = take_notice(connection, settings.notices)
            if notice is None:
                break
            if problem := _post(http, url, notice, settings):
                return Posted(told, f"alert {notice.id} of {notice.account_id}, try {notice.tries}: {problem}")
            with engine.begin() as connection:
                noticed(connection, notice)
            told += 1
    return Posted(told)


def words(notice: Notice, world: str) -> str:
    """What a person reads, in the format's own spelling."""
    stopped = " (stopped)" if notice.stopped else ""
    text = f"Flywheel {world}: {notice.account_id}: {notice.rule}{stopped}: {notice.reason}"
    return (text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…").translate(_ESCAPES)


def _address(settings: Settings) -> str:
    if settings.notice_url is None:
        raise ConfigurationError(f"{_VARIABLE} is not set: alerts stay rows and nobody is told")
    url = settings.notice_url.get_secret_value()
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        # Not quoted: whoever knows the address can write to the channel behind it.
        raise ConfigurationError(f"{_VARIABLE} is no http(s) address; copy it whole from your chat's incoming webhook")
    if settings.world == "sandbox":
        refuse_outside(url, _VARIABLE)
    return url


def _session(url: str, seconds: float) -> requests.Session:
    import requests

    from flywheel_assets.clients.meta_deadline import DeadlineAdapter

    http = requests.Session()
    http.trust_env = not is_loopback(urlsplit(url).hostname)  # a proxy must not be asked for this machine's own server
    for scheme in ("http://", "https://"):
        http.mount(scheme, DeadlineAdapter(seconds))
    return http


def _post(http: requests.Session, url: str, notice: Notice, settings: Settings) -> str | None:
    """Why it was not taken; None when it was."""
    import requests

    body: dict[str, Any] = {"text": words(notice, settings.world)}
    seconds = settings.notices.timeout_seconds
    try:
        with http.post(url, json=body, timeout=seconds, allow_redirects=False, stream=True) as answer:
            return None if answer.status_code in _TAKEN else f"the webhook answered {answer.status_code}"
    except requests.RequestException as error:
        return f"the webhook did not answer ({type(error).__name__})"
