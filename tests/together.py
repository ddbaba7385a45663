"""Many threads that start at the same moment: what a race needs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

WORKERS = 8
T = TypeVar("T")


def together(work: Callable[[int], T]) -> list[T]:
    """The results of eight threads that all start at once, each told its number."""
    start = Barrier(WORKERS)

    def one(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, range(WORKERS)))
