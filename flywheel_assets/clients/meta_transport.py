"""One HTTP exchange with the Graph API through the official SDK, judged by us.

The SDK takes a 500 without an error object for a success and raises TypeError on a proxy's HTML
page, so a response hook looks at status and body first; the SDK only ever sees good answers. The
token travels in the query string: it is kept out of errors, logs and reprs here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from flywheel_assets.clients.meta_errors import Reply, Silence, classify, unanswered
from flywheel_assets.clients.meta_usage import highest_percent
from flywheel_assets.core.errors import ConfigurationError, RemoteError

_VIDEO_URL = "https://graph-video.facebook.com"  # the SDK's own host for uploads
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CONNECT_SECONDS = 10.0  # an unreachable host must not use up the time a worker holds its change
_OK = range(200, 300)


class _Unusable(Exception):
    """Carries a bad answer out of the SDK's call before the SDK judges it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class _HideSecrets(logging.Filter):
    """urllib3 logs whole request lines at DEBUG; ours carry the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if (clean := _without_secrets(text)) != text:
            record.msg, record.args = clean, ()
        return True


_QUERY_SECRET = re.compile(r"(access_token|appsecret_proof)=[^&\s\"']+")
# An address, plain or as a query spells it. Bounded, so that a long text without one takes no longer than it must.
_EMAIL = re.compile(r"[\w.%+-]{1,192}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")


def _without_secrets(text: str) -> str:
    return _EMAIL.sub("***", _QUERY_SECRET.sub(r"\1=***", text))


_HIDE = _HideSecrets()


class Transport:
    """Calls to one Graph host with one token. Not for use by several threads at once."""

    def __init__(
        self, access_token: str, app_secret: str | None, graph_url: str | None, timeout_seconds: float
    ) -> None:
        from facebook_business.api import FacebookAdsApi  # 16 MB of generated code
        from facebook_business.session import FacebookSession

        from flywheel_assets.clients.meta_deadline import DeadlineAdapter

        base = _checked_url(graph_url) if graph_url else FacebookSession.GRAPH
        session = FacebookSession(
            app_secret=app_secret,
            access_token=access_token,
            timeout=(min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds),
        )
        session.GRAPH = base
        # A proxy from the environment must not be asked for this machine's own server.
        session.requests.trust_env = urlsplit(base).hostname not in _LOOPBACK
        for scheme in ("http://", "https://"):
            session.requests.mount(scheme, DeadlineAdapter(timeout_seconds))
        session.requests.hooks["response"].append(self._inspect)
        # Not FacebookAdsApi.init(): that sets a global default and reports crashes to Meta.
        self._api = FacebookAdsApi(session)
        self._http = session.requests
        self._video_url = base if graph_url else _VIDEO_URL
        self._secrets = _spellings(access_token, app_secret, getattr(session, "appsecret_proof", None))
        self.host = base
        self.usage: float | None = None
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_HIDE)

    def call(
        self, method: str, path: Sequence[str], params: Mapping[str, Any] | None = None, *, write: bool
    ) -> dict[str, Any]:
        """Send and return the JSON object of a good answer.

        Raises:
            RemoteError: as `meta_errors` says; a ``write`` without a usable answer is ambiguous.
        """
        outcome = self.exchange(method, path, params)
        if isinstance(outcome, dict):
            return outcome
        raise self.verdict(method, path, outcome, write=write)

    def exchange(
        self,
        method: str,
        path: Sequence[str],
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        *,
        video: bool = False,
    ) -> dict[str, Any] | Reply | Silence:
        """Send once and say what came back; ``video`` uses the upload host."""
        import requests

        self.usage = None
        host = self._video_url if video else None
        try:
            answer = self._api.call(
                method, tuple(path), params=dict(params or {}), files=dict(files or {}), url_override=host
            )
        except _Unusable as refused:
            return refused.reply
        except requests.RequestException as failure:
            return Silence(sent=not _before_sending(failure), reason=type(failure).__name__)
        body: dict[str, Any] = answer.json()
        return body

    def verdict(self, method: str, path: Sequence[str], outcome: Reply | Silence, *, write: bool) -> RemoteError:
        """The error for a failed exchange.

        Returned, not raised, so that it is raised outside any ``except`` block: requests' own
        exceptions hold the URL with the token and must not hang on ours as context.
        """
        call = f"{method} {'/'.join(part for part in path if part)}"
        if isinstance(outcome, Silence):
            return unanswered(call, outcome, write=write)
        return classify(call, outcome, write=write)

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()

    def _inspect(self, response: Any, **_: Any) -> None:
        self.usage = highest_percent(response.headers)
        response.encoding = "utf-8"  # without a charset requests would guess, and names would be garbled
        try:
            body = response.json()
        except (ValueError, RecursionError):  # the second for a body that nests too deep
            body = None
        error = body.get("error") if isinstance(body, dict) else None
        good = isinstance(body, dict) and "error" not in body and body.get("success") is not False
        if not good or response.status_code not in _OK:
            envelope = self._redacted(error) if isinstance(error, dict) else None
            raise _Unusable(Reply(response.status_code, self._redacted(response.headers), envelope))

    def _redacted(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Meta repeats a malformed token in its message, and names people by their address."""
        return {key: self._hide(value) for key, value in told.items()}

    def _hide(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._redacted(value)
        if isinstance(value, list):
            return [self._hide(item) for item in value]
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, "***")
        return _without_secrets(value)


def _spellings(*secrets: str | None) -> tuple[str, ...]:
    """Every form in which a secret may come back in a text, longest first."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    return tuple(sorted(forms, key=len, reverse=True))


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        # Not quoted: an address with a password or a token in it is one of those that are refused here.
        raise ConfigurationError("the Graph URL is not a plain http(s) address; use e.g. http://127.0.0.1:8791")
    return url.rstrip("/")


def _before_sending(failure: Exception) -> bool:
    """Whether the connection failed before any byte of the request was sent."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    inner = failure.args[0] if failure.args else None
    reason = getattr(inner, "reason", inner)
    reason = getattr(reason, "original_error", reason)  # through a proxy
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
