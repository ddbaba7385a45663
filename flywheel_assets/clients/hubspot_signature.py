"""HubSpot's v3 request signature: who may put something into the inbox.

The vendor's own helper takes timestamps from any future, trips over a missing or non-ASCII
signature, hashes a ``bytes`` body wrongly and does not decode the URI; hence our own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from flywheel_assets.core.errors import ConfigurationError, FlywheelError

SIGNATURE_HEADER = "X-HubSpot-Signature-v3"
TIMESTAMP_HEADER = "X-HubSpot-Request-Timestamp"

# HubSpot refuses its own requests after five minutes; the same bound ahead allows for our clock.
MAX_SKEW = timedelta(minutes=5)

# HubSpot signs the URI with exactly these escapes of the query decoded, and no others.
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$",
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_TIMESTAMP_DIGITS = 14  # milliseconds until the year 5138; more digits leave the range of a date


class SignatureRefused(FlywheelError):
    """A request is not proven to come from HubSpot.

    Attributes:
        rule: ``missing_header``, ``malformed_header``, ``stale_timestamp`` or ``wrong_signature``.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"HubSpot webhook: {rule}: {reason}")
        self.rule = rule


def verify(  # noqa: PLR0917 - the parts of a request in the order they are signed
    secrets: Sequence[str], method: str, public_uri: str, raw_body: bytes, headers: Mapping[str, str], now: datetime
) -> None:
    """Return if one of ``secrets`` signed exactly this request.

    ``secrets`` holds the app's client secret and, while it is rotated, the old one too. ``public_uri``
    is the address HubSpot was told to call, with its query, because a proxy rewrites the request's
    own. ``raw_body`` is the bytes as received; re-serialised JSON has another signature. ``now`` is
    real time: the twin's clock says nothing about when a request was sent.

    Raises:
        SignatureRefused: a header is missing or malformed, the timestamp is more than 5 minutes away
            from ``now`` in either direction, or no secret fits.
        ConfigurationError: there is no secret, or an empty one, which anybody could sign with.
    """
    if not secrets or not all(secrets):
        raise ConfigurationError("a HubSpot webhook secret is missing or empty; set FLYWHEEL_HUBSPOT_WEBHOOK_SECRET")
    given = {name.lower(): value for name, value in headers.items()}
    signature, timestamp = _header(given, SIGNATURE_HEADER), _header(given, TIMESTAMP_HEADER)
    _refuse_stale(timestamp, now)
    # Every secret is tried, so that the time taken does not tell which one was close.
    fits = [
        hmac.compare_digest(sign(secret, method, public_uri, raw_body, int(timestamp)), signature) for secret in secrets
    ]
    if not any(fits):
        raise SignatureRefused(
            "wrong_signature",
            f"no known secret gives it for {method} {public_uri} with {len(raw_body)} bytes; "
            "check the secret and that the public URL is the one HubSpot calls",
        )


def sign(secret: str, method: str, public_uri: str, raw_body: bytes, timestamp_ms: int) -> str:
    """The v3 signature: base64 of HMAC-SHA256 over method, URI, body and timestamp (milliseconds)."""
    message = method.upper().encode() + _signed_uri(public_uri).encode() + raw_body + str(timestamp_ms).encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()


def _signed_uri(uri: str) -> str:
    address, mark, query = uri.partition("#")[0].partition("?")
    for escape, character in _DECODED.items():
        query = query.replace(escape, character)
    return address + mark + query


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name.lower())
    if not value:
        raise SignatureRefused("missing_header", f"{name} is missing; the app must send v3 signatures")
    if not value.isascii():
        raise SignatureRefused("malformed_header", f"{name} has characters outside ASCII")
    return value


def _refuse_stale(timestamp: str, now: datetime) -> None:
    if not timestamp.isdigit() or len(timestamp) > _TIMESTAMP_DIGITS or timestamp.startswith("0"):
        raise SignatureRefused("malformed_header", f"{TIMESTAMP_HEADER} is not a time in milliseconds")
    sent = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(timestamp))
    if abs(now - sent) > MAX_SKEW:
        raise SignatureRefused(
            "stale_timestamp",
            f"sent {(now - sent).total_seconds():.0f} s ago by {TIMESTAMP_HEADER}, allowed are "
            f"{MAX_SKEW.total_seconds():.0f} s either way; check the clocks",
        )
