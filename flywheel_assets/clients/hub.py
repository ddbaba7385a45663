"""One known file from a model hub over HTTP: of the expected length, and from nowhere else than the hub."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import SplitResult, urljoin, urlsplit

import requests

from flywheel_assets.core.errors import NotAvailable

# Bytes that have come, and bytes in all.
Watch = Callable[[int, int], None]

_CONNECT, _SILENCE = 10.0, 30.0  # seconds to connect, and between two pieces
_LONGEST = 600.0  # seconds: 12 MB over the slowest line that anybody waits for, 20 kB a second
_PIECE = 1 << 18
_PLAIN = {"Accept-Encoding": "identity"}  # so that the announced length is the file's
_REDIRECTS = 5
# Where a hub is known to keep its files: GitHub hands every release's files out from there.
_STORES = {"github.com": (".githubusercontent.com",)}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def download(url: str, size: int, watch: Watch | None = None, *, seconds: float = _LONGEST) -> bytes:
    """A file of exactly ``size`` bytes, within ``seconds`` for each address that is asked.

    Raises:
        NotAvailable: no answer, another status than 200, a redirect to elsewhere, a malformed address, another length,
            or bytes that come too slowly.
    """
    from flywheel_assets.clients.meta_deadline import DeadlineAdapter

    try:
        with requests.Session() as session:
            for scheme in ("https://", "http://"):
                session.mount(scheme, DeadlineAdapter(seconds, _SILENCE))
            with _answer(session, url) as answer:
                return _content(answer, size, watch)
    except requests.RequestException as error:
        raise NotAvailable(f"no usable answer ({type(error).__name__})") from None
    except ValueError as error:
        raise NotAvailable(f"its address, or one it redirects to, is malformed ({error})") from None


def _answer(session: requests.Session, url: str) -> requests.Response:
    hub = urlsplit(url)
    for _ in range(_REDIRECTS):
        _require_safe(urlsplit(url), hub)
        answer = session.get(url, headers=_PLAIN, stream=True, allow_redirects=False, timeout=(_CONNECT, _SILENCE))
        if not answer.is_redirect:
            break
        url = urljoin(url, answer.headers["location"])
        answer.close()
    else:
        raise NotAvailable(f"redirected more than {_REDIRECTS} times")
    if answer.status_code != requests.codes.ok:
        answer.close()
        raise NotAvailable(f"answered {answer.status_code} {answer.reason}")
    return answer


def _require_safe(asked: SplitResult, hub: SplitResult) -> None:
    host, own = asked.hostname or "", hub.hostname or ""
    if asked.scheme != "https" and not (asked.scheme == "http" and host in _LOOPBACK):
        raise NotAvailable(f"{asked.scheme}://{host} is not asked: only https is, but for this machine")
    if host != own and not host.endswith(_STORES.get(own, ("\0",))):
        raise NotAvailable(f"it redirects to {host}, which is not the hub's; that was not followed")


def _content(answer: requests.Response, size: int, watch: Watch | None) -> bytes:
    """Read to its end, or to where it is known to be another file."""
    announced = answer.headers.get("content-length", str(size))
    if announced != str(size):
        raise NotAvailable(f"has {announced} bytes, the known file has {size}; nothing was fetched")
    content = bytearray()
    try:
        for piece in answer.iter_content(_PIECE):
            content += piece
            if watch is not None:
                watch(len(content), size)
            if len(content) > size:
                break
    except requests.RequestException:
        raise NotAvailable(f"broke off before all {size} bytes had come, or sent them too slowly") from None
    if len(content) != size:
        raise NotAvailable(f"sent {len(content)} bytes or more, the known file has {size}")
    return bytes(content)
