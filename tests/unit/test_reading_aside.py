"""Text is read beside the other engines: in order, each picture once, and only so far behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import get_ident
from typing import Any

import numpy as np
import pytest

from flywheel_assets.core.errors import NotAvailable
from flywheel_assets.creative.perception.reading import AHEAD, Reader
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image
from flywheel_assets.creative.types import Engine


class _Levels:
    """Reads the level of a picture."""

    identity = Engine(name="levels")

    def __init__(self) -> None:
        self.read_so_far: list[str] = []
        self.threads: set[int] = set()

    def read(self, image: Image) -> tuple[ReadText, ...]:
        text = str(int(image[0, 0, 0]))
        self.threads.add(get_ident())
        self.read_so_far.append(text)
        return (ReadText(text, (0.0, 0.0, 1.0, 1.0), 0.9),)


class _Lazy(Executor):
    """The slowest thread there can be: it works only while somebody waits for it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        lazy, waiting = _Awaited(self), (lambda: fn(*args, **kwargs))
        self.waiting.append((lazy, waiting))
        return lazy


class _Awaited(Future[Any]):
    def __init__(self, thread: _Lazy) -> None:
        super().__init__()
        self._thread = thread

    def result(self, timeout: float | None = None) -> Any:
        while not self.done():
            first, work = self._thread.waiting.pop(0)
            try:
                first.set_result(work())
            except NotAvailable as error:
                first.set_exception(error)
        return super().result(timeout)


def _picture(level: int) -> Image:
    return np.full((2, 2, 3), level, dtype=np.uint8)


def test_every_picture_is_read_once_and_in_order_in_the_other_thread() -> None:
    engine = _Levels()
    with ThreadPoolExecutor(1) as thread:
        reader = Reader(thread, lambda: engine)
        for position in (3, 5, 3, 9, 5):
            reader.ask(position, _picture(10 * position))
        answers = {position: [line.text for line in lines] for position, lines in reader.answers().items()}
    assert answers == {3: ["30"], 5: ["50"], 9: ["90"]}
    assert engine.read_so_far == ["30", "50", "90"]
    assert engine.threads.isdisjoint({get_ident()})


def test_whoever_asks_goes_on_until_too_many_pictures_are_unread() -> None:
    engine, thread = _Levels(), _Lazy()
    reader = Reader(thread, lambda: engine)
    unread = []
    for position in range(6):
        reader.ask(position, _picture(position))
        unread.append(position + 1 - len(engine.read_so_far))
    assert unread == [min(asked, AHEAD) for asked in range(1, 7)]
    assert list(reader.answers()) == list(range(6))


def test_an_engine_that_cannot_be_made_is_told_to_whoever_waits() -> None:
    def missing() -> _Levels:
        raise NotAvailable("no text models; reinstall")

    reader = Reader(_Lazy(), missing)
    reader.ask(0, _picture(0))
    with pytest.raises(NotAvailable, match="reinstall"):
        reader.answers()
