"""The child's side: one question from standard input, one function, one answer.

Lines of the answer are JSON objects with one key each: ``progress`` any number of times, then ``result``, ``rejected``,
``refused`` (another error that was raised on purpose), ``file_error`` or ``out_of_memory``. A child that ends without one
of them broke.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from flywheel_assets.core import errors
from flywheel_assets.creative.apart.limits import Limits, limit_self

# Called with a stage, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]
Task = Callable[[Mapping[str, Any], Progress], Any]


def main() -> None:
    """Answer on what was standard output; whatever a library prints there goes to the errors."""
    asked = json.load(sys.stdin.buffer)
    answers = os.dup(1)
    os.dup2(2, 1)
    task = named(asked["task"])
    limit_self(Limits(**asked["limits"]))
    answer(task, asked["arguments"], answers)


def named(task: str) -> Task:
    """The function of a name such as `package.module:function`; all it imports is loaded before there are limits."""
    module, name = task.split(":")
    function: Task = getattr(import_module(module), name)
    return function


def answer(task: Task, arguments: Mapping[str, Any], pipe: int) -> None:
    """Call the function and write what becomes of it."""

    def tell(kind: str, value: Any) -> None:
        _write(pipe, json.dumps({kind: value}).encode() + b"\n")

    try:
        result = task(arguments, lambda *stage: tell("progress", stage))
    except errors.IntakeRejected as no:
        tell("rejected", [no.name, no.rule, no.reason, no.remedy])
    except MemoryError:
        tell("out_of_memory", None)
    except OSError as no:
        tell("file_error", [no.errno, no.strerror, None if no.filename is None else str(no.filename)])
    except errors.FlywheelError as no:
        tell("refused", [type(no).__name__, str(no)])
    else:
        tell("result", result)


def _write(pipe: int, line: bytes) -> None:
    while line:
        line = line[os.write(pipe, line) :]


if __name__ == "__main__":
    main()
