"""Four processes that start together; how long they took from the first start to the last end."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

# A worker prepares itself up to its `yield None`, and then works and yields what it has to tell.
Worker = Callable[[int], Generator[Any, None, None]]
_PATIENCE = 600.0  # seconds


@dataclass(frozen=True)
class Round:
    """One measured round: seconds, and what every worker told."""

    seconds: float
    told: tuple[Any, ...]


def run_together(worker: Worker, processes: int) -> Round:
    """Fork, let all prepare, start them at once and wait for the last.

    Raises:
        RuntimeError: a worker ended without a word; its traceback is on standard error.
    """
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    pipes = [context.Pipe(duplex=False) for _ in range(processes)]
    started = [
        context.Process(target=_run, args=(worker, number, barrier, pipe[1])) for number, pipe in enumerate(pipes)
    ]
    for process in started:
        process.start()
    for _, ours in pipes:
        ours.close()
    try:
        told = [_hear(theirs) for theirs, _ in pipes]
    finally:
        for process in started:
            process.join()
    return Round(
        max(end for _, end, _ in told) - min(begin for begin, _, _ in told), tuple(words for *_, words in told)
    )


def _run(worker: Worker, number: int, barrier: Barrier, tell: Connection) -> None:
    work = worker(number)
    try:
        next(work)
    except BaseException:
        barrier.abort()
        raise
    barrier.wait(_PATIENCE)
    begin = time.perf_counter()
    words = next(work)
    tell.send((begin, time.perf_counter(), words))
    work.close()


def _hear(pipe: Connection) -> tuple[float, float, Any]:
    try:
        begin, end, words = pipe.recv()
    except EOFError:
        raise RuntimeError("a worker of the benchmark failed; its traceback is above") from None
    return begin, end, words
