"""The moment between a request and its answer, which no line of ours lies in: the HTTP library is told to say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection

from flywheel_assets.clients.meta import MetaClient


def tell_before_the_answer(client: MetaClient, told: Callable[[], None]) -> None:
    """Call ``told`` when the last byte of a write has left and nothing of its answer was read."""
    client._transport._http.mount("http://", _Telling(told))


class _Telling(HTTPAdapter):
    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        told = self._told

        class Connection(HTTPConnection):
            def request(self, method: str, *arguments: Any, **keywords: Any) -> None:
                super().request(method, *arguments, **keywords)
                if method == "POST":
                    told()

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        super().init_poolmanager(*arguments, **keywords)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": Pool}
