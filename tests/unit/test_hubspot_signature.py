from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st

from flywheel_assets.clients.hubspot_signature import (
    MAX_SKEW,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureRefused,
    sign,
    verify,
)
from flywheel_assets.core.errors import ConfigurationError

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"  # noqa: S105 - from the vendor's public examples
URI = "https://hooks.example.com/webhook/hubspot?tenant=a%3Ab&name=J%C3%BCrgen"
BODY = json.dumps([{"eventId": 1, "propertyValue": "contractsent"}]).encode()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp() * 1000)


def headers(body: bytes = BODY, *, secret: str = SECRET, uri: str = URI, stamp: int = STAMP) -> dict[str, str]:
    return {SIGNATURE_HEADER: sign(secret, "POST", uri, body, stamp), TIMESTAMP_HEADER: str(stamp)}


def refusal(body: bytes, given_headers: dict[str, str], *, uri: str = URI, now: datetime = NOW) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify([SECRET], "POST", uri, body, given_headers, now)
    return caught.value.rule


def test_the_vendors_client_computes_the_same_signature() -> None:
    uri = "https://www.example.com/webhook_uri"
    theirs = Signature.get_signature(SECRET, BODY.decode(), "v3", uri, "POST", str(STAMP))
    assert sign(SECRET, "POST", uri, BODY, STAMP) == theirs


def test_a_request_that_hubspot_signed_passes_whatever_the_case_of_its_headers() -> None:
    lower = {name.lower(): value for name, value in headers().items()}
    verify([SECRET], "post", URI, BODY, headers(), NOW)
    verify([SECRET], "POST", URI, BODY, lower, NOW)


@given(body=st.binary(max_size=200), position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_body_is_refused(body: bytes, position: int, bit: int) -> None:
    signed = body + b"."
    altered = bytearray(signed)
    altered[position % len(signed)] ^= 1 << bit
    assert refusal(bytes(altered), headers(signed)) == "wrong_signature"


def test_the_same_json_with_other_spaces_is_refused() -> None:
    assert refusal(json.dumps(json.loads(BODY), separators=(",", ":")).encode(), headers()) == "wrong_signature"


@pytest.mark.parametrize(
    ("escaped", "signed_as"),
    [
        ("%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", ":/?@!$'()*,;"),
        ("%20%26%3D%25%C3%BC", "%20%26%3D%25%C3%BC"),
        ("%3a", "%3a"),
    ],
)
def test_exactly_the_named_escapes_of_the_query_are_decoded(escaped: str, signed_as: str) -> None:
    base = "https://hooks.example.com/a%2Fb?q="
    theirs = Signature.get_signature(SECRET, "x", "v3", base + signed_as, "POST", str(STAMP))
    assert sign(SECRET, "POST", f"{base}{escaped}#part", b"x", STAMP) == theirs


def test_the_address_a_proxy_made_up_is_refused() -> None:
    assert refusal(BODY, headers(), uri="http://10.0.0.7:8790/webhook/hubspot?tenant=a") == "wrong_signature"


@pytest.mark.parametrize("side", [1, -1])
def test_five_minutes_either_way_pass_and_a_millisecond_more_does_not(side: int) -> None:
    verify([SECRET], "POST", URI, BODY, headers(), NOW + side * MAX_SKEW)
    late = NOW + side * (MAX_SKEW + timedelta(milliseconds=1))
    assert refusal(BODY, headers(), now=late) == "stale_timestamp"


@pytest.mark.parametrize("missing", [SIGNATURE_HEADER, TIMESTAMP_HEADER])
def test_a_missing_header_is_refused(missing: str) -> None:
    left = {name: value for name, value in headers().items() if name != missing}
    assert refusal(BODY, left) == "missing_header"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SIGNATURE_HEADER, "sïgnature"),
        (TIMESTAMP_HEADER, "²"),
        (TIMESTAMP_HEADER, "-1"),
        (TIMESTAMP_HEADER, "1e12"),
        (TIMESTAMP_HEADER, "9" * 5000),
        (TIMESTAMP_HEADER, f"0{STAMP}"),
    ],
)
def test_a_header_that_is_not_what_hubspot_sends_is_refused(name: str, value: str) -> None:
    assert refusal(BODY, headers() | {name: value}) == "malformed_header"


def test_seconds_instead_of_milliseconds_are_stale() -> None:
    assert refusal(BODY, headers(stamp=STAMP // 1000)) == "stale_timestamp"


def test_while_a_secret_is_rotated_both_are_good_and_a_third_is_not() -> None:
    for secret in ("old-secret", "new-secret"):
        verify(["new-secret", "old-secret"], "POST", URI, BODY, headers(secret=secret), NOW)
    with pytest.raises(SignatureRefused):
        verify(["new-secret", "old-secret"], "POST", URI, BODY, headers(), NOW)


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""]])
def test_without_a_secret_nothing_can_be_verified(secrets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="FLYWHEEL_HUBSPOT_WEBHOOK_SECRET"):
        verify(secrets, "POST", URI, BODY, headers(secret=""), NOW)
