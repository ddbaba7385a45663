"""Text is read in a thread of its own, because it takes as long as all else that is looked for in pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future

from flywheel_assets.creative.perception.engines.base import TextEngine
from flywheel_assets.creative.perception.texts import ReadText
from flywheel_assets.creative.perception.video import Image

AHEAD = 2  # pictures that may wait to be read; each takes 3 MB


class Reader:
    """Has pictures read one after another while the caller goes on."""

    def __init__(self, thread: Executor, load: Callable[[], TextEngine]) -> None:
        """``thread``: an executor with a single thread, in which the engine is made and used."""
        self._thread = thread
        self._engine = thread.submit(load)
        self._asked: dict[int, Future[tuple[ReadText, ...]]] = {}
        self._latest: deque[Future[tuple[ReadText, ...]]] = deque(maxlen=AHEAD)

    def ask(self, position: int, image: Image) -> None:
        """Have the picture at a position read, once; waits until all but one of those before it are read.

        Raises:
            NotAvailable: the engine could not be made.
        """
        if position in self._asked:
            return
        if len(self._latest) == AHEAD:
            self._latest[0].result()
        self._asked[position] = self._thread.submit(lambda: self._engine.result().read(image))
        self._latest.append(self._asked[position])

    def answers(self) -> dict[int, tuple[ReadText, ...]]:
        """The lines of every picture by position, once the last is read.

        Raises:
            NotAvailable: as `ask`.
        """
        return {position: answer.result() for position, answer in self._asked.items()}
