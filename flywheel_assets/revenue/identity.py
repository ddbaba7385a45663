"""Keyed hashes of what could identify a visitor; nothing else of it is ever stored.

A plain hash of an IPv4 address is undone by trying all of them; without the pepper these are not.
The account is part of the message, so that two advertisers' visitors cannot be joined.
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import IPv6Address, ip_address, ip_network

from flywheel_assets.core.errors import ConfigurationError

# Networks, not hosts: enough to tell households apart, too little to tell who in one.
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48
_SHORTEST_PEPPER = 16


def hash_fingerprint(pepper: str, account_id: str, fingerprint: str) -> str:
    """Hex HMAC-SHA256 of a device fingerprint as the landing page reported it."""
    return _keyed(pepper, account_id, "fingerprint", fingerprint)


def hash_ip(pepper: str, account_id: str, address: str) -> str:
    """Hex HMAC-SHA256 of the network of an IP address (/24, for IPv6 /48).

    Raises:
        ValueError: ``address`` is not an IP address.
    """
    return _keyed(pepper, account_id, "ip", _network(address))


def _network(address: str) -> str:
    try:
        host = ip_address(address)
    except ValueError:
        # The library's message repeats the value, which may be personal data.
        raise ValueError("the visitor's address is not an IP address; store the click without it") from None
    if isinstance(host, IPv6Address):
        host = host.ipv4_mapped or host
    prefix = _IPV6_PREFIX if isinstance(host, IPv6Address) else _IPV4_PREFIX
    # A link-local address may carry a zone (fe80::1%eth0), which is not part of a network.
    return str(ip_network(f"{str(host).partition('%')[0]}/{prefix}", strict=False))


def _keyed(pepper: str, account_id: str, kind: str, value: str) -> str:
    if len(pepper) < _SHORTEST_PEPPER:
        raise ConfigurationError(
            f"the identity pepper has {len(pepper)} characters, at least {_SHORTEST_PEPPER} are needed; "
            "set FLYWHEEL_IDENTITY_PEPPER"
        )
    message = f"{account_id}\x1f{kind}\x1f{value}".encode()
    return hmac.digest(pepper.encode(), message, hashlib.sha256).hex()
